//! All that the store holds, and the one place where it is written.

use std::collections::BTreeMap;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::id::{ResponseId, WorkerId};
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::Status;
use response_domain::time::Timestamp;
use response_domain::work::{Append, Committed, Guard, UnitOfWork};

use super::api_keys::ApiKeys;
use super::conversation::Conversations;
use super::keys::Keys;
use super::queue::Entry;
use super::row::Row;
use super::webhook::Webhooks;

/// A process that was silent for longer is gone.
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) rows: BTreeMap<ResponseId, Row>,
    pub(super) conversations: Conversations,
    pub(super) keys: Keys,
    pub(super) api_keys: ApiKeys,
    /// What waits or runs in the background.
    pub(super) jobs: BTreeMap<ResponseId, Entry>,
    /// How many jobs there have been.
    pub(super) queued: u64,
    /// The processes, with their last sign of life.
    pub(super) workers: BTreeMap<WorkerId, Timestamp>,
    pub(super) webhooks: Webhooks,
    /// How much time passed besides that of the clock.
    pub(super) passed: Duration,
    pub(super) commits: usize,
}

impl State {
    pub(super) fn visible(&self, owner: &OwnerId, id: ResponseId) -> Option<&Row> {
        self.rows.get(&id).filter(|row| row.is_visible_to(owner))
    }

    pub(super) fn is_gone(&self, worker: WorkerId, now: Timestamp) -> bool {
        let beat = self.workers.get(&worker);
        beat.is_none_or(|&beat| now.since(beat) > SILENCE)
    }

    pub(super) fn write(
        &mut self,
        work: UnitOfWork,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let id = work.response.id;
        if self.was_written(&work) {
            return Ok(Committed::default());
        }
        if !self.admits(&work.guard, &work.response) || !self.takes(&work.log, id) {
            return Err(StoreError::Stale);
        }
        let last = matches!(work.guard, Guard::Leased(_)).then(|| work.clone());
        let ended = work.response.status().is_ended();
        let notice = work.notice();
        let worker = match &work.guard {
            Guard::New(worker) => Some(*worker),
            Guard::Queued(_) | Guard::Held(_) | Guard::Leased(_) | Guard::Open => None,
        };
        let row = self.rows.entry(id);
        let row = row.or_insert_with(|| Row::new(&work.response, worker));
        row.response = row.grown_into(&work.response);
        row.items
            .extend(work.items.into_iter().map(|item| (item.id, item)));
        for execution in work.executions {
            row.put_execution(execution);
        }
        row.last = last;
        if row.is_background() {
            row.settled = row.settled.max(work.log.settled);
            row.log.add(work.log);
            row.checkpoint = work.checkpoint.or(row.checkpoint.take());
        }
        if ended {
            row.checkpoint = None;
            row.worker = None;
            self.jobs.remove(&id);
        } else if let Guard::Queued(job) = work.guard {
            let owner = row.response.owner.clone();
            self.queued += 1;
            let entry = Entry::new(owner, job, (now, self.queued));
            self.jobs.insert(id, entry);
        }
        if matches!(
            work.response.status(),
            Status::Completed | Status::Incomplete(_)
        ) {
            self.conversations.append(id);
        }
        self.commits += 1;
        let told = notice.map(|notice| self.webhooks.tell(&work.response, &notice, now));
        Ok(Committed {
            deliveries: told.unwrap_or(0),
        })
    }

    /// Whether this is what a holder wrote last: it may not have learned that it did.
    fn was_written(&self, work: &UnitOfWork) -> bool {
        let Guard::Leased(lease) = &work.guard else {
            return false;
        };
        let row = self.rows.get(&work.response.id);
        row.is_some_and(|row| {
            let stands = self.holds(lease) || row.response.status().is_ended();
            !row.deleted && stands && row.last.as_ref() == Some(work)
        })
    }

    fn admits(&self, guard: &Guard, response: &Response) -> bool {
        let id = response.id;
        let row = self.rows.get(&id);
        let own = |row: &&Row| row.is_open() && row.response.owner == response.owner;
        let open = row.filter(own);
        match guard {
            Guard::New(_) | Guard::Queued(_) => row.is_none() && !self.conversations.has(id.raw()),
            Guard::Held(worker) => open.is_some_and(|row| row.worker == Some(*worker)),
            Guard::Leased(lease) => open.is_some() && lease.response == id && self.holds(lease),
            Guard::Open => {
                open.is_some_and(|row| !row.is_background() || self.jobs.contains_key(&id))
            }
        }
    }

    /// Whether the log of this response ends where these events begin.
    pub(super) fn takes(&self, log: &Append, id: ResponseId) -> bool {
        let next = self.rows.get(&id).map_or(0, |row| row.log.next());
        log.events.is_empty() || log.from == next
    }
}
