//! A tool's schema: what of it the model sees, and what this service fills in itself.

use std::borrow::Cow;

use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::tool::ToolCall;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::clean::clean;

/// How long a tool's schema may be.
const MAX_SCHEMA: usize = 128 * 1024;
/// How deep a tool's schema may be.
const MAX_DEPTH: usize = 64;

/// What this service knows better than the model: each is an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContextArgument {
    Request,
    Conversation,
    User,
    ToolCall,
}

impl ContextArgument {
    const ALL: [Self; 4] = [
        Self::Request,
        Self::Conversation,
        Self::User,
        Self::ToolCall,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Request => "request_id",
            Self::Conversation => "conversation_id",
            Self::User => "user_id",
            Self::ToolCall => "tool_call_id",
        }
    }

    pub(crate) fn value(self, call: &ToolCall, context: &CallContext) -> Option<String> {
        match self {
            Self::Request => Some(context.request_id.to_string()),
            Self::Conversation => context.conversation.map(|id| id.to_string()),
            Self::User => Some(context.user.to_string()),
            Self::ToolCall => Some(call.execution.to_string()),
        }
    }
}

/// Why a tool cannot be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSchema {
    #[error("its schema is longer than {MAX_SCHEMA} bytes")]
    TooLong,
    #[error("its schema is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("its schema is not one of an object")]
    NotAnObject,
}

/// A schema as the model sees it, and what was taken out of it.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) shown: Json,
    pub(crate) context: Vec<ContextArgument>,
}

impl Parameters {
    /// Reads a tool's schema. Context arguments go out of it when they are to be filled in here.
    pub(crate) fn read(raw: Option<&RawValue>, fills_in: bool) -> Result<Self, BadSchema> {
        let text = raw.map_or("{}", RawValue::get);
        if text.len() > MAX_SCHEMA {
            return Err(BadSchema::TooLong);
        }
        if depth(text) > MAX_DEPTH {
            return Err(BadSchema::TooDeep);
        }
        let mut schema = match serde_json::from_str(text) {
            Ok(Value::Object(schema)) => schema,
            Ok(Value::Null | Value::Bool(true)) => Map::new(),
            _ => return Err(BadSchema::NotAnObject),
        };
        let mut changed = raw.is_none() || !text.starts_with('{');
        match schema.get("type") {
            None => {
                schema.insert("type".into(), "object".into());
                changed = true;
            }
            Some(kind) if admits(kind, "object") => {}
            Some(_) => return Err(BadSchema::NotAnObject),
        }
        // Model servers refuse an object without this key.
        if !schema.get("properties").is_some_and(Value::is_object) {
            schema.insert("properties".into(), Map::new().into());
            changed = true;
        }
        changed |= tidy(&mut schema, Members::Keywords);
        let context = if fills_in {
            hide_context(&mut schema)
        } else {
            Vec::new()
        };
        let shown = match raw {
            Some(raw) if !changed && context.is_empty() => Json::from_raw(raw.to_owned()),
            _ => Json::from_value(&Value::Object(schema)),
        };
        Ok(Self { shown, context })
    }
}

/// What arguments are compared with.
const COMPARED: [&str; 7] = [
    "enum",
    "const",
    "pattern",
    "required",
    "dependentRequired",
    "dependencies",
    "$ref",
];
/// What holds names, each with a schema.
const NAMED: [&str; 5] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "$defs",
    "definitions",
];

/// What the members of an object in a schema are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Members {
    /// What is said.
    Keywords,
    /// Names of properties or of parts, each with a schema.
    Names,
}

/// Takes out of the words in a schema what steers or hides, and says whether there was any. What arguments are
/// compared with stays to the letter.
fn tidy(schema: &mut Map<String, Value>, members: Members) -> bool {
    let mut has_changed = false;
    for (name, value) in schema {
        let is_said = members == Members::Keywords;
        if is_said && COMPARED.contains(&name.as_str()) {
            continue;
        }
        let inner = if is_said && NAMED.contains(&name.as_str()) {
            Members::Names
        } else {
            Members::Keywords
        };
        has_changed |= tidy_value(value, inner);
    }
    has_changed
}

fn tidy_value(value: &mut Value, members: Members) -> bool {
    match value {
        Value::Object(object) => tidy(object, members),
        Value::Array(values) => values.iter_mut().fold(false, |has_changed, value| {
            tidy_value(value, members) | has_changed
        }),
        Value::String(text) => match clean(text) {
            Cow::Borrowed(_) => false,
            Cow::Owned(cleaned) => {
                *text = cleaned;
                true
            }
        },
        _ => false,
    }
}

/// Takes the context arguments out of a schema. A property that is no string is another thing of
/// the same name and stays.
fn hide_context(schema: &mut Map<String, Value>) -> Vec<ContextArgument> {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return Vec::new();
    };
    let is_text = |property: &Value| {
        property
            .get("type")
            .is_none_or(|kind| admits(kind, "string"))
    };
    let named = |argument: &ContextArgument| properties.get(argument.name()).is_some_and(is_text);
    let hidden: Vec<_> = ContextArgument::ALL.into_iter().filter(named).collect();
    for argument in &hidden {
        properties.remove(argument.name());
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| !hidden.iter().any(|hidden| *name == hidden.name()));
    }
    hidden
}

fn admits(kind: &Value, name: &str) -> bool {
    match kind {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// How deep JSON text nests.
pub(crate) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(schema: &str, fills_in: bool) -> Result<Parameters, BadSchema> {
        let raw = RawValue::from_string(schema.to_owned()).unwrap();
        Parameters::read(Some(&raw), fills_in)
    }

    #[test]
    fn a_good_schema_is_shown_to_the_letter() {
        let schema = r#"{ "type": "object", "properties": {"q": {"type":"string"}},  "x": 1.50 }"#;
        let parameters = read(schema, true).unwrap();
        assert_eq!(parameters.shown.as_str(), schema);
        assert!(parameters.context.is_empty());
    }

    #[test]
    fn a_sloppy_schema_becomes_one_of_an_object() {
        let empty = r#"{"properties":{},"type":"object"}"#;
        for schema in [
            "{}",
            "null",
            "true",
            r#"{"type":"object"}"#,
            r#"{"properties":null}"#,
        ] {
            assert_eq!(
                read(schema, true).unwrap().shown.as_str(),
                empty,
                "{schema}"
            );
        }
        assert_eq!(Parameters::read(None, true).unwrap().shown.as_str(), empty);
        for schema in ["[]", "3", "false", r#"{"type":"string"}"#] {
            assert_eq!(
                read(schema, true).unwrap_err(),
                BadSchema::NotAnObject,
                "{schema}"
            );
        }
    }

    #[test]
    fn a_schema_that_is_too_big_is_refused() {
        let deep = format!(
            "{}{}",
            r#"{"a":"#.repeat(65),
            "1".to_owned() + &"}".repeat(65)
        );
        assert_eq!(read(&deep, true).unwrap_err(), BadSchema::TooDeep);
        let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(MAX_SCHEMA));
        assert_eq!(read(&long, true).unwrap_err(), BadSchema::TooLong);
        let braces = r#"{"type":"object","properties":{},"description":"\"{{{[[["}"#;
        assert_eq!(depth(braces), 2);
    }

    #[test]
    fn the_words_of_a_schema_are_cleaned_and_its_values_are_not() {
        let schema = r#"{"type":"object","description":"a\u001b[1mb","required":["\u202e"],"properties":{
            "enum":{"title":"c\u202ed","enum":["\r\n","\u202e"],"const":"\u0007"},
            "list":{"items":{"pattern":"\u0007","examples":["e\udb40\udc41f"]}}}}"#;
        let shown = read(schema, true).unwrap().shown.to_value();
        assert_eq!(shown["description"], "ab");
        assert_eq!(shown["required"][0], "\u{202e}");
        let properties = &shown["properties"];
        assert_eq!(properties["enum"]["title"], "cd");
        assert_eq!(
            properties["enum"]["enum"],
            serde_json::json!(["\r\n", "\u{202e}"])
        );
        assert_eq!(properties["enum"]["const"], "\u{7}");
        assert_eq!(properties["list"]["items"]["pattern"], "\u{7}");
        assert_eq!(properties["list"]["items"]["examples"][0], "ef");
    }

    #[test]
    fn context_arguments_are_hidden_where_they_are_text() {
        let schema = r#"{"type":"object","required":["q","user_id","request_id"],"properties":{
            "q":{"type":"string"},"user_id":{"type":"string"},"request_id":{},
            "conversation_id":{"type":["string","null"]},"tool_call_id":{"type":"integer"}}}"#;
        let parameters = read(schema, true).unwrap();
        let hidden = [
            ContextArgument::Request,
            ContextArgument::Conversation,
            ContextArgument::User,
        ];
        assert_eq!(parameters.context, hidden);
        let shown = parameters.shown.to_value();
        assert_eq!(shown["required"], serde_json::json!(["q"]));
        let left: Vec<_> = shown["properties"].as_object().unwrap().keys().collect();
        assert_eq!(left, ["q", "tool_call_id"]);
        assert_eq!(read(schema, false).unwrap().shown.as_str(), schema);
    }
}
