//! One input in, events and one next step out. The table of phases and inputs is this match; an
//! input that a phase does not take changes nothing.

use std::sync::Arc;

use super::ending::{interrupted, past_deadline};
use super::{
    Advance, Answer, CallState, Closing, IllegalInput, Input, Known, Moment, Next, Outcome,
    PendingCall, Phase, Run, Stop, Toolbox, offer, transcript,
};
use crate::failure::Failure;
use crate::id::ExecutionId;
use crate::item::{FunctionCall, Runner};
use crate::ports::llm::{ModelTurn, TurnMode};
use crate::response::{Finish, Note, Turn};
use crate::spec::{Delivery, OnMaxDepth, ToolFailure, Truncation};
use crate::status::IncompleteReason;
use crate::time::Timestamp;

impl Run {
    /// Takes one thing that happened at `at`. A refused input changes nothing.
    pub fn advance(&mut self, input: Input, at: Timestamp) -> Result<Advance, IllegalInput> {
        let mut now = Moment::new(at);
        match (&self.phase, input) {
            (Phase::New | Phase::Tools, Input::TakenUp) => {
                self.phase = Phase::Tools;
                Ok(now.then(Next::ListTools))
            }
            (Phase::Model, Input::TakenUp) => {
                self.drop_calls(&mut now);
                Ok(self.call_model(now))
            }
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

    fn tools_listed(&mut self, listed: Result<Toolbox, Failure>, mut now: Moment) -> Advance {
        let toolbox = match listed {
            Ok(toolbox) => toolbox,
            Err(failure) => return self.end(Outcome::Failed(failure), now),
        };
        self.tools = offer::select(&self.spec, &toolbox);
        self.listing = Known::Done;
        self.context_tokens = toolbox.context_tokens;
        self.tell_lists(&toolbox, &mut now);
        let unlisted = toolbox.servers.into_iter().find_map(|it| it.tools.err());
        match unlisted.or_else(|| offer::missing(&self.spec, &self.tools)) {
            Some(failure) if self.rules.tool_failure == ToolFailure::Fail => {
                self.end(Outcome::Failed(failure), now)
            }
            Some(_) | None => self.begin_answered(now),
        }
    }

    /// Asks the model for the next turn, when the tools are known.
    pub(super) fn call_model(&mut self, now: Moment) -> Advance {
        if self.listing == Known::Due {
            self.phase = Phase::Tools;
            return now.then(Next::ListTools);
        }
        self.phase = Phase::Model;
        self.turn = self.turn.saturating_add(1);
        self.turn_started = now.at;
        let budget = match self.spec.truncation {
            Truncation::Trim => transcript::budget(&self.spec, &self.tools, self.context_tokens),
            Truncation::Whole => usize::MAX,
        };
        let turn = ModelTurn {
            spec: Arc::clone(&self.spec),
            transcript: transcript::fit(&self.history, &self.own, budget),
            tools: self.in_view(),
            choice: self.choice(),
            mode: match self.spec.delivery {
                Delivery::Wait => TurnMode::Whole,
                Delivery::Stream | Delivery::Background => TurnMode::Streamed,
            },
        };
        now.then(Next::CallModel(turn))
    }

    fn model_answered(&mut self, answer: Answer, now: Moment) -> Advance {
        let Answer {
            items,
            finish,
            usage,
            mut notes,
        } = answer;
        if self.progress.turns.is_empty() {
            notes.splice(0..0, self.spec.unknown_tools.iter().map(ignored));
        }
        self.progress.turns.push(Arc::new(Turn {
            number: self.turn,
            started_at: self.turn_started,
            ended_at: now.at,
            finish,
            usage,
            notes,
        }));
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
        if let Some(failure) = self.streak.empty_turn(self.rules.repairs) {
            return self.end(Outcome::Failed(failure), now);
        }
        self.call_model(now)
    }

    fn calls_wanted(&mut self, calls: Vec<FunctionCall>, now: Moment) -> Advance {
        let ours = calls.iter().filter(|call| !is_callers(call)).count();
        if ours == 0 {
            return self.end(Outcome::Completed, now);
        }
        let at_the_limit = self.progress.rounds >= self.rules.rounds;
        if self.closing == Closing::LastAnswer
            || (at_the_limit && self.rules.on_max_depth == OnMaxDepth::Fail)
        {
            return self.end(Outcome::Incomplete(IncompleteReason::ToolDepth), now);
        }
        if self.progress.executions.len().saturating_add(ours) > self.rules.calls {
            return self.end(Outcome::Incomplete(IncompleteReason::ToolCalls), now);
        }
        if at_the_limit {
            self.closing = Closing::LastAnswer;
            return self.refuse_calls(calls, now);
        }
        self.progress.rounds = self.progress.rounds.saturating_add(1);
        self.begin_calls(calls, Vec::new(), now)
    }
}

/// Whether a call waits for the caller, to be run or to be allowed.
pub(super) fn is_callers(call: &FunctionCall) -> bool {
    match call.runner {
        Runner::Caller | Runner::Asks(_) => true,
        Runner::Server(_) | Runner::Nobody => false,
    }
}

fn ignored(kind: &Arc<str>) -> Note {
    Note {
        code: Arc::from("tool_ignored"),
        detail: Some(Arc::clone(kind)),
    }
}

fn is_under_way(calls: &[PendingCall], id: ExecutionId) -> bool {
    calls.iter().any(
        |pending| matches!(&pending.state, CallState::Started(call, _) if call.execution == id),
    )
}

impl Phase {
    pub(super) const fn name(&self) -> &'static str {
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
