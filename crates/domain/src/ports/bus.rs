//! Nudges between the processes that share a database. They say that there is something to look at, never
//! what it is, and one may be lost: whoever waits for one also looks by itself from time to time.

use std::pin::Pin;

use futures_core::Stream;

use crate::id::ResponseId;

/// Something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nudge {
    /// A response waits for a worker.
    Queued,
    /// A webhook is to be sent.
    Due,
    /// The log of this response grew.
    Logged(ResponseId),
    /// This response was ended by somebody who does not run it.
    Ended(ResponseId),
    /// Nudges may have been missed: anything may have changed.
    Anything,
}

/// Nudges in the order in which they arrive. Does not end while the bus lives.
pub type Nudges = Pin<Box<dyn Stream<Item = Nudge> + Send>>;

/// Carries nudges to everybody, this process included.
pub trait NudgeBus: Send + Sync {
    /// Sends a nudge, after what it is about was committed. Never waits.
    fn send(&self, nudge: Nudge);

    /// All nudges from now on.
    fn listen(&self) -> Nudges;
}
