//! A store whose commits go wrong as planned: the database is away, an answer is lost, or the process
//! dies, from when on whoever waits for the end of the process is told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::Item;
use response_domain::page::{Page, Paged};
use response_domain::ports::store::{History, HistoryRef, Readiness, ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::work::UnitOfWork;
use tokio::sync::Notify;

/// What becomes of a commit.
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

type Plan = Box<dyn Fn(usize) -> Fate + Send + Sync>;

/// A store whose commits go wrong as planned.
pub struct FaultyStore<S> {
    inner: Arc<S>,
    plan: Plan,
    commits: AtomicUsize,
    /// Told when the process dies.
    pub died: Arc<Notify>,
}

impl<S> FaultyStore<S> {
    /// `inner`, with `plan` deciding the fate of each commit by its number, from 1.
    pub fn new(inner: Arc<S>, plan: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        Self {
            inner,
            plan: Box::new(plan),
            commits: AtomicUsize::new(0),
            died: Arc::default(),
        }
    }

    /// How many commits were begun.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }
}

impl<S> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("commits", &self.commits)
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

    async fn commit(&self, work: UnitOfWork) -> Result<(), StoreError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let away = || StoreError::Unavailable("the database is away, as planned".into());
        match (self.plan)(number) {
            Fate::Written => self.inner.commit(work).await,
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                self.inner.commit(work).await?;
                self.die().await
            }
            Fate::Away => Err(away()),
            Fate::AnswerLost => {
                self.inner.commit(work).await?;
                Err(away())
            }
        }
    }

    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        self.inner.delete(owner, id).await
    }

    async fn readiness(&self) -> Readiness {
        self.inner.readiness().await
    }
}
