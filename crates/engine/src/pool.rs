//! Working on the queue: take what waits while there is room, drive it, and give back what cannot be
//! finished.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use response_domain::caller::Access;
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::Item;
use response_domain::lease::Lease;
use response_domain::ports::bus::Nudge;
use response_domain::ports::llm::CallContext;
use response_domain::ports::queue::{Claim, Claimed, TakenUp};
use response_domain::ports::store::{HistoryRef, StoreError};
use response_domain::ports::vault::VaultError;
use response_domain::response::Response;
use response_domain::run::Run;
use response_domain::run::checkpoint::Resumption;
use response_domain::status::StatusName;
use response_domain::work::Guard;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::Engine;
use crate::create::user;
use crate::drive::{Held, drive_leased};
use crate::error::DriveError;
use crate::journal::kept::Kept;
use crate::journal::{Form, tell};
use crate::live::{Live, Row};
use crate::policy::Company;
use crate::watch;

/// Why a claimed response cannot be worked on here.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("the response could not be read")]
    Store(#[from] StoreError),
    #[error("the credential kept with the response could not be opened")]
    Vault(#[source] VaultError),
}

impl Engine {
    /// Works on the queue until the process ends, when that is this process's to do.
    pub(crate) fn work(&self) {
        let workers = self.0.policy.background.workers;
        if workers == 0 {
            return;
        }
        watch::slots(workers);
        for number in 1..=workers {
            tracing::info!(worker.id = %self.0.ports.worker, "worker {number} started");
        }
        let engine = self.clone();
        self.0.launch.chore(async move {
            engine.claim_while_open(usize::from(workers)).await;
        });
    }

    async fn claim_while_open(&self, workers: usize) {
        let places = Arc::new(Semaphore::new(workers));
        let stopped = self.0.launch.jobs_closed();
        loop {
            let place = stopped.run_until_cancelled(Arc::clone(&places).acquire_owned());
            let Some(Ok(mut room)) = place.await else {
                return;
            };
            while let Ok(more) = Arc::clone(&places).try_acquire_owned() {
                room.merge(more);
            }
            // Not cut short: what was claimed must not be forgotten.
            let all_taken = self.claim(room).await;
            if !all_taken && stopped.run_until_cancelled(self.idle()).await.is_none() {
                return;
            }
        }
    }

    /// Claims as much as there is room for and sets it going; whether more may wait.
    async fn claim(&self, mut room: OwnedSemaphorePermit) -> bool {
        if self.0.leases.are_doubtful() {
            // What is claimed now might be taken for a dead process's at once.
            return false;
        }
        let policy = &self.0.policy.background;
        let free = u16::try_from(room.num_permits()).unwrap_or(u16::MAX);
        let claim = Claim {
            worker: self.0.ports.worker,
            at_most: free,
            hold: policy.task_timeout,
            per_owner: policy.owner_limit,
        };
        let begun = Instant::now();
        let claimed = self.0.ports.queue.claim(&claim).await;
        let contact = &self.0.contact;
        let Some(claimed) = contact.take("the queue could not be looked at", claimed) else {
            return false;
        };
        watch::claimed(claimed.len(), begun.elapsed());
        // With a limit for each owner one look may find less than there is.
        let may_wait = match policy.owner_limit {
            None => claimed.len() >= usize::from(free),
            Some(_) => !claimed.is_empty(),
        };
        for one in claimed {
            match room.split(1) {
                Some(place) if self.0.launch.takes_jobs() => self.set_going(one, place),
                Some(_) | None => self.give_back(one.lease).await,
            }
        }
        may_wait
    }

    /// Waits until something may wait in the queue.
    async fn idle(&self) {
        tokio::select! {
            () = self.0.queued.notified() => {}
            () = tokio::time::sleep(self.poll_interval()) => {}
        }
    }

    /// The time between two looks, a little different each time, so that processes do not look together.
    pub(crate) fn poll_interval(&self) -> Duration {
        let interval = self.0.policy.background.poll_interval;
        interval.mul_f64(0.9 + 0.2 * self.noise())
    }

    /// Something from 0 to 1.
    pub(crate) fn noise(&self) -> f64 {
        let bits = u16::try_from(self.0.ports.ids.next().bits() & 0xffff);
        f64::from(bits.unwrap_or(u16::MAX)) / f64::from(u16::MAX)
    }

    fn set_going(&self, claimed: Claimed, place: OwnedSemaphorePermit) {
        let engine = self.clone();
        let stop = Arc::default();
        self.0.leases.take(claimed.lease, Arc::clone(&stop));
        self.0.launch.chore(async move {
            let lease = claimed.lease;
            let work = AssertUnwindSafe(engine.work_on(claimed, stop)).catch_unwind();
            // The panic hook has told of it.
            let left = work.await.unwrap_or(Left::Broken);
            engine.clean_up(lease, left).await;
            drop(place);
            if engine.0.policy.background.owner_limit.is_some() {
                // Its owner may have more, which was passed over.
                engine.0.queued.notify_one();
            }
        });
    }

    async fn work_on(&self, claimed: Claimed, stop: Arc<crate::stop::StopSource>) -> Left {
        let lease = claimed.lease;
        let rooms = &self.0;
        let held = match self.load(claimed, stop).await {
            Ok(Some(held)) => held,
            Ok(None) => return Left::Done,
            Err(error) => {
                tracing::error!(
                    response.id = %lease.response,
                    error = &error as &dyn std::error::Error,
                    "a claimed response could not be taken up"
                );
                return match error {
                    LoadError::Store(StoreError::Unavailable(_) | StoreError::Stale) => {
                        Left::Unfinished
                    }
                    LoadError::Store(_) => Left::Unreadable,
                    LoadError::Vault(error) => self.locked_out(&error),
                };
            }
        };
        match drive_leased(rooms.ports.clone(), &rooms.policy, held).await {
            Ok(ended) => {
                watch::ended(ended.status().name());
                if let Some(usage) = ended.progress.usage {
                    self.charge(&ended.owner, usage);
                }
                tracing::info!(
                    response.id = %ended.id,
                    response.status = ended.status().name().as_str(),
                    "a background response ended"
                );
                Left::Done
            }
            Err(DriveError::Overtaken) => {
                watch::fenced();
                tracing::info!(response.id = %lease.response, "the response was taken away");
                Left::Done
            }
            Err(DriveError::HandedBack) => Left::Unfinished,
            Err(error @ DriveError::Store(_)) => {
                tracing::error!(
                    response.id = %lease.response,
                    error = &error as &dyn std::error::Error,
                    "the run is left as it was last recorded"
                );
                Left::Unfinished
            }
            Err(error @ DriveError::Illegal(_)) => {
                tracing::error!(
                    response.id = %lease.response,
                    error = &error as &dyn std::error::Error,
                    "the driver gave up"
                );
                Left::Broken
            }
        }
    }

    /// What becomes of a response whose credential does not open. Others may have the key that this process
    /// lacks; it then leaves the whole queue to them, for it would fail everything that it takes.
    fn locked_out(&self, error: &VaultError) -> Left {
        let lacks_key = matches!(error, VaultError::NoKey | VaultError::UnknownKey(_));
        if !lacks_key || self.0.policy.background.company == Company::None {
            return Left::Broken;
        }
        if self.0.launch.lock_out(error.to_string()) {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "this process lacks a key that others have (RESPONSE_VAULT_KEYS): it works on nothing \
                 more until it is started with it"
            );
        }
        Left::Unfinished
    }

    async fn clean_up(&self, lease: Lease, left: Left) {
        match left {
            Left::Done => {}
            Left::Unfinished => self.give_back(lease).await,
            Left::Broken => {
                if let Err(error) = self.fail_leased(lease).await {
                    tracing::error!(
                        response.id = %lease.response,
                        error = &error as &dyn std::error::Error,
                        "the end of a broken run could not be recorded"
                    );
                }
            }
            // Whoever claimed it next would fail as well, at once and again and again. It stays with this
            // process until its time is over.
            Left::Unreadable => return,
        }
        self.0.leases.leave(lease);
    }

    /// Gives a response back to the queue, for others to go on with. When that fails the next heartbeats
    /// do it, or the search for lost runs.
    async fn give_back(&self, lease: Lease) {
        let ports = &self.0.ports;
        match ports.queue.hand_back(&lease).await {
            Ok(()) => {
                watch::handed_back();
                ports.bus.send(Nudge::Queued);
            }
            Err(error) => tracing::warn!(
                response.id = %lease.response,
                error = &error as &dyn std::error::Error,
                "a response could not be handed back"
            ),
        }
    }

    /// Ends a response whose run broke, without the run.
    async fn fail_leased(&self, lease: Lease) -> Result<(), StoreError> {
        let ports = &self.0.ports;
        let Some(taken) = ports.queue.take_up(&lease).await? else {
            return Ok(());
        };
        let failure = Failure::new(
            FailureCode::Internal,
            "an internal error ended the response",
        );
        let response = &taken.standing.response;
        let Some(ended) = response.failed(failure, ports.clock.now()) else {
            return Ok(());
        };
        let work = taken.standing.end(ended, &[], Guard::Leased(lease));
        match ports.store.commit(work).await {
            Ok(committed) => {
                tell(ports, committed);
                watch::ended(StatusName::Failed);
                ports.bus.send(Nudge::Logged(lease.response));
                Ok(())
            }
            // Somebody else ended it.
            Err(StoreError::Stale) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// All that it takes to go on with a claimed response; `None` when it is not this process's any more.
    async fn load(
        &self,
        claimed: Claimed,
        stop: Arc<crate::stop::StopSource>,
    ) -> Result<Option<Held>, LoadError> {
        let lease = claimed.lease;
        let ports = &self.0.ports;
        let Some(TakenUp { standing, job }) = ports.queue.take_up(&lease).await? else {
            return Ok(None);
        };
        let response = Arc::clone(&standing.response);
        let access = match &job.credential {
            None => Access::default(),
            Some(sealed) => ports
                .vault
                .open_access(sealed, &response.owner, response.id)
                .map_err(LoadError::Vault)?,
        };
        let context = CallContext {
            user: user(&response.spec, &response.owner),
            credential: access.credential,
            tool_secrets: access.tools,
            request_id: job.request_id,
            response: response.id,
            conversation: response.conversation,
        };
        let (history, own) = self.transcript(&response).await?;
        let written = own.len();
        let (run, closing) = Run::resume(Resumption {
            standing: &standing,
            rules: self.0.policy.rules(&response.spec),
            history: Arc::clone(&history),
            own: own.clone(),
            at: ports.clock.now(),
        });
        let seal = self.reasoning_seal(&response.spec, &response.owner);
        let live = Arc::new(Live::under(stop, response, own, history));
        live.state().row = Row::Present;
        Ok(Some(Held {
            run,
            live,
            context,
            form: Form::Kept(Kept::new(lease, standing.next, closing)),
            written,
            time: claimed.left,
            seal,
            attached: None,
        }))
    }

    /// The items before a response, and its own.
    async fn transcript(
        &self,
        response: &Response,
    ) -> Result<(Arc<[Arc<Item>]>, Vec<Arc<Item>>), StoreError> {
        let store = &self.0.ports.store;
        if response.spec.previous.is_none() && response.spec.conversation.is_none() {
            let own = store.items(&response.owner, response.id).await?;
            return Ok((Arc::from([]), own));
        }
        let from = HistoryRef::Response(response.id);
        let all = store.history(&response.owner, from).await?;
        let items = all.map_or_else(Vec::new, |history| history.items);
        let (own, before): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| item.id.parent == response.id.raw());
        Ok((before.into(), own))
    }
}

/// How a run was left.
enum Left {
    /// Nothing is owed any more.
    Done,
    /// Somebody is to go on with it.
    Unfinished,
    /// It cannot go on anywhere.
    Broken,
    /// What is stored of it cannot be read.
    Unreadable,
}
