//! The store in memory. It passes the same suites as the real ones.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::id::{ItemId, ResponseId, WorkerId};
use response_domain::item::Item;
use response_domain::lease::Lease;
use response_domain::page::{Page, Paged};
use response_domain::ports::store::{
    History, HistoryRef, Readiness, ResponseStore, StoreError, WorkerRegistry,
};
use response_domain::response::Response;
use response_domain::time::{Clock, Timestamp};
use response_domain::work::{Committed, UnitOfWork};

use crate::clock::TestClock;
use row::Row;
use state::State;

mod api_keys;
mod conversation;
mod keys;
mod log;
mod queue;
mod read;
mod retention;
mod row;
mod state;
mod webhook;

/// A store that forgets everything when it is dropped. Its time stands still until [`pass`](Self::pass)
/// moves it on, unless it is [`timed_by`](Self::timed_by) a clock.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::timed_by(Arc::new(TestClock::default()))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// A store whose time is that of `clock`.
    pub fn timed_by(clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::default();
        Self { clock, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self, state: &State) -> Timestamp {
        self.clock.now().after(state.passed)
    }

    /// Lets this much more time pass for everything that waits, runs, or is to give a sign of life.
    pub fn pass(&self, by: Duration) {
        let mut state = self.state();
        state.passed = state.passed.saturating_add(by);
    }

    /// How many units of work were written.
    pub fn commits(&self) -> usize {
        self.state().commits
    }

    /// Forgets that this process is alive, as its death would.
    pub fn forget_worker(&self, worker: WorkerId) {
        self.state().workers.remove(&worker);
    }

    /// Every response, of any owner.
    pub fn all(&self) -> Vec<Arc<Response>> {
        self.state()
            .rows
            .values()
            .filter(|row| !row.deleted)
            .map(Row::whole)
            .collect()
    }

    /// The whole log of a response, of any owner, as a reader is shown it.
    pub fn told(&self, id: ResponseId) -> Vec<Event> {
        let state = self.state();
        let Some(row) = state.rows.get(&id) else {
            return Vec::new();
        };
        let events = row.log.from(0);
        events.map(|(_, event)| row.shown(event)).collect()
    }

    /// Whether a job, and with it a credential, is kept for this response.
    pub fn has_job(&self, id: ResponseId) -> bool {
        self.state().jobs.contains_key(&id)
    }
}

#[async_trait]
impl ResponseStore for MemoryStore {
    async fn find(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Arc<Response>>, StoreError> {
        Ok(self.state().visible(owner, id).map(Row::whole))
    }

    async fn page(&self, owner: &OwnerId, page: &Page) -> Result<Paged<Arc<Response>>, StoreError> {
        Ok(self.state().page(owner, page))
    }

    async fn history(
        &self,
        owner: &OwnerId,
        from: HistoryRef,
    ) -> Result<Option<History>, StoreError> {
        Ok(self.state().history(owner, from))
    }

    async fn items(&self, owner: &OwnerId, id: ResponseId) -> Result<Vec<Arc<Item>>, StoreError> {
        Ok(self
            .state()
            .visible(owner, id)
            .map(|row| row.items().collect())
            .unwrap_or_default())
    }

    async fn items_by_id(
        &self,
        owner: &OwnerId,
        ids: &[ItemId],
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        let state = self.state();
        let find = |id: &ItemId| {
            let row = state.visible(owner, ResponseId::new(id.parent));
            let of_response = row.and_then(|row| row.items.get(id)).cloned();
            of_response.or_else(|| state.conversations.item(owner, id))
        };
        Ok(ids.iter().filter_map(find).collect())
    }

    async fn commit(&self, work: UnitOfWork) -> Result<Committed, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        state.write(work, now)
    }

    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(row) = state.rows.get_mut(&id) else {
            return Ok(false);
        };
        if !row.is_visible_to(owner) || !row.response.status().is_ended() {
            return Ok(false);
        }
        row.delete();
        state.webhooks.forget(id);
        Ok(true)
    }

    async fn readiness(&self) -> Readiness {
        Readiness {
            reachable: Ok(()),
            schema: Ok(()),
        }
    }
}

#[async_trait]
impl WorkerRegistry for MemoryStore {
    async fn beat(&self, worker: WorkerId) -> Result<Vec<Lease>, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        state.workers.insert(worker, now);
        Ok(state.leases_of(worker))
    }

    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.forget_worker(worker);
        Ok(())
    }

    async fn orphans(&self, at_most: u16) -> Result<Vec<Arc<Response>>, StoreError> {
        let state = self.state();
        let now = self.now(&state);
        let lost = |row: &&Row| {
            row.is_open()
                && !row.is_background()
                && row.worker.is_some_and(|worker| state.is_gone(worker, now))
        };
        Ok(state
            .rows
            .values()
            .filter(lost)
            .take(usize::from(at_most))
            .map(Row::whole)
            .collect())
    }
}
