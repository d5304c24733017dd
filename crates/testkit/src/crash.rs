//! A process that dies at its nth commit, before or after: from then on its store answers nothing, and
//! whoever waits for the end of the process is told.

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

/// When a process dies, relative to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It does not die.
    Never,
    /// The commit with this number, from 1, is not written.
    Before(usize),
    /// It is written, and nobody learns of it.
    After(usize),
}

/// A store behind which the process dies.
#[derive(Debug)]
pub struct CrashingStore<S> {
    inner: Arc<S>,
    death: Death,
    commits: AtomicUsize,
    /// Told when the process dies.
    pub died: Arc<Notify>,
}

impl<S> CrashingStore<S> {
    /// `inner`, until death.
    pub fn new(inner: Arc<S>, death: Death) -> Self {
        Self {
            inner,
            death,
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

#[async_trait]
impl<S: ResponseStore> ResponseStore for CrashingStore<S> {
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
        if self.death == Death::Before(number) {
            return self.die().await;
        }
        let written = self.inner.commit(work).await;
        if self.death == Death::After(number) {
            return self.die().await;
        }
        written
    }

    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        self.inner.delete(owner, id).await
    }

    async fn readiness(&self) -> Readiness {
        self.inner.readiness().await
    }
}
