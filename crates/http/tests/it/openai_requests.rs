//! Requests of OpenAI's clients: what they ask for reaches the model and the tool servers, what they are to
//! see again is shown, and what is wrong with them is told in words that they know.

use response_domain::item::ItemBody;
use response_domain::ports::llm::LlmErrorKind;
use response_http::HostedTools;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use serde_json::{Value, json};

use crate::client::{Call, Reply};
use crate::layout::laid_out;
use crate::world::{Plan, World};

const RESPONSES: &str = "/openai/v1/responses";

async fn post(world: &World, path: &str, body: &Value) -> Reply {
    Call::new("POST", path).json(body).send(world).await
}

/// Makes a response of a request with these fields beside what must be there.
async fn ask(world: &World, fields: &Value) -> Reply {
    let mut body = json!({"model": "m", "input": "hi"});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    post(world, RESPONSES, &body).await
}

async fn asked(world: &World, fields: &Value) -> Value {
    let reply = ask(world, fields).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// What the model read last, item by item.
fn read(world: &World) -> Vec<String> {
    let turn = world.model.asked().pop().unwrap();
    let items = turn.transcript.iter().map(|item| match &item.body {
        ItemBody::Message(message) => {
            format!("{}: {}", message.role.as_str(), message.joined_text())
        }
        ItemBody::FunctionCall(call) => format!("{} {}", call.name, call.arguments),
        ItemBody::FunctionCallOutput(output) => format!("-> {}", output.output),
        ItemBody::Reasoning(reasoning) => format!("thinks {}", reasoning.text),
        other => format!("{other:?}"),
    });
    items.collect()
}

#[tokio::test]
async fn what_is_asked_for_reaches_the_model() {
    let world = World::new([text("fine")]).await;
    let fields = json!({
        "instructions": "Be brief.",
        "input": [
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "reasoning", "id": "rs_theirs", "summary": [],
                "content": [{"type": "reasoning_text", "text": "hm"}]},
            {"type": "function_call", "id": "fc_theirs", "call_id": "call_1", "name": "weather",
                "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
            {"type": "web_search_call", "id": "ws_theirs", "status": "completed"},
            {"type": "item_reference", "id": "PLACE"},
        ],
        "tools": [{"type": "function", "name": "weather", "strict": true,
            "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}],
        "tool_choice": {"type": "function", "name": "weather"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"z": 1, "a": 2}},
            "verbosity": "low"},
        "reasoning": {"effort": "high"},
        "temperature": 0.5, "top_p": 0.25, "max_output_tokens": 64, "parallel_tool_calls": false,
        "presence_penalty": 1, "frequency_penalty": -1,
    });
    let earlier = asked(&world, &json!({"input": "Who?"})).await;
    let said = earlier["output"][0]["id"].as_str().unwrap();
    assert!(said.starts_with("msg_"), "{earlier}");
    let fields: Value = serde_json::from_str(&fields.to_string().replace("PLACE", said)).unwrap();
    asked(&world, &fields).await;
    assert_eq!(
        read(&world),
        [
            "developer: Be kind.",
            "user: Weather?",
            "thinks hm",
            "weather {}",
            "-> sunny",
            "assistant: fine",
        ]
    );
    let turn = world.model.asked().pop().unwrap();
    let controls = &turn.spec.controls;
    assert_eq!(turn.spec.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(
        (controls.temperature, controls.top_p),
        (Some(0.5), Some(0.25))
    );
    assert_eq!(controls.max_tokens, Some(64));
    assert_eq!(controls.reasoning_effort.as_deref(), Some("high"));
    assert_eq!(controls.verbosity.as_deref(), Some("low"));
    let format = controls.response_format.as_ref().unwrap();
    assert_eq!(
        format.as_str(),
        r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"a":2,"z":1}}}"#
    );
    assert_eq!(&*turn.tools[0].name, "weather");
    assert_eq!(turn.tools[0].strict, Some(true));
}

/// Fields of a response, and what stands in them.
fn shown() -> Vec<(&'static str, Value)> {
    vec![
        ("instructions", json!("i")),
        ("metadata", json!({"k": "v"})),
        ("max_tool_calls", json!(2)),
        ("max_output_tokens", json!(32)),
        (
            "tools",
            json!([
                {"type": "function", "name": "f", "description": null, "parameters": null, "strict": null},
                {"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example.com",
                    "allowed_tools": null, "require_approval": "never"},
            ]),
        ),
        (
            "tool_choice",
            json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}),
        ),
        (
            "text",
            json!({"format": {"type": "text"}, "verbosity": "high"}),
        ),
        ("reasoning", json!({"effort": "low", "summary": null})),
        ("truncation", json!("auto")),
        ("top_logprobs", json!(3)),
        ("safety_identifier", json!("sid")),
        ("prompt_cache_key", json!("key")),
        ("user", json!("u")),
        ("service_tier", json!("default")),
    ]
}

#[tokio::test]
async fn what_a_request_said_is_shown_with_its_response() {
    let tools = ScriptedTools::new([]).named(
        ("docs", "https://mcp.example.com/sse?key=s3cret"),
        [("ask", ToolScript::Answers("yes"))],
    );
    let world = Plan::new([text("fine")]).tools(tools).build().await;
    let fields = json!({
        "instructions": "i", "metadata": {"k": "v"}, "max_tool_calls": 2, "max_output_tokens": 32,
        "tools": [
            {"type": "function", "name": "f"},
            {"type": "web_search"},
            {"type": "mcp", "server_label": "docs", "require_approval": "never",
                "server_url": "https://mcp.example.com/sse?key=s3cret",
                "authorization": "s3cret", "headers": {"X-Key": "s3cret"}},
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [
            {"type": "function", "name": "f"}]},
        "text": {"verbosity": "high"}, "reasoning": {"effort": "low"}, "truncation": "auto",
        "top_logprobs": 3, "safety_identifier": "sid", "prompt_cache_key": "key", "user": "u",
        "service_tier": "flex",
    });
    let response = asked(&world, &fields).await;
    for (name, expected) in shown() {
        assert_eq!(response[name], expected, "{name}");
    }
    let path = format!("{RESPONSES}/{}", response["id"].as_str().unwrap());
    let kept = Call::new("GET", &path).send(&world).await;
    assert_eq!(kept.json()["tools"], response["tools"]);
    assert!(!kept.text().contains("s3cret"));
    assert!(!response.to_string().contains("s3cret"));
    let listed = world.tools.asked();
    let given: Vec<_> = listed[0].context.tool_secrets.headers("docs").collect();
    assert_eq!(
        given,
        [("x-key", "s3cret"), ("authorization", "Bearer s3cret")]
    );
    let offered: Vec<_> = world.model.asked()[0]
        .tools
        .iter()
        .map(|tool| tool.name.clone())
        .collect();
    assert_eq!(offered, ["f".into()], "others are not allowed");
}

#[tokio::test]
async fn tools_that_are_hosted_elsewhere_are_passed_over_unless_they_are_to_be_refused() {
    let fields = json!({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}});
    let world = World::new([text("fine")]).await;
    let response = asked(&world, &fields).await;
    assert_eq!(
        (&response["tools"], &response["tool_choice"]),
        (&json!([]), &json!("auto"))
    );
    let strict =
        Plan::new([text("fine")]).options(|options| options.hosted_tools = HostedTools::Refuse);
    let reply = ask(&strict.build().await, &fields).await;
    let error = &reply.json()["error"];
    assert_eq!(
        (reply.status, &error["param"]),
        (400, &json!("tools[0].type"))
    );
    assert_eq!(error["code"], "unsupported_value");
}

/// What is wrong with a request, however it is found, and how it is told.
#[tokio::test]
async fn every_refusal_is_told_in_words_that_clients_know() {
    let tools = ScriptedTools::new([]).refusing("http://10.");
    let world = Plan::new([text("fine")]).tools(tools).build().await;
    let id = |prefix: &str| format!("{prefix}_{}", "0".repeat(26));
    let message = json!({"role": "user", "content": "a"});
    let of_item = |item: Value| json!({"input": [{"role": "user", "content": "a"}, item]});
    let mut told = String::new();
    for fields in [
        json!({"model": null, "temperature": "hot"}),
        json!({"input": ""}),
        json!({"input": [message, []]}),
        json!({"tools": (0..129).map(|name| json!({"type": "function", "name": format!("f{name}")}))
            .collect::<Vec<_>>()}),
        json!({"user": "x".repeat(513)}),
        json!({"previous_response_id": "resp_theirs"}),
        json!({"previous_response_id": id("resp")}),
        json!({"conversation": "conv_theirs"}),
        json!({"conversation": id("conv")}),
        json!({"conversation": id("conv"), "previous_response_id": id("resp")}),
        of_item(json!({"type": "item_reference", "id": "msg_theirs"})),
        of_item(json!({"type": "item_reference", "id": format!("{}00000", id("msg"))})),
        of_item(json!({"type": "function_call_output", "call_id": "call_1", "output": "a"})),
        of_item(
            json!({"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}),
        ),
        of_item(
            json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": true}),
        ),
        of_item(json!({"type": "compaction", "encrypted_content": "made up"})),
        json!({"tools": [{"type": "web_search"}, {"type": "mcp", "server_label": "nobodys"}]}),
        json!({"tools": [{"type": "mcp", "server_label": "s", "server_url": "http://10.0.0.1/mcp"}]}),
        json!({"background": true, "store": false}),
    ] {
        let reply = ask(&world, &fields).await;
        assert!(
            matches!(reply.status, 400 | 404),
            "{fields}: {}",
            reply.text()
        );
        let lines = [
            &reply.status.to_string(),
            " ",
            &laid_out(reply.text()),
            "\n",
        ];
        told.extend(lines);
    }
    assert!(world.model.asked().is_empty(), "nothing was asked");
    insta::assert_snapshot!("openai-refusals", told);
}

#[tokio::test]
async fn what_a_model_refuses_is_told_in_words_that_clients_know() {
    for (kind, status, code, param) in [
        (
            LlmErrorKind::ModelNotFound,
            404,
            json!("model_not_found"),
            json!("model"),
        ),
        (
            LlmErrorKind::ContextLength,
            400,
            json!("context_length_exceeded"),
            json!("input"),
        ),
        (
            LlmErrorKind::RateLimited { retry_after: None },
            429,
            json!("rate_limit_exceeded"),
            Value::Null,
        ),
    ] {
        let world = World::new([TurnScript::Refuses(kind)]).await;
        let reply = ask(&world, &json!({})).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"], &error["param"]),
            (status, &code, &param),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_call_of_the_caller_ends_the_turn_and_its_output_goes_on() {
    let world = World::new([calls(&[("f", r#"{"a":1}"#)]), text("fine")]).await;
    let tools = json!([{"type": "function", "name": "f"}]);
    let first = asked(&world, &json!({"tools": tools})).await;
    let call = &first["output"][0];
    assert_eq!(
        (&call["type"], &call["arguments"]),
        (&json!("function_call"), &json!("{\"a\":1}"))
    );
    let output = json!({"type": "function_call_output", "call_id": call["call_id"], "output": [
        {"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}]});
    let fields = json!({"tools": tools, "previous_response_id": first["id"], "input": [output]});
    let second = asked(&world, &fields).await;
    assert_eq!(second["output"][0]["content"][0]["text"], "fine");
    assert_eq!(read(&world), ["user: hi", r#"f {"a":1}"#, "-> onetwo"]);
}

#[tokio::test]
async fn bodies_about_conversations_are_refused_by_field() {
    let world = World::new([]).await;
    let item = json!({"role": "user", "content": "a"});
    let made = post(
        &world,
        "/openai/v1/conversations",
        &json!({"items": [item]}),
    )
    .await;
    assert_eq!(made.status, 200, "{}", made.text());
    let path = format!(
        "/openai/v1/conversations/{}",
        made.json()["id"].as_str().unwrap()
    );
    let items = format!("{path}/items");
    for (path, body, code, param) in [
        (
            "/openai/v1/conversations",
            json!({"metadata": {"a": 5}}),
            "invalid_type",
            "metadata.a",
        ),
        (
            "/openai/v1/conversations",
            json!({"items": vec![item.clone(); 21]}),
            "array_above_max_length",
            "items",
        ),
        (&*path, json!({}), "missing_required_parameter", "metadata"),
        (&*items, json!({}), "missing_required_parameter", "items"),
        (
            &*items,
            json!({"items": [item, {"role": "user"}]}),
            "missing_required_parameter",
            "items[1].content",
        ),
        (
            "/openai/v1/responses/input_tokens",
            json!({"input": "a"}),
            "missing_required_parameter",
            "model",
        ),
        (
            "/openai/v1/responses/compact",
            json!({"input": "a"}),
            "missing_required_parameter",
            "model",
        ),
    ] {
        let reply = post(&world, path, &body).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"], &error["param"]),
            (400, &json!(code), &json!(param)),
            "{path} {body}: {error}"
        );
    }
}
