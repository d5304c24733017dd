//! The one loop: ask the machine, record, act, and come back with what happened.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use response_domain::ports::llm::CallContext;
use response_domain::response::Response;
use response_domain::run::assemble::Seal;
use response_domain::run::{Input, Next, Run, Stop};
use tokio::time::{Instant, Sleep};

use crate::attach::Attached;
use crate::calls::InFlight;
use crate::error::DriveError;
use crate::journal::{Audience, Form, Journal};
use crate::listing::toolbox;
use crate::live::Live;
use crate::policy::Policy;
use crate::ports::Ports;
use crate::stop::{Reason, StopSource};
use crate::turn;

/// A run in the hands of this process.
pub(crate) struct Held {
    pub(crate) run: Run,
    pub(crate) live: Arc<Live>,
    pub(crate) context: CallContext,
    pub(crate) form: Form,
    /// How many of its items are written.
    pub(crate) written: usize,
    /// The time it has.
    pub(crate) time: Duration,
    /// Seals its reasoning, if that is wanted.
    pub(crate) seal: Option<Seal>,
    /// The conversation it has to itself.
    pub(crate) attached: Option<Attached>,
}

/// Drives a background run to its end and answers the ended response. When that cannot be recorded here,
/// nothing else is done about it: somebody else goes on, or has ended it.
pub(crate) async fn drive_leased(
    ports: Ports,
    policy: &Policy,
    held: Held,
) -> Result<Arc<Response>, DriveError> {
    let live = Arc::clone(&held.live);
    let (mut driver, mut run, mut journal) = Driver::of(ports, policy, held);
    tokio::select! {
        biased;
        followed = driver.follow(&mut run, &mut journal) => followed?,
        reason = let_go(&live.stop) => return Err(reason),
    }
    Ok(Arc::clone(journal.response()))
}

/// How long a run that is let go may take to notice, and to end a write that is under way.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Waits until a run has been let go for a while. It may be waiting for the answer to a write, from a
/// database that does not give one, while others go on with the run.
async fn let_go(stop: &StopSource) -> DriveError {
    let error = match stop.stopped().await {
        Reason::End(_) => std::future::pending().await,
        Reason::Lost => DriveError::Overtaken,
        Reason::HandBack => DriveError::HandedBack,
    };
    tokio::time::sleep(LAST_WRITE).await;
    error
}

/// Drives a foreground run to its end and answers the ended response; fails only for a fault of this
/// program.
pub(crate) async fn drive(
    ports: Ports,
    policy: &Policy,
    held: Held,
) -> Result<Arc<Response>, DriveError> {
    let (mut driver, mut run, mut journal) = Driver::of(ports, policy, held);
    match driver.follow(&mut run, &mut journal).await {
        Ok(()) => Ok(Arc::clone(journal.response())),
        Err(DriveError::Overtaken) => Ok(driver.overtaken(&mut journal).await),
        Err(DriveError::Store(error)) => {
            tracing::error!(
                response.id = %journal.response().id,
                error = &error as &dyn std::error::Error,
                "the run ends unrecorded"
            );
            Ok(journal.fail_unrecorded().await)
        }
        Err(error @ (DriveError::HandedBack | DriveError::Illegal(_))) => Err(error),
    }
}

/// What a driver works with.
pub(crate) struct Driver {
    pub(crate) ports: Ports,
    pub(crate) context: CallContext,
    pub(crate) watch: Watch,
    pub(crate) seal: Option<Seal>,
    in_flight: InFlight,
}

impl Driver {
    fn of(ports: Ports, policy: &Policy, held: Held) -> (Self, Run, Journal) {
        let Held {
            run,
            live,
            context,
            form,
            written,
            time,
            seal,
            attached,
        } = held;
        let journal =
            Journal::new(ports.clone(), Arc::clone(&live), form, written).holding(attached);
        let driver = Self {
            watch: Watch::new(live, time),
            in_flight: InFlight::new(policy.parallel_calls),
            ports,
            context,
            seal,
        };
        (driver, run, journal)
    }

    async fn follow(&mut self, run: &mut Run, journal: &mut Journal) -> Result<(), DriveError> {
        let mut input = match journal.open().await? {
            Audience::There => Input::TakenUp,
            Audience::Gone => Input::Stopped(Stop::ByCaller),
        };
        loop {
            let advance = run
                .advance(input, self.ports.clock.now())
                .map_err(DriveError::Illegal)?;
            let audience = journal.record(run, advance.events, &advance.next).await?;
            input = match (advance.next, audience) {
                (Next::Stop(_), _) => return Ok(()),
                (_, Audience::Gone) => Input::Stopped(Stop::ByCaller),
                (Next::ListTools, _) => self.list_tools(run, journal).await?,
                (Next::CallModel(turn), _) => turn::take(self, run, journal, turn).await?,
                (Next::CallTools(calls), _) => {
                    self.in_flight
                        .start(&self.ports.executor, &self.context, calls);
                    self.wait_for_calls(run, journal).await?
                }
                (Next::Wait, _) => self.wait_for_calls(run, journal).await?,
            };
        }
    }

    async fn list_tools(&mut self, run: &Run, journal: &mut Journal) -> Result<Input, DriveError> {
        let spec = Arc::clone(&journal.response().spec);
        let (ports, context) = (self.ports.clone(), self.context.clone());
        let work = toolbox(&ports, &spec, &context);
        Ok(match self.watch.until(run, journal, work).await? {
            Ok(listed) => Input::ToolsListed(listed),
            Err(halt) => halt,
        })
    }

    async fn wait_for_calls(
        &mut self,
        run: &Run,
        journal: &mut Journal,
    ) -> Result<Input, DriveError> {
        let work = self.in_flight.next();
        Ok(self
            .watch
            .until(run, journal, work)
            .await?
            .unwrap_or_else(|halt| halt))
    }

    /// Somebody else wrote the ending: the caller is told that one.
    async fn overtaken(&mut self, journal: &mut Journal) -> Arc<Response> {
        let mine = Arc::clone(journal.response());
        match self.ports.store.find(&mine.owner, mine.id).await {
            Ok(Some(theirs)) => journal.end_elsewhere(theirs).await,
            Ok(None) => {
                // Deleted meanwhile: to whoever still listens it was cancelled.
                let mut gone = Response::clone(&self.watch.live.response());
                // A response that has ended stays as it is.
                let _ = gone.change(
                    response_domain::status::Change::Cancel,
                    self.ports.clock.now(),
                );
                journal.end_elsewhere(Arc::new(gone)).await
            }
            Err(error) => {
                tracing::error!(
                    response.id = %mine.id,
                    error = &error as &dyn std::error::Error,
                    "the ending of the response could not be read"
                );
                journal.fail_unrecorded().await
            }
        }
    }
}

/// What can come between a run and what it waits for: a stop, the end of its time, and the moment when
/// something of it is to be written.
pub(crate) struct Watch {
    live: Arc<Live>,
    deadline: Pin<Box<Sleep>>,
    write: Pin<Box<Sleep>>,
    /// For when `write` is set.
    armed: Option<Instant>,
}

impl Watch {
    fn new(live: Arc<Live>, time: Duration) -> Self {
        let timer = |after: Duration| Box::pin(tokio::time::sleep(after));
        Self {
            live,
            deadline: timer(time),
            write: timer(time),
            armed: None,
        }
    }

    /// What `work` comes to, or the input that came first. `work` is dropped then.
    pub(crate) async fn until<T>(
        &mut self,
        run: &Run,
        journal: &mut Journal,
        work: impl Future<Output = T>,
    ) -> Result<Result<T, Input>, DriveError> {
        let mut work = pin!(work);
        loop {
            self.arm(journal.due());
            tokio::select! {
                biased;
                reason = self.live.stop.stopped() => return match reason {
                    Reason::End(stop) => Ok(Err(Input::Stopped(stop))),
                    Reason::Lost => Err(DriveError::Overtaken),
                    Reason::HandBack => Err(DriveError::HandedBack),
                },
                () = &mut self.deadline => return Ok(Err(Input::DeadlineReached)),
                () = &mut self.write, if self.armed.is_some() => journal.write_due(run).await?,
                done = &mut work => return Ok(Ok(done)),
            }
        }
    }

    fn arm(&mut self, due: Option<Instant>) {
        if let Some(due) = due
            && self.armed != Some(due)
        {
            self.write.as_mut().reset(due);
        }
        self.armed = due;
    }
}
