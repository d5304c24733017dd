//! A response, its items and its executions as the rows that stand for them.

use std::borrow::Cow;
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
use crate::record::word::Word;
use crate::record::{execution, item, progress, spec};

/// Takes the values of a statement, in the order of its parameters.
pub(crate) trait Sink {
    fn text(&mut self, value: Option<&str>);
    fn number(&mut self, value: Option<i32>);
    fn large(&mut self, value: Option<i64>);
    fn flag(&mut self, value: bool);
    fn moment(&mut self, value: Option<DateTime<Utc>>);
}

/// Why a unit of work cannot be written, whatever the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error("a response that is not to be stored was given to the store")]
    Passing,
    #[error("a stored response belongs to a conversation, and this one has none")]
    NoConversation,
    #[error("an item or an execution belongs to another response")]
    Stranger,
}

/// How the response becomes part of its conversation's history, if it does by this write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Appending {
    /// It has not ended, or did so without an answer.
    No,
    /// It begins the conversation.
    First,
    /// It comes after what is there.
    Next,
}

/// The row of a response.
pub(crate) struct ResponseRow<'a> {
    response: &'a Response,
    id: String,
    owner: Cow<'a, str>,
    conversation: String,
    appending: Appending,
    worker: Option<String>,
    /// For [`Guard::Held`]: who must hold it.
    holder: Option<String>,
    tool_calls: i32,
    progress: String,
}

impl<'a> ResponseRow<'a> {
    pub(crate) fn of(work: &'a UnitOfWork) -> Result<Self, Unwritable> {
        let response = &*work.response;
        if response.spec.storage == Storage::Passing {
            return Err(Unwritable::Passing);
        }
        let strange = work
            .items
            .iter()
            .any(|item| item.id.parent != response.id.raw())
            || work
                .executions
                .iter()
                .any(|call| call.id.parent != response.id.raw());
        if strange {
            return Err(Unwritable::Stranger);
        }
        let conversation = response.conversation.ok_or(Unwritable::NoConversation)?;
        let retry_after = match response.status() {
            Status::Failed(failure) => failure.retry_after,
            _ => None,
        };
        let calls = response
            .progress
            .executions
            .len()
            .max(work.executions.len());
        Ok(Self {
            response,
            id: response.id.to_string(),
            owner: plain::write(response.owner.as_str()),
            conversation: conversation.to_string(),
            appending: Appending::of(response),
            worker: match work.guard {
                Guard::New(worker) if !response.status().is_ended() => Some(worker.to_string()),
                Guard::New(_) | Guard::Held(_) | Guard::Open => None,
            },
            holder: match work.guard {
                Guard::Held(worker) => Some(worker.to_string()),
                Guard::New(_) | Guard::Open => None,
            },
            tool_calls: narrow(calls),
            progress: progress::write_progress(&response.progress, retry_after),
        })
    }

    /// Its id as text.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The values of `insert_response!`.
    pub(crate) fn insert_into(&self, sink: &mut impl Sink) {
        let response = self.response;
        sink.text(Some(&self.id));
        sink.text(Some(&self.owner));
        sink.text(Some(&self.conversation));
        sink.flag(self.appending == Appending::Next);
        sink.number((self.appending == Appending::First).then_some(1));
        sink.number(Some(i32::try_from(response.seen).unwrap_or(i32::MAX)));
        let previous = response.spec.previous.map(|id| id.to_string());
        sink.text(previous.as_deref());
        sink.text(self.worker.as_deref());
        sink.flag(response.spec.delivery == Delivery::Background);
        sink.text(Some(&plain::write(&response.spec.model)));
        sink.moment(Some(response.times.created.to_utc()));
        sink.text(Some(&spec::write_spec(&response.spec)));
        self.state_into(sink);
    }

    /// The values of `update_response!`.
    pub(crate) fn update_into(&self, sink: &mut impl Sink) {
        sink.text(Some(&self.id));
        sink.text(Some(&self.owner));
        sink.text(self.holder.as_deref());
        sink.flag(self.appending != Appending::No);
        self.state_into(sink);
    }

    /// What can change in the life of a response.
    fn state_into(&self, sink: &mut impl Sink) {
        let Response {
            times, progress, ..
        } = self.response;
        let status = self.response.status();
        sink.text(Some(status.name().as_str()));
        let (reason, failure) = match status {
            Status::Incomplete(reason) => (Some(reason.word()), None),
            Status::Failed(failure) => (None, Some(failure)),
            Status::Queued | Status::InProgress | Status::Completed | Status::Cancelled => {
                (None, None)
            }
        };
        sink.text(reason);
        sink.text(failure.map(|failure| failure.code.word()));
        sink.text(
            failure
                .map(|failure| plain::write(&failure.message))
                .as_deref(),
        );
        sink.moment(times.queued.map(Timestamp::to_utc));
        sink.moment(times.started.map(Timestamp::to_utc));
        sink.moment(times.ended.map(Timestamp::to_utc));
        sink.moment(Some(times.updated.to_utc()));
        sink.number(Some(narrow(progress.turns.len())));
        sink.number(Some(i32::from(progress.rounds)));
        sink.number(Some(self.tool_calls));
        sink.large(progress.usage.map(|usage| saturate(usage.prompt)));
        sink.large(progress.usage.map(|usage| saturate(usage.completion)));
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
}

/// The row of an item, but for the id of its response.
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
pub(crate) struct ExecutionRow<'a> {
    pub(crate) ordinal: i32,
    pub(crate) tool: Cow<'a, str>,
    pub(crate) server: Option<Cow<'a, str>>,
    pub(crate) status: &'static str,
    pub(crate) turn: i32,
    pub(crate) depth: i32,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) duration_us: Option<i64>,
    pub(crate) body: String,
}

impl<'a> ExecutionRow<'a> {
    pub(crate) fn of(call: &'a Execution) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self {
            ordinal: ordinal(call.id.ordinal),
            tool: plain::write(&call.tool),
            server: call.server.as_deref().map(plain::write),
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

/// Inserts a response. Both databases read it; it takes the first 26 parameters.
macro_rules! insert_response {
    () => {
        "INSERT INTO responses (
            id, owner, conversation_id, conversation_position, conversation_seen,
            previous_response_id, worker_id, background, model, created_at, spec,
            status, incomplete_reason, error_code, error_message,
            queued_at, started_at, ended_at, updated_at,
            turns, rounds, tool_calls, prompt_tokens, completion_tokens, progress
        ) VALUES (
            $1, $2, $3,
            CASE WHEN $4 THEN (
                SELECT COALESCE(MAX(o.conversation_position), 0) + 1 FROM responses o
                WHERE o.conversation_id = $3
            ) ELSE $5 END,
            $6, $7, $8, $9, $10, $11, $12,
            $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26
        )"
    };
}

/// Changes a response that has not ended and, when `$3` says so, is held by that process. Progress only
/// grows: whoever writes with less than what is there, because it read before another wrote, leaves it.
/// Both databases read it; it takes the first 18 parameters.
macro_rules! update_response {
    () => {
        "UPDATE responses SET
            conversation_position = CASE WHEN $4 THEN (
                SELECT COALESCE(MAX(o.conversation_position), 0) + 1 FROM responses o
                WHERE o.conversation_id = responses.conversation_id
            ) ELSE conversation_position END,
            status = $5, incomplete_reason = $6, error_code = $7, error_message = $8,
            queued_at = $9, started_at = $10, ended_at = $11, updated_at = $12,
            worker_id = CASE WHEN $11 IS NULL THEN worker_id END,
            progress = CASE WHEN $13 >= turns THEN $18 ELSE progress END,
            prompt_tokens = CASE WHEN $13 >= turns THEN $16 ELSE prompt_tokens END,
            completion_tokens = CASE WHEN $13 >= turns THEN $17 ELSE completion_tokens END,
            turns = CASE WHEN $13 >= turns THEN $13 ELSE turns END,
            rounds = CASE WHEN $14 >= rounds THEN $14 ELSE rounds END,
            tool_calls = CASE WHEN $15 >= tool_calls THEN $15 ELSE tool_calls END
        WHERE id = $1 AND owner = $2 AND ended_at IS NULL AND ($3 IS NULL OR worker_id = $3)"
    };
}

pub(crate) use {insert_response, update_response};
