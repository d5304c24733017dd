//! The events that there are, and the fields of each besides its type and its number.

use serde_json::Value;

use super::form::{Field, Form, field, object};
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
];
const NAMED_ARGUMENTS: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("arguments", Form::Text),
    field("name", Form::Name),
];
const INPUT: &[Field] = &[
    field("item_id", Form::Name),
    field("output_index", Form::Integer),
    field("input", Form::Text),
];

/// Who knows an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Both,
    OpenAi,
    OpenResponses,
}

struct Kind(&'static str, Known, About, &'static [Field]);

const EVENTS: &[Kind] = &[
    Kind("created", Known::Both, About::Response, RESPONSE),
    Kind("queued", Known::Both, About::Response, RESPONSE),
    Kind("in_progress", Known::Both, About::Response, RESPONSE),
    Kind("completed", Known::Both, About::Response, RESPONSE),
    Kind("incomplete", Known::Both, About::Response, RESPONSE),
    Kind("failed", Known::Both, About::Response, RESPONSE),
    Kind("output_item.added", Known::Both, About::Added, ITEM),
    Kind("output_item.done", Known::Both, About::Done, ITEM),
    Kind("content_part.added", Known::Both, About::Part, PART),
    Kind("content_part.done", Known::Both, About::Part, PART),
    Kind(
        "reasoning_summary_part.added",
        Known::Both,
        About::Part,
        SUMMARY_PART,
    ),
    Kind(
        "reasoning_summary_part.done",
        Known::Both,
        About::Part,
        SUMMARY_PART,
    ),
    Kind(
        "output_text.delta",
        Known::OpenAi,
        About::Text,
        LOGGED_DELTA,
    ),
    Kind(
        "output_text.delta",
        Known::OpenResponses,
        About::Text,
        DELTA,
    ),
    Kind("output_text.done", Known::OpenAi, About::Text, LOGGED_TEXT),
    Kind("output_text.done", Known::OpenResponses, About::Text, TEXT),
    Kind(
        "output_text.annotation.added",
        Known::Both,
        About::Text,
        ANNOTATION,
    ),
    Kind("refusal.delta", Known::Both, About::Text, DELTA),
    Kind("refusal.done", Known::Both, About::Text, REFUSAL),
    Kind("reasoning_text.delta", Known::OpenAi, About::Text, DELTA),
    Kind("reasoning_text.done", Known::OpenAi, About::Text, TEXT),
    Kind("reasoning.delta", Known::OpenResponses, About::Text, DELTA),
    Kind("reasoning.done", Known::OpenResponses, About::Text, TEXT),
    Kind(
        "reasoning_summary_text.delta",
        Known::Both,
        About::Text,
        SUMMARY_DELTA,
    ),
    Kind(
        "reasoning_summary_text.done",
        Known::Both,
        About::Text,
        SUMMARY_TEXT,
    ),
    Kind(
        "function_call_arguments.delta",
        Known::Both,
        About::Arguments,
        ARGUMENTS_DELTA,
    ),
    Kind(
        "function_call_arguments.done",
        Known::OpenAi,
        About::Arguments,
        NAMED_ARGUMENTS,
    ),
    Kind(
        "function_call_arguments.done",
        Known::OpenResponses,
        About::Arguments,
        ARGUMENTS,
    ),
    Kind(
        "mcp_call_arguments.delta",
        Known::OpenAi,
        About::Arguments,
        ARGUMENTS_DELTA,
    ),
    Kind(
        "mcp_call_arguments.done",
        Known::OpenAi,
        About::Arguments,
        ARGUMENTS,
    ),
    Kind(
        "custom_tool_call_input.delta",
        Known::OpenAi,
        About::Arguments,
        ARGUMENTS_DELTA,
    ),
    Kind(
        "custom_tool_call_input.done",
        Known::OpenAi,
        About::Arguments,
        INPUT,
    ),
    Kind("mcp_call.in_progress", Known::OpenAi, About::Step, STEP),
    Kind("mcp_call.completed", Known::OpenAi, About::Step, STEP),
    Kind("mcp_call.failed", Known::OpenAi, About::Step, STEP),
    Kind(
        "mcp_list_tools.in_progress",
        Known::OpenAi,
        About::Step,
        STEP,
    ),
    Kind("mcp_list_tools.completed", Known::OpenAi, About::Step, STEP),
    Kind("mcp_list_tools.failed", Known::OpenAi, About::Step, STEP),
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
        let why =
            "an event with an `error` makes clients throw; a response fails by `response.failed`";
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
    let is_meant = |Kind(name, known, ..): &&Kind| *name == bare && known.is_to(flavour);
    let Kind(_, _, about, fields) = EVENTS.iter().find(is_meant).ok_or_else(unknown)?;
    fields_of(event, fields)?;
    Ok(*about)
}

impl Known {
    fn is_to(self, flavour: Flavour) -> bool {
        match self {
            Self::Both => true,
            Self::OpenAi => flavour == Flavour::OpenAi,
            Self::OpenResponses => flavour == Flavour::OpenResponses,
        }
    }
}

fn fields_of(event: &Value, fields: &[Field]) -> Verdict {
    let Value::Object(members) = event else {
        return must(false, "an event is an object");
    };
    object("", members, fields)
}
