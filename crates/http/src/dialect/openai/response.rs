//! A response as it is shown: every field of both flavours, so that what is valid for one is valid for the
//! other. What the request said in forms of its own is told again as it was kept; a response that was asked
//! for elsewhere shows what holds unless one says otherwise.

use response_domain::entry::Entry;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ConversationId, ResponseId};
use response_domain::response::Response;
use response_domain::spec::{Delivery, Storage, Truncation};
use response_domain::status::{IncompleteReason, Status};
use response_domain::time::Timestamp;
use response_domain::usage;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Flavour, envelope, item, reword};
use crate::dialect::Id;
use crate::problem;

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<ResponseId>,
    object: &'static str,
    /// Who may use the model by which programme: nothing here knows of any.
    access_programs: Option<()>,
    created_at: i64,
    status: &'static str,
    background: bool,
    completed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<Conversation>,
    error: Option<Fault<'a>>,
    frequency_penalty: f64,
    incomplete_details: Option<IncompleteDetails>,
    instructions: Option<&'a str>,
    max_output_tokens: Option<u32>,
    max_tool_calls: Option<u32>,
    model: &'a str,
    output: Output<'a>,
    parallel_tool_calls: bool,
    presence_penalty: f64,
    previous_response_id: Option<Id<ResponseId>>,
    prompt_cache_key: &'a RawValue,
    reasoning: &'a RawValue,
    safety_identifier: &'a RawValue,
    service_tier: &'a RawValue,
    store: bool,
    temperature: f64,
    text: &'a RawValue,
    tool_choice: &'a RawValue,
    tools: &'a RawValue,
    top_logprobs: &'a RawValue,
    top_p: f64,
    truncation: &'a RawValue,
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    metadata: &'a RawValue,
}

#[derive(Serialize)]
struct Conversation {
    id: Id<ConversationId>,
}

/// Why a response failed.
#[derive(Serialize)]
struct Fault<'a> {
    code: &'static str,
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
}

#[derive(Serialize)]
struct IncompleteDetails {
    reason: &'static str,
}

/// The items that a response wrote.
struct Output<'a> {
    entries: &'a [Entry],
    flavour: Flavour,
    is_over: bool,
}

/// What a response cost.
#[derive(Serialize, Default)]
pub(super) struct Usage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize, Default)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize, Default)]
struct OutputDetails {
    reasoning_tokens: u64,
}

/// What is kept of the request in the forms in which it came.
#[derive(Deserialize, Default)]
struct Echo<'a> {
    #[serde(borrow)]
    prompt_cache_key: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    safety_identifier: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    top_logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    truncation: Option<&'a RawValue>,
}

/// What was said, or what holds otherwise, which must be JSON.
fn or<'a>(said: Option<&'a RawValue>, otherwise: &'static str) -> &'a RawValue {
    said.or_else(|| serde_json::from_str(otherwise).ok())
        .unwrap_or(RawValue::NULL)
}

impl<'a> Shape<'a> {
    pub(super) fn of(response: &'a Response, output: &'a [Entry], flavour: Flavour) -> Self {
        let spec = &response.spec;
        let controls = &spec.controls;
        let status = response.status();
        let echo: Echo<'_> = serde_json::from_str(spec.echo.as_str()).unwrap_or_default();
        let truncation = match spec.truncation {
            Truncation::Trim => r#""auto""#,
            Truncation::Whole => r#""disabled""#,
        };
        let usage = cost(response);
        Self {
            id: Id(response.id),
            object: "response",
            access_programs: None,
            created_at: response.times.created.unix_seconds(),
            status: word(status),
            background: spec.delivery == Delivery::Background,
            completed_at: completed_at(response),
            conversation: spec.conversation.map(|id| Conversation { id: Id(id) }),
            error: Fault::of(status),
            frequency_penalty: controls.frequency_penalty.unwrap_or(0.0),
            incomplete_details: IncompleteDetails::of(status, flavour),
            instructions: spec.system_prompt.as_deref(),
            max_output_tokens: controls.max_tokens,
            max_tool_calls: spec.max_tool_calls,
            model: &spec.model,
            output: Output {
                entries: output,
                flavour,
                is_over: status.is_ended(),
            },
            parallel_tool_calls: controls.parallel_tool_calls.unwrap_or(true),
            presence_penalty: controls.presence_penalty.unwrap_or(0.0),
            previous_response_id: spec.previous.map(Id),
            prompt_cache_key: or(echo.prompt_cache_key, "null"),
            reasoning: or(echo.reasoning, r#"{"effort":null,"summary":null}"#),
            safety_identifier: or(echo.safety_identifier, "null"),
            service_tier: or(echo.service_tier, r#""default""#),
            store: spec.storage == Storage::Stored,
            temperature: controls.temperature.unwrap_or(1.0),
            text: or(echo.text, r#"{"format":{"type":"text"}}"#),
            tool_choice: or(echo.tool_choice, r#""auto""#),
            tools: or(echo.tools, "[]"),
            top_logprobs: or(echo.top_logprobs, "0"),
            top_p: controls.top_p.unwrap_or(1.0),
            truncation: or(echo.truncation, truncation),
            usage: usage.map(Usage::from),
            user: spec.user.as_deref(),
            metadata: spec.metadata.raw(),
        }
    }
}

/// The word for a status.
fn word(status: &Status) -> &'static str {
    status.name().as_str()
}

/// What it cost; an answer whose model server did not tell has zeros, because clients count on the field.
fn cost(response: &Response) -> Option<usage::Usage> {
    let known = response.progress.usage;
    match response.status() {
        Status::Completed | Status::Incomplete(_) => Some(known.unwrap_or_default()),
        Status::Failed(_) | Status::Cancelled => known,
        Status::Queued | Status::InProgress => None,
    }
}

/// When it had its answer; whatever else ended has no such time.
fn completed_at(response: &Response) -> Option<i64> {
    let has_answer = *response.status() == Status::Completed;
    let ended = response.times.ended.filter(|_| has_answer);
    ended.map(Timestamp::unix_seconds)
}

impl<'a> Fault<'a> {
    fn of(status: &'a Status) -> Option<Self> {
        match status {
            Status::Failed(failure) => Some(Self::from(failure)),
            Status::Queued
            | Status::InProgress
            | Status::Completed
            | Status::Incomplete(_)
            | Status::Cancelled => None,
        }
    }
}

impl<'a> From<&'a Failure> for Fault<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            code: code(failure.code),
            message: reword::failure(failure),
            r#type: envelope::family(problem::kind_of(failure.code)),
            param: None,
        }
    }
}

/// One of the codes that OpenAI's clients know a failed response to have. That of a context that is too long
/// is not in the list of OpenAI's schema, but what its service sends, and what agents look for.
const fn code(code: FailureCode) -> &'static str {
    match code {
        FailureCode::UpstreamRateLimited => "rate_limit_exceeded",
        FailureCode::ContextLengthExceeded => "context_length_exceeded",
        _ => "server_error",
    }
}

impl IncompleteDetails {
    fn of(status: &Status, flavour: Flavour) -> Option<Self> {
        match status {
            Status::Incomplete(reason) => Some(Self {
                reason: match (reason, flavour) {
                    // OpenAI's libraries know no others: of theirs it is the one for a limit of turns.
                    (
                        IncompleteReason::ToolDepth | IncompleteReason::ToolCalls,
                        Flavour::OpenAi,
                    ) => "max_messages",
                    (reason, _) => reason.as_str(),
                },
            }),
            Status::Queued
            | Status::InProgress
            | Status::Completed
            | Status::Failed(_)
            | Status::Cancelled => None,
        }
    }
}

impl Serialize for Output<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shape = |entry| {
            if self.is_over {
                item::Shape::of(entry, self.flavour)
            } else {
                item::Shape::so_far(entry, self.flavour)
            }
        };
        serializer.collect_seq(self.entries.iter().map(shape))
    }
}

impl From<usage::Usage> for Usage {
    fn from(usage: usage::Usage) -> Self {
        Self {
            input_tokens: usage.prompt,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached,
                // No model server tells.
                cache_write_tokens: 0,
            },
            output_tokens: usage.completion,
            output_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning,
            },
            total_tokens: usage.total(),
        }
    }
}
