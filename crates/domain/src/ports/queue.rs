//! The queue of background responses. Putting a response into it, and taking it out when it ends, belong
//! to the [`UnitOfWork`](crate::work::UnitOfWork) that makes them true; here is what happens between. An
//! implementation keeps what `testkit::queue_suite` shows.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::caller::OwnerId;
use crate::event::Event;
use crate::id::{ResponseId, WorkerId};
use crate::lease::Lease;
use crate::ports::store::StoreError;
use crate::response::Response;
use crate::run::checkpoint::Checkpoint;
use crate::work::{Append, Job};

/// What a process wants to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The process.
    pub worker: WorkerId,
    /// How many it has room for.
    pub at_most: u16,
    /// How long a response may take from its first claim on, over all attempts.
    pub hold: Duration,
    /// How many responses of one owner may run at once; none when that is not limited. Several processes
    /// that claim at the same moment may pass it by one each.
    pub per_owner: Option<NonZeroU32>,
}

/// A response that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The right to work on it.
    pub lease: Lease,
    /// What is left of the time it is given.
    pub left: Duration,
    /// How often it was claimed, this time included; claims that were handed back do not count.
    pub attempt: u16,
}

/// How a background response stands, with all that ending it or going on with it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// As it was last written.
    pub response: Arc<Response>,
    /// From where a run goes on; none before its first step.
    pub checkpoint: Option<Checkpoint>,
    /// The number that its next event gets.
    pub next: u64,
    /// The events from [`Append::settled`] of the last commit on: what a turn that nobody finished told
    /// already.
    pub tail: Vec<Event>,
}

/// A claimed response in full.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenUp {
    /// How it stands.
    pub standing: Standing,
    /// What waited beside it.
    pub job: Job,
}

/// What became of the responses whose process is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rescue {
    /// They wait again, at their old place, with their progress.
    pub again: Vec<ResponseId>,
    /// They were lost as often as allowed. Whoever asked holds them now, to end them.
    pub spent: Vec<Lease>,
}

/// How long the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Responses that wait, of all owners.
    pub waiting: u64,
    /// Responses that run.
    pub running: u64,
    /// How long the oldest of those that wait has been waiting.
    pub oldest: Option<Duration>,
}

/// The queue.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Takes the oldest responses that wait, by the time they were queued, among those that are committed
    /// and that nobody else is claiming at this moment. Each is claimed by one process only.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError>;

    /// All about a claimed response; `None` when the lease is not the latest any more.
    async fn take_up(&self, lease: &Lease) -> Result<Option<TakenUp>, StoreError>;

    /// Puts a response back to its place, as if it had not been claimed; its progress stays. Nothing
    /// happens when the lease is not the latest any more.
    async fn hand_back(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Takes a response from whoever has it, so that they write nothing more; `worker` holds it then. Nothing
    /// happens when it is not in the queue.
    async fn seize(&self, worker: WorkerId, id: ResponseId) -> Result<(), StoreError>;

    /// Takes responses from processes that are gone, and from those that keep one long past its time: at
    /// most this many. One that was lost fewer than `attempts` times waits again.
    async fn rescue(
        &self,
        worker: WorkerId,
        attempts: u16,
        at_most: u16,
    ) -> Result<Rescue, StoreError>;

    /// How long the queue is.
    async fn depth(&self) -> Result<Depth, StoreError>;

    /// How many responses of this owner wait; counts no further than `at_most`.
    async fn waiting_of(&self, owner: &OwnerId, at_most: u32) -> Result<u32, StoreError>;
}

/// An event with its number in the log of its response, from 0 without a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its number.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

/// The log of what background responses told: what is not in it was never shown to anybody.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Events of a response from number `from` on, oldest first; at least one when there is one, and about
    /// as many as asked for. `None` when there is no such response, or it does not run in the background.
    async fn events(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        from: u64,
        at_most: u16,
    ) -> Result<Option<Vec<Recorded>>, StoreError>;

    /// Adds events that change nothing else. The same again, after an answer that was lost, is taken for
    /// what it is. [`StoreError::Stale`] when the lease is not the latest any more.
    async fn append(&self, lease: &Lease, log: &Append) -> Result<(), StoreError>;

    /// How a background response stands; `None` when there is none that this owner may see.
    async fn standing(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Standing>, StoreError>;
}
