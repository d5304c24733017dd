//! Whatever comes, it is read or refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::HostedTools;
use crate::dialect::openai::request::{compaction, conversation, count, description, draft, items};
use crate::problem::Problem;

/// Everybody reads `body`; a refusal names what is wrong.
fn everybody(body: &str) {
    let results: [Result<(), Problem>; 7] = [
        draft(body, HostedTools::Ignore).map(drop),
        draft(body, HostedTools::Refuse).map(drop),
        count(body, HostedTools::Ignore).map(drop),
        compaction(body).map(drop),
        conversation(body).map(drop),
        description(body).map(drop),
        items(body).map(drop),
    ];
    for problem in results.into_iter().filter_map(Result::err) {
        assert!(matches!(problem.status.as_u16(), 400 | 404), "{problem:?}");
        assert!(!problem.message.is_empty());
        let has_field = problem
            .field
            .as_deref()
            .is_some_and(|field| !field.is_empty());
        assert!(has_field || problem.code == "invalid_json", "{problem:?}");
    }
}

/// Names that mean something somewhere, so that they meet.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "model",
        "input",
        "instructions",
        "previous_response_id",
        "conversation",
        "tools",
        "tool_choice",
        "text",
        "reasoning",
        "truncation",
        "max_output_tokens",
        "temperature",
        "stream_options",
        "include",
        "metadata",
        "items",
        "type",
        "role",
        "content",
        "id",
        "call_id",
        "name",
        "arguments",
        "output",
        "summary",
        "encrypted_content",
        "server_label",
        "server_url",
        "headers",
        "authorization",
        "allowed_tools",
        "require_approval",
        "always",
        "never",
        "tool_names",
        "read_only",
        "error",
        "approve",
        "approval_request_id",
        "format",
        "schema",
        "strict",
        "verbosity",
        "effort",
        "mode",
        "image_url",
        "file_id",
        "detail",
        "refusal",
        "parameters",
        "description",
        "annotations",
        "input_schema",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => ".{0,9}"]
}

fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "m",
        "auto",
        "none",
        "required",
        "function",
        "mcp",
        "web_search",
        "allowed_tools",
        "message",
        "function_call",
        "function_call_output",
        "reasoning",
        "item_reference",
        "compaction",
        "compaction_trigger",
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "custom_tool_call",
        "a:b",
        "user",
        "assistant",
        "input_text",
        "output_text",
        "input_image",
        "input_file",
        "refusal",
        "summary_text",
        "json_schema",
        "json_object",
        "https://u:p@host/path",
        "always",
        "never",
        "low",
        "high",
        "disabled",
        "msg_0000000000000000000000000000000",
        "resp_00000000000000000000000000",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => "\\PC{0,80}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inside), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_is_too_much(text in "\\PC{0,200}") {
        everybody(&text);
    }

    #[test]
    fn no_value_is_too_much(value in value()) {
        everybody(&value.to_string());
    }

    #[test]
    fn no_field_is_too_much(fields in prop::collection::vec((name(), value()), 0..8)) {
        let mut body = json!({"model": "m", "input": "a"});
        for (name, value) in fields {
            body[name] = value;
        }
        everybody(&body.to_string());
    }

    #[test]
    fn no_item_and_no_tool_is_too_much(
        items in prop::collection::vec(value(), 0..5),
        tools in prop::collection::vec(value(), 0..5),
        choice in value(),
    ) {
        let body = json!({
            "model": "m", "input": items, "items": items, "tools": tools, "tool_choice": choice,
        });
        everybody(&body.to_string());
    }

    #[test]
    fn no_body_that_breaks_off_is_too_much(value in value(), end in 0_usize..400) {
        let body = json!({"model": "m", "input": value, "tools": value}).to_string();
        let end = (0..=end.min(body.len())).rev().find(|end| body.is_char_boundary(*end)).unwrap();
        everybody(&body[..end]);
    }
}
