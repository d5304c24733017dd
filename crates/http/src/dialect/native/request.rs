//! The body of a create request, read into a draft. Types are checked here, field by field, so that a
//! fault names its field; values are checked by the domain. What is only carried on stays the text
//! that came.

use std::str::FromStr;
use std::sync::Arc;

use response_domain::spec::{Controls, Draft, ToolFailure, ToolSelection};
use serde_json::value::RawValue;

use super::{input, tools};
use crate::dialect::object::{Faults, kept, quoted};
use crate::dialect::reading::Reading;
use crate::problem::Problem;

const FIELDS: &[&str; 24] = &[
    "model",
    "input",
    "system_prompt",
    "temperature",
    "top_p",
    "max_tokens",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "response_format",
    "parallel_tool_calls",
    "reasoning_effort",
    "tools",
    "tool_choice",
    "max_tool_depth",
    "tool_failure",
    "stream",
    "background",
    "store",
    "conversation",
    "previous_response_id",
    "metadata",
    "user",
];

/// What a create request asks for.
pub(super) fn draft(body: &str) -> Result<Draft, Problem> {
    let mut reading = Reading::begin(body, FIELDS)?;
    let controls = controls(&mut reading);
    let input = reading.fields.get("input");
    let draft = Draft {
        model: reading.text("model"),
        items: input.map_or_else(Vec::new, |json| input::items(json, &mut reading.faults)),
        input: input.map(kept),
        system_prompt: reading.text("system_prompt"),
        controls,
        tools: reading.read("tools", tools::tools).map(ToolSelection::Only),
        tool_choice: reading.read("tool_choice", tools::choice),
        max_tool_depth: reading.value("max_tool_depth", "a whole number"),
        tool_failure: reading.read("tool_failure", tool_failure),
        stream: reading.truth("stream"),
        background: reading.truth("background"),
        store: reading.truth("store"),
        metadata: reading.fields.get("metadata").map(kept),
        user: reading.text("user"),
        ..Draft::default()
    };
    let conversation: Option<String> = reading.text("conversation");
    let previous: Option<String> = reading.text("previous_response_id");
    reading.end()?;
    Ok(Draft {
        conversation: conversation
            .map(|id| known(&id, &CONVERSATION))
            .transpose()?,
        previous: previous.map(|id| known(&id, &PREVIOUS)).transpose()?,
        ..draft
    })
}

/// Fields that name something: what is no id names nothing.
struct Named {
    field: &'static str,
    what: &'static str,
    code: &'static str,
}

const CONVERSATION: Named = Named {
    field: "conversation",
    what: "conversation",
    code: "conversation_not_found",
};

const PREVIOUS: Named = Named {
    field: "previous_response_id",
    what: "response",
    code: "response_not_found",
};

fn known<T: FromStr>(id: &str, named: &Named) -> Result<T, Problem> {
    id.parse().map_err(|_no_id| {
        let message = format!("there is no {} `{}`", named.what, quoted(id));
        Problem::not_found(named.code, message).about(named.field)
    })
}

fn controls(reading: &mut Reading<'_, 24>) -> Controls {
    let number = |reading: &mut Reading<'_, 24>, field| reading.value(field, "a number");
    Controls {
        temperature: number(reading, "temperature"),
        top_p: number(reading, "top_p"),
        max_tokens: reading.value("max_tokens", "a whole number of at least 1"),
        presence_penalty: number(reading, "presence_penalty"),
        frequency_penalty: number(reading, "frequency_penalty"),
        seed: reading.value("seed", "a whole number"),
        stop: reading.fields.get("stop").map(kept),
        response_format: reading.fields.get("response_format").map(kept),
        parallel_tool_calls: reading.truth("parallel_tool_calls"),
        reasoning_effort: reading.text::<Arc<str>>("reasoning_effort"),
        verbosity: None,
    }
}

fn tool_failure(json: &RawValue, faults: &mut Faults) -> Option<ToolFailure> {
    match json.get() {
        r#""fail""# => Some(ToolFailure::Fail),
        r#""report""# => Some(ToolFailure::Report),
        _ => faults.invalid("tool_failure", "`fail` or `report`"),
    }
}
