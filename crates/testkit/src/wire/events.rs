//! The events that there are, and the fields of each besides its type and its number.

use serde_json::Value;

use super::form::{Field, Form, field, object, optional};
use super::{Fault, Flavour, Verdict, must};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The whole response.
    Response,
    /// An item that begins.
    Added,
    /// An item that is done.
    Done,
    /// A part of an item.
    Part,
    /// A text that grows, in a part or in the summary of reasoning.
    Text,
    /// The arguments of a call.
    Arguments,
    /// A step of what the server does for an item.
    Step,
    /// Nothing that this grammar knows: an extension.
    Extension,
}

const RESPONSE: &[Field] = &[field("response", Form::Members)];
const ITEM: &[Field] = &[
    field("output_index", Form::Integer),
    field("item", Form::Members),
];
const PART: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("content_index", Form::Integer),
    field("part", Form::Members),
];
const SUMMARY_PART: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("summary_index", Form::Integer),
    field("part", Form::Members),
];
const DELTA: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("content_index", Form::Integer),
    field("delta", Form::Text),
];
const TEXT: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("content_index", Form::Integer),
    field("text", Form::Text),
];
const LOGGED_DELTA: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("content_index", Form::Integer),
    field("delta", Form::Text),
    field("logprobs", Form::List(&Form::Any)),
];
const LOGGED_TEXT: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("content_index", Form::Integer),
    field("text", Form::Text),
    field("logprobs", Form::List(&Form::Any)),
];
const REFUSAL: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("content_index", Form::Integer),
    field("refusal", Form::Text),
];
const SUMMARY_DELTA: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("summary_index", Form::Integer),
    field("delta", Form::Text),
];
const SUMMARY_TEXT: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("summary_index", Form::Integer),
    field("text", Form::Text),
];
const ANNOTATION: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("content_index", Form::Integer),
    field("annotation_index", Form::Integer),
    field("annotation", Form::Members),
];
const STEP: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
];
const ARGUMENTS_DELTA: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("delta", Form::Text),
];
const ARGUMENTS: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("arguments", Form::Text),
    optional("name", Form::Name),
];
const INPUT: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("input", Form::Text),
];

/// Who knows an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    ToBoth,
    ToOpenAi,
    ToOpenResponses,
}

struct Kind(&'static str, Known, About, &'static [Field]);

const EVENTS: &[Kind] = &[
    Kind("created", Known::ToBoth, About::Response, RESPONSE),
    Kind("queued", Known::ToBoth, About::Response, RESPONSE),
    Kind("in_progress", Known::ToBoth, About::Response, RESPONSE),
    Kind("completed", Known::ToBoth, About::Response, RESPONSE),
    Kind("incomplete", Known::ToBoth, About::Response, RESPONSE),
    Kind("failed", Known::ToBoth, About::Response, RESPONSE),
    Kind("output_item.added", Known::ToBoth, About::Added, ITEM),
    Kind("output_item.done", Known::ToBoth, About::Done, ITEM),
    Kind("content_part.added", Known::ToBoth, About::Part, PART),
    Kind("content_part.done", Known::ToBoth, About::Part, PART),
    Kind("reasoning_summary_part.added", Known::ToBoth, About::Part, SUMMARY_PART),
    Kind("reasoning_summary_part.done", Known::ToBoth, About::Part, SUMMARY_PART),
    Kind("output_text.delta", Known::ToBoth, About::Text, LOGGED_DELTA),
    Kind("output_text.done", Known::ToBoth, About::Text, LOGGED_TEXT),
    Kind("output_text.annotation.added", Known::ToBoth, About::Text, ANNOTATION),
    Kind("refusal.delta", Known::ToBoth, About::Text, DELTA),
    Kind("refusal.done", Known::ToBoth, About::Text, REFUSAL),
    Kind("reasoning_text.delta", Known::ToOpenAi, About::Text, DELTA),
    Kind("reasoning_text.done", Known::ToOpenAi, About::Text, TEXT),
    Kind("reasoning.delta", Known::ToOpenResponses, About::Text, DELTA),
    Kind("reasoning.done", Known::ToOpenResponses, About::Text, TEXT),
    Kind("reasoning_summary_text.delta", Known::ToBoth, About::Text, SUMMARY_DELTA),
    Kind("reasoning_summary_text.done", Known::ToBoth, About::Text, SUMMARY_TEXT),
    Kind("function_call_arguments.delta", Known::ToBoth, About::Arguments, ARGUMENTS_DELTA),
    Kind("function_call_arguments.done", Known::ToBoth, About::Arguments, ARGUMENTS),
    Kind("mcp_call_arguments.delta", Known::ToOpenAi, About::Arguments, ARGUMENTS_DELTA),
    Kind("mcp_call_arguments.done", Known::ToOpenAi, About::Arguments, ARGUMENTS),
    Kind("custom_tool_call_input.delta", Known::ToOpenAi, About::Arguments, ARGUMENTS_DELTA),
    Kind("custom_tool_call_input.done", Known::ToOpenAi, About::Arguments, INPUT),
    Kind("mcp_call.in_progress", Known::ToOpenAi, About::Step, STEP),
    Kind("mcp_call.completed", Known::ToOpenAi, About::Step, STEP),
    Kind("mcp_call.failed", Known::ToOpenAi, About::Step, STEP),
    Kind("mcp_list_tools.in_progress", Known::ToOpenAi, About::Step, STEP),
    Kind("mcp_list_tools.completed", Known::ToOpenAi, About::Step, STEP),
    Kind("mcp_list_tools.failed", Known::ToOpenAi, About::Step, STEP),
];

/// Steps of tools that OpenAI runs itself; of these only the place is looked at.
const HOSTED: &[&str] = &[
    "web_search_call.",
    "file_search_call.",
    "code_interpreter_call",
    "image_generation_call.",
    "shell_call",
    "compaction.",
    "audio.",
];

/// What this event is about. Its fields must be there.
pub(super) fn about(name: &str, event: &Value, flavour: Flavour) -> Result<About, Fault> {
    if event.get("error").is_some_and(|error| !error.is_null()) {
        let why = "an event with an `error` makes clients throw; a response fails by `response.failed`";
        return Err(Fault::new(why));
    }
    let unknown = || Fault::new(format!("there is no such event with {flavour:?}"));
    let Some(bare) = name.strip_prefix("response.") else {
        let is_extension = name.contains(':') && flavour == Flavour::OpenResponses;
        return is_extension.then_some(About::Extension).ok_or_else(unknown);
    };
    let hosted = HOSTED.iter().any(|hosted| bare.starts_with(hosted));
    if hosted && flavour == Flavour::OpenAi {
        return Ok(About::Extension);
    }
    let Kind(_, known, about, fields) = EVENTS
        .iter()
        .find(|Kind(known, ..)| *known == bare)
        .ok_or_else(unknown)?;
    let is_known = match known {
        Known::ToBoth => true,
        Known::ToOpenAi => flavour == Flavour::OpenAi,
        Known::ToOpenResponses => flavour == Flavour::OpenResponses,
    };
    if !is_known {
        return Err(unknown());
    }
    fields_of(event, fields)?;
    Ok(*about)
}

fn fields_of(event: &Value, fields: &[Field]) -> Verdict {
    let Value::Object(members) = event else {
        return must(false, "an event is an object");
    };
    object("", members, fields)
}
