//! The full payload of a webhook: the parts of an ended response that its receiver needs, in the order and
//! with the names that receivers of this API know. What there is none of has no field.

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::execution::Execution;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::ResponseId;
use response_domain::json::Json;
use response_domain::response::Response;
use response_domain::status::{IncompleteReason, Status};
use response_domain::time::Timestamp;
use response_domain::usage;
use response_domain::webhook::{Payload, WebhookEvent};
use serde::Serialize;
use serde_json::value::RawValue;

use super::response::{Executions, IncompleteDetails, Usage};
use super::words;
use crate::dialect::Id;

#[derive(Serialize)]
pub(crate) struct Shape<'a> {
    id: Id<ResponseId>,
    event: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_executions: Option<Executions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete_details: Option<IncompleteDetails>,
    metadata: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<i64>,
}

/// Why a response failed, as webhooks tell it.
#[derive(Serialize)]
struct Fault<'a> {
    code: &'static str,
    message: Cow<'a, str>,
}

impl<'a> From<Cow<'a, Failure>> for Fault<'a> {
    fn from(failure: Cow<'a, Failure>) -> Self {
        Self {
            code: failure.code.as_str(),
            message: match failure {
                Cow::Borrowed(failure) => Cow::Borrowed(&failure.message),
                Cow::Owned(failure) => Cow::Owned(failure.message),
            },
        }
    }
}

/// What a payload is made of.
struct Parts<'a> {
    id: ResponseId,
    status: &'a Status,
    output: Option<&'a str>,
    usage: Option<usage::Usage>,
    executions: &'a [Arc<Execution>],
    metadata: &'a Json,
    queued: Option<Timestamp>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl<'a> Shape<'a> {
    /// Of an ended response.
    pub(crate) fn of(event: WebhookEvent, response: &'a Response) -> Self {
        let progress = &response.progress;
        let times = &response.times;
        Self::made(
            event,
            &Parts {
                id: response.id,
                status: response.status(),
                output: progress.output.as_deref(),
                usage: progress.usage,
                executions: &progress.executions,
                metadata: &response.spec.metadata,
                queued: times.queued,
                started: times.started,
                ended: times.ended,
            },
        )
    }

    fn made(event: WebhookEvent, parts: &Parts<'a>) -> Self {
        let &Parts {
            status, executions, ..
        } = parts;
        let word = words::status(status);
        let seconds = |at: Option<Timestamp>| at.map(Timestamp::unix_seconds);
        let ended = seconds(parts.ended);
        // Whoever reads an answer may count on the list, be it empty.
        let has_list = word == "completed" || !executions.is_empty();
        Self {
            id: Id(parts.id),
            event: event.as_str(),
            status: word,
            output: parts.output,
            usage: parts.usage.map(Usage::from),
            tool_executions: has_list.then_some(Executions(executions)),
            error: words::failure(status).map(Fault::from),
            incomplete_details: IncompleteDetails::of(status),
            metadata: parts.metadata.raw(),
            queued_at: seconds(parts.queued),
            started_at: seconds(parts.started),
            completed_at: ended,
            cancelled_at: ended.filter(|_| word == "cancelled"),
        }
    }
}

/// A whole response that nobody asked for.
pub(crate) struct Sample {
    id: ResponseId,
    status: Status,
    metadata: Json,
    ended: Timestamp,
}

impl Sample {
    /// One that ended so. What this API does not call incomplete is a completed one whose answer is cut short.
    pub(crate) fn of(event: WebhookEvent, id: ResponseId, ended: Timestamp) -> Self {
        let failure = || Failure::new(FailureCode::ModelError, "This is a test.");
        Self {
            id,
            status: match event {
                WebhookEvent::Completed => Status::Completed,
                WebhookEvent::Failed => Status::Failed(failure()),
                WebhookEvent::Cancelled => Status::Cancelled,
                WebhookEvent::Incomplete => Status::Incomplete(IncompleteReason::OutputTokens),
            },
            metadata: Json::from_value(&serde_json::json!({ "webhook_test": true })),
            ended,
        }
    }

    /// What its receiver gets.
    pub(crate) fn shape(&self) -> Shape<'_> {
        let has_answer = words::status(&self.status) == "completed";
        let event = WebhookEvent::of(&self.status, Payload::Full);
        Shape::made(
            event.unwrap_or(WebhookEvent::Completed),
            &Parts {
                id: self.id,
                status: &self.status,
                output: has_answer.then_some("This is a test."),
                usage: has_answer.then_some(usage::Usage {
                    prompt: 5,
                    completion: 4,
                    ..usage::Usage::default()
                }),
                executions: &[],
                metadata: &self.metadata,
                queued: Some(self.ended),
                started: Some(self.ended),
                ended: Some(self.ended),
            },
        )
    }
}
