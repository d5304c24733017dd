//! A response, its items and its executions as the rows that stand for them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use response_domain::execution::Execution;
use response_domain::item::Item;
use response_domain::response::Response;
use response_domain::spec::{Delivery, Storage};
use response_domain::status::Status;
use response_domain::time::Timestamp;
use response_domain::work::{Guard, UnitOfWork};

use crate::plain;
use crate::record::progress::write_progress;
use crate::record::word::Word;
use crate::record::{execution, item, spec};

mod background;
mod notice;
mod values;

pub(crate) use background::{Background, Holder, JobRow, LogRow};
pub(crate) use notice::{NoticeRow, entries};
pub(crate) use values::Values;

/// Takes the values of a statement, in the order of its parameters.
pub(crate) trait Sink {
    fn text(&mut self, value: Option<&str>);
    fn number(&mut self, value: Option<i32>);
    fn large(&mut self, value: Option<i64>);
    fn flag(&mut self, value: bool);
    fn moment(&mut self, value: Option<DateTime<Utc>>);
    fn bytes(&mut self, value: Option<&[u8]>);
}

/// Why a unit of work cannot be written, whatever the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error("a response that is not to be stored was given to the store")]
    Passing,
    #[error("a stored response belongs to a conversation, and this one has none")]
    NoConversation,
    #[error("an item, an execution, an event or a lease belongs to another response")]
    Stranger,
    #[error("what is put into the queue is not a background response that waits")]
    NotWaiting,
    #[error("a response that is not in the queue has no log and no checkpoint")]
    NotQueued,
    #[error("a key marks the first write of a response, and this is another")]
    NotFirst,
    #[error("the number {0} is too large for its column")]
    Number(u64),
}

/// How the response becomes part of its conversation's history, if it does by this write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appending {
    /// It has not ended, or did so without an answer.
    No,
    /// It begins the conversation.
    First,
    /// It comes after what is there.
    Next,
}

/// The row of a response, each value as its column holds it.
#[derive(Debug)]
pub(crate) struct ResponseRow {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) conversation_id: String,
    pub(crate) appending: Appending,
    pub(crate) conversation_seen: i32,
    pub(crate) previous_response_id: Option<String>,
    /// The process that holds it from now on, if it is new and has not ended.
    pub(crate) worker_id: Option<String>,
    /// The process that must hold it, if one must.
    pub(crate) holder: Option<String>,
    pub(crate) background: bool,
    pub(crate) model: String,
    pub(crate) created_at: DateTime<Utc>,
    /// Empty unless the response is new: it never changes.
    pub(crate) spec: String,
    pub(crate) state: StateColumns,
}

/// The columns that can change in the life of a response.
#[derive(Debug)]
pub(crate) struct StateColumns {
    pub(crate) status: &'static str,
    pub(crate) incomplete_reason: Option<&'static str>,
    pub(crate) error_code: Option<&'static str>,
    pub(crate) error_message: Option<String>,
    pub(crate) queued_at: Option<DateTime<Utc>>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) turns: i32,
    pub(crate) rounds: i32,
    pub(crate) tool_calls: i32,
    pub(crate) prompt_tokens: Option<i64>,
    pub(crate) completion_tokens: Option<i64>,
    pub(crate) progress: String,
}

impl ResponseRow {
    pub(crate) fn of(work: &UnitOfWork) -> Result<Self, Unwritable> {
        let response = &*work.response;
        if response.spec.storage == Storage::Passing {
            return Err(Unwritable::Passing);
        }
        let own = response.id.raw();
        let strange = matches!(&work.guard, Guard::Leased(lease) if lease.response != response.id)
            || work.items.iter().any(|item| item.id.parent != own)
            || work.executions.iter().any(|call| call.id.parent != own);
        if strange {
            return Err(Unwritable::Stranger);
        }
        let conversation = response.conversation.ok_or(Unwritable::NoConversation)?;
        let calls = response
            .progress
            .executions
            .len()
            .max(work.executions.len());
        let (worker_id, holder, spec) = match &work.guard {
            Guard::New(worker) => {
                let holds = !response.status().is_ended();
                let spec = spec::write_spec(&response.spec);
                (holds.then(|| worker.to_string()), None, spec)
            }
            Guard::Queued(_) => (None, None, spec::write_spec(&response.spec)),
            Guard::Held(worker) => (None, Some(worker.to_string()), String::new()),
            // Who holds a background response stands with its job.
            Guard::Leased(_) | Guard::Open => (None, None, String::new()),
        };
        Ok(Self {
            id: response.id.to_string(),
            owner: plain::write(response.owner.as_str()).into_owned(),
            conversation_id: conversation.to_string(),
            appending: Appending::of(response),
            conversation_seen: i32::try_from(response.seen).unwrap_or(i32::MAX),
            previous_response_id: response.spec.previous.map(|id| id.to_string()),
            worker_id,
            holder,
            background: response.spec.delivery == Delivery::Background,
            model: plain::write(&response.spec.model).into_owned(),
            created_at: response.times.created.to_utc(),
            spec,
            state: StateColumns::of(response, narrow(calls)),
        })
    }

    /// The values of `insert_response!`.
    pub(crate) fn insert_values(&self, sink: &mut impl Sink) {
        sink.text(Some(&self.id));
        sink.text(Some(&self.owner));
        sink.text(Some(&self.conversation_id));
        sink.flag(self.appending.follows());
        sink.number(self.appending.place());
        sink.number(Some(self.conversation_seen));
        sink.text(self.previous_response_id.as_deref());
        sink.text(self.worker_id.as_deref());
        sink.flag(self.background);
        sink.text(Some(&self.model));
        sink.moment(Some(self.created_at));
        sink.text(Some(&self.spec));
        self.state.give_to(sink);
    }

    /// The values of `update_response!`.
    pub(crate) fn update_values(&self, sink: &mut impl Sink) {
        sink.text(Some(&self.id));
        sink.text(Some(&self.owner));
        sink.text(self.holder.as_deref());
        sink.flag(self.appending != Appending::No);
        self.state.give_to(sink);
    }
}

impl StateColumns {
    fn of(response: &Response, tool_calls: i32) -> Self {
        let Response {
            times, progress, ..
        } = response;
        let (reason, failure) = match response.status() {
            Status::Incomplete(reason) => (Some(reason.word()), None),
            Status::Failed(failure) => (None, Some(failure)),
            Status::Queued | Status::InProgress | Status::Completed | Status::Cancelled => {
                (None, None)
            }
        };
        Self {
            status: response.status().name().word(),
            incomplete_reason: reason,
            error_code: failure.map(|failure| failure.code.word()),
            error_message: failure.map(|failure| plain::write(&failure.message).into_owned()),
            queued_at: times.queued.map(Timestamp::to_utc),
            started_at: times.started.map(Timestamp::to_utc),
            ended_at: times.ended.map(Timestamp::to_utc),
            updated_at: times.updated.to_utc(),
            turns: narrow(progress.turns.len()),
            rounds: i32::from(progress.rounds),
            tool_calls,
            prompt_tokens: progress.usage.map(|usage| saturate(usage.prompt)),
            completion_tokens: progress.usage.map(|usage| saturate(usage.completion)),
            progress: write_progress(progress, failure.and_then(|failure| failure.retry_after)),
        }
    }

    fn give_to(&self, sink: &mut impl Sink) {
        sink.text(Some(self.status));
        sink.text(self.incomplete_reason);
        sink.text(self.error_code);
        sink.text(self.error_message.as_deref());
        sink.moment(self.queued_at);
        sink.moment(self.started_at);
        sink.moment(self.ended_at);
        sink.moment(Some(self.updated_at));
        sink.number(Some(self.turns));
        sink.number(Some(self.rounds));
        sink.number(Some(self.tool_calls));
        sink.large(self.prompt_tokens);
        sink.large(self.completion_tokens);
        sink.text(Some(&self.progress));
    }
}

impl Appending {
    /// What fails or is cancelled keeps its items, but nobody hears of them in the conversation.
    fn of(response: &Response) -> Self {
        match response.status() {
            Status::Completed | Status::Incomplete(_)
                if response.spec.conversation.is_none() && response.spec.previous.is_none() =>
            {
                Self::First
            }
            Status::Completed | Status::Incomplete(_) => Self::Next,
            Status::Queued | Status::InProgress | Status::Failed(_) | Status::Cancelled => Self::No,
        }
    }

    /// Whether it comes after what is there.
    pub(crate) fn follows(self) -> bool {
        self == Self::Next
    }

    /// Its place, when that is known without looking.
    pub(crate) fn place(self) -> Option<i32> {
        (self == Self::First).then_some(1)
    }
}

/// The row of an item, but for the id of its response.
#[derive(Debug)]
pub(crate) struct ItemRow {
    pub(crate) ordinal: i32,
    pub(crate) turn: i32,
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) body: String,
}

impl ItemRow {
    pub(crate) fn of(item: &Item) -> Self {
        Self {
            ordinal: ordinal(item.id.ordinal),
            turn: i32::from(item.turn),
            kind: item::kind(&item.body),
            status: item.status.word(),
            body: item::write_body(&item.body),
        }
    }
}

/// The row of an execution, but for the id of its response.
#[derive(Debug)]
pub(crate) struct ExecutionRow {
    pub(crate) ordinal: i32,
    pub(crate) tool: String,
    pub(crate) server: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) turn: i32,
    pub(crate) depth: i32,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) duration_us: Option<i64>,
    pub(crate) body: String,
}

impl ExecutionRow {
    pub(crate) fn of(call: &Execution) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let plain = |text: &Arc<str>| plain::write(text).into_owned();
        Self {
            ordinal: ordinal(call.id.ordinal),
            tool: plain(&call.tool),
            server: call.server.as_ref().map(plain),
            status: call.state.name(),
            turn: i32::from(call.turn),
            depth: i32::from(call.depth),
            started_at: call.started_at.to_utc(),
            duration_us: call.duration.map(micros),
            body: execution::write_call(call),
        }
    }
}

/// Ordinals are below 2^25.
pub(crate) fn ordinal(ordinal: u32) -> i32 {
    i32::try_from(ordinal).unwrap_or(i32::MAX)
}

fn narrow(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn saturate(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
