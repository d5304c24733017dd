//! The arguments of a call: what the model may write, checked against the tool's schema, and what
//! this service fills in itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::tool::ToolCall;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::clean::excerpt;

/// How long a tool's schema may be.
const MAX_SCHEMA: usize = 128 * 1024;
/// How deep a tool's schema may be.
const MAX_DEPTH: usize = 64;
/// How often a pattern may try another way before it is given up.
const MAX_BACKTRACKS: usize = 100_000;
/// How many faults one complaint names.
const MAX_FAULTS: usize = 5;
/// How long the words for one fault may be.
const MAX_FAULT: usize = 400;

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

    fn name(self) -> &'static str {
        match self {
            Self::Request => "request_id",
            Self::Conversation => "conversation_id",
            Self::User => "user_id",
            Self::ToolCall => "tool_call_id",
        }
    }

    fn value(self, call: &ToolCall, context: &CallContext) -> Option<String> {
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
fn depth(text: &str) -> usize {
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

/// A check of arguments. Nothing outside the schema is ever fetched for it.
pub(crate) fn compile(schema: &Json) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKS))
        .build(&schema.to_value())
}

/// The arguments as they are sent, or what is wrong with them in words for the model.
pub(crate) fn prepare(
    call: &ToolCall,
    context: &CallContext,
    fill_in: &[ContextArgument],
    check: Option<&Validator>,
) -> Result<Json, String> {
    let Value::Object(mut given) = call.arguments.to_value() else {
        return Err("They must be a JSON object.".to_owned());
    };
    for argument in fill_in {
        given.remove(argument.name());
    }
    if let Some(check) = check {
        let given = Value::Object(given);
        if !check.is_valid(&given) {
            return Err(faults(check, &given));
        }
    }
    if fill_in.is_empty() {
        return Ok(call.arguments.clone());
    }
    let values = fill_in.iter().filter_map(|argument| {
        let value = argument.value(call, context)?;
        Some((argument.name(), to_raw_value(&value).ok()?))
    });
    let values: Vec<_> = values.collect();
    // What the model wrote stays as it wrote it, to the last digit of a number.
    let mut sent: BTreeMap<String, &RawValue> =
        serde_json::from_str(call.arguments.as_str()).unwrap_or_default();
    for argument in fill_in {
        sent.remove(argument.name());
    }
    sent.extend(
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), &**value)),
    );
    to_raw_value(&sent)
        .map(Json::from_raw)
        .map_err(|error| error.to_string())
}

fn faults(check: &Validator, given: &Value) -> String {
    let mut errors = check.iter_errors(given);
    let mut text = String::from("They do not fit the tool's schema:");
    for error in errors.by_ref().take(MAX_FAULTS) {
        let _ = write!(text, "\n- {}", excerpt(&fault(&error), MAX_FAULT));
    }
    if errors.next().is_some() {
        text.push_str("\n- and more");
    }
    text
}

/// Where, and what is allowed there.
fn fault(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().as_str();
    let place = if path.is_empty() { "the whole" } else { path };
    let mut text = format!("{place}: {}", error.masked_with("this value"));
    let ways = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.as_slice()
        }
        _ => &[],
    };
    for (at, way) in ways.iter().filter_map(|errors| errors.first()).enumerate() {
        let joint = if at == 0 { " (" } else { "; or " };
        let _ = write!(text, "{joint}{}", way.masked_with("this value"));
    }
    if !ways.is_empty() {
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use response_domain::caller::Credential;
    use response_domain::id::{ConversationId, ExecutionId, RawId, ResponseId};
    use response_domain::tool::{Repeat, ToolHome, ToolSpec};

    use super::*;

    fn read(schema: &str, fills_in: bool) -> Result<Parameters, BadSchema> {
        let raw = RawValue::from_string(schema.to_owned()).unwrap();
        Parameters::read(Some(&raw), fills_in)
    }

    fn json(text: &str) -> Json {
        Json::from_text(text.to_owned()).unwrap()
    }

    fn context(conversation: Option<u128>) -> CallContext {
        CallContext {
            credential: Credential::Absent,
            request_id: Arc::from("req-1"),
            response: ResponseId::new(RawId::new(1)),
            conversation: conversation.map(|id| ConversationId::new(RawId::new(id))),
            user: Arc::from("ada"),
        }
    }

    fn prepared(schema: &str, arguments: &str) -> Result<String, String> {
        let parameters = read(schema, true).unwrap();
        let check = compile(&parameters.shown).unwrap();
        let call = ToolCall {
            execution: ExecutionId::new(RawId::new(1), 2),
            tool: Arc::new(ToolSpec {
                name: Arc::from("t"),
                home: ToolHome::Caller,
                description: None,
                parameters: parameters.shown,
                repeat: Repeat::Unsafe,
            }),
            arguments: json(arguments),
        };
        prepare(&call, &context(None), &parameters.context, Some(&check))
            .map(|sent| sent.as_str().to_owned())
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

    #[test]
    fn the_model_cannot_pass_for_another_user() {
        let schema = r#"{"type":"object","additionalProperties":false,
            "properties":{"q":{},"user_id":{"type":"string"},"conversation_id":{"type":"string"}}}"#;
        let sent = prepared(
            schema,
            r#"{"user_id":"root","q":1,"conversation_id":"conv_x"}"#,
        );
        assert_eq!(sent.unwrap(), r#"{"q":1,"user_id":"ada"}"#);
    }

    #[test]
    fn numbers_reach_the_tool_as_the_model_wrote_them() {
        let schema = r#"{"properties":{"user_id":{}}}"#;
        let sent = prepared(
            schema,
            r#"{"n": 123456789012345678901234567890, "f": 1.50}"#,
        )
        .unwrap();
        assert_eq!(
            sent,
            r#"{"f":1.50,"n":123456789012345678901234567890,"user_id":"ada"}"#
        );
        assert_eq!(
            prepared("{}", r#"{ "a" : 1.50 }"#).unwrap(),
            r#"{ "a" : 1.50 }"#
        );
    }

    #[test]
    fn a_complaint_names_the_place_and_what_is_allowed() {
        let schema = r#"{"type":"object","required":["q"],"additionalProperties":false,"properties":{
            "q":{"type":"string"},"num":{"type":"integer","maximum":10},
            "kind":{"enum":["news","web"]},"when":{"anyOf":[{"type":"integer"},{"type":"null"}]}}}"#;
        let cases = [
            (
                r#"{"q":"x","num":"3"}"#,
                "/num: this value is not of type \"integer\"",
            ),
            (
                r#"{"q":"x","num":11}"#,
                "/num: this value is greater than the maximum of 10",
            ),
            (r#"{"num":1}"#, "the whole: \"q\" is a required property"),
            (
                r#"{"q":"x","kind":"blog"}"#,
                "/kind: this value is not one of \"news\" or \"web\"",
            ),
            (r#"{"q":"x","page":1}"#, "'page' was unexpected"),
            (r#"{"q":"x","when":"now"}"#, "of type \"integer\"; or "),
        ];
        for (arguments, expected) in cases {
            let complaint = prepared(schema, arguments).unwrap_err();
            assert!(complaint.contains(expected), "{complaint}");
        }
        assert!(prepared(schema, "[1]").unwrap_err().contains("JSON object"));
    }

    #[test]
    fn nothing_is_fetched_for_a_check() {
        for schema in [
            r#"{"$ref":"http://127.0.0.1:1/schema.json"}"#,
            r#"{"$ref":"file:///etc/hostname"}"#,
        ] {
            assert!(compile(&json(schema)).is_err(), "{schema}");
        }
        let local = r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}"##;
        assert!(compile(&json(local)).is_ok());
    }

    #[test]
    fn a_costly_pattern_is_given_up() {
        let schema = r#"{"properties":{"a":{"type":"string","pattern":"^(?=(a+)+$)(a|aa)+$"}}}"#;
        let arguments = format!(r#"{{"a":"{}!"}}"#, "a".repeat(60));
        assert!(prepared(schema, &arguments).is_err());
    }
}
