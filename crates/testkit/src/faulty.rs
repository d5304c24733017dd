//! A store whose writes go wrong as planned: the database is away, an answer is lost, or the process
//! dies, from when on whoever waits for the end of the process is told.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{ItemId, ResponseId, WorkerId};
use response_domain::item::Item;
use response_domain::lease::Lease;
use response_domain::page::{Page, Paged};
use response_domain::ports::queue::{
    Claim, Claimed, Depth, EventLog, JobQueue, Recorded, Rescue, Standing, TakenUp,
};
use response_domain::ports::store::{
    History, HistoryRef, Readiness, ResponseStore, StoreError, WorkerRegistry,
};
use response_domain::response::Response;
use response_domain::work::{Append, Committed, UnitOfWork};
use tokio::sync::Notify;

mod conversation;
mod webhook;

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is written, and answered.
    Written,
    /// The process dies before it is written.
    DiesBefore,
    /// It is written, and the process dies before it learns of it.
    DiesAfter,
    /// The database is away.
    Away,
    /// It is written, and the answer is lost.
    AnswerLost,
}

/// Decides the fate of each write by its number, from 1.
struct Plan {
    fate: Box<dyn Fn(usize) -> Fate + Send + Sync>,
    count: AtomicUsize,
}

impl Plan {
    fn new(fate: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        Self {
            fate: Box::new(fate),
            count: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> Fate {
        (self.fate)(self.count.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// A store whose writes go wrong as planned: commits, appends, hand-backs, changes of conversations, recorded
/// attempts and deliveries that are given up in one row; claims of responses and of deliveries, and takings-up, in another.
/// Everything else is passed on.
pub struct FaultyStore<S> {
    inner: Arc<S>,
    writes: Plan,
    claims: Plan,
    /// Told when the process dies.
    pub died: Arc<Notify>,
}

impl<S> FaultyStore<S> {
    /// `inner`, with `plan` deciding the fate of each write by its number, from 1. Claims go well.
    pub fn new(inner: Arc<S>, plan: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        Self {
            inner,
            writes: Plan::new(plan),
            claims: Plan::new(|_| Fate::Written),
            died: Arc::default(),
        }
    }

    /// With `plan` deciding the fate of each claim and each taking-up by its number, from 1. Claims are not
    /// counted while nothing waits in the queue, or no delivery is due in any lane.
    #[must_use]
    pub fn claiming(mut self, plan: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        self.claims = Plan::new(plan);
        self
    }

    /// How many writes were begun.
    pub fn commits(&self) -> usize {
        self.writes.count.load(Ordering::SeqCst)
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }

    async fn go<T>(
        &self,
        fate: Fate,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let away = || StoreError::Unavailable("the database is away, as planned".into());
        match fate {
            Fate::Written => write.await,
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                write.await?;
                self.die().await
            }
            Fate::Away => Err(away()),
            Fate::AnswerLost => {
                write.await?;
                Err(away())
            }
        }
    }
}

impl<S> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("writes", &self.commits())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: ResponseStore> ResponseStore for FaultyStore<S> {
    async fn find(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError> {
        self.inner.find(owner, id).await
    }

    async fn page(&self, owner: &OwnerId, page: &Page) -> Result<Paged<Arc<Response>>, StoreError> {
        self.inner.page(owner, page).await
    }

    async fn history(
        &self,
        owner: &OwnerId,
        from: HistoryRef,
    ) -> Result<Option<History>, StoreError> {
        self.inner.history(owner, from).await
    }

    async fn items(&self, owner: &OwnerId, id: ResponseId) -> Result<Vec<Arc<Item>>, StoreError> {
        self.inner.items(owner, id).await
    }

    async fn items_by_id(
        &self,
        owner: &OwnerId,
        ids: &[ItemId],
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        self.inner.items_by_id(owner, ids).await
    }

    async fn commit(&self, work: UnitOfWork) -> Result<Committed, StoreError> {
        self.go(self.writes.next(), self.inner.commit(work)).await
    }

    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        self.inner.delete(owner, id).await
    }

    async fn readiness(&self) -> Readiness {
        self.inner.readiness().await
    }
}

#[async_trait]
impl<S: JobQueue> JobQueue for FaultyStore<S> {
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        if self.inner.depth().await?.waiting == 0 {
            return self.inner.claim(claim).await;
        }
        self.go(self.claims.next(), self.inner.claim(claim)).await
    }

    async fn take_up(&self, lease: &Lease) -> Result<Option<TakenUp>, StoreError> {
        self.go(self.claims.next(), self.inner.take_up(lease)).await
    }

    async fn hand_back(&self, lease: &Lease) -> Result<(), StoreError> {
        self.go(self.writes.next(), self.inner.hand_back(lease))
            .await
    }

    async fn seize(&self, worker: WorkerId, id: ResponseId) -> Result<(), StoreError> {
        self.inner.seize(worker, id).await
    }

    async fn rescue(
        &self,
        worker: WorkerId,
        attempts: u16,
        at_most: u16,
    ) -> Result<Rescue, StoreError> {
        self.inner.rescue(worker, attempts, at_most).await
    }

    async fn depth(&self) -> Result<Depth, StoreError> {
        self.inner.depth().await
    }

    async fn waiting_of(&self, owner: &OwnerId, at_most: u32) -> Result<u32, StoreError> {
        self.inner.waiting_of(owner, at_most).await
    }
}

#[async_trait]
impl<S: EventLog> EventLog for FaultyStore<S> {
    async fn events(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        from: u64,
        at_most: u16,
    ) -> Result<Option<Vec<Recorded>>, StoreError> {
        self.inner.events(owner, id, from, at_most).await
    }

    async fn append(&self, lease: &Lease, log: &Append) -> Result<(), StoreError> {
        self.go(self.writes.next(), self.inner.append(lease, log))
            .await
    }

    async fn standing(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Standing>, StoreError> {
        self.inner.standing(owner, id).await
    }
}

#[async_trait]
impl<S: WorkerRegistry> WorkerRegistry for FaultyStore<S> {
    async fn beat(&self, worker: WorkerId) -> Result<Vec<Lease>, StoreError> {
        self.inner.beat(worker).await
    }

    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.inner.leave(worker).await
    }

    async fn orphans(&self, at_most: u16) -> Result<Vec<Arc<Response>>, StoreError> {
        self.inner.orphans(at_most).await
    }
}
