//! One response with everything that belongs to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::execution::{Execution, ExecutionState};
use response_domain::id::{ExecutionId, ItemId, WorkerId};
use response_domain::item::Item;
use response_domain::response::Response;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::spec::Delivery;
use response_domain::status::Change;
use response_domain::work::UnitOfWork;

use super::log::Log;

#[derive(Debug)]
pub(super) struct Row {
    pub(super) response: Arc<Response>,
    executions: BTreeMap<ExecutionId, Arc<Execution>>,
    pub(super) items: BTreeMap<ItemId, Arc<Item>>,
    /// The process that holds it; foreground only.
    pub(super) worker: Option<WorkerId>,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) log: Log,
    /// How many events of the log belong to steps that are over.
    pub(super) settled: u64,
    /// What a holder wrote last; the same again is not written twice.
    pub(super) last: Option<UnitOfWork>,
    pub(super) deleted: bool,
}

impl Row {
    pub(super) fn new(response: &Arc<Response>, worker: Option<WorkerId>) -> Self {
        Self {
            response: Arc::clone(response),
            executions: BTreeMap::new(),
            items: BTreeMap::new(),
            worker,
            checkpoint: None,
            log: Log::default(),
            settled: 0,
            last: None,
            deleted: false,
        }
    }

    pub(super) fn whole(&self) -> Arc<Response> {
        let mut response = Response::clone(&self.response);
        response.progress.executions = self.executions.values().cloned().collect();
        Arc::new(response)
    }

    pub(super) fn is_visible_to(&self, owner: &OwnerId) -> bool {
        !self.deleted && self.response.owner == *owner
    }

    pub(super) fn is_open(&self) -> bool {
        !self.deleted && !self.response.status().is_ended()
    }

    pub(super) fn is_background(&self) -> bool {
        self.response.spec.delivery == Delivery::Background
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Arc<Item>> {
        self.items.values().cloned()
    }

    /// The response after a write. Whoever read it before its run wrote takes nothing back.
    pub(super) fn grown_into(&self, written: &Arc<Response>) -> Arc<Response> {
        let known = &self.response.progress;
        if written.progress.turns.len() >= known.turns.len() {
            return Arc::clone(written);
        }
        let mut response = Response::clone(written);
        response.progress = known.clone();
        Arc::new(response)
    }

    /// Takes an execution in, unless it has ended here already.
    pub(super) fn put_execution(&mut self, execution: Arc<Execution>) {
        let known = self.executions.get(&execution.id);
        if known.is_none_or(|known| known.state == ExecutionState::Started) {
            self.executions.insert(execution.id, execution);
        }
    }

    /// Lets the response wait again.
    pub(super) fn requeue(&mut self) {
        let mut response = Response::clone(&self.response);
        let updated = response.times.updated;
        if response.change(Change::Requeue, updated).is_ok() {
            self.response = Arc::new(response);
        }
    }

    /// Forgets all but that there was such a response.
    pub(super) fn delete(&mut self) {
        self.deleted = true;
        self.items.clear();
        self.executions.clear();
        self.log = Log::default();
    }

    /// An event as a reader is shown it: a real store keeps neither response nor execution in its log, and
    /// puts them in as they stand when it is read.
    pub(super) fn shown(&self, event: &Event) -> Event {
        let execution = |id: ExecutionId| self.executions.get(&id);
        match event {
            Event::Created(_) => Event::Created(Arc::new(self.response.as_accepted())),
            Event::Started(_) => {
                let mut response = self.response.as_accepted();
                let at = self.response.times.started;
                let at = at.unwrap_or(self.response.times.updated);
                // What was just accepted can start.
                let _started = response.change(Change::Start, at);
                Event::Started(Arc::new(response))
            }
            Event::CallStarted(call) => {
                let known = execution(call.id).unwrap_or(call);
                Event::CallStarted(Arc::new(Execution {
                    state: ExecutionState::Started,
                    duration: None,
                    ..Execution::clone(known)
                }))
            }
            Event::CallReturned(call) => {
                Event::CallReturned(Arc::clone(execution(call.id).unwrap_or(call)))
            }
            Event::Ended(_) => Event::Ended(self.whole()),
            told => told.clone(),
        }
    }
}
