//! The store in memory. It passes the same suite as the real ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::execution::Execution;
use response_domain::id::{ConversationId, ItemId, ResponseId, WorkerId};
use response_domain::item::Item;
use response_domain::page::{More, Page, Paged};
use response_domain::ports::store::{
    History, HistoryRef, Readiness, ResponseStore, StoreError, WorkerRegistry,
};
use response_domain::response::Response;
use response_domain::spec::Delivery;
use response_domain::status::Status;
use response_domain::work::{Guard, UnitOfWork};

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<ResponseId, Row>,
    /// The responses whose items were appended to a conversation, in order.
    appended: Vec<ResponseId>,
    workers: Vec<WorkerId>,
    commits: usize,
}

#[derive(Debug, Clone)]
struct Row {
    response: Arc<Response>,
    executions: BTreeMap<response_domain::id::ExecutionId, Arc<Execution>>,
    items: BTreeMap<ItemId, Arc<Item>>,
    worker: Option<WorkerId>,
    deleted: bool,
}

impl Row {
    fn whole(&self) -> Arc<Response> {
        let mut response = Response::clone(&self.response);
        response.progress.executions = self.executions.values().cloned().collect();
        Arc::new(response)
    }

    fn is_visible_to(&self, owner: &OwnerId) -> bool {
        !self.deleted && self.response.owner == *owner
    }

    fn items(&self) -> impl Iterator<Item = Arc<Item>> {
        self.items.values().cloned()
    }
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many units of work were written.
    pub fn commits(&self) -> usize {
        self.state().commits
    }

    /// Forgets that this process is alive, as its death would.
    pub fn forget_worker(&self, worker: WorkerId) {
        self.state().workers.retain(|known| *known != worker);
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
}

impl State {
    fn visible(&self, owner: &OwnerId, id: ResponseId) -> Option<&Row> {
        self.rows.get(&id).filter(|row| row.is_visible_to(owner))
    }

    /// The responses that were appended to a conversation, in order.
    fn appended(
        &self,
        owner: &OwnerId,
        conversation: ConversationId,
    ) -> impl Iterator<Item = &Row> {
        self.appended
            .iter()
            .filter_map(|id| self.rows.get(id))
            .filter(move |row| {
                row.response.owner == *owner && row.response.conversation == Some(conversation)
            })
    }

    /// The items that the first `seen` of them brought.
    fn conversation(
        &self,
        owner: &OwnerId,
        conversation: ConversationId,
        seen: usize,
    ) -> Vec<Arc<Item>> {
        let rows = self.appended(owner, conversation).take(seen);
        rows.filter(|row| !row.deleted)
            .flat_map(Row::items)
            .collect()
    }

    /// The items of a response and of all that come before it.
    fn chain(&self, owner: &OwnerId, id: ResponseId) -> Vec<Arc<Item>> {
        let mut links = Vec::new();
        let mut next = Some(id);
        while let Some(row) = next.and_then(|id| self.rows.get(&id)) {
            links.push(row);
            next = row.response.spec.previous;
        }
        let attached = links.last().and_then(|first| {
            let conversation = first.response.spec.conversation?;
            Some(self.conversation(owner, conversation, first.response.seen as usize))
        });
        let own = links
            .iter()
            .rev()
            .filter(|row| !row.deleted)
            .flat_map(|row| row.items());
        attached.into_iter().flatten().chain(own).collect()
    }

    fn write(&mut self, work: UnitOfWork) -> Result<(), StoreError> {
        let id = work.response.id;
        let row = match (work.guard, self.rows.get(&id)) {
            (Guard::New(worker), None) => Row {
                response: Arc::clone(&work.response),
                executions: BTreeMap::new(),
                items: BTreeMap::new(),
                worker: (!work.response.status().is_ended()).then_some(worker),
                deleted: false,
            },
            (Guard::Held(worker), Some(row)) if row.is_open() && row.worker == Some(worker) => {
                row.clone()
            }
            (Guard::Open, Some(row)) if row.is_open() => row.clone(),
            (Guard::New(_) | Guard::Held(_) | Guard::Open, _) => return Err(StoreError::Stale),
        };
        let mut row = row;
        row.response = row.grown_into(&work.response);
        row.items
            .extend(work.items.into_iter().map(|item| (item.id, item)));
        row.executions.extend(
            work.executions
                .into_iter()
                .map(|execution| (execution.id, execution)),
        );
        if row.response.status().is_ended() {
            row.worker = None;
        }
        if matches!(
            row.response.status(),
            Status::Completed | Status::Incomplete(_)
        ) {
            self.appended.push(id);
        }
        self.rows.insert(id, row);
        self.commits += 1;
        Ok(())
    }
}

impl Row {
    /// The response after a write. Whoever read it before its run wrote takes nothing back.
    fn grown_into(&self, written: &Arc<Response>) -> Arc<Response> {
        let known = &self.response.progress;
        if written.progress.turns.len() >= known.turns.len() {
            return Arc::clone(written);
        }
        let mut response = Response::clone(written);
        response.progress = known.clone();
        Arc::new(response)
    }

    fn is_open(&self) -> bool {
        !self.deleted && !self.response.status().is_ended()
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
        let state = self.state();
        let mut all: Vec<&Row> = state
            .rows
            .values()
            .filter(|row| row.response.owner == *owner)
            .collect();
        all.sort_by_key(|row| std::cmp::Reverse((row.response.times.created, row.response.id)));
        let begin = match page.after {
            None => 0,
            Some(after) => all
                .iter()
                .position(|row| row.response.id == after)
                .map_or(all.len(), |place| place.saturating_add(1)),
        };
        let mut fitting = all.into_iter().skip(begin).filter(|row| {
            let response = &row.response;
            let background = response.spec.delivery == Delivery::Background;
            !row.deleted
                && page
                    .status
                    .is_none_or(|status| response.status().name() == status)
                && page.background.is_none_or(|wanted| background == wanted)
                && page
                    .conversation
                    .is_none_or(|wanted| response.conversation == Some(wanted))
        });
        let entries = fitting
            .by_ref()
            .take(usize::from(page.limit))
            .map(Row::whole)
            .collect();
        let more = if fitting.next().is_some() {
            More::Follows
        } else {
            More::Nothing
        };
        Ok(Paged { entries, more })
    }

    async fn history(
        &self,
        owner: &OwnerId,
        from: HistoryRef,
    ) -> Result<Option<History>, StoreError> {
        let state = self.state();
        Ok(match from {
            HistoryRef::Response(id) => state.visible(owner, id).and_then(|row| {
                Some(History {
                    conversation: row.response.conversation?,
                    status: Some(row.response.status().name()),
                    seen: 0,
                    items: state.chain(owner, id),
                })
            }),
            HistoryRef::Conversation(conversation) => {
                let belongs = |row: &Row| {
                    row.response.owner == *owner && row.response.conversation == Some(conversation)
                };
                state.rows.values().any(belongs).then(|| {
                    let seen = state.appended(owner, conversation).count();
                    History {
                        conversation,
                        status: None,
                        seen: u32::try_from(seen).unwrap_or(u32::MAX),
                        items: state.conversation(owner, conversation, seen),
                    }
                })
            }
        })
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
            state
                .visible(owner, ResponseId::new(id.parent))?
                .items
                .get(id)
                .cloned()
        };
        Ok(ids.iter().filter_map(find).collect())
    }

    async fn commit(&self, work: UnitOfWork) -> Result<(), StoreError> {
        self.state().write(work)
    }

    async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(row) = state.rows.get_mut(&id) else {
            return Ok(false);
        };
        if !row.is_visible_to(owner) || !row.response.status().is_ended() {
            return Ok(false);
        }
        row.deleted = true;
        row.items.clear();
        row.executions.clear();
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
    async fn beat(&self, worker: WorkerId) -> Result<(), StoreError> {
        let mut state = self.state();
        if !state.workers.contains(&worker) {
            state.workers.push(worker);
        }
        Ok(())
    }

    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.forget_worker(worker);
        Ok(())
    }

    async fn orphans(&self, at_most: u16) -> Result<Vec<Arc<Response>>, StoreError> {
        let state = self.state();
        let lost = |row: &&Row| {
            row.is_open()
                && row.response.spec.delivery != Delivery::Background
                && row
                    .worker
                    .is_some_and(|worker| !state.workers.contains(&worker))
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
