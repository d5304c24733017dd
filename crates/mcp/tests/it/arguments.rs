//! What goes with a call: checked arguments, context, headers.

use response_domain::id::{ConversationId, ExecutionId, RawId};
use response_domain::tool::Verdict;
use response_mcp::{ContextArguments, Mode, Options};
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::world::{call, listed, server, tools, tools_with};

/// A bare server with one tool of this schema, which says what it got.
async fn with_schema(schema: Value) -> Fake {
    Fake::start(move |seen| match seen.method() {
        "tools/list" => seen.tools(&json!([{"name": "t", "inputSchema": schema}])),
        _ => seen.says(&seen.arguments().to_string()),
    })
    .await
}

#[tokio::test]
async fn arguments_that_do_not_fit_never_reach_the_server() {
    let fake = with_schema(json!({
        "type": "object",
        "required": ["q"],
        "properties": {"q": {"type": "string"}, "num": {"type": "integer", "minimum": 1}},
    }))
    .await;
    let tools = tools(&fake, Mode::Bare);
    let bad = call(&tools, "t", &json!({"num": 0})).await.unwrap();
    assert_eq!(bad.verdict, Verdict::BadArguments);
    assert!(
        bad.text
            .contains("/num: this value is less than the minimum of 1"),
        "{}",
        bad.text
    );
    assert!(
        bad.text.contains("\"q\" is a required property"),
        "{}",
        bad.text
    );
    assert_eq!(fake.count("tools/call"), 0);
    let good = call(&tools, "t", &json!({"q": "x", "num": 1}))
        .await
        .unwrap();
    assert_eq!(good.verdict, Verdict::Done);
    assert_eq!(&*good.text, r#"{"num":1,"q":"x"}"#);
}

#[tokio::test]
async fn a_schema_that_cannot_be_checked_lets_the_call_pass() {
    let fake = with_schema(json!({
        "type": "object",
        "properties": {"a": {"$ref": "http://127.0.0.1:1/never.json"}},
    }))
    .await;
    let reply = call(&tools(&fake, Mode::Bare), "t", &json!({"a": 1}))
        .await
        .unwrap();
    assert_eq!(reply.verdict, Verdict::Done);
}

fn context_schema() -> Value {
    json!({
        "type": "object",
        "required": ["q", "user_id", "request_id"],
        "properties": {
            "q": {"type": "string"}, "user_id": {"type": "string"}, "request_id": {"type": "string"},
            "tool_call_id": {"type": "string"}, "conversation_id": {"type": "string"},
        },
    })
}

#[tokio::test]
async fn context_arguments_are_filled_in_and_the_model_never_sees_them() {
    let fake = with_schema(context_schema()).await;
    let tools = tools(&fake, Mode::Bare);
    let shown = listed(&tools).await[0].parameters.to_value();
    assert_eq!(shown["required"], json!(["q"]));
    assert_eq!(shown["properties"], json!({"q": {"type": "string"}}));
    call(&tools, "t", &json!({"q": "x", "user_id": "root"}))
        .await
        .unwrap();
    let execution = ExecutionId::new(RawId::new(1), 1).to_string();
    let conversation = ConversationId::new(RawId::new(2)).to_string();
    let expected = json!({
        "q": "x", "user_id": "ada", "request_id": "req-1",
        "tool_call_id": execution, "conversation_id": conversation,
    });
    assert_eq!(*fake.last("tools/call").arguments(), expected);
}

#[tokio::test]
async fn a_server_that_gets_no_context_leaves_those_arguments_to_the_model() {
    let fake = with_schema(context_schema()).await;
    let mut only = server("default", &fake.url, Mode::Bare);
    only.context = ContextArguments::Withheld;
    let tools = tools_with(&Options::new(vec![only]));
    let given = json!({"q": "x", "user_id": "42", "request_id": "7"});
    call(&tools, "t", &given).await.unwrap();
    assert_eq!(*fake.last("tools/call").arguments(), given);
}

#[tokio::test]
async fn a_tool_that_names_no_context_gets_none() {
    let fake = with_schema(json!({"type": "object", "properties": {"q": {}}})).await;
    call(&tools(&fake, Mode::Bare), "t", &json!({"q": 1}))
        .await
        .unwrap();
    assert_eq!(*fake.last("tools/call").arguments(), json!({"q": 1}));
}

#[tokio::test]
async fn a_call_can_be_traced_and_told_from_its_repetition() {
    let fake = with_schema(json!({"type": "object"})).await;
    call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap();
    let seen = fake.last("tools/call");
    let execution = ExecutionId::new(RawId::new(1), 1).to_string();
    let conversation = ConversationId::new(RawId::new(2)).to_string();
    assert_eq!(seen.header("x-request-id"), Some("req-1"));
    assert_eq!(seen.header("x-tool-call-id"), Some(&*execution));
    assert_eq!(seen.header("x-conversation-id"), Some(&*conversation));
    assert_eq!(seen.header("idempotency-key"), Some(&*execution));
    let meta = &seen.body["params"]["_meta"];
    assert_eq!(meta["progressToken"], *execution);
    assert_eq!(meta["idempotencyKey"], *execution);
    assert_eq!(
        fake.last("tools/list").header("x-request-id"),
        Some("req-1")
    );
}
