//! The body of a create request, read into a draft. Types are checked here, field by field, so that a
//! fault names its field; values are checked by the domain. What is only carried on stays the text
//! that came.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use response_domain::spec::{Controls, Draft, SpecFaults, ToolFailure};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::object::{Faults, Object, kept};
use super::{input, tools};
use crate::extract::bad_json;
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

/// The longest piece of a request that a message repeats.
const LONGEST_QUOTE: usize = 64;

/// What a create request asks for.
pub(super) fn draft(body: &str) -> Result<Draft, Problem> {
    let mut reading = Reading::begin(body)?;
    let controls = reading.controls();
    let input = reading.fields.get("input");
    let draft = Draft {
        model: reading.text("model"),
        items: input.map_or_else(Vec::new, |json| input::items(json, &mut reading.faults)),
        input: input.map(kept),
        system_prompt: reading.text("system_prompt"),
        controls,
        tools: reading.read("tools", tools::tools),
        tool_choice: reading.read("tool_choice", tools::choice),
        max_tool_depth: reading.value("max_tool_depth", "a whole number"),
        tool_failure: reading.read("tool_failure", tool_failure),
        stream: reading.truth("stream"),
        background: reading.truth("background"),
        store: reading.truth("store"),
        metadata: reading.fields.get("metadata").map(kept),
        user: reading.text("user"),
        conversation: None,
        previous: None,
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

/// As much of `text` as fits into a message.
fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_QUOTE) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

/// A body that is being read.
struct Reading<'a> {
    fields: Object<'a, 24>,
    faults: Faults,
}

impl<'a> Reading<'a> {
    fn begin(body: &'a str) -> Result<Self, Problem> {
        let fields = Object::read(body, FIELDS).map_err(|error| {
            if error.is_data() {
                return bad_json("the body must be a JSON object");
            }
            bad_json(format!("the body is not valid JSON: {error}"))
        })?;
        Ok(Self {
            fields,
            faults: Faults::default(),
        })
    }

    fn end(self) -> Result<(), Problem> {
        if self.faults.0.is_empty() {
            Ok(())
        } else {
            Err(SpecFaults(self.faults.0).into())
        }
    }

    fn read<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a RawValue, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        read(self.fields.get(field)?, &mut self.faults)
    }

    fn text<T: From<String> + for<'s> From<&'s str>>(&mut self, field: &'static str) -> Option<T> {
        self.faults.text(field, self.fields.get(field)?)
    }

    fn value<T: Deserialize<'a>>(&mut self, field: &'static str, must: &str) -> Option<T> {
        self.faults.value(field, must, self.fields.get(field)?)
    }

    fn truth(&mut self, field: &'static str) -> Option<bool> {
        self.value(field, "`true` or `false`")
    }

    fn number(&mut self, field: &'static str) -> Option<f64> {
        self.value(field, "a number")
    }

    fn controls(&mut self) -> Controls {
        Controls {
            temperature: self.number("temperature"),
            top_p: self.number("top_p"),
            max_tokens: self.value("max_tokens", "a whole number of at least 1"),
            presence_penalty: self.number("presence_penalty"),
            frequency_penalty: self.number("frequency_penalty"),
            seed: self.value("seed", "a whole number"),
            stop: self.fields.get("stop").map(kept),
            response_format: self.fields.get("response_format").map(kept),
            parallel_tool_calls: self.truth("parallel_tool_calls"),
            reasoning_effort: self.text::<Arc<str>>("reasoning_effort"),
        }
    }
}

fn tool_failure(json: &RawValue, faults: &mut Faults) -> Option<ToolFailure> {
    match json.get() {
        r#""fail""# => Some(ToolFailure::Fail),
        r#""report""# => Some(ToolFailure::Report),
        _ => faults.invalid("tool_failure", "`fail` or `report`"),
    }
}
