//! Somebody who reads a foreground run along, over a channel in this process.

use std::sync::Arc;
use std::time::Duration;

use response_domain::event::Event;
use response_domain::response::Response;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Whether a reader is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// It reads, or nobody was meant to.
    There,
    /// It went away, or does not read any more.
    Gone,
}

/// What a run does when whoever wanted it goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnLeave {
    /// It stops.
    Stops,
    /// It goes on: its caller can ask for the same again.
    GoesOn,
}

/// The reader of a run, if it has one.
pub(crate) struct Direct {
    reader: Option<mpsc::Sender<Vec<Event>>>,
    on_leave: OnLeave,
    patience: Duration,
    /// When the run gets its row, if it has none by then.
    pub(super) due: Option<Instant>,
}

impl Direct {
    pub(crate) fn new(
        reader: Option<mpsc::Sender<Vec<Event>>>,
        on_leave: OnLeave,
        patience: Duration,
        write_after: Duration,
    ) -> Self {
        Self {
            reader,
            on_leave,
            patience,
            due: Some(Instant::now() + write_after),
        }
    }

    pub(super) async fn open(&mut self, accepted: &Arc<Response>) -> Audience {
        if self.reader.is_none() {
            return Audience::There;
        }
        self.tell(vec![
            Event::Created(Arc::clone(accepted)),
            Event::Started(Arc::clone(accepted)),
        ])
        .await
    }

    /// Tells the reader, who may let the run wait for a while but not for ever.
    pub(super) async fn tell(&mut self, events: Vec<Event>) -> Audience {
        match (self.offer(events).await, self.on_leave) {
            (Audience::Gone, OnLeave::Stops) => Audience::Gone,
            (Audience::Gone, OnLeave::GoesOn) => {
                self.reader = None;
                Audience::There
            }
            (Audience::There, _) => Audience::There,
        }
    }

    async fn offer(&self, events: Vec<Event>) -> Audience {
        let Some(reader) = &self.reader else {
            return Audience::There;
        };
        if events.is_empty() {
            return Audience::There;
        }
        // The timer is only set when the reader lags.
        let events = match reader.try_send(events) {
            Ok(()) => return Audience::There,
            Err(mpsc::error::TrySendError::Closed(_)) => return Audience::Gone,
            Err(mpsc::error::TrySendError::Full(events)) => events,
        };
        match tokio::time::timeout(self.patience, reader.send(events)).await {
            Ok(Ok(())) => Audience::There,
            Ok(Err(_)) | Err(_) => Audience::Gone,
        }
    }
}
