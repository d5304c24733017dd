//! Where the events of a stream come from: a run that its caller reads along, or what was kept of one that
//! runs in the background.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use response_domain::event::Event;
use response_domain::ports::store::StoreError;
use response_engine::create::Reader;
use response_engine::follow::Follower;

/// Events kept of a background response, batch by batch.
type Kept = Pin<Box<dyn Stream<Item = Result<Vec<Event>, StoreError>> + Send>>;

/// Gives events in the order in which they happened.
pub(super) enum Source {
    /// From a run of this process; dropping it before its end stops the run.
    Run(Reader),
    /// From the log, wherever the run is; dropping it touches nothing.
    Log(Kept),
}

/// What comes next.
pub(super) enum Next {
    /// These events, at least one.
    Events(Vec<Event>),
    /// Nothing more: the end was told, or the run broke.
    RunIsOver,
    /// Nothing more: the end was told, or the response was deleted.
    LogIsOver,
    /// Nothing more: the log cannot be read.
    Unreadable(StoreError),
}

impl Source {
    pub(super) fn of_log(follower: Follower) -> Self {
        Self::Log(Box::pin(follower.into_stream()))
    }

    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        Poll::Ready(match self {
            Self::Run(reader) => {
                ready!(reader.poll_next(context)).map_or(Next::RunIsOver, Next::Events)
            }
            Self::Log(kept) => match ready!(kept.as_mut().poll_next(context)) {
                Some(Ok(events)) => Next::Events(events),
                Some(Err(error)) => Next::Unreadable(error),
                None => Next::LogIsOver,
            },
        })
    }
}
