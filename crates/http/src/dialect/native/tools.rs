//! The tools of a request, and how to choose among them.

use std::sync::Arc;

use response_domain::spec::{ToolChoice, ToolRequest};
use serde_json::value::RawValue;

use crate::dialect::elements::elements;
use crate::dialect::object::{Faults, kept};

/// The members of a tool in the flat form, and of a function in the nested one.
const MEMBERS: &[&str; 5] = &["type", "function", "name", "description", "parameters"];

/// The tools that a request names.
pub(super) fn tools(json: &RawValue, faults: &mut Faults) -> Option<Vec<ToolRequest>> {
    const FIELD: &str = "tools";
    if !json.get().starts_with('[') {
        return faults.invalid(FIELD, "an array");
    }
    elements(FIELD, json, faults, tool)
}

fn tool(field: &str, json: &RawValue, faults: &mut Faults) -> Option<ToolRequest> {
    let outer = faults.object(field, json, MEMBERS)?;
    if let Some(kind) = outer.get("type") {
        let at = format!("{field}.type");
        let kind: String = faults.text(&at, kind)?;
        if kind != "function" {
            return faults.invalid(&at, "`function`");
        }
    }
    let (field, function) = match outer.get("function") {
        Some(function) => {
            let at = format!("{field}.function");
            let inner = faults.object(&at, function, MEMBERS)?;
            (at, inner)
        }
        None => (field.to_owned(), outer),
    };
    let Some(name) = function.get("name") else {
        return faults.missing(&format!("{field}.name"));
    };
    let name = faults.text(&format!("{field}.name"), name);
    let description = match function.get("description") {
        Some(json) => Some(faults.text(&format!("{field}.description"), json)?),
        None => None,
    };
    Some(ToolRequest {
        name: name?,
        description,
        parameters: function.get("parameters").map(kept),
    })
}

/// How to choose: a word, or an object with a type and the name of a function.
pub(super) fn choice(json: &RawValue, faults: &mut Faults) -> Option<ToolChoice> {
    const FIELD: &str = "tool_choice";
    const WORDS: &str = "`auto`, `none`, `required`, or an object that names a function";
    if json.get().starts_with('"') {
        let word: String = faults.text(FIELD, json)?;
        return match word.as_str() {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            "required" => Some(ToolChoice::Required),
            _ => faults.invalid(FIELD, WORDS),
        };
    }
    if !json.get().starts_with('{') {
        return faults.invalid(FIELD, WORDS);
    }
    let choice = faults.object(FIELD, json, &["type", "function", "name"])?;
    let kind: String = match choice.get("type") {
        Some(kind) => faults.text("tool_choice.type", kind)?,
        None => "function".to_owned(),
    };
    match kind.as_str() {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" | "function" => {
            let named = match choice.get("function") {
                Some(function) => {
                    let function = faults.object("tool_choice.function", function, &["name"])?;
                    function.get("name")
                }
                None => choice.get("name"),
            };
            match named {
                Some(name) => {
                    let name: Arc<str> = faults.text("tool_choice.function.name", name)?;
                    Some(ToolChoice::Named(name))
                }
                None if kind == "required" => Some(ToolChoice::Required),
                None => faults.missing("tool_choice.function.name"),
            }
        }
        _ => faults.invalid(
            "tool_choice.type",
            "`auto`, `none`, `required` or `function`",
        ),
    }
}
