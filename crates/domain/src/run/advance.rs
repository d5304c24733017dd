//! One input in, events and one next step out. The table of phases and inputs is this match; an
//! input that a phase does not take changes nothing.

use std::sync::Arc;
use std::time::Duration;

use super::limits::FaultSign;
use super::{
    Advance, Answer, CallOutcome, CallReturn, CallState, Closing, IllegalInput, Input, Moment,
    Next, Outcome, Phase, Run, Stop, Toolbox, transcript,
};
use crate::event::Event;
use crate::execution::{Execution, ExecutionState};
use crate::failure::{Failure, FailureCode};
use crate::id::ExecutionId;
use crate::item::{FunctionCall, ItemBody};
use crate::ports::llm::{ModelTurn, TurnMode};
use crate::response::{Finish, Turn};
use crate::spec::{Delivery, OnMaxDepth, ToolChoice, ToolFailure, ToolSelection};
use crate::status::IncompleteReason;
use crate::time::Timestamp;
use crate::tool::ToolSpec;

impl Run {
    /// Takes one thing that happened at `at`. A refused input changes nothing.
    pub fn advance(&mut self, input: Input, at: Timestamp) -> Result<Advance, IllegalInput> {
        let now = Moment::new(at);
        match (&self.phase, input) {
            (Phase::New | Phase::Tools, Input::TakenUp) => {
                self.phase = Phase::Tools;
                Ok(now.then(Next::ListTools))
            }
            (Phase::Model, Input::TakenUp) => Ok(self.call_model(now)),
            (Phase::Calls(_), Input::TakenUp) => Ok(self.take_up_calls(now)),
            (
                Phase::Ended(outcome),
                Input::TakenUp | Input::DeadlineReached | Input::Stopped(_),
            ) => Ok(now.then(Next::Stop(outcome.clone()))),
            (Phase::Tools, Input::ToolsListed(listed)) => Ok(self.tools_listed(listed, now)),
            (Phase::Model, Input::ModelAnswered(Ok(answer))) => {
                Ok(self.model_answered(answer, now))
            }
            (Phase::Model, Input::ModelAnswered(Err(failure))) => {
                Ok(self.end(Outcome::Failed(failure), now))
            }
            (Phase::Calls(calls), Input::CallReturned(returned))
                if is_under_way(calls, returned.execution) =>
            {
                Ok(self.call_returned(returned, now))
            }
            (_, Input::DeadlineReached) => Ok(self.end(Outcome::Failed(past_deadline()), now)),
            (_, Input::Stopped(Stop::ByCaller)) => Ok(self.end(Outcome::Cancelled, now)),
            (_, Input::Stopped(Stop::ByShutdown)) => {
                Ok(self.end(Outcome::Failed(interrupted()), now))
            }
            (phase, input) => Err(IllegalInput {
                phase: phase.name(),
                input: input.name(),
            }),
        }
    }

    fn tools_listed(&mut self, listed: Result<Toolbox, Failure>, now: Moment) -> Advance {
        match listed {
            Ok(Toolbox {
                tools,
                context_tokens,
            }) => {
                self.tools = select(&self.spec.tools, &tools);
                self.context_tokens = context_tokens;
                self.call_model(now)
            }
            Err(failure) => self.end(Outcome::Failed(failure), now),
        }
    }

    /// Asks the model for the next turn.
    pub(super) fn call_model(&mut self, now: Moment) -> Advance {
        self.phase = Phase::Model;
        self.turn_started = now.at;
        let choice = match (self.closing, self.progress.rounds) {
            (Closing::LastAnswer, _) => ToolChoice::None,
            (Closing::No, 0) => self.spec.tool_choice.clone(),
            (Closing::No, _) if self.spec.tool_choice == ToolChoice::None => ToolChoice::None,
            (Closing::No, _) => ToolChoice::Auto,
        };
        let budget = transcript::budget(&self.spec, &self.tools, self.context_tokens);
        let turn = ModelTurn {
            spec: Arc::clone(&self.spec),
            transcript: transcript::fit(&self.history, &self.own, budget),
            tools: Arc::clone(&self.tools),
            choice,
            mode: match self.spec.delivery {
                Delivery::Wait => TurnMode::Whole,
                Delivery::Stream | Delivery::Background => TurnMode::Streamed,
            },
        };
        now.then(Next::CallModel(turn))
    }

    fn model_answered(&mut self, answer: Answer, now: Moment) -> Advance {
        let number = self.turn();
        let Answer {
            items,
            finish,
            usage,
            notes,
        } = answer;
        let turn = Turn {
            number,
            started_at: self.turn_started,
            ended_at: now.at,
            finish,
            usage,
            notes,
        };
        self.progress.turns.push(Arc::new(turn));
        if let Some(usage) = usage {
            *self.progress.usage.get_or_insert_default() += usage;
        }
        let calls: Vec<FunctionCall> = items
            .iter()
            .filter_map(|item| item.as_call().cloned())
            .collect();
        let says_nothing = !items.iter().any(|item| item.says_something());
        self.own.extend(items);
        match finish {
            Finish::ContentFilter => {
                self.end(Outcome::Incomplete(IncompleteReason::ContentFilter), now)
            }
            Finish::Length => self.end(Outcome::Incomplete(IncompleteReason::OutputTokens), now),
            Finish::Stop | Finish::ToolCalls if !calls.is_empty() => self.calls_wanted(calls, now),
            Finish::Stop | Finish::ToolCalls if says_nothing => self.empty_turn(now),
            Finish::Stop | Finish::ToolCalls => self.end(Outcome::Completed, now),
        }
    }

    fn empty_turn(&mut self, now: Moment) -> Advance {
        if self
            .streak
            .fault(FaultSign::EmptyTurn, &Arc::from(""), self.rules.repairs)
        {
            let message = "the model answered with neither text nor a tool call, again and again";
            let failure = Failure::new(FailureCode::InvalidModelOutput, message);
            return self.end(Outcome::Failed(failure), now);
        }
        self.call_model(now)
    }

    fn calls_wanted(&mut self, calls: Vec<FunctionCall>, now: Moment) -> Advance {
        if self.closing == Closing::LastAnswer {
            return self.end(Outcome::Incomplete(IncompleteReason::ToolDepth), now);
        }
        if self.progress.rounds >= self.rules.rounds {
            return match self.rules.on_max_depth {
                OnMaxDepth::Fail => self.end(Outcome::Incomplete(IncompleteReason::ToolDepth), now),
                OnMaxDepth::Answer => {
                    self.closing = Closing::LastAnswer;
                    self.refuse_calls(calls, now)
                }
            };
        }
        if self.progress.executions.len().saturating_add(calls.len()) > self.rules.calls {
            return self.end(Outcome::Incomplete(IncompleteReason::ToolCalls), now);
        }
        self.progress.rounds = self.progress.rounds.saturating_add(1);
        self.begin_calls(calls, now)
    }

    fn call_returned(&mut self, returned: CallReturn, mut now: Moment) -> Advance {
        let CallReturn { execution: id, outcome, took } = returned;
        self.set_took(id, took, now.at);
        match outcome {
            CallOutcome::Replied(reply) => self.record_reply(id, reply, &mut now),
            CallOutcome::Failed { kind, message } => {
                let tool = self.record_failure(id, kind, &message, &mut now);
                if self.rules.tool_failure == ToolFailure::Fail {
                    let failure = super::calls::failure(kind, &tool, &message);
                    return self.end(Outcome::Failed(failure), now);
                }
            }
        }
        self.settle(now)
    }

    /// Ends the run: what is still under way is recorded as cancelled, what came back is kept.
    pub(super) fn end(&mut self, outcome: Outcome, mut now: Moment) -> Advance {
        self.close_calls(&mut now);
        self.progress.output = match outcome {
            Outcome::Completed | Outcome::Incomplete(_) | Outcome::Cancelled => self.last_text(),
            Outcome::Failed(_) => None,
        };
        self.phase = Phase::Ended(outcome.clone());
        now.then(Next::Stop(outcome))
    }

    /// The text of the last turn that wrote anything, unless that turn asked for tools of ours.
    fn last_text(&self) -> Option<Arc<str>> {
        let turn = self.own.last().filter(|item| item.turn > 0)?.turn;
        let mut texts = self
            .own
            .iter()
            .filter(|item| item.turn == turn)
            .filter_map(|item| match &item.body {
                ItemBody::Message(message) => Some(message.joined_text()),
                ItemBody::Reasoning(_)
                | ItemBody::FunctionCall(_)
                | ItemBody::FunctionCallOutput(_) => None,
            });
        let first = texts.next()?;
        Some(texts.fold(first, |all, next| [&*all, &*next].concat().into()))
    }

    /// A call that waited for its turn began later than its round.
    fn set_took(&mut self, id: ExecutionId, took: Duration, at: Timestamp) {
        if let Some(slot) = self
            .progress
            .executions
            .iter_mut()
            .find(|execution| execution.id == id)
        {
            let started_at = at.before(took).max(slot.started_at);
            *slot = Arc::new(Execution {
                started_at,
                ..Execution::clone(slot)
            });
        }
    }

    /// Puts `state` on an execution and tells of it.
    pub(super) fn set_execution(
        &mut self,
        id: ExecutionId,
        state: ExecutionState,
        now: &mut Moment,
    ) {
        if let Some(slot) = self
            .progress
            .executions
            .iter_mut()
            .find(|execution| execution.id == id)
        {
            let duration = Some(now.at.since(slot.started_at));
            let ended = Arc::new(Execution {
                state,
                duration,
                ..Execution::clone(slot)
            });
            *slot = Arc::clone(&ended);
            now.tell(Event::CallReturned(ended));
        }
    }
}

fn is_under_way(calls: &[super::PendingCall], id: ExecutionId) -> bool {
    calls.iter().any(
        |pending| matches!(&pending.state, CallState::Started(call, _) if call.execution == id),
    )
}

/// The failure of a run whose process ended before it did.
pub(crate) fn interrupted() -> Failure {
    Failure::new(
        FailureCode::Interrupted,
        "the process that worked on the response ended before it was done",
    )
}

fn past_deadline() -> Failure {
    Failure::new(
        FailureCode::TaskTimeout,
        "the response did not end within the time it is given",
    )
}

/// The tools that are offered, in the caller's words where it has some.
fn select(selection: &ToolSelection, available: &Arc<[Arc<ToolSpec>]>) -> Arc<[Arc<ToolSpec>]> {
    match selection {
        ToolSelection::All => Arc::clone(available),
        ToolSelection::Nothing => Arc::from([]),
        ToolSelection::Only(wanted) => wanted
            .iter()
            .filter_map(|request| {
                let known = available.iter().find(|tool| tool.name == request.name)?;
                if request.description.is_none() && request.parameters.is_none() {
                    return Some(Arc::clone(known));
                }
                let mut tool = ToolSpec::clone(known);
                tool.description = request.description.clone().or(tool.description);
                tool.parameters = request.parameters.clone().unwrap_or(tool.parameters);
                Some(Arc::new(tool))
            })
            .collect(),
    }
}

impl Phase {
    const fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Tools => "tools",
            Self::Model => "model",
            Self::Calls(_) => "calls",
            Self::Ended(_) => "ended",
        }
    }
}

impl Input {
    const fn name(&self) -> &'static str {
        match self {
            Self::TakenUp => "taken up",
            Self::ToolsListed(_) => "tools listed",
            Self::ModelAnswered(_) => "model answered",
            Self::CallReturned(_) => "call returned",
            Self::DeadlineReached => "deadline",
            Self::Stopped(_) => "stopped",
        }
    }
}
