//! Where the events of a stream come from: a run that its caller reads along, what was kept of one that runs
//! in the background, or the response itself once it has ended.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt, future, stream};
use response_domain::entry;
use response_domain::event::Event;
use response_domain::ports::store::StoreError;
use response_engine::allowances::StreamPlace;
use response_engine::create::{Reader, Waiting};
use response_engine::error::ReadError;
use response_engine::follow::Follower;

/// Events kept of a background response, batch by batch.
type Kept = Pin<Box<dyn Stream<Item = Result<Vec<Event>, StoreError>> + Send>>;

/// Gives events in the order in which they happened.
pub(super) enum Source {
    /// From a run of this process; dropping it before its end stops the run.
    Run(Reader),
    /// From what is kept of it, wherever the run is; dropping it touches no run.
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

    /// All events at once, when the response has ended; none when it was deleted by then.
    pub(super) fn of_end(waiting: Waiting, place: StreamPlace) -> Self {
        let ended = async move {
            let _place = place;
            match waiting.ended().await {
                Ok(whole) => Some(Ok(entry::retold(&whole.response, &whole.items))),
                Err(ReadError::NotFound) => None,
                Err(ReadError::Store(error)) => Some(Err(error)),
            }
        };
        let ended = stream::once(ended);
        Self::Log(Box::pin(StreamExt::filter_map(ended, future::ready)))
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
