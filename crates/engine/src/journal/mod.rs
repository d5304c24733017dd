//! Record, then tell. The journal of a run knows whether anything is written, when, and who reads
//! along; the driver does not.
//!
//! A stored foreground response is written when it wants a tool, when a tool answered, when it has
//! run for a while, and when it ends, so the common short answer costs one write. Deltas go straight
//! to the reader; what marks a step is told after it is written. Of a background response everything
//! told stands in the log first, deltas some at a time ([`kept`]).

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::failure::{Failure, FailureCode};
use response_domain::response::Response;
use response_domain::run::{Next, Run};
use response_domain::spec::Storage;
use response_domain::status::Change;
use response_domain::time::Timestamp;
use response_domain::work::{Append, Guard, UnitOfWork};
use tokio::time::Instant;

use crate::attach::Attached;
use crate::error::DriveError;
use crate::live::{Live, Row};
use crate::ports::Ports;

mod commit;
pub(crate) mod kept;
pub(crate) mod reader;

pub(crate) use commit::{Written, commit, patiently, tell};
use kept::Kept;
pub(crate) use reader::{Audience, Direct, OnLeave};

/// How a run is recorded and told.
pub(crate) enum Form {
    /// A foreground run: told as it happens, written at its steps.
    Live(Direct),
    /// A background run: what is told stands in the log first.
    Kept(Kept),
}

pub(crate) struct Journal {
    ports: Ports,
    live: Arc<Live>,
    form: Form,
    response: Arc<Response>,
    items: usize,
    executions: usize,
    /// The conversation that the run has to itself until its end is written.
    attached: Option<Attached>,
}

impl Journal {
    /// The journal of a run of whose items the first `known` are written.
    pub(crate) fn new(ports: Ports, live: Arc<Live>, form: Form, known: usize) -> Self {
        let response = live.response();
        Self {
            ports,
            live,
            form,
            response,
            items: known,
            executions: 0,
            attached: None,
        }
    }

    /// The same, for a run that has a conversation to itself.
    pub(crate) fn holding(self, attached: Option<Attached>) -> Self {
        Self { attached, ..self }
    }

    /// The response as it was last recorded.
    pub(crate) fn response(&self) -> &Arc<Response> {
        &self.response
    }

    /// Tells of the beginning. Nothing is written for it by itself.
    pub(crate) async fn open(&mut self) -> Result<Audience, DriveError> {
        match &mut self.form {
            Form::Live(direct) => Ok(direct.open(&self.response).await),
            Form::Kept(kept) => {
                let at = self.ports.clock.now();
                self.response = kept.open(&self.response, at)?;
                Ok(Audience::There)
            }
        }
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
        let ended = ending.then(|| Event::Ended(Arc::clone(&self.response)));
        if let Form::Kept(kept) = &mut self.form {
            events.extend(ended);
            kept.window.push(events);
            kept.settle();
            if ending || marks_a_step {
                self.write(run).await?;
            }
            return Ok(Audience::There);
        }
        if ending || marks_a_step {
            self.write(run).await?;
        }
        if ending || self.response.spec.storage == Storage::Stored {
            self.publish(run);
        }
        if ending {
            // Whoever reads of the end may go on from it at once.
            self.attached = None;
        }
        events.extend(ended);
        self.tell(run, events).await
    }

    /// When something is to be written though the run takes no step.
    pub(crate) fn due(&self) -> Option<Instant> {
        match &self.form {
            Form::Live(direct) if self.response.spec.storage == Storage::Stored => direct.due,
            Form::Live(_) => None,
            Form::Kept(kept) => kept.due(),
        }
    }

    /// Writes what is due.
    pub(crate) async fn write_due(&mut self, run: &Run) -> Result<(), DriveError> {
        if let Form::Kept(_) = &self.form {
            return self.flush(run).await;
        }
        self.response = Arc::new(self.snapshot(run, self.ports.clock.now()));
        self.write(run).await?;
        self.publish(run);
        Ok(())
    }

    /// Tells of what belongs to no step.
    pub(crate) async fn tell(
        &mut self,
        run: &Run,
        events: Vec<Event>,
    ) -> Result<Audience, DriveError> {
        match &mut self.form {
            Form::Live(direct) => Ok(direct.tell(events).await),
            Form::Kept(kept) => {
                kept.window.push(events);
                if kept.window.is_due() {
                    self.flush(run).await?;
                }
                Ok(Audience::There)
            }
        }
    }

    /// Writes the window. The first time the whole response is written with it, because it has begun.
    async fn flush(&mut self, run: &Run) -> Result<(), DriveError> {
        let Form::Kept(kept) = &mut self.form else {
            return Ok(());
        };
        if kept.is_begun() {
            return kept.append(&self.ports).await;
        }
        self.response = Arc::new(self.snapshot(run, self.ports.clock.now()));
        self.write(run).await
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
        self.end_elsewhere(Arc::clone(&self.response)).await
    }

    /// Tells the reader of an ending that this run did not write.
    pub(crate) async fn end_elsewhere(&mut self, ended: Arc<Response>) -> Arc<Response> {
        self.response = Arc::clone(&ended);
        if let Form::Live(direct) = &mut self.form {
            // Whether anybody still reads changes nothing.
            direct.tell(vec![Event::Ended(Arc::clone(&ended))]).await;
        }
        ended
    }

    fn snapshot(&self, run: &Run, at: Timestamp) -> Response {
        let mut response = Response::clone(&self.response);
        response.progress = run.progress().clone();
        response.times.updated = at;
        response
    }

    fn publish(&self, run: &Run) {
        let mut state = self.live.state();
        state.response = Arc::clone(&self.response);
        let known = state.items.len();
        state.items.extend(run.items().iter().skip(known).cloned());
    }

    async fn write(&mut self, run: &Run) -> Result<(), DriveError> {
        if self.response.spec.storage == Storage::Passing {
            return Ok(());
        }
        let (guard, checkpoint, log) = match &mut self.form {
            Form::Live(_) => (self.guard(), None, Append::default()),
            Form::Kept(kept) => (
                Guard::Leased(kept.lease),
                run.checkpoint(),
                kept.take_window(),
            ),
        };
        let changed = run.progress().executions.iter().skip(self.executions);
        let told = log.events.len();
        let work = UnitOfWork {
            guard,
            response: Arc::clone(&self.response),
            items: run.items().iter().skip(self.items).cloned().collect(),
            executions: changed.cloned().collect(),
            checkpoint,
            log,
        };
        commit(&self.ports, work).await?;
        match &mut self.form {
            Form::Live(direct) => direct.due = None,
            Form::Kept(kept) => kept.wrote(&self.ports, told),
        }
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

    fn guard(&self) -> Guard {
        match self.live.state().row {
            Row::Absent => Guard::New(self.ports.worker),
            Row::Present => Guard::Held(self.ports.worker),
        }
    }
}
