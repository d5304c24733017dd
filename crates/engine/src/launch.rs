//! Drivers on the main runtime, tracked, counted, and caught when they panic.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use response_domain::failure::{Failure, FailureCode};
use response_domain::response::Response;
use response_domain::spec::Storage;
use response_domain::work::{Guard, UnitOfWork};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Engine;
use crate::allowances::RunPlace;
use crate::drive::{Held, drive};
use crate::error::{CreateError, DriveError};
use crate::journal::commit;
use crate::live::{Live, LiveRuns, Row};
use crate::ports::Ports;

/// Where runs are set going.
pub(crate) struct Launch {
    runtime: tokio::runtime::Handle,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    /// Cancelled when nothing more is taken on.
    intake_closed: CancellationToken,
    /// Cancelled then as well, and when nothing of the queue can be worked on here.
    jobs_closed: CancellationToken,
    /// Why that is so.
    locked_out: OnceLock<String>,
    /// Ends the process's own chores.
    closed: CancellationToken,
    live: LiveRuns,
}

impl Launch {
    pub(crate) fn new(runtime: tokio::runtime::Handle, runs: usize) -> Self {
        let intake_closed = CancellationToken::new();
        Self {
            runtime,
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(runs.min(Semaphore::MAX_PERMITS))),
            jobs_closed: intake_closed.child_token(),
            intake_closed,
            locked_out: OnceLock::new(),
            closed: CancellationToken::new(),
            live: LiveRuns::default(),
        }
    }

    pub(crate) fn live(&self) -> &LiveRuns {
        &self.live
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.intake_closed.is_cancelled()
    }

    pub(crate) fn intake_closed(&self) -> &CancellationToken {
        &self.intake_closed
    }

    pub(crate) fn drain(&self) {
        self.intake_closed.cancel();
    }

    pub(crate) fn jobs_closed(&self) -> &CancellationToken {
        &self.jobs_closed
    }

    pub(crate) fn takes_jobs(&self) -> bool {
        !self.jobs_closed.is_cancelled()
    }

    /// Takes nothing more from the queue, for this reason; false when there was one before.
    pub(crate) fn lock_out(&self, reason: String) -> bool {
        let is_first = self.locked_out.set(reason).is_ok();
        self.jobs_closed.cancel();
        is_first
    }

    /// Why nothing of the queue can be worked on here, if so.
    pub(crate) fn locked_out(&self) -> Option<&str> {
        self.locked_out.get().map(String::as_str)
    }

    /// A place for one more run.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, CreateError> {
        if self.is_draining() {
            return Err(CreateError::Draining);
        }
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_full| CreateError::Overloaded)
    }

    /// Sets a chore of the process going on the main runtime.
    pub(crate) fn chore(&self, chore: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(chore, &self.runtime);
    }
}

impl Engine {
    /// Sets a driver going on the main runtime.
    pub(crate) fn launch(&self, held: Held, place: RunPlace) {
        let id = held.context.response;
        let live = Arc::clone(&held.live);
        self.0.launch.live.insert(id, Arc::clone(&live));
        let engine = self.clone();
        self.0.launch.chore(async move {
            let rooms = &engine.0;
            let run = drive(rooms.ports.clone(), &rooms.policy, held);
            let ended = match AssertUnwindSafe(run).catch_unwind().await {
                Ok(Ok(ended)) => ended,
                Ok(Err(error)) => {
                    tracing::error!(
                        response.id = %id,
                        error = &error as &dyn std::error::Error,
                        "the driver gave up"
                    );
                    fail(&rooms.ports, &live).await
                }
                // The panic hook has told of it.
                Err(_panic) => fail(&rooms.ports, &live).await,
            };
            if let Some(usage) = ended.progress.usage {
                engine.charge(&ended.owner, usage);
            }
            let unrecorded = is_unrecorded(&ended, &live);
            live.end(Arc::clone(&ended));
            rooms.launch.live.remove(id);
            drop(place);
            if unrecorded {
                close_later(&engine, ended).await;
            }
        });
    }
}

/// Whether the caller was told an ending that the store does not know.
fn is_unrecorded(ended: &Response, live: &Live) -> bool {
    use response_domain::status::Status;
    let failed = matches!(ended.status(), Status::Failed(failure) if failure.code == FailureCode::DatabaseUnavailable);
    failed && ended.spec.storage == Storage::Stored && live.state().row == Row::Present
}

/// A row that says `in_progress` for a run that is over is closed as soon as the database is back. When
/// the process ends before that, the next sweep of another process closes it.
async fn close_later(engine: &Engine, ended: Arc<Response>) {
    let rooms = &engine.0;
    let mut wait = Duration::from_secs(1);
    let executions = ended.progress.executions.clone();
    let work = UnitOfWork {
        executions,
        ..UnitOfWork::of(Guard::Held(rooms.ports.worker), ended)
    };
    loop {
        tokio::select! {
            () = rooms.launch.closed.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        match commit(&rooms.ports, work.clone()).await {
            Ok(())
            | Err(DriveError::Overtaken | DriveError::HandedBack | DriveError::Illegal(_)) => {
                return;
            }
            Err(DriveError::Store(_)) => wait = (wait * 2).min(Duration::from_secs(30)),
        }
    }
}

/// Ends a run whose driver broke, without the driver.
async fn fail(ports: &Ports, live: &Live) -> Arc<Response> {
    let state = live.state().clone();
    let failure = Failure::new(
        FailureCode::Internal,
        "an internal error ended the response",
    );
    let Some(response) = state.response.failed(failure, ports.clock.now()) else {
        return state.response;
    };
    let response = Arc::new(response);
    if response.spec.storage == Storage::Stored {
        let (guard, items) = match state.row {
            Row::Absent => (Guard::New(ports.worker), state.items),
            Row::Present => (Guard::Held(ports.worker), Vec::new()),
        };
        let executions = response.progress.executions.clone();
        let work = UnitOfWork {
            items,
            executions,
            ..UnitOfWork::of(guard, Arc::clone(&response))
        };
        if let Err(error) = commit(ports, work).await {
            tracing::error!(
                response.id = %response.id,
                error = &error as &dyn std::error::Error,
                "the end of a broken run could not be recorded"
            );
        }
    }
    response
}
