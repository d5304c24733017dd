//! One round of tool calls: which may run, what comes back, and what the model gets to read of it.

use std::sync::Arc;
use std::time::Duration;

use super::limits::{FaultSign, cut, narrow};
use super::{Advance, CallState, Moment, Next, Outcome, PendingCall, Phase, Run};
use crate::event::Event;
use crate::execution::{Execution, ExecutionState};
use crate::failure::{Failure, FailureCode};
use crate::id::{ExecutionId, ItemId};
use crate::item::{FunctionCall, FunctionCallOutput, Item, ItemBody, ItemStatus};
use crate::json::Json;
use crate::ports::tools::ToolErrorKind;
use crate::tool::{self, ToolCall, ToolHome, ToolReply, ToolSpec, Verdict};

impl Run {
    /// Begins a round: what can run is recorded as started before it leaves, what cannot is refused.
    pub(super) fn begin_calls(&mut self, calls: Vec<FunctionCall>, mut now: Moment) -> Advance {
        let depth = self.progress.rounds;
        let mut leaving = Vec::new();
        let mut pending = Vec::with_capacity(calls.len());
        for (place, call) in calls.into_iter().enumerate() {
            let state = match self.admit(place, &call) {
                Admission::Callers => CallState::Callers,
                Admission::Run(tool, arguments) => {
                    let execution = self.record_start(&call, Some(&tool), depth, &mut now);
                    let tool_call = ToolCall {
                        execution: execution.id,
                        tool,
                        arguments,
                    };
                    leaving.push(tool_call.clone());
                    CallState::Started(tool_call, execution)
                }
                Admission::Refused(reply) => {
                    let id = self.record_start(&call, None, depth, &mut now).id;
                    self.set_execution(
                        id,
                        ExecutionState::Failed(Arc::clone(&reply.text)),
                        &mut now,
                    );
                    CallState::Returned(reply)
                }
            };
            pending.push(PendingCall { call, state });
        }
        self.phase = Phase::Calls(pending);
        if leaving.is_empty() {
            return self.settle(now);
        }
        now.then(Next::CallTools(leaving))
    }

    /// Answers every call with a refusal, because the limit is reached, and asks for the last answer.
    pub(super) fn refuse_calls(&mut self, calls: Vec<FunctionCall>, mut now: Moment) -> Advance {
        let depth = self.progress.rounds.saturating_add(1);
        let text: Arc<str> =
            "The limit of tool calls is reached. Answer now with what you have.".into();
        let mut pending = Vec::with_capacity(calls.len());
        for call in calls {
            let id = self.record_start(&call, None, depth, &mut now).id;
            self.set_execution(id, ExecutionState::Failed(Arc::clone(&text)), &mut now);
            let reply = ToolReply::complaint(Verdict::TooManyCalls, Arc::clone(&text));
            pending.push(PendingCall {
                call,
                state: CallState::Returned(reply),
            });
        }
        self.append_outputs(pending);
        self.call_model(now)
    }

    fn admit(&self, place: usize, call: &FunctionCall) -> Admission {
        let Some(tool) = tool::find(&self.tools, &call.name) else {
            let names: Vec<&str> = self.tools.iter().map(|tool| &*tool.name).collect();
            let text = if names.is_empty() {
                format!("There is no tool `{}`: no tools are available.", call.name)
            } else {
                format!(
                    "There is no tool `{}`. Available tools: {}.",
                    call.name,
                    names.join(", ")
                )
            };
            return Admission::Refused(ToolReply::complaint(Verdict::UnknownTool, text));
        };
        if tool.home == ToolHome::Caller {
            return Admission::Callers;
        }
        if place >= self.rules.calls_per_round {
            let most = self.rules.calls_per_round;
            let text = format!("Not called: at most {most} tools can be called at once.");
            return Admission::Refused(ToolReply::complaint(Verdict::TooManyCalls, text));
        }
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&call.arguments) {
            Ok(_) => match Json::from_text(call.arguments.trim().to_owned()) {
                Ok(arguments) => Admission::Run(Arc::clone(tool), arguments),
                Err(error) => Admission::Refused(bad_arguments(&error)),
            },
            Err(error) => Admission::Refused(bad_arguments(&error)),
        }
    }

    fn record_start(
        &mut self,
        call: &FunctionCall,
        tool: Option<&ToolSpec>,
        depth: u16,
        now: &mut Moment,
    ) -> Arc<Execution> {
        let ordinal = narrow(self.progress.executions.len());
        let server = tool.and_then(|tool| match &tool.home {
            ToolHome::Server { label, .. } => Some(Arc::clone(label)),
            ToolHome::Caller => None,
        });
        let execution = Arc::new(Execution {
            id: ExecutionId::new(self.response.raw(), ordinal),
            tool: tool.map_or_else(|| Arc::clone(&call.name), |tool| Arc::clone(&tool.name)),
            server,
            input: Arc::clone(&call.arguments),
            turn: narrow_turn(self.progress.turns.len()),
            depth,
            state: ExecutionState::Started,
            started_at: now.at,
            duration: None,
        });
        self.progress.executions.push(Arc::clone(&execution));
        now.tell(Event::CallStarted(Arc::clone(&execution)));
        execution
    }

    /// Records what a tool answered.
    pub(super) fn record_reply(&mut self, id: ExecutionId, reply: ToolReply, now: &mut Moment) {
        let state = match reply.verdict {
            Verdict::Done => ExecutionState::Completed(Arc::clone(&reply.text)),
            Verdict::OutcomeUnknown => ExecutionState::Unknown,
            Verdict::ToolSaysError
            | Verdict::BadArguments
            | Verdict::UnknownTool
            | Verdict::TooManyCalls => ExecutionState::Failed(Arc::clone(&reply.text)),
        };
        self.set_execution(id, state, now);
        self.set_returned(id, reply);
    }

    /// Records that a tool server could not answer, and answers the tool's name.
    pub(super) fn record_failure(
        &mut self,
        id: ExecutionId,
        kind: ToolErrorKind,
        message: &str,
        now: &mut Moment,
    ) -> Arc<str> {
        let state = match kind {
            ToolErrorKind::Timeout => ExecutionState::TimedOut,
            _ => ExecutionState::Failed(message.into()),
        };
        self.set_execution(id, state, now);
        self.set_returned(id, ToolReply::complaint(Verdict::ToolSaysError, message));
        let failed = self
            .progress
            .executions
            .iter()
            .find(|execution| execution.id == id);
        failed.map_or_else(|| Arc::from(""), |execution| Arc::clone(&execution.tool))
    }

    fn set_returned(&mut self, id: ExecutionId, reply: ToolReply) {
        let Phase::Calls(calls) = &mut self.phase else {
            return;
        };
        for pending in calls {
            if matches!(&pending.state, CallState::Started(call, _) if call.execution == id) {
                pending.state = CallState::Returned(reply);
                return;
            }
        }
    }

    /// Goes on when every call is back: to the model, to the caller, or to the end.
    pub(super) fn settle(&mut self, now: Moment) -> Advance {
        let Phase::Calls(calls) = &mut self.phase else {
            return now.then(Next::Wait);
        };
        if calls
            .iter()
            .any(|pending| matches!(pending.state, CallState::Started(..)))
        {
            return now.then(Next::Wait);
        }
        let calls = std::mem::take(calls);
        let for_caller = calls
            .iter()
            .any(|pending| pending.state == CallState::Callers);
        let spent = self.count_faults(&calls);
        self.append_outputs(calls);
        if let Some(failure) = spent {
            return self.end(Outcome::Failed(failure), now);
        }
        if for_caller {
            return self.end(Outcome::Completed, now);
        }
        self.call_model(now)
    }

    /// Counts the faults of a round in the model's order; a failure when one came too often in a row.
    fn count_faults(&mut self, calls: &[PendingCall]) -> Option<Failure> {
        for PendingCall { call, state } in calls {
            let CallState::Returned(reply) = state else {
                continue;
            };
            match reply.verdict {
                Verdict::Done => self.streak.end(),
                Verdict::OutcomeUnknown | Verdict::TooManyCalls => {}
                Verdict::ToolSaysError | Verdict::BadArguments | Verdict::UnknownTool => {
                    let sign = FaultSign::Complaint(reply.verdict, Arc::clone(&reply.text));
                    if self.streak.fault(sign, &call.name, self.rules.repairs) {
                        return Some(repeated_fault(
                            reply.verdict,
                            &call.name,
                            self.rules.repairs,
                        ));
                    }
                }
            }
        }
        None
    }

    fn append_outputs(&mut self, calls: Vec<PendingCall>) {
        let most = self.rules.result_bytes(self.context_tokens);
        let turn = narrow_turn(self.progress.turns.len());
        for PendingCall { call, state } in calls {
            let CallState::Returned(reply) = state else {
                continue;
            };
            let output = FunctionCallOutput {
                call_id: call.call_id,
                output: cut(&reply.text, most),
            };
            let id = ItemId::new(self.response.raw(), narrow(self.own.len()));
            let body = ItemBody::FunctionCallOutput(output);
            self.own.push(Arc::new(Item {
                id,
                turn,
                status: ItemStatus::Completed,
                body,
            }));
        }
    }

    /// Closes a round that will not be finished.
    pub(super) fn close_calls(&mut self, now: &mut Moment) {
        let Phase::Calls(calls) = &mut self.phase else {
            return;
        };
        let calls = std::mem::take(calls);
        for pending in &calls {
            if let CallState::Started(call, _) = &pending.state {
                self.set_execution(call.execution, ExecutionState::Cancelled, now);
            }
        }
        self.append_outputs(calls);
    }
}

/// What becomes of a call before it leaves.
enum Admission {
    /// It leaves.
    Run(Arc<ToolSpec>, Json),
    /// The caller runs it.
    Callers,
    /// It does not leave, and the model reads why.
    Refused(ToolReply),
}

fn bad_arguments(error: &serde_json::Error) -> ToolReply {
    let text = format!("The arguments are not a JSON object: {error}.");
    ToolReply::complaint(Verdict::BadArguments, text)
}

fn repeated_fault(verdict: Verdict, tool: &str, times: u8) -> Failure {
    match verdict {
        Verdict::ToolSaysError => Failure::new(
            FailureCode::ToolExecutionFailed,
            format!("the tool `{tool}` failed in the same way {times} times in a row"),
        ),
        Verdict::UnknownTool => Failure::new(
            FailureCode::InvalidModelOutput,
            format!("the model asked for the unknown tool `{tool}` {times} times in a row"),
        ),
        _ => Failure::new(
            FailureCode::InvalidModelOutput,
            format!("the model called `{tool}` with unfit arguments {times} times in a row"),
        ),
    }
}

/// The failure of a run whose tool server could not answer a call.
pub(super) fn failure(kind: ToolErrorKind, tool: &str, message: &str) -> Failure {
    match kind {
        ToolErrorKind::Timeout => Failure::new(
            FailureCode::ToolTimeout,
            format!("the tool `{tool}` did not answer in time"),
        ),
        ToolErrorKind::Unavailable | ToolErrorKind::Unauthorized | ToolErrorKind::Protocol => {
            Failure::new(
                FailureCode::ToolExecutionFailed,
                format!("the tool `{tool}` could not be run: {message}"),
            )
        }
    }
}

fn narrow_turn(turns: usize) -> u16 {
    u16::try_from(turns).unwrap_or(u16::MAX)
}

impl Execution {
    /// How long it took, in whole milliseconds; 0 while it runs.
    pub fn duration_ms(&self) -> u64 {
        u64::try_from(self.duration.unwrap_or(Duration::ZERO).as_millis()).unwrap_or(u64::MAX)
    }
}
