//! All that one step wants written, as a value: a store writes the whole of it or nothing.

use std::sync::Arc;

use crate::event::Event;
use crate::execution::Execution;
use crate::id::WorkerId;
use crate::item::Item;
use crate::lease::Lease;
use crate::ports::vault::Sealed;
use crate::response::Response;
use crate::run::checkpoint::Checkpoint;
use crate::webhook::Notice;

/// One write. No transaction leaves the store, so none can stay open while a model thinks.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitOfWork {
    /// On what condition it is written.
    pub guard: Guard,
    /// The response as it is to stand afterwards; its executions are written through
    /// [`executions`](Self::executions).
    pub response: Arc<Response>,
    /// Items to add.
    pub items: Vec<Arc<Item>>,
    /// Executions to add, or to put in the place of those with the same id. One that has ended is not
    /// replaced any more.
    pub executions: Vec<Arc<Execution>>,
    /// From where a later process goes on; takes the place of the one before. Only a background run that
    /// has not ended has one.
    pub checkpoint: Option<Checkpoint>,
    /// What is added to the log of a background response; nothing for any other.
    pub log: Append,
}

impl UnitOfWork {
    /// Writes the response, and nothing besides.
    pub fn of(guard: Guard, response: Arc<Response>) -> Self {
        Self {
            guard,
            response,
            items: Vec::new(),
            executions: Vec::new(),
            checkpoint: None,
            log: Append::default(),
        }
    }

    /// Whom it may concern that the response ends with this write. The deliveries belong to it: a store
    /// writes one for the address in the notice, and one for every active endpoint of the owner whose events
    /// cover what happened in the words of its payload. A delivery to an endpoint that took nothing last is
    /// in [`Lane::Patient`](crate::webhook::Lane::Patient), any other in
    /// [`Lane::Prompt`](crate::webhook::Lane::Prompt); all are due at once.
    pub fn notice(&self) -> Option<Notice> {
        Notice::of(&self.response)
    }
}

/// What a write brought about besides what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// How many webhooks are to be sent because of it.
    pub deliveries: u32,
}

/// Events that are added to the log of one response.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Append {
    /// The number of the first; the log holds every number below it and none from it on. Otherwise nothing
    /// is written, and the store answers [`StoreError::Stale`](crate::ports::store::StoreError::Stale).
    pub from: u64,
    /// They, in order.
    pub events: Vec<Event>,
    /// How many events of the whole log belong to steps that are over; those from this number on were told
    /// by a turn that is still being written, also when they are among these. It is kept with the checkpoint,
    /// and a later [`Standing::tail`](crate::ports::queue::Standing::tail) begins there. Adding to the log
    /// alone does not change what is kept.
    pub settled: u64,
}

impl Append {
    /// Events of steps that are over.
    pub fn whole(from: u64, events: Vec<Event>) -> Self {
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        Self {
            from,
            events,
            settled: from.saturating_add(count),
        }
    }
}

/// The condition of a write. When it does not hold nothing is written and the store answers
/// [`StoreError::Stale`](crate::ports::store::StoreError::Stale).
#[derive(Debug, Clone, PartialEq)]
pub enum Guard {
    /// The response has no row yet; from now on this process holds it.
    New(WorkerId),
    /// The response has no row yet; from now on it waits in the queue.
    Queued(Job),
    /// The response has not ended and this process holds it.
    Held(WorkerId),
    /// The response runs in the background, has not ended, and this lease is the latest. A write that ends
    /// it takes it out of the queue and erases its credential.
    Leased(Lease),
    /// The response has not ended, whoever holds it. A write that ends one of the background takes it out
    /// of the queue and erases its credential.
    Open,
}

/// What waits in the queue beside its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The id of the request that asked for it, passed on upstream.
    pub request_id: Arc<str>,
    /// The caller's credential, if it brought one.
    pub credential: Option<Sealed>,
}
