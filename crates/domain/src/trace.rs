//! What a response did, in order of time, read off what is kept of it.

use std::sync::Arc;

use crate::execution::Execution;
use crate::response::{Response, Turn};
use crate::status::Status;
use crate::time::Timestamp;

/// One line of the trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub step: Step,
}

/// The steps a trace knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The response was accepted.
    Created,
    /// It was put into the queue.
    Queued,
    /// A process took it up.
    Started,
    /// The model answered; at the moment its answer was complete.
    ModelAnswered(Arc<Turn>),
    /// A tool was called.
    ToolCalled(Arc<Execution>),
    /// A tool call ended.
    ToolReturned(Arc<Execution>),
    /// The response ended so.
    Ended(Status),
}

impl Response {
    /// Its trace. Steps of the same microsecond keep the order in which they follow from each other.
    pub fn trace(&self) -> Vec<TraceEntry> {
        let times = &self.times;
        let entry = |at, step| TraceEntry { at, step };
        let mut trace = vec![entry(times.created, Step::Created)];
        trace.extend(times.queued.map(|at| entry(at, Step::Queued)));
        trace.extend(times.started.map(|at| entry(at, Step::Started)));
        let turns = &self.progress.turns;
        // Calls that waited for leave are made before any turn.
        let is_allowed = |call: &Execution| turns.iter().all(|turn| turn.number != call.turn);
        trace.extend(self.calls(is_allowed));
        for turn in turns {
            trace.push(entry(turn.ended_at, Step::ModelAnswered(Arc::clone(turn))));
            trace.extend(self.calls(|call| call.turn == turn.number));
        }
        if let Some(at) = times.ended {
            trace.push(entry(at, Step::Ended(self.status().clone())));
        }
        trace.sort_by_key(|entry| entry.at);
        trace
    }

    /// The calls that fit: first that they were made, then that they returned.
    fn calls(&self, fits: impl Fn(&Execution) -> bool) -> impl Iterator<Item = TraceEntry> {
        let round: Vec<_> = self
            .progress
            .executions
            .iter()
            .filter(|call| fits(call))
            .cloned()
            .collect();
        let called = round.clone().into_iter().map(|execution| TraceEntry {
            at: execution.started_at,
            step: Step::ToolCalled(execution),
        });
        let returned = round.into_iter().filter_map(|execution| {
            let at = execution.started_at.after(execution.duration?);
            let step = Step::ToolReturned(execution);
            Some(TraceEntry { at, step })
        });
        called.chain(returned)
    }
}
