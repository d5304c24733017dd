//! One round of tool calls: which may run, what comes back, and what the model gets to read of it.

use std::sync::Arc;
use std::time::Duration;

use super::advance::is_callers;
use super::limits::{cut, narrow};
use super::{
    Advance, CallOutcome, CallReturn, CallState, Closing, Moment, Next, Outcome, PendingCall,
    Phase, Run,
};
use crate::event::Event;
use crate::execution::{Execution, ExecutionState};
use crate::failure::{Failure, FailureCode};
use crate::id::{ExecutionId, ItemId};
use crate::item::{
    FunctionCall, FunctionCallOutput, Item, ItemBody, ItemStatus, OutputVerdict, Runner,
};
use crate::json::Json;
use crate::ports::tools::ToolErrorKind;
use crate::spec::ToolFailure;
use crate::tool::{self, ToolCall, ToolHome, ToolReply, ToolSpec, Verdict};

const LIMIT_REACHED: &str = "The limit of tool calls is reached. Answer now with what you have.";

impl Run {
    /// Begins a round: what can run is recorded as started before it leaves, what cannot is refused.
    /// What is settled already goes with it.
    pub(super) fn begin_calls(
        &mut self,
        calls: Vec<FunctionCall>,
        settled: Vec<PendingCall>,
        mut now: Moment,
    ) -> Advance {
        let depth = self.progress.rounds;
        let mut leaving = Vec::new();
        let mut pending = Vec::with_capacity(calls.len());
        for (place, call) in calls.into_iter().enumerate() {
            let state = match self.admit(place, leaving.len(), &call) {
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
                Admission::Refused(reply) => self.refuse(&call, reply, depth, &mut now),
            };
            pending.push(PendingCall { call, state });
        }
        pending.extend(settled);
        self.phase = Phase::Calls(pending);
        if leaving.is_empty() {
            return self.settle(now);
        }
        now.then(Next::CallTools(leaving))
    }

    /// Answers the calls of tool servers with a refusal, because the limit is reached, and asks for the last
    /// answer; calls of the caller end the turn.
    pub(super) fn refuse_calls(&mut self, calls: Vec<FunctionCall>, mut now: Moment) -> Advance {
        let depth = self.progress.rounds.saturating_add(1);
        let mut pending = Vec::with_capacity(calls.len());
        for call in calls {
            let state = if is_callers(&call) {
                CallState::Callers
            } else {
                let reply = ToolReply::complaint(Verdict::TooManyCalls, LIMIT_REACHED);
                self.refuse(&call, reply, depth, &mut now)
            };
            pending.push(PendingCall { call, state });
        }
        let for_caller = has_callers(&pending);
        self.append_outputs(pending);
        if for_caller {
            return self.end(Outcome::Completed, now);
        }
        self.call_model(now)
    }

    /// What becomes of the call at this place of its round, when so many of the round leave already.
    fn admit(&mut self, place: usize, leaving: usize, call: &FunctionCall) -> Admission {
        if is_callers(call) {
            return Admission::Callers;
        }
        // Whose it is was decided when it was opened, or by its caller: limits that were reached since then
        // have words of their own.
        let known = tool::find(&self.tools, &call.name);
        let Some(tool) = known.filter(|tool| is_run_by(tool, &call.runner)).cloned() else {
            return Admission::Refused(self.no_such_tool(&call.name));
        };
        if place >= self.rules.calls_per_round {
            let most = self.rules.calls_per_round;
            let text = format!("Not called: at most {most} tools can be called at once.");
            return Admission::Refused(ToolReply::complaint(Verdict::TooManyCalls, text));
        }
        if self.calls_left().is_some_and(|left| leaving >= left) {
            self.closing = Closing::LastAnswer;
            let reply = ToolReply::complaint(Verdict::TooManyCalls, LIMIT_REACHED);
            return Admission::Refused(reply);
        }
        match arguments(&call.arguments) {
            Ok(arguments) => Admission::Run(tool, arguments),
            Err(reply) => Admission::Refused(reply),
        }
    }

    /// How many more calls of tool servers the request allows, when it says so; calls of this round, which
    /// are on record as they leave, come on top.
    fn calls_left(&self) -> Option<usize> {
        let most = usize::try_from(self.spec.max_tool_calls?).unwrap_or(usize::MAX);
        let earlier = |it: &&Arc<Execution>| it.server.is_some() && it.turn != self.turn;
        let made = self.progress.executions.iter().filter(earlier).count();
        Some(most.saturating_sub(made))
    }

    fn no_such_tool(&self, name: &str) -> ToolReply {
        let callable = self.callable();
        let names: Vec<&str> = callable.iter().map(|tool| &*tool.name).collect();
        let text = if names.is_empty() {
            format!("There is no tool `{name}`: no tools are available.")
        } else {
            let names = names.join(", ");
            format!("There is no tool `{name}`. Available tools: {names}.")
        };
        ToolReply::complaint(Verdict::UnknownTool, text)
    }

    fn refuse(
        &mut self,
        call: &FunctionCall,
        reply: ToolReply,
        depth: u16,
        now: &mut Moment,
    ) -> CallState {
        let id = self.record_start(call, None, depth, now).id;
        let state = ExecutionState::Failed(Arc::clone(&reply.text));
        self.conclude(id, state, None, now);
        CallState::Returned(reply)
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
        let site = self.site(call);
        let execution = Arc::new(Execution {
            id: ExecutionId::new(self.response.raw(), ordinal),
            tool: tool.map_or_else(|| Arc::clone(&call.name), |tool| Arc::clone(&tool.name)),
            server,
            input: Arc::clone(&call.arguments),
            turn: self.turn,
            depth,
            state: ExecutionState::Started,
            started_at: now.at,
            duration: None,
            site,
        });
        self.progress.executions.push(Arc::clone(&execution));
        now.tell(Event::CallStarted(Arc::clone(&execution)));
        execution
    }

    /// Takes what came of one call.
    pub(super) fn call_returned(&mut self, returned: CallReturn, mut now: Moment) -> Advance {
        let CallReturn {
            execution,
            outcome,
            took,
        } = returned;
        let (state, reply, failed) = match outcome {
            CallOutcome::Replied(reply) => (state_after(&reply), reply, None),
            CallOutcome::Failed { kind, message } => {
                let text: Arc<str> = message.into();
                let state = match kind {
                    ToolErrorKind::Timeout => ExecutionState::TimedOut,
                    ToolErrorKind::Unavailable
                    | ToolErrorKind::Unauthorized
                    | ToolErrorKind::Protocol => ExecutionState::Failed(Arc::clone(&text)),
                };
                let reply = ToolReply::complaint(Verdict::ToolSaysError, Arc::clone(&text));
                (state, reply, Some((kind, text)))
            }
        };
        let tool = self.conclude(execution, state, Some(took), &mut now);
        self.set_returned(execution, reply);
        match (failed, self.rules.tool_failure) {
            (Some((kind, message)), ToolFailure::Fail) => {
                self.end(Outcome::Failed(failure(kind, &tool, &message)), now)
            }
            (Some(_), ToolFailure::Report) | (None, _) => self.settle(now),
        }
    }

    /// Puts the end of an execution on record, tells of it, and answers the tool's name. `took` is how
    /// long the call itself took; a call that waited for its turn began later than its round.
    pub(super) fn conclude(
        &mut self,
        id: ExecutionId,
        state: ExecutionState,
        took: Option<Duration>,
        now: &mut Moment,
    ) -> Arc<str> {
        let executions = &mut self.progress.executions;
        let Some(slot) = executions.iter_mut().rfind(|execution| execution.id == id) else {
            return Arc::from("");
        };
        let started_at = took.map_or(slot.started_at, |took| {
            now.at.before(took).max(slot.started_at)
        });
        *slot = Arc::new(Execution {
            state,
            started_at,
            duration: Some(now.at.since(started_at)),
            ..Execution::clone(slot)
        });
        now.tell(Event::CallReturned(Arc::clone(slot)));
        Arc::clone(&slot.tool)
    }

    pub(super) fn set_returned(&mut self, id: ExecutionId, reply: ToolReply) {
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
        let for_caller = has_callers(&calls);
        let spent = self.streak.round(&calls, self.rules.repairs);
        self.append_outputs(calls);
        if let Some(failure) = spent {
            return self.end(Outcome::Failed(failure), now);
        }
        if for_caller {
            return self.end(Outcome::Completed, now);
        }
        self.call_model(now)
    }

    fn append_outputs(&mut self, calls: Vec<PendingCall>) {
        let most = self.rules.result_bytes(self.context_tokens, calls.len());
        for PendingCall { call, state } in calls {
            let CallState::Returned(reply) = state else {
                continue;
            };
            let output = FunctionCallOutput {
                verdict: match reply.verdict {
                    Verdict::Done => OutputVerdict::Result,
                    _ => OutputVerdict::Complaint,
                },
                ..FunctionCallOutput::text(call.call_id, cut(&reply.text, most))
            };
            self.own.push(Arc::new(Item {
                id: ItemId::new(self.response.raw(), narrow(self.own.len())),
                turn: self.turn,
                status: ItemStatus::Completed,
                body: ItemBody::FunctionCallOutput(output),
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
                self.conclude(call.execution, ExecutionState::Cancelled, None, now);
            }
        }
        self.append_outputs(calls);
    }
}

/// Whether it is this tool that the call is for. Another one may have the name by now: a leave that was given
/// for one server holds for no other.
fn is_run_by(tool: &ToolSpec, runner: &Runner) -> bool {
    match runner {
        Runner::Server(at) => tool.server_tool().as_ref() == Some(&**at),
        Runner::Caller | Runner::Asks(_) | Runner::Nobody => false,
    }
}

fn has_callers(calls: &[PendingCall]) -> bool {
    calls
        .iter()
        .any(|pending| pending.state == CallState::Callers)
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

/// The arguments, when they are a JSON object.
fn arguments(text: &str) -> Result<Json, ToolReply> {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text)
        .and_then(|_object| Json::from_text(text.to_owned()))
        .map_err(|error| {
            // Without the place of the fault: the same fault is to read the same each time.
            let error = error.to_string();
            let what = error.split(" at line ").next().unwrap_or_default();
            let text = format!("The arguments are not a JSON object: {what}.");
            ToolReply::complaint(Verdict::BadArguments, text)
        })
}

fn state_after(reply: &ToolReply) -> ExecutionState {
    match reply.verdict {
        Verdict::Done => ExecutionState::Completed(Arc::clone(&reply.text)),
        Verdict::OutcomeUnknown => ExecutionState::Unknown,
        Verdict::ToolSaysError
        | Verdict::BadArguments
        | Verdict::UnknownTool
        | Verdict::Denied
        | Verdict::TooManyCalls => ExecutionState::Failed(Arc::clone(&reply.text)),
    }
}

/// The failure of a run whose tool server could not answer a call.
fn failure(kind: ToolErrorKind, tool: &str, message: &str) -> Failure {
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
