//! How long a model may repair what it got wrong: the same fault so many turns in a row ends the run.

use std::sync::Arc;

use super::{CallState, PendingCall};
use crate::failure::{Failure, FailureCode};
use crate::tool::Verdict;

/// The faults of the last turn, each with the number of turns it has come in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Streak(pub Vec<(Fault, u8)>);

/// What makes two faults the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The model said nothing.
    EmptyTurn,
    /// A call came back with a complaint.
    Complaint {
        /// Of which kind.
        verdict: Verdict,
        /// The tool, as the model named it.
        tool: Arc<str>,
        /// What the model read.
        text: Arc<str>,
    },
}

impl Streak {
    /// Counts a turn without text or call; the failure when it was one too many.
    pub(super) fn empty_turn(&mut self, repairs: u8) -> Option<Failure> {
        self.count(vec![Fault::EmptyTurn], repairs)
    }

    /// Counts a round that is over; the failure when one of its faults came too often in a row. Many
    /// faults of one round count once, because the model has not read of them in between, and a
    /// success among them ends every row.
    pub(super) fn round(&mut self, calls: &[PendingCall], repairs: u8) -> Option<Failure> {
        let mut faults = Vec::new();
        for PendingCall { call, state } in calls {
            let CallState::Returned(reply) = state else {
                continue;
            };
            match reply.verdict {
                Verdict::Done => {
                    self.0.clear();
                    return None;
                }
                Verdict::OutcomeUnknown | Verdict::TooManyCalls | Verdict::Denied => {}
                Verdict::ToolSaysError | Verdict::BadArguments | Verdict::UnknownTool => {
                    faults.push(Fault::Complaint {
                        verdict: reply.verdict,
                        tool: Arc::clone(&call.name),
                        text: Arc::clone(&reply.text),
                    });
                }
            }
        }
        if faults.is_empty() {
            return None;
        }
        self.count(faults, repairs)
    }

    fn count(&mut self, faults: Vec<Fault>, repairs: u8) -> Option<Failure> {
        let before = std::mem::take(&mut self.0);
        let times_before = |fault: &Fault| {
            let known = before.iter().find(|(known, _)| known == fault);
            known.map_or(0, |(_, times)| *times)
        };
        self.0 = faults
            .into_iter()
            .map(|fault| {
                let times = times_before(&fault).saturating_add(1);
                (fault, times)
            })
            .collect();
        self.0
            .iter()
            .find(|(_, times)| *times >= repairs)
            .map(|(fault, times)| fault.failure(*times))
    }
}

impl Fault {
    fn failure(&self, times: u8) -> Failure {
        let (code, what) = match self {
            Self::EmptyTurn => (
                FailureCode::InvalidModelOutput,
                "the model answered with neither text nor a tool call".to_owned(),
            ),
            Self::Complaint { verdict, tool, .. } => match verdict {
                Verdict::ToolSaysError => (
                    FailureCode::ToolExecutionFailed,
                    format!("the tool `{tool}` failed in the same way"),
                ),
                Verdict::UnknownTool => (
                    FailureCode::InvalidModelOutput,
                    format!("the model asked for the unknown tool `{tool}`"),
                ),
                Verdict::BadArguments
                | Verdict::Done
                | Verdict::TooManyCalls
                | Verdict::Denied
                | Verdict::OutcomeUnknown => (
                    FailureCode::InvalidModelOutput,
                    format!("the model called `{tool}` with unfit arguments"),
                ),
            },
        };
        Failure::new(code, format!("{what}, {times} times in a row"))
    }
}
