//! A response as JSON. The order of the fields is part of the shape; a step that was not taken has
//! no field, what is merely empty is `null`.

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::failure::Failure;
use response_domain::id::{ConversationId, ResponseId};
use response_domain::response::Response;
use response_domain::spec::{Delivery, Storage};
use response_domain::status::Status;
use response_domain::time::Timestamp;
use response_domain::usage;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{execution, words};
use crate::dialect::Id;
use crate::problem;

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<ResponseId>,
    object: &'static str,
    status: &'static str,
    model: &'a str,
    input: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    tool_executions: Executions<'a>,
    execution_metadata: ExecutionMetadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    error: Option<Fault<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete_details: Option<IncompleteDetails>,
    metadata: &'a RawValue,
    user: Option<&'a str>,
    system_prompt: Option<&'a str>,
    conversation_id: Option<Id<ConversationId>>,
    previous_response_id: Option<Id<ResponseId>>,
    stream: bool,
    background: bool,
    store: bool,
    created_at: i64,
    updated_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<i64>,
}

#[derive(Serialize)]
struct ExecutionMetadata {
    max_depth: u16,
    actual_depth: u16,
    total_duration_ms: u64,
    status: &'static str,
}

/// Why an answer is cut short.
#[derive(Serialize)]
pub(super) struct IncompleteDetails {
    reason: &'static str,
}

impl IncompleteDetails {
    /// Of a response that stands so, if its answer is.
    pub(super) fn of(status: &Status) -> Option<Self> {
        words::cut_short(status).map(|reason| Self { reason })
    }
}

/// Tokens of one turn or of all.
#[derive(Serialize)]
pub(super) struct Usage {
    #[serde(rename = "prompt_tokens")]
    prompt: u64,
    #[serde(rename = "completion_tokens")]
    completion: u64,
    #[serde(rename = "total_tokens")]
    total: u64,
}

impl From<usage::Usage> for Usage {
    fn from(usage: usage::Usage) -> Self {
        Self {
            prompt: usage.prompt,
            completion: usage.completion,
            total: usage.total(),
        }
    }
}

/// Why a response failed.
#[derive(Serialize)]
pub(super) struct Fault<'a> {
    message: Cow<'a, str>,
    r#type: &'static str,
    code: &'static str,
}

impl<'a> From<Cow<'a, Failure>> for Fault<'a> {
    fn from(failure: Cow<'a, Failure>) -> Self {
        let code = failure.code;
        Self {
            message: match failure {
                Cow::Borrowed(failure) => Cow::Borrowed(&failure.message),
                Cow::Owned(failure) => Cow::Owned(failure.message),
            },
            r#type: problem::kind_of(code).as_str(),
            code: code.as_str(),
        }
    }
}

/// Tool executions, in the order in which the model asked.
pub(super) struct Executions<'a>(pub(super) &'a [Arc<response_domain::execution::Execution>]);

impl Serialize for Executions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0
                .iter()
                .map(|execution| execution::Shape::of(execution)),
        )
    }
}

impl<'a> Shape<'a> {
    pub(super) fn of(response: &'a Response) -> Self {
        let Response {
            id,
            spec,
            conversation,
            progress,
            ..
        } = response;
        let status = response.status();
        let times = &response.times;
        let ended = Ending::of(response);
        Self {
            id: Id(*id),
            object: "response",
            status: words::status(status),
            model: &spec.model,
            input: spec.input.raw(),
            output: progress.output.as_deref(),
            tool_executions: Executions(&progress.executions),
            execution_metadata: ExecutionMetadata {
                max_depth: spec.max_rounds,
                actual_depth: progress.rounds,
                total_duration_ms: duration_ms(response),
                status: words::status(status),
            },
            usage: progress.usage.map(Usage::from),
            error: words::failure(status).map(Fault::from),
            incomplete_details: IncompleteDetails::of(status),
            metadata: spec.metadata.raw(),
            user: spec.user.as_deref(),
            system_prompt: spec.system_prompt.as_deref(),
            conversation_id: conversation.map(Id),
            previous_response_id: spec.previous.map(Id),
            stream: spec.delivery == Delivery::Stream,
            background: spec.delivery == Delivery::Background,
            store: spec.storage == Storage::Stored,
            created_at: times.created.unix_seconds(),
            updated_at: times.updated.unix_seconds(),
            queued_at: times.queued.map(Timestamp::unix_seconds),
            started_at: times.started.map(Timestamp::unix_seconds),
            completed_at: ended.at("completed"),
            failed_at: ended.at("failed"),
            cancelled_at: ended.at("cancelled"),
        }
    }
}

/// When and with which word a response ended.
struct Ending(&'static str, Option<i64>);

impl Ending {
    fn of(response: &Response) -> Self {
        let at = response.times.ended.map(Timestamp::unix_seconds);
        Self(words::status(response.status()), at)
    }

    /// The moment, if it ended with this word.
    fn at(&self, word: &str) -> Option<i64> {
        self.1.filter(|_| self.0 == word)
    }
}

/// How long it was worked on, so far or in all.
fn duration_ms(response: &Response) -> u64 {
    let times = &response.times;
    let Some(started) = times.started else {
        return 0;
    };
    let until = times.ended.unwrap_or(times.updated);
    u64::try_from(until.since(started).as_millis()).unwrap_or(u64::MAX)
}
