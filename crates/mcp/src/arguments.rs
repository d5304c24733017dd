//! The arguments of a call: what the model wrote, within limits, with what this service fills in itself.

use std::collections::BTreeMap;

use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::tool::ToolCall;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::schema::{ContextArgument, depth};

/// How long arguments may be, in bytes.
const MAX_LENGTH: usize = 1024 * 1024;
/// How deep they may be nested.
const MAX_DEPTH: usize = 64;

/// What the model wrote as it is checked: an object, without what is filled in; or what is wrong with it, in
/// words for the model.
pub(crate) fn read(call: &ToolCall, fill_in: &[ContextArgument]) -> Result<Value, String> {
    let text = call.arguments.as_str();
    if text.len() > MAX_LENGTH {
        return Err(format!("They are longer than {MAX_LENGTH} bytes."));
    }
    if depth(text) > MAX_DEPTH {
        return Err(format!("They are nested deeper than {MAX_DEPTH}."));
    }
    let Value::Object(mut given) = call.arguments.to_value() else {
        return Err("They must be a JSON object.".to_owned());
    };
    for argument in fill_in {
        given.remove(argument.name());
    }
    Ok(Value::Object(given))
}

/// The arguments as they are sent.
pub(crate) fn filled(
    call: &ToolCall,
    context: &CallContext,
    fill_in: &[ContextArgument],
) -> Result<Json, String> {
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

/// Both, with a check between them that costs little.
#[cfg(any(test, fuzzing))]
pub(crate) fn prepare(
    call: &ToolCall,
    context: &CallContext,
    fill_in: &[ContextArgument],
    check: &crate::check::Check,
) -> Result<Json, String> {
    use crate::check::{Budget, Finding};

    let given = read(call, fill_in)?;
    match check.find(&given, Budget(20_000)) {
        Finding::Unfit(why) => Err(why),
        Finding::Fits | Finding::Spent => filled(call, context, fill_in),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use response_domain::caller::{Credential, ToolSecrets};
    use response_domain::id::{ConversationId, ExecutionId, RawId, ResponseId};
    use response_domain::tool::{ToolHome, ToolSpec};

    use super::*;
    use crate::check::Check;
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
        let check = Check::new(&parameters.shown);
        let call = ToolCall {
            execution: ExecutionId::new(RawId::new(1), 2),
            tool: Arc::new(ToolSpec::plain("t", ToolHome::Caller, parameters.shown)),
            arguments: json(arguments),
        };
        let sent = prepare(&call, &context(None), &parameters.context, &check)?;
        Ok(sent.as_str().to_owned())
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
    fn arguments_have_an_end() {
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_LENGTH));
        assert!(prepared("{}", &long).unwrap_err().contains("1048576 bytes"));
        let nested =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(prepared("{}", &nested(MAX_DEPTH - 1)).is_ok());
        for depth in [MAX_DEPTH, 10_000] {
            assert!(
                prepared("{}", &nested(depth))
                    .unwrap_err()
                    .contains("deeper than 64")
            );
        }
    }
}
