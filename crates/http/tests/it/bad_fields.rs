//! Requests that are JSON and still not acceptable: each fault names its field, and none is the
//! service's.

use response_testkit::script::{ScriptedTools, ToolScript, text};
use serde_json::{Value, json};

use crate::client::{Call, Reply};
use crate::world::{Plan, World};

async fn world() -> World {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    Plan::new([text("hi")]).tools(tools).build().await
}

pub(crate) async fn ask(world: &World, fields: &Value) -> Reply {
    let mut body = json!({"model": "m", "input": "hi"});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let call = Call::new("POST", "/v1/responses");
    call.json(&body).send(world).await
}

/// Asserts that these fields are refused: with this status and code, about this field.
pub(crate) async fn refused(
    world: &World,
    fields: &Value,
    (status, code, param): (u16, &str, &str),
) {
    let reply = ask(world, fields).await;
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["code"], &error["param"]),
        (status, &json!(code), &json!(param)),
        "{fields}: {error}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(!message.is_empty() && message.len() < 400, "{message}");
}

pub(crate) fn invalid(param: &str) -> (u16, &str, &str) {
    (400, "invalid_parameter", param)
}

fn missing(param: &str) -> (u16, &str, &str) {
    (400, "missing_required_parameter", param)
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused_by_name() {
    let world = world().await;
    let numbers = [
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "max_tokens",
        "max_tool_depth",
    ];
    let texts = [
        "model",
        "system_prompt",
        "reasoning_effort",
        "user",
        "conversation",
        "previous_response_id",
        "tool_failure",
    ];
    let truths = ["stream", "background", "store", "parallel_tool_calls"];
    let objects = ["metadata", "response_format"];
    for (fields, wrong) in [
        (
            &numbers[..],
            [json!("1"), json!(true), json!([1]), json!({})],
        ),
        (&texts, [json!(1), json!(true), json!(["a"]), json!({})]),
        (&truths, [json!("true"), json!(1), json!([]), json!({})]),
        (&objects, [json!("{}"), json!(1), json!([]), json!(true)]),
        (
            &["tools"],
            [json!("clock"), json!(1), json!({}), json!(true)],
        ),
        (
            &["tool_choice"],
            [json!("clock"), json!(1), json!([]), json!(true)],
        ),
        (&["stop"], [json!(1), json!(true), json!({}), json!([1])]),
        (&["input"], [json!(1), json!(true), json!([]), json!({})]),
    ] {
        for field in fields {
            for value in &wrong {
                refused(&world, &json!({ *field: value }), invalid(field)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_value_out_of_range_is_refused_by_name() {
    let world = world().await;
    let long = |length: usize| json!("x".repeat(length));
    for (field, value) in [
        ("temperature", json!(2.1)),
        ("temperature", json!(-0.1)),
        ("top_p", json!(1.1)),
        ("top_p", json!(-1)),
        ("presence_penalty", json!(-2.1)),
        ("frequency_penalty", json!(2.5)),
        ("max_tokens", json!(0)),
        ("max_tokens", json!(-1)),
        ("max_tokens", json!(1.5)),
        ("max_tokens", json!(4_294_967_296_u64)),
        ("seed", json!(1.5)),
        ("seed", json!(u64::MAX)),
        ("max_tool_depth", json!(0)),
        ("max_tool_depth", json!(16)),
        ("max_tool_depth", json!(2.5)),
        ("tool_failure", json!("ignore")),
        ("stop", json!(["a", "b", "c", "d", "e"])),
        ("model", json!("")),
        ("model", long(257)),
        ("user", long(513)),
        ("reasoning_effort", json!("")),
        ("reasoning_effort", long(33)),
        (
            "metadata",
            json!({"a": "x".repeat(50_000), "b": "x".repeat(20_000)}),
        ),
        ("input", json!("")),
        ("input", json!(" \n ")),
        ("tool_choice", json!("sometimes")),
    ] {
        // A body of that length is within what this world takes.
        refused(&world, &json!({ field: value }), invalid(field)).await;
    }
}

/// Fields that lack something, and what they lack.
const MISSING: &str = r#"
    {"model": null} => model
    {"input": null} => input
    {"input": [{"role": "user"}]} => input[0].content
    {"input": [{"role": "user", "content": null}]} => input[0].content
    {"input": {"role": "user"}} => input.content
    {"input": [{"content": "a"}]} => input[0].type
    {"input": [{"type": "message", "content": "a"}]} => input[0].role
    {"input": [{"type": "function_call", "name": "a"}]} => input[0].call_id
    {"input": [{"type": "function_call", "call_id": "a"}]} => input[0].name
    {"input": [{"type": "function_call_output", "call_id": "a"}]} => input[0].output
    {"input": [{"type": "item_reference"}]} => input[0].id
    {"input": [{"type": "reasoning"}]} => input[0].text
    {"input": [{"role": "user", "content": [{"text": "a"}]}]} => input[0].content[0].type
    {"input": [{"role": "user", "content": [{"type": "text"}]}]} => input[0].content[0].text
    {"input": [{"role": "user", "content": [{"type": "image_url"}]}]} => input[0].content[0].image_url
    {"input": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]} => input[0].content[0].image_url.url
    {"tools": [{}]} => tools[0].name
    {"tools": [{"type": "function", "function": {}}]} => tools[0].function.name
    {"tool_choice": {"type": "function"}} => tool_choice.function.name
    {"tool_choice": {}} => tool_choice.function.name
"#;

/// Fields with a fault deep inside, and where it is.
const DEEP: &str = r#"
    {"input": ["a"]} => input[0]
    {"input": [{"role": "user", "content": "a"}, 7]} => input[1]
    {"input": [{"role": "robot", "content": "a"}]} => input[0].role
    {"input": [{"role": 1, "content": "a"}]} => input[0].role
    {"input": [{"role": "user", "content": 1}]} => input[0].content
    {"input": [{"role": "user", "content": {}}]} => input[0].content
    {"input": [{"role": "user", "content": " "}]} => input
    {"input": [{"role": "user", "content": []}]} => input
    {"input": [{"role": "user", "content": ["a"]}]} => input[0].content[0]
    {"input": [{"type": "video", "id": "a"}]} => input[0].type
    {"input": [{"type": 1}]} => input[0].type
    {"input": [{"type": "item_reference", "id": "nope"}]} => input[0].id
    {"input": [{"role": "user", "content": [{"type": "text", "text": 1}]}]} => input[0].content[0].text
    {"input": [{"role": "user", "content": [{"type": 1}]}]} => input[0].content[0].type
    {"input": [{"role": "user", "content": [{"type": "image_url", "image_url": ""}]}]} => input[0].content[0].image_url
    {"input": [{"role": "user", "content": [{"type": "image_url", "image_url": 1}]}]} => input[0].content[0].image_url
    {"input": [{"role": "user", "content": "a"}, {"type": "function_call", "call_id": "LONG", "name": "a"}]} => input[1].call_id
    {"input": [{"role": "user", "content": "a"}, {"type": "function_call", "call_id": "c", "name": "LONG"}]} => input[1].name
    {"input": [{"role": "user", "content": "a"}, {"type": "function_call_output", "call_id": "c", "output": "x"}]} => input[1]
    {"input": [{"role": "user", "content": "a"}, {"type": "function_call", "call_id": "c", "name": "x"}]} => input[1]
    {"tools": ["clock"]} => tools[0]
    {"tools": [{"type": "web_search"}]} => tools[0].type
    {"tools": [{"type": 1}]} => tools[0].type
    {"tools": [{"type": "function", "function": "clock"}]} => tools[0].function
    {"tools": [{"name": 1}]} => tools[0].name
    {"tools": [{"name": "LONG"}]} => tools[0].function.name
    {"tools": [{"name": "clock", "description": 1}]} => tools[0].description
    {"tools": [{"name": "clock", "parameters": []}]} => tools[0].function.parameters
    {"tools": [{"name": "clock"}, {"name": "clock"}]} => tools[1].function.name
    {"tool_choice": {"type": "maybe"}} => tool_choice.type
    {"tool_choice": {"type": 1}} => tool_choice.type
    {"tool_choice": {"type": "function", "function": 1}} => tool_choice.function
    {"tool_choice": {"type": "function", "function": {"name": 1}}} => tool_choice.function.name
    {"tools": [], "tool_choice": "required"} => tool_choice
"#;

/// The lines of a table: fields, and the field at fault.
fn lines(table: &str) -> impl Iterator<Item = (Value, String)> {
    let long = "x".repeat(300);
    let lines = table.lines().filter_map(|line| line.split_once(" => "));
    lines.map(move |(fields, param)| {
        let fields = fields.replace("LONG", &long);
        (serde_json::from_str(&fields).unwrap(), param.to_owned())
    })
}

#[tokio::test]
async fn what_must_be_there_is_missed_by_name() {
    let world = world().await;
    for (fields, param) in lines(MISSING) {
        refused(&world, &fields, missing(&param)).await;
    }
}

#[tokio::test]
async fn a_fault_deep_inside_is_refused_where_it_is() {
    let world = world().await;
    for (fields, param) in lines(DEEP) {
        refused(&world, &fields, invalid(&param)).await;
    }
}

#[tokio::test]
async fn what_is_named_and_not_there_is_refused_by_name() {
    let world = world().await;
    let id = |prefix: &str| format!("{prefix}_{}", "0".repeat(26));
    for (fields, (status, code, param)) in [
        (
            json!({"conversation": id("conv")}),
            (404, "conversation_not_found", "conversation"),
        ),
        (
            json!({"conversation": "nope"}),
            (404, "conversation_not_found", "conversation"),
        ),
        (
            json!({"conversation": "x".repeat(9_000)}),
            (404, "conversation_not_found", "conversation"),
        ),
        (
            json!({"conversation": id("resp")}),
            (404, "conversation_not_found", "conversation"),
        ),
        (
            json!({"previous_response_id": id("resp")}),
            (404, "response_not_found", "previous_response_id"),
        ),
        (
            json!({"previous_response_id": "nope"}),
            (404, "response_not_found", "previous_response_id"),
        ),
        (
            json!({"input": [{"id": format!("{}00000", id("item"))}]}),
            (400, "invalid_parameter", "input"),
        ),
        (
            json!({"tools": [{"name": "clock"}, {"name": "claxon"}]}),
            (400, "tool_not_available", "tools[1].function.name"),
        ),
        (
            json!({"tool_choice": {"type": "function", "function": {"name": "claxon"}}}),
            (400, "tool_not_available", "tool_choice"),
        ),
        (
            json!({"background": true, "store": false}),
            (400, "background_requires_store", "background"),
        ),
        (
            json!({"background": true, "stream": true}),
            (400, "background_cannot_stream", "background"),
        ),
    ] {
        refused(&world, &fields, (status, code, param)).await;
    }
}

#[tokio::test]
async fn too_many_of_anything_are_refused() {
    let world = world().await;
    let message = json!({"role": "user", "content": "a"});
    refused(
        &world,
        &json!({"input": vec![message; 513]}),
        invalid("input"),
    )
    .await;
    let tool = json!({"name": "clock"});
    refused(&world, &json!({"tools": vec![tool; 129]}), invalid("tools")).await;
    let roomy = Plan::new([text("hi")]).options(|options| options.body_bytes = 10 << 20);
    let roomy = roomy.build().await;
    let many = vec![json!({}); 100_001];
    refused(&roomy, &json!({"stop": many}), invalid("stop")).await;
    let reply = ask(&roomy, &json!({"tools": many})).await;
    assert_eq!(reply.status, 400);
    let reply = ask(&roomy, &json!({"input": many})).await;
    assert_eq!(reply.status, 400);
    let parts = vec![json!({"type": "text", "text": "a"}); 100_001];
    let input = json!([{"role": "user", "content": parts}]);
    refused(
        &roomy,
        &json!({"input": input}),
        invalid("input[0].content"),
    )
    .await;
}

#[tokio::test]
async fn all_faults_are_told_at_once_and_the_first_is_named() {
    let world = world().await;
    let fields =
        json!({"temperature": "hot", "stream": "yes", "tools": [{"type": 1}, {"name": 2}]});
    let error = ask(&world, &fields).await.json()["error"].clone();
    assert_eq!(error["param"], "temperature");
    let message = error["message"].as_str().unwrap();
    for field in ["temperature", "tools[0].type", "tools[1].name", "stream"] {
        assert!(message.contains(&format!("`{field}` must be")), "{message}");
    }
    let fields = json!({"temperature": 3, "top_p": 3, "model": null});
    let error = ask(&world, &fields).await.json()["error"].clone();
    assert_eq!(
        error["message"],
        "`model` is required; `temperature` must be between 0 and 2, not 3; \
         `top_p` must be between 0 and 1, not 3"
    );
    assert_eq!(error["code"], "missing_required_parameter");
}
