//! Where responses are kept. Every read takes the owner first: what belongs to somebody else does
//! not exist. An implementation keeps what `testkit::store_suite` shows.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;

use crate::caller::OwnerId;
use crate::id::{ConversationId, ItemId, ResponseId, WorkerId};
use crate::item::Item;
use crate::lease::Lease;
use crate::page::{Page, Paged};
use crate::response::Response;
use crate::status::StatusName;
use crate::work::{Committed, UnitOfWork};

/// The cause of a failure, for the log.
pub type Cause = Box<dyn Error + Send + Sync>;

/// How the store can fail.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The guard of a write does not hold: the response ended, was deleted, or another process has it.
    #[error("the response is not in the state this write needs")]
    Stale,
    /// The database cannot be reached, or did not answer in time; trying again may help.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// A row cannot be read as what it should be.
    #[error("{what} cannot be read")]
    Corrupt {
        /// Table and id.
        what: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// Anything else that the database refused.
    #[error("the database refused the statement")]
    Failed(#[source] Cause),
}

/// Where the items before a response come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryRef {
    /// What this response saw, and what it and those before it said.
    Response(ResponseId),
    /// All that was appended to this conversation.
    Conversation(ConversationId),
}

/// The items before a response.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The conversation they belong to.
    pub conversation: ConversationId,
    /// The status of the response asked for; none when a conversation was.
    pub status: Option<StatusName>,
    /// When a conversation was asked for: how many responses had been appended to it. A response that
    /// attaches to it notes this as its [`Response::seen`], so that what it saw can be told later. 0 when
    /// a response was asked for.
    pub seen: u32,
    /// The items, oldest first.
    pub items: Vec<Arc<Item>>,
}

/// Whether the store can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the database answers; otherwise why not.
    pub reachable: Result<(), String>,
    /// Whether its schema is the one this release needs; otherwise what is missing.
    pub schema: Result<(), String>,
}

/// Keeps responses, their items and their executions.
#[async_trait]
pub trait ResponseStore: Send + Sync {
    /// One response, whole. A response whose process died before its end is found as it was last written.
    async fn find(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError>;

    /// A page of responses, newest first. `after` that does not exist: an empty page. A page of heavy
    /// responses may be shorter than asked for, though more follows; it is never empty then.
    async fn page(&self, owner: &OwnerId, page: &Page) -> Result<Paged<Arc<Response>>, StoreError>;

    /// The items that come before a response; `None` when there is no such response or conversation.
    async fn history(
        &self,
        owner: &OwnerId,
        from: HistoryRef,
    ) -> Result<Option<History>, StoreError>;

    /// The items of one response itself, in order; empty when there is no such response.
    async fn items(&self, owner: &OwnerId, id: ResponseId) -> Result<Vec<Arc<Item>>, StoreError>;

    /// Those of `ids` that are stored, in any order.
    async fn items_by_id(
        &self,
        owner: &OwnerId,
        ids: &[ItemId],
    ) -> Result<Vec<Arc<Item>>, StoreError>;

    /// Writes all of `work` or nothing. Items of a response that is completed by it are appended to its
    /// conversation by the same write, and so are the deliveries that [`UnitOfWork::notice`] asks for.
    async fn commit(&self, work: UnitOfWork) -> Result<Committed, StoreError>;

    /// Forgets an ended response, its items, its executions, and what is to be told of it. `false` when there is none to forget.
    /// Responses that continue it keep their own items.
    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError>;

    /// Whether the store can be used.
    async fn readiness(&self) -> Readiness;
}

/// Which processes are alive.
#[async_trait]
pub trait WorkerRegistry: Send + Sync {
    /// Says that `worker` is alive, and answers the leases it holds in the queue.
    async fn beat(&self, worker: WorkerId) -> Result<Vec<Lease>, StoreError>;

    /// Says that `worker` is about to end, holding nothing.
    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError>;

    /// Responses in progress in the foreground whose process is gone: at most this many, of any owner.
    async fn orphans(&self, at_most: u16) -> Result<Vec<Arc<Response>>, StoreError>;
}
