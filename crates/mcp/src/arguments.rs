//! The arguments of a call: what the model wrote, checked against the tool's schema, with what
//! this service fills in itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::tool::ToolCall;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::clean::excerpt;
use crate::schema::ContextArgument;

/// How often a pattern may try another way before it is given up.
const MAX_BACKTRACKS: usize = 100_000;
/// How many faults one complaint names.
const MAX_FAULTS: usize = 5;
/// How long the words for one fault may be.
const MAX_FAULT: usize = 400;

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

    use response_domain::caller::{Credential, ToolSecrets};
    use response_domain::id::{ConversationId, ExecutionId, RawId, ResponseId};
    use response_domain::tool::{ToolHome, ToolSpec};

    use super::*;
    use crate::schema::Parameters;

    fn json(text: &str) -> Json {
        Json::from_text(text.to_owned()).unwrap()
    }

    fn context(conversation: Option<u128>) -> CallContext {
        CallContext {
            credential: Credential::Absent,
            tool_secrets: ToolSecrets::default(),
            request_id: Arc::from("req-1"),
            response: ResponseId::new(RawId::new(1)),
            conversation: conversation.map(|id| ConversationId::new(RawId::new(id))),
            user: Arc::from("ada"),
        }
    }

    fn prepared(schema: &str, arguments: &str) -> Result<String, String> {
        let parameters = Parameters::read(Some(json(schema).raw()), true).unwrap();
        let check = compile(&parameters.shown).unwrap();
        let call = ToolCall {
            execution: ExecutionId::new(RawId::new(1), 2),
            tool: Arc::new(ToolSpec::plain("t", ToolHome::Caller, parameters.shown)),
            arguments: json(arguments),
        };
        prepare(&call, &context(None), &parameters.context, Some(&check))
            .map(|sent| sent.as_str().to_owned())
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
