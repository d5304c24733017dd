//! What waits and what runs in the background.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{ResponseId, WorkerId};
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, Claimed, Depth, JobQueue, Rescue, TakenUp};
use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;
use response_domain::work::Job;

use super::MemoryStore;
use super::state::State;

/// How long after its deadline a response is taken from whoever has it.
const GRACE: Duration = Duration::from_secs(10);

/// A response in the queue.
#[derive(Debug)]
pub(super) struct Entry {
    owner: OwnerId,
    job: Job,
    /// When it was queued, and as which.
    place: (Timestamp, u64),
    /// The process that works on it; none while it waits.
    worker: Option<WorkerId>,
    token: u64,
    attempt: u16,
    losses: u16,
    claimed_at: Timestamp,
    deadline: Option<Timestamp>,
}

impl Entry {
    pub(super) fn new(owner: OwnerId, job: Job, place: (Timestamp, u64)) -> Self {
        Self {
            owner,
            job,
            place,
            worker: None,
            token: 0,
            attempt: 0,
            losses: 0,
            claimed_at: place.0,
            deadline: None,
        }
    }

    fn waits(&self) -> bool {
        self.worker.is_none()
    }

    fn lease(&self, response: ResponseId) -> Option<Lease> {
        Some(Lease {
            response,
            worker: self.worker?,
            token: self.token,
        })
    }

    fn give(&mut self, worker: Option<WorkerId>) {
        self.worker = worker;
        self.token = self.token.saturating_add(1);
    }

    fn claim(&mut self, response: ResponseId, claim: &Claim, now: Timestamp) -> Claimed {
        self.give(Some(claim.worker));
        self.attempt = self.attempt.saturating_add(1);
        self.claimed_at = now;
        let deadline = *self.deadline.get_or_insert_with(|| now.after(claim.hold));
        Claimed {
            lease: Lease {
                response,
                worker: claim.worker,
                token: self.token,
            },
            left: deadline.since(now),
            attempt: self.attempt,
        }
    }

    /// Whether it is kept long past its time. Whoever claims it late gets the same grace to end it.
    fn is_overdue(&self, now: Timestamp) -> bool {
        let since = self.deadline.map(|deadline| deadline.max(self.claimed_at));
        since.is_some_and(|since| now.since(since) > GRACE)
    }
}

impl State {
    /// Whether this lease is the latest of a response that has not ended.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        let entry = self.jobs.get(&lease.response);
        entry.and_then(|entry| entry.lease(lease.response)) == Some(*lease)
    }

    pub(super) fn leases_of(&self, worker: WorkerId) -> Vec<Lease> {
        let leases = self.jobs.iter().filter_map(|(id, entry)| entry.lease(*id));
        leases.filter(|lease| lease.worker == worker).collect()
    }

    fn running_of(&self, owner: &OwnerId) -> usize {
        let jobs = self.jobs.values();
        jobs.filter(|entry| !entry.waits() && entry.owner == *owner)
            .count()
    }

    /// The responses that wait, in the order in which they are taken.
    fn waiting(&self) -> Vec<ResponseId> {
        let mut waiting: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, entry)| entry.waits())
            .map(|(id, entry)| (entry.place, *id))
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id)| id).collect()
    }

    fn claim(&mut self, claim: &Claim, now: Timestamp) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        for id in self.waiting() {
            if claimed.len() >= usize::from(claim.at_most) {
                break;
            }
            let owner = self.jobs.get(&id).map(|entry| entry.owner.clone());
            let running = owner.map_or(0, |owner| self.running_of(&owner));
            let most = claim.per_owner.map(|most| most.get() as usize);
            if most.is_some_and(|most| running >= most) {
                continue;
            }
            if let Some(entry) = self.jobs.get_mut(&id) {
                claimed.push(entry.claim(id, claim, now));
            }
        }
        claimed
    }

    /// Lets a response that ran wait again.
    fn requeue(&mut self, id: ResponseId) {
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.give(None);
        }
        if let Some(row) = self.rows.get_mut(&id) {
            row.requeue();
        }
    }

    fn rescue(&mut self, by: WorkerId, attempts: u16, at_most: u16, now: Timestamp) -> Rescue {
        let is_lost = |entry: &Entry| {
            let holder = entry.worker;
            holder.is_some_and(|worker| self.is_gone(worker, now) || entry.is_overdue(now))
        };
        let lost: Vec<ResponseId> = self
            .jobs
            .iter()
            .filter(|(_, entry)| is_lost(entry))
            .map(|(id, _)| *id)
            .take(usize::from(at_most))
            .collect();
        let mut rescue = Rescue::default();
        for id in lost {
            let Some(entry) = self.jobs.get_mut(&id) else {
                continue;
            };
            entry.losses = entry.losses.saturating_add(1);
            if entry.losses < attempts {
                self.requeue(id);
                rescue.again.push(id);
            } else {
                entry.give(Some(by));
                // It is to be ended now, whenever its time was over.
                entry.claimed_at = now;
                rescue.spent.extend(entry.lease(id));
            }
        }
        rescue
    }
}

#[async_trait]
impl JobQueue for MemoryStore {
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        Ok(state.claim(claim, now))
    }

    async fn take_up(&self, lease: &Lease) -> Result<Option<TakenUp>, StoreError> {
        let state = self.state();
        if !state.holds(lease) {
            return Ok(None);
        }
        let entry = state.jobs.get(&lease.response);
        let row = state.rows.get(&lease.response);
        Ok(entry.zip(row).map(|(entry, row)| TakenUp {
            standing: row.standing(),
            job: entry.job.clone(),
        }))
    }

    async fn hand_back(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut state = self.state();
        if !state.holds(lease) {
            return Ok(());
        }
        if let Some(entry) = state.jobs.get_mut(&lease.response) {
            entry.attempt = entry.attempt.saturating_sub(1);
        }
        state.requeue(lease.response);
        Ok(())
    }

    async fn seize(&self, worker: WorkerId, id: ResponseId) -> Result<(), StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        if let Some(entry) = state.jobs.get_mut(&id) {
            entry.give(Some(worker));
            entry.claimed_at = now;
        }
        Ok(())
    }

    async fn rescue(
        &self,
        worker: WorkerId,
        attempts: u16,
        at_most: u16,
    ) -> Result<Rescue, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        Ok(state.rescue(worker, attempts, at_most, now))
    }

    async fn depth(&self) -> Result<Depth, StoreError> {
        let state = self.state();
        let now = self.now(&state);
        let waiting = state.waiting();
        let oldest = waiting.first().and_then(|id| state.jobs.get(id));
        let running = state.jobs.len().saturating_sub(waiting.len());
        Ok(Depth {
            waiting: u64::try_from(waiting.len()).unwrap_or(u64::MAX),
            running: u64::try_from(running).unwrap_or(u64::MAX),
            oldest: oldest.map(|entry| now.since(entry.place.0)),
        })
    }

    async fn waiting_of(&self, owner: &OwnerId, at_most: u32) -> Result<u32, StoreError> {
        let state = self.state();
        let jobs = state.jobs.values();
        let waiting = jobs.filter(|entry| entry.waits() && entry.owner == *owner);
        Ok(u32::try_from(waiting.count())
            .unwrap_or(u32::MAX)
            .min(at_most))
    }
}
