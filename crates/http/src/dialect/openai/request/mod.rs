//! The bodies that OpenAI's clients send, read into what the domain knows. Types, lengths and ranges are
//! checked here, as the fault names its field and its kind in OpenAI's words; what is left is for the domain.
//! Fields that mean nothing here are passed over, and `null` is as good as absent.

use std::sync::Arc;

use response_domain::id::{ConversationId, ResponseId};
use response_domain::json::Json;
use response_domain::spec::{
    BackgroundStream, Controls, Draft, InputLength, Overlap, ReasoningForm, Silence, ToolSelection,
    Truncation, Unanswered,
};

use self::choice::{Choice, choice};
use self::echo::{Echo, json_of};
use self::faults::Faults;
use self::input::Input;
use self::members::Members;
use self::tools::Tools;
use crate::HostedTools;
use crate::dialect::object::{kept, quoted};
use crate::dialect::reading::object_of;
use crate::problem::Problem;

mod choice;
mod content;
mod conversation;
mod echo;
mod faults;
mod form;
mod input;
mod members;
mod metadata;
mod server;
mod servers;
mod tools;

#[cfg(test)]
mod tests;

pub(super) use self::conversation::{conversation, description, items};

/// The fields of a create request that mean something.
const FIELDS: &[&str; 28] = &[
    "model",
    "input",
    "instructions",
    "previous_response_id",
    "conversation",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "truncation",
    "max_output_tokens",
    "max_tool_calls",
    "temperature",
    "top_p",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "store",
    "background",
    "stream",
    "stream_options",
    "include",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt",
];

/// Those of a request to count tokens.
const COUNTED: &[&str; 11] = &[
    "model",
    "input",
    "instructions",
    "previous_response_id",
    "conversation",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "truncation",
];

/// Those of a request to compact.
const COMPACTED: &[&str; 6] = &[
    "model",
    "input",
    "instructions",
    "previous_response_id",
    "conversation",
    "prompt_cache_key",
];

const CACHE_KEY_LENGTH: usize = 64;
const IDENTIFIER_LENGTH: usize = 128;

/// What a create request asks for.
pub(super) fn draft(body: &str, hosted: HostedTools) -> Result<Draft, Problem> {
    let fields = Members::of_body(object_of(body, FIELDS)?);
    let mut faults = Faults::default();
    let context = Context::read(&fields, &mut faults);
    let mut draft = Draft::default();
    let mut echo = Echo::default();
    question(&fields, hosted, (&mut draft, &mut echo), &mut faults);
    draft.controls = controls(&fields, draft.controls, &mut faults);
    echo.top_logprobs = fields.integer("top_logprobs", (0, 20), &mut faults);
    let most = (1, i64::from(u32::MAX));
    let calls = fields.integer("max_tool_calls", most, &mut faults);
    draft.max_tool_calls = calls.and_then(|calls| u32::try_from(calls).ok());
    delivery(&fields, &mut draft, &mut faults);
    labels(&fields, &mut draft, &mut echo, &mut faults);
    if fields.get("prompt").is_some() {
        faults.unavailable::<()>(
            &fields.at("prompt"),
            "is not available here: this service keeps no prompts.",
        );
    }
    faults.end()?;
    draft.echo = Some(json_of(&echo));
    context.complete(draft)
}

/// What is to be counted.
pub(super) fn count(body: &str, hosted: HostedTools) -> Result<Draft, Problem> {
    let fields = Members::of_body(object_of(body, COUNTED)?);
    let mut faults = Faults::default();
    let context = Context::read(&fields, &mut faults);
    let mut draft = Draft::default();
    let mut echo = Echo::default();
    question(&fields, hosted, (&mut draft, &mut echo), &mut faults);
    faults.end()?;
    context.complete(draft)
}

/// What is to be compacted.
pub(super) fn compaction(body: &str) -> Result<Draft, Problem> {
    let fields = Members::of_body(object_of(body, COMPACTED)?);
    let mut faults = Faults::default();
    let context = Context::read(&fields, &mut faults);
    cache_key(&fields, &mut faults);
    faults.end()?;
    context.complete(Draft {
        tools: Some(ToolSelection::Nothing),
        truncation: Truncation::Whole,
        ..Draft::default()
    })
}

/// What a model is to read, and which model.
struct Context {
    model: Option<Arc<str>>,
    sent: Option<Json>,
    input: Input,
    instructions: Option<Arc<str>>,
    previous: Option<String>,
    conversation: Option<String>,
}

impl Context {
    fn read<const N: usize>(fields: &Members<'_, 'static, N>, faults: &mut Faults) -> Self {
        let model = fields.required_name("model", MODEL_LENGTH, faults);
        let previous = fields.text("previous_response_id", faults);
        let conversation = conversation_id(fields, faults);
        if previous.is_some() && conversation.is_some() {
            let message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure \
                           you are only providing one of them.";
            let at = fields.at("previous_response_id");
            faults.add::<()>(&at, "mutually_exclusive_parameters", message);
        }
        let sent = fields.get("input");
        let goes_on = previous.is_some() || conversation.is_some();
        if sent.is_none() && !goes_on {
            faults.missing::<()>(&fields.at("input"));
        }
        let input = sent.map(|json| Input::read(&fields.at("input"), json, faults));
        Self {
            model,
            sent: sent.map(kept),
            input: input.unwrap_or_default(),
            instructions: fields.text("instructions", faults),
            previous,
            conversation,
        }
    }

    /// The draft with this in it. Ids that are none of ours name nothing.
    fn complete(self, draft: Draft) -> Result<Draft, Problem> {
        let items = self.input.found("input")?;
        let previous = self.previous.map(|id| {
            id.parse::<ResponseId>().map_err(|_no_id| {
                let id = quoted(&id);
                let message = format!("Previous response with id '{id}' not found.");
                Problem::bad_request("previous_response_not_found", message)
                    .about("previous_response_id")
            })
        });
        let conversation = self.conversation.map(|id| {
            id.parse::<ConversationId>().map_err(|_no_id| {
                let message = format!("Conversation with id '{}' not found.", quoted(&id));
                Problem::not_found("conversation_not_found", message).about("conversation")
            })
        });
        Ok(Draft {
            model: self.model,
            input: Some(self.sent.unwrap_or_else(nothing_said)),
            items,
            system_prompt: self.instructions,
            previous: previous.transpose()?,
            conversation: conversation.transpose()?,
            overlap: Overlap::Refused,
            silence: Silence::Allowed,
            length: InputLength::Transcript,
            unanswered: Unanswered::Refused,
            ..draft
        })
    }
}

const MODEL_LENGTH: usize = 256;

/// The input of a request that has none and goes on from another one.
fn nothing_said() -> Json {
    json_of(&[(); 0])
}

/// The conversation that a request names: by its id, or by an object that has it.
fn conversation_id<const N: usize>(
    fields: &Members<'_, 'static, N>,
    faults: &mut Faults,
) -> Option<String> {
    let json = fields.get("conversation")?;
    let at = fields.at("conversation");
    match json.get().as_bytes().first() {
        Some(b'"') => faults.text(&at, json),
        Some(b'{') => Members::read(at, json, &["id"], faults)?.required_text("id", faults),
        _ => faults.wrong_type(&at, "a string or an object", json),
    }
}

/// The tools, and how to think and to answer.
fn question<'a, const N: usize>(
    fields: &Members<'a, 'static, N>,
    hosted: HostedTools,
    (draft, echo): (&mut Draft, &mut Echo<'a>),
    faults: &mut Faults,
) {
    const WORDS: &[&str; 2] = &["auto", "disabled"];
    let given = fields.get("tools");
    let mut tools = given.map_or_else(Tools::default, |json| Tools::read(json, hosted, faults));
    if let Some(json) = fields.get("tool_choice") {
        let choice: Choice<'a> = choice(json, &tools, faults).unwrap_or_default();
        draft.tool_choice = choice.mode;
        draft.allowed_tools = choice.allowed;
        echo.tool_choice = choice.shown;
    }
    echo.tools = given.map(|_| std::mem::take(&mut tools.shown));
    draft.unknown_tools = std::mem::take(&mut tools.unknown);
    let (selection, secrets) = tools.selected();
    draft.tools = Some(selection);
    draft.tool_secrets = secrets;
    let text = fields.get("text").and_then(|json| form::text(json, faults));
    let text = text.unwrap_or_default();
    let reasoning = fields.get("reasoning");
    let reasoning = reasoning.and_then(|json| form::reasoning(json, faults));
    let effort = reasoning.as_ref().and_then(|reasoning| reasoning.effort);
    draft.controls = Controls {
        response_format: text.response_format,
        verbosity: text.verbosity,
        reasoning_effort: effort.map(Arc::from),
        parallel_tool_calls: fields.truth("parallel_tool_calls", faults),
        ..Controls::default()
    };
    echo.text = text.shown;
    echo.reasoning = reasoning;
    echo.truncation = fields.word("truncation", WORDS, faults);
    draft.truncation = match echo.truncation {
        Some("auto") => Truncation::Trim,
        Some(_) | None => Truncation::Whole,
    };
}

/// How to generate.
fn controls(
    fields: &Members<'_, 'static, 28>,
    controls: Controls,
    faults: &mut Faults,
) -> Controls {
    let most = (16, i64::from(u32::MAX));
    let tokens = fields.integer("max_output_tokens", most, faults);
    Controls {
        max_tokens: tokens.and_then(|tokens| u32::try_from(tokens).ok()),
        temperature: fields.decimal("temperature", (0, 2), faults),
        top_p: fields.decimal("top_p", (0, 1), faults),
        presence_penalty: fields.decimal("presence_penalty", (-2, 2), faults),
        frequency_penalty: fields.decimal("frequency_penalty", (-2, 2), faults),
        ..controls
    }
}

/// How the answer reaches the caller, and what is kept of it.
fn delivery(fields: &Members<'_, 'static, 28>, draft: &mut Draft, faults: &mut Faults) {
    draft.store = fields.truth("store", faults);
    draft.background = fields.truth("background", faults);
    draft.stream = fields.truth("stream", faults);
    draft.background_stream = BackgroundStream::Followed;
    if draft.background == Some(true) && draft.store == Some(false) {
        let message = "Unsupported parameter: 'background' needs 'store' to be true: what nobody waits for can \
                       only be fetched.";
        faults.add::<()>(&fields.at("background"), "unsupported_parameter", message);
    }
    if let Some(json) = fields.get("stream_options") {
        let at = fields.at("stream_options");
        let options = Members::read(at, json, &["include_obfuscation"], faults);
        // Nothing is obfuscated here, which is always allowed.
        options.and_then(|options| options.truth("include_obfuscation", faults));
    }
    if let Some(json) = fields.get("include") {
        let wanted: Option<Vec<String>> = faults.texts(&fields.at("include"), json);
        let is_sealed = |name: &String| name == "reasoning.encrypted_content";
        if wanted.is_some_and(|wanted| wanted.iter().any(is_sealed)) {
            draft.reasoning = ReasoningForm::Sealed;
        }
    }
}

/// What the caller calls the request, its user and its like.
fn labels(
    fields: &Members<'_, 'static, 28>,
    draft: &mut Draft,
    echo: &mut Echo<'_>,
    faults: &mut Faults,
) {
    if let Some(json) = fields.get("metadata") {
        draft.metadata = metadata::metadata(&fields.at("metadata"), json, faults);
    }
    draft.user = fields.text("user", faults);
    let identifier: Option<Arc<str>> = fields.text("safety_identifier", faults);
    let at = fields.at("safety_identifier");
    echo.safety_identifier = identifier.filter(|text| faults.fits(&at, text, 0, IDENTIFIER_LENGTH));
    echo.prompt_cache_key = cache_key(fields, faults);
}

fn cache_key<const N: usize>(
    fields: &Members<'_, 'static, N>,
    faults: &mut Faults,
) -> Option<Arc<str>> {
    let key: Option<Arc<str>> = fields.text("prompt_cache_key", faults);
    let at = fields.at("prompt_cache_key");
    key.filter(|key| faults.fits(&at, key, 0, CACHE_KEY_LENGTH))
}
