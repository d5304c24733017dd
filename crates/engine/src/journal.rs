//! Record, then tell. The journal of a run knows whether anything is written, when, and who reads
//! along; the driver does not.
//!
//! A stored foreground response is written when it wants a tool, when a tool answered, when it has
//! run for a while, and when it ends, so the common short answer costs one write. Deltas go straight
//! to the reader; what marks a step is told after it is written.

use std::sync::Arc;
use std::time::Duration;

use response_domain::event::Event;
use response_domain::failure::{Failure, FailureCode};
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::run::{Next, Run};
use response_domain::spec::Storage;
use response_domain::status::Change;
use response_domain::time::Timestamp;
use response_domain::work::{Guard, UnitOfWork};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::DriveError;
use crate::live::{Live, Row};
use crate::ports::Ports;

/// Whether a reader is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// It reads, or nobody was meant to.
    There,
    /// It went away, or does not read any more.
    Gone,
}

/// How often a write is tried while the database is away, and the first wait between.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// After this long no further try is made: somebody waits for the answer.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Journal {
    ports: Ports,
    live: Arc<Live>,
    reader: Option<mpsc::Sender<Vec<Event>>>,
    patience: Duration,
    response: Arc<Response>,
    items: usize,
    executions: usize,
}

impl Journal {
    pub(crate) fn new(
        ports: Ports,
        live: Arc<Live>,
        reader: Option<mpsc::Sender<Vec<Event>>>,
        patience: Duration,
    ) -> Self {
        let response = live.response();
        Self {
            ports,
            live,
            reader,
            patience,
            response,
            items: 0,
            executions: 0,
        }
    }

    /// The response as it was last recorded.
    pub(crate) fn response(&self) -> &Arc<Response> {
        &self.response
    }

    /// Tells of the beginning. Nothing is written for it.
    pub(crate) async fn open(&mut self) -> Audience {
        if self.reader.is_none() {
            return Audience::There;
        }
        let accepted = Arc::clone(&self.response);
        self.tell(vec![
            Event::Created(Arc::clone(&accepted)),
            Event::Started(accepted),
        ])
        .await
    }

    /// Records what a step did and, when that is done, tells of it.
    pub(crate) async fn record(
        &mut self,
        run: &Run,
        mut events: Vec<Event>,
        next: &Next,
    ) -> Result<Audience, DriveError> {
        let at = self.ports.clock.now();
        let mut response = self.snapshot(run, at);
        let ending = match next {
            Next::Stop(outcome) => {
                let change = Change::from(outcome.clone());
                response
                    .change(change, at)
                    .map_err(|_illegal| DriveError::Overtaken)?;
                true
            }
            Next::ListTools | Next::CallModel(_) | Next::CallTools(_) | Next::Wait => false,
        };
        self.response = Arc::new(response);
        let marks_a_step = events
            .iter()
            .any(|event| matches!(event, Event::CallStarted(_) | Event::CallReturned(_)));
        if ending || marks_a_step {
            self.write(run).await?;
        }
        self.publish(run);
        if ending && self.reader.is_some() {
            events.push(Event::Ended(Arc::clone(&self.response)));
        }
        Ok(self.tell(events).await)
    }

    /// Gives a run that goes on for a while its row.
    pub(crate) async fn write_while_running(&mut self, run: &Run) -> Result<(), DriveError> {
        if self.live.state().row == Row::Present {
            return Ok(());
        }
        self.response = Arc::new(self.snapshot(run, self.ports.clock.now()));
        self.write(run).await?;
        self.publish(run);
        Ok(())
    }

    /// Tells the reader, who may let the run wait for a while but not for ever.
    pub(crate) async fn tell(&mut self, events: Vec<Event>) -> Audience {
        let Some(reader) = &self.reader else {
            return Audience::There;
        };
        if events.is_empty() {
            return Audience::There;
        }
        // The timer is only set when the reader lags.
        let events = match reader.try_send(events) {
            Ok(()) => return Audience::There,
            Err(mpsc::error::TrySendError::Closed(_)) => return Audience::Gone,
            Err(mpsc::error::TrySendError::Full(events)) => events,
        };
        match tokio::time::timeout(self.patience, reader.send(events)).await {
            Ok(Ok(())) => Audience::There,
            Ok(Err(_)) | Err(_) => Audience::Gone,
        }
    }

    /// The ending that a caller is told when the store would not take the real one.
    pub(crate) async fn fail_unrecorded(&mut self) -> Arc<Response> {
        let failure = Failure::new(
            FailureCode::DatabaseUnavailable,
            "the response could not be stored",
        );
        let mut response = Response::clone(&self.live.response());
        let at = self.ports.clock.now();
        if response.change(Change::Fail(failure), at).is_ok() {
            self.response = Arc::new(response);
        }
        let ended = Arc::clone(&self.response);
        self.tell(vec![Event::Ended(Arc::clone(&ended))]).await;
        ended
    }

    /// Tells the reader of an ending that somebody else wrote.
    pub(crate) async fn end_elsewhere(&mut self, ended: Arc<Response>) -> Arc<Response> {
        self.response = Arc::clone(&ended);
        self.tell(vec![Event::Ended(Arc::clone(&ended))]).await;
        ended
    }

    fn snapshot(&self, run: &Run, at: Timestamp) -> Response {
        let mut response = Response::clone(&self.response);
        response.progress = run.progress().clone();
        response.times.updated = at;
        response
    }

    fn publish(&self, run: &Run) {
        if self.response.spec.storage == Storage::Passing {
            return;
        }
        let mut state = self.live.state();
        state.response = Arc::clone(&self.response);
        let known = state.items.len();
        state.items.extend(run.items().iter().skip(known).cloned());
    }

    async fn write(&mut self, run: &Run) -> Result<(), DriveError> {
        if self.response.spec.storage == Storage::Passing {
            return Ok(());
        }
        let guard = match self.live.state().row {
            Row::Absent => Guard::New(self.ports.worker),
            Row::Present => Guard::Held(self.ports.worker),
        };
        let changed = run.progress().executions.iter().skip(self.executions);
        let work = UnitOfWork {
            guard,
            response: Arc::clone(&self.response),
            items: run.items().iter().skip(self.items).cloned().collect(),
            executions: changed.cloned().collect(),
        };
        commit(&self.ports, work).await?;
        self.live.state().row = Row::Present;
        self.items = run.items().len();
        // What has ended will not change again; what runs will be written again.
        let settled = run
            .progress()
            .executions
            .iter()
            .take_while(|execution| execution.duration.is_some());
        self.executions = settled.count();
        Ok(())
    }
}

/// Commits, and asks again for a while when the database is away.
pub(crate) async fn commit(ports: &Ports, work: UnitOfWork) -> Result<(), DriveError> {
    let mut wait = FIRST_WAIT;
    let begun = Instant::now();
    for attempt in 1..=TRIES {
        match ports.store.commit(work.clone()).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Stale) if attempt > 1 => return settle_ambiguous(ports, &work).await,
            Err(StoreError::Stale) => return Err(DriveError::Overtaken),
            Err(error @ StoreError::Unavailable(_))
                if attempt < TRIES && begun.elapsed() < WRITE_PATIENCE =>
            {
                tracing::warn!(
                    response.id = %work.response.id,
                    error = &error as &dyn std::error::Error,
                    "the database is away; the write is tried again"
                );
                tokio::time::sleep(wait).await;
                wait *= 4;
            }
            Err(error) => return Err(DriveError::Store(error)),
        }
    }
    Err(DriveError::Overtaken)
}

/// A write that was refused after an unanswered one may be that one: it counts when the row is what it
/// was to become.
async fn settle_ambiguous(ports: &Ports, work: &UnitOfWork) -> Result<(), DriveError> {
    let found = ports
        .store
        .find(&work.response.owner, work.response.id)
        .await;
    match found.map_err(DriveError::Store)? {
        Some(row) if row.times == work.response.times && row.status() == work.response.status() => {
            Ok(())
        }
        Some(_) | None => Err(DriveError::Overtaken),
    }
}
