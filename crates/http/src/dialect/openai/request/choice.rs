//! How to choose among the tools, and which of them may be called at all.

use std::sync::Arc;

use response_domain::spec::{ToolChoice, ToolName};
use serde_json::value::RawValue;

use super::faults::{Faults, Many, Path};
use super::members::Members;
use super::tools::Tools;
use crate::dialect::elements::MOST_ELEMENTS;
use crate::dialect::object::quoted;

const AT: Path<'static> = Path::field("tool_choice");
const WORDS: &[&str; 3] = &["none", "auto", "required"];
const MEMBERS: &[&str; 5] = &["type", "name", "server_label", "mode", "tools"];
const MOST_ALLOWED: usize = 128;

type ChoiceMembers<'a, 'p> = Members<'a, 'p, 5>;

/// The choice of a request.
#[derive(Default)]
pub(super) struct Choice<'a> {
    /// How to choose.
    pub(super) mode: Option<ToolChoice>,
    /// The tools that may be called at all; none when all may.
    pub(super) allowed: Option<Vec<ToolName>>,
    /// The choice as it is told again; none when it is the usual one.
    pub(super) shown: Option<&'a RawValue>,
}

/// What a choice names.
enum Named {
    /// A tool that is on offer.
    Tool(ToolName),
    /// One that was passed over.
    Hosted,
}

/// A word, or an object that names tools.
pub(super) fn choice<'a>(
    json: &'a RawValue,
    tools: &Tools<'_>,
    faults: &mut Faults,
) -> Option<Choice<'a>> {
    match json.get().as_bytes().first() {
        Some(b'"') => {
            let word: String = faults.text(&AT, json)?;
            match word.as_str() {
                "auto" => Some(Choice::of(ToolChoice::Auto, json)),
                "none" => Some(Choice::of(ToolChoice::None, json)),
                "required" => required(json, tools, faults),
                _ => faults.unsupported(&AT, &word, WORDS),
            }
        }
        Some(b'{') => object(json, tools, faults),
        _ => faults.wrong_type(&AT, "a string or an object", json),
    }
}

impl<'a> Choice<'a> {
    fn of(choice: ToolChoice, json: &'a RawValue) -> Self {
        Self {
            mode: Some(choice),
            allowed: None,
            shown: Some(json),
        }
    }
}

/// Nothing can be called where all tools were passed over, so nothing is required there.
fn required<'a>(json: &'a RawValue, tools: &Tools<'_>, faults: &mut Faults) -> Option<Choice<'a>> {
    match (tools.offers.is_empty(), tools.unknown.is_empty()) {
        (false, _) => Some(Choice::of(ToolChoice::Required, json)),
        (true, false) => Some(Choice::default()),
        (true, true) => faults.value(
            &AT,
            "'required' can only be given with at least one tool in 'tools'.",
        ),
    }
}

fn object<'a>(json: &'a RawValue, tools: &Tools<'_>, faults: &mut Faults) -> Option<Choice<'a>> {
    let choice = Members::read(AT, json, MEMBERS, faults)?;
    let kind: String = choice.required_text("type", faults)?;
    if kind == "allowed_tools" {
        return allowed(&choice, json, tools, faults);
    }
    Some(match named(&choice, &kind, tools, faults)? {
        Named::Tool(ToolName::Function(name)) => Choice::of(ToolChoice::Named(name), json),
        Named::Tool(ToolName::Server { label, name }) => {
            Choice::of(ToolChoice::Server { label, name }, json)
        }
        Named::Hosted => Choice::default(),
    })
}

/// The tools that may be called, of which one may have to be.
fn allowed<'a>(
    choice: &ChoiceMembers<'a, '_>,
    json: &'a RawValue,
    tools: &Tools<'_>,
    faults: &mut Faults,
) -> Option<Choice<'a>> {
    const MODES: &[&str; 2] = &["auto", "required"];
    let mode = match choice.get("mode") {
        Some(_) => choice.word("mode", MODES, faults),
        None => faults.missing(&choice.at("mode")),
    };
    let at = choice.at("tools");
    let names = choice.required("tools", faults)?;
    let names = faults.elements(&at, names, MOST_ELEMENTS, |at, json, faults| {
        let tool = Members::read(*at, json, MEMBERS, faults)?;
        let kind: String = tool.required_text("type", faults)?;
        named(&tool, &kind, tools, faults)
    })?;
    match names.len() {
        0 => return faults.empty_array(&at),
        length if length > MOST_ALLOWED => {
            return faults.too_many(&at, Many::Elements, (MOST_ALLOWED, length));
        }
        _ => {}
    }
    let names = names.into_iter().filter_map(|named| match named {
        Named::Tool(name) => Some(name),
        Named::Hosted => None,
    });
    let names: Vec<ToolName> = names.collect();
    // Of tools that were passed over none can be required.
    let choice = match mode? {
        "required" if !names.is_empty() => ToolChoice::Required,
        _ => ToolChoice::Auto,
    };
    Some(Choice {
        allowed: Some(names),
        ..Choice::of(choice, json)
    })
}

/// What an object of a type names, which must be among the tools.
fn named(
    object: &ChoiceMembers<'_, '_>,
    kind: &str,
    tools: &Tools<'_>,
    faults: &mut Faults,
) -> Option<Named> {
    match kind {
        "function" => {
            let name: Arc<str> = object.required_text("name", faults)?;
            if !tools.has_function(&name) {
                return absent(object.here(), &name, faults);
            }
            Some(Named::Tool(ToolName::Function(name)))
        }
        "mcp" => {
            let label: Arc<str> = object.required_text("server_label", faults)?;
            let name = match object.get("name") {
                Some(_) => Some(object.text("name", faults)?),
                None => None,
            };
            if !tools.has_server(&label) {
                return absent(object.here(), &label, faults);
            }
            Some(Named::Tool(ToolName::Server { label, name }))
        }
        _ if !tools.unknown.is_empty() => Some(Named::Hosted),
        _ => absent(object.here(), kind, faults),
    }
}

fn absent<T>(at: &Path<'_>, name: &str, faults: &mut Faults) -> Option<T> {
    let message = format!(
        "Tool choice '{}' not found in 'tools' parameter.",
        quoted(name)
    );
    faults.add(at, "invalid_value", message)
}
