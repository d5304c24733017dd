//! A response: what was asked, where it stands, what came of it.

use std::sync::Arc;

use crate::caller::OwnerId;
use crate::execution::{Execution, ExecutionState};
use crate::failure::Failure;
use crate::id::{ConversationId, ResponseId};
use crate::spec::{Delivery, ResponseSpec};
use crate::status::{Change, IllegalChange, Status};
use crate::time::Timestamp;
use crate::usage::Usage;

/// One response of one owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Its id.
    pub id: ResponseId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What was asked.
    pub spec: Arc<ResponseSpec>,
    /// The conversation it belongs to; none when nothing is stored.
    pub conversation: Option<ConversationId>,
    /// How far its conversation had come when it attached to it; see [`History::seen`]. 0 for a
    /// response that continues another or begins a conversation.
    ///
    /// [`History::seen`]: crate::ports::store::History::seen
    pub seen: u32,
    /// When what happened.
    pub times: Times,
    /// What its run has done so far.
    pub progress: Progress,
    status: Status,
}

/// When a response took its steps; steps not taken have no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// It was accepted.
    pub created: Timestamp,
    /// It was put into the queue; background only.
    pub queued: Option<Timestamp>,
    /// A process took it up.
    pub started: Option<Timestamp>,
    /// It ended, however it did.
    pub ended: Option<Timestamp>,
    /// It was last changed.
    pub updated: Timestamp,
}

/// What a run has done so far. Only grows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The turns of the model, in order.
    pub turns: Vec<Arc<Turn>>,
    /// The tool calls, in the order in which they were asked for.
    pub executions: Vec<Arc<Execution>>,
    /// Rounds of tool calls begun.
    pub rounds: u16,
    /// The sum over all turns that told their usage; none when none did.
    pub usage: Option<Usage>,
    /// The text of the final answer.
    pub output: Option<Arc<str>>,
}

/// One answer of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its number, from 1.
    pub number: u16,
    /// When the model was asked.
    pub started_at: Timestamp,
    /// When its answer was complete.
    pub ended_at: Timestamp,
    /// Why it stopped.
    pub finish: Finish,
    /// Its tokens, when the server told.
    pub usage: Option<Usage>,
    /// What had to be put right in it.
    pub notes: Vec<Note>,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It wants tools.
    ToolCalls,
    /// Its tokens ran out.
    Length,
    /// A filter stopped it.
    ContentFilter,
}

impl Finish {
    /// Every way to finish.
    pub const ALL: &[Self] = &[
        Self::Stop,
        Self::ToolCalls,
        Self::Length,
        Self::ContentFilter,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
        }
    }

    /// The finish of this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|finish| finish.as_str() == text)
    }
}

/// Something odd that an upstream did and an adapter put right; kept so that an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it was, in snake case.
    pub code: Arc<str>,
    /// More about it, for a person.
    pub detail: Option<Arc<str>>,
}

impl Response {
    /// A response just accepted: in the queue when it runs in the background, otherwise in progress.
    pub fn accept(
        id: ResponseId,
        owner: OwnerId,
        spec: Arc<ResponseSpec>,
        conversation: Option<ConversationId>,
        at: Timestamp,
    ) -> Self {
        let (status, queued, started) = match spec.delivery {
            Delivery::Background => (Status::Queued, Some(at), None),
            Delivery::Wait | Delivery::Stream => (Status::InProgress, None, Some(at)),
        };
        let times = Times {
            created: at,
            queued,
            started,
            ended: None,
            updated: at,
        };
        Self {
            id,
            owner,
            spec,
            conversation,
            seen: 0,
            times,
            progress: Progress::default(),
            status,
        }
    }

    /// A response as it was stored. For stores only: it trusts what it is given.
    pub fn restore(stored: Stored) -> Self {
        let Stored {
            id,
            owner,
            spec,
            conversation,
            seen,
            times,
            progress,
            status,
        } = stored;
        Self {
            id,
            owner,
            spec,
            conversation,
            seen,
            times,
            progress,
            status,
        }
    }

    /// Where it stands.
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// Changes its status, and notes the time.
    pub fn change(&mut self, change: Change, at: Timestamp) -> Result<(), IllegalChange> {
        self.status = self.status.apply(change)?;
        self.times.updated = at;
        match self.status {
            Status::Queued => {}
            // Taken up again, it goes on with what it began.
            Status::InProgress => self.times.started = self.times.started.or(Some(at)),
            Status::Completed | Status::Incomplete(_) | Status::Failed(_) | Status::Cancelled => {
                self.times.ended = Some(at);
            }
        }
        Ok(())
    }

    /// The response of a process that is gone, ended: what was under way has an unknown outcome. `None`
    /// when it has ended already.
    pub fn interrupted(&self, at: Timestamp) -> Option<Self> {
        self.failed(crate::run::interrupted(), at)
    }

    /// The response of one process after another that was lost, ended in the same way.
    pub fn lost(&self, at: Timestamp) -> Option<Self> {
        self.failed(crate::run::lost(), at)
    }

    /// The response ended as failed by somebody who does not run it: what was under way has an unknown
    /// outcome. `None` when it has ended already.
    pub fn failed(&self, failure: Failure, at: Timestamp) -> Option<Self> {
        self.ended_from_outside(Change::Fail(failure), &ExecutionState::Unknown, at)
    }

    /// The response cancelled by somebody who does not run it: what was under way is not waited for.
    /// `None` when it has ended already.
    pub fn cancelled(&self, at: Timestamp) -> Option<Self> {
        self.ended_from_outside(Change::Cancel, &ExecutionState::Cancelled, at)
    }

    fn ended_from_outside(
        &self,
        change: Change,
        open: &ExecutionState,
        at: Timestamp,
    ) -> Option<Self> {
        let mut ended = self.clone();
        ended.change(change, at).ok()?;
        for execution in &mut ended.progress.executions {
            if execution.state == ExecutionState::Started {
                let duration = Some(at.since(execution.started_at));
                let state = open.clone();
                *execution = Arc::new(Execution {
                    state,
                    duration,
                    ..Execution::clone(execution)
                });
            }
        }
        Some(ended)
    }

    /// The response as it stood when it was accepted.
    #[must_use]
    pub fn as_accepted(&self) -> Self {
        let from = self.times.queued.unwrap_or(self.times.created);
        let mut accepted = Self::accept(
            self.id,
            self.owner.clone(),
            Arc::clone(&self.spec),
            self.conversation,
            from,
        );
        accepted.seen = self.seen;
        accepted
    }
}

/// The parts of a stored response.
#[derive(Debug, Clone)]
pub struct Stored {
    /// See [`Response::id`].
    pub id: ResponseId,
    /// See [`Response::owner`].
    pub owner: OwnerId,
    /// See [`Response::spec`].
    pub spec: Arc<ResponseSpec>,
    /// See [`Response::conversation`].
    pub conversation: Option<ConversationId>,
    /// See [`Response::seen`].
    pub seen: u32,
    /// See [`Response::times`].
    pub times: Times,
    /// See [`Response::progress`].
    pub progress: Progress,
    /// See [`Response::status`].
    pub status: Status,
}
