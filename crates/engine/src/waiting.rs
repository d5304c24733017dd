//! What a caller holds of its run: its end, or the events on the way there. Letting go of it stops the run,
//! unless its request bears a key.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::id::ResponseId;
use response_domain::run::Stop;
use tokio::sync::mpsc;

use crate::Engine;
use crate::error::ReadError;
use crate::journal::OnLeave;
use crate::live::Live;
use crate::read::Whole;
use crate::stop::Reason;

/// A run that somebody waits for. Dropping it before the end stops the run, unless its request bears a key.
#[derive(Debug)]
pub struct Waiting {
    id: ResponseId,
    source: Source,
}

/// Where the end of a run is learned.
#[derive(Debug)]
enum Source {
    /// Here, by the one who wants it.
    Here(Presence),
    /// In another process, from the store.
    Elsewhere(Box<(Engine, OwnerId)>),
}

/// How often a run of another process is looked at: at first, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

impl Waiting {
    pub(crate) fn joined(live: Arc<Live>) -> Self {
        Self {
            id: live.response().id,
            source: Source::Here(Presence::new(live, OnLeave::GoesOn)),
        }
    }

    pub(crate) fn here(id: ResponseId, presence: Presence) -> Self {
        let source = Source::Here(presence);
        Self { id, source }
    }

    pub(crate) fn elsewhere(engine: Engine, owner: OwnerId, id: ResponseId) -> Self {
        let source = Source::Elsewhere(Box::new((engine, owner)));
        Self { id, source }
    }

    /// Which response.
    pub fn id(&self) -> ResponseId {
        self.id
    }

    /// The ended response. Fails only for one that another process runs: when it is deleted meanwhile, or
    /// cannot be read.
    pub async fn ended(self) -> Result<Whole, ReadError> {
        let (engine, owner) = match self.source {
            Source::Here(presence) => return Ok(presence.live.whole_when_ended().await),
            Source::Elsewhere(place) => *place,
        };
        let (mut look, longest) = LOOK;
        loop {
            let found = engine.get(&owner, self.id).await?;
            if found.status().is_ended() {
                return engine.whole(&owner, self.id).await;
            }
            tokio::time::sleep(look).await;
            look = longest.min(look * 2);
        }
    }
}

/// A run that somebody reads along. Dropping it before the end stops the run.
#[derive(Debug)]
pub struct Reader {
    id: ResponseId,
    events: mpsc::Receiver<Vec<Event>>,
    presence: Presence,
}

impl Reader {
    pub(crate) fn new(
        id: ResponseId,
        events: mpsc::Receiver<Vec<Event>>,
        presence: Presence,
    ) -> Self {
        Self {
            id,
            events,
            presence,
        }
    }

    /// Which response.
    pub fn id(&self) -> ResponseId {
        self.id
    }

    /// The next events, in the groups in which they happened; `None` after the last.
    pub async fn next(&mut self) -> Option<Vec<Event>> {
        self.events.recv().await
    }

    /// The response as it was last recorded, which is its end after the last event.
    pub fn whole(&self) -> Whole {
        self.presence.live.whole()
    }

    /// The next events, for streams.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<Event>>> {
        Pin::new(&mut self.events).poll_recv(context)
    }
}

/// Somebody who wants the answer: a run nobody wants is stopped.
#[derive(Debug)]
pub(crate) struct Presence {
    live: Arc<Live>,
    on_leave: OnLeave,
}

impl Presence {
    pub(crate) fn new(live: Arc<Live>, on_leave: OnLeave) -> Self {
        Self { live, on_leave }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.on_leave == OnLeave::Stops && !self.live.is_over() {
            self.live.stop.stop(Reason::End(Stop::ByCaller));
        }
    }
}
