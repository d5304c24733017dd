//! What is answered is what the `OpenAPI` document says.

use response_domain::execution::ExecutionState;
use response_domain::failure::FailureCode;
use response_domain::id::EventId;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, IncompleteReason};
use response_domain::webhook::{Disabled, Effect, GaveUp, Outcome, SendFault, Verdict};
use response_http::openapi_json;
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::{Value, json};

use crate::client::Call;
use crate::deliveries::{background, ended};
use crate::sample::{accepted, answered, failed, id, put, spec, then, worked};
use crate::webhooks::{WEBHOOKS, attempt, path, register};
use crate::world::{Plan, World};

/// Asserts that `value` has the shape of this name.
pub(crate) fn assert_shape(name: &str, value: &Value) {
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let schema = json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": document["components"],
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(value)
        .map(|fault| format!("{fault} at {}", fault.instance_path()))
        .collect();
    assert_eq!(faults, [""; 0], "{name}: {value:#}");
}

#[tokio::test]
async fn every_state_of_a_response_has_the_described_shape() {
    let world = World::new([]).await;
    let background = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    let states = [
        ExecutionState::Completed("yes".into()),
        ExecutionState::Failed("no".into()),
        ExecutionState::TimedOut,
        ExecutionState::Cancelled,
        ExecutionState::Unknown,
    ];
    let busy = |number| worked(accepted(number, spec()), &states);
    let running = worked(accepted(2, spec()), &[ExecutionState::Started]);
    let responses = [
        accepted(1, background),
        running,
        then(answered(busy(3), "yes"), Change::Complete),
        then(busy(4), failed(FailureCode::ModelError)),
        then(busy(5), Change::Cancel),
        then(busy(6), Change::Stop(IncompleteReason::ContentFilter)),
        then(busy(7), Change::Stop(IncompleteReason::ToolDepth)),
    ];
    for response in &responses {
        put(&world, response).await;
        let path = format!("/v1/responses/{}", response.id);
        let get = async |path: &str| Call::new("GET", path).send(&world).await.json();
        assert_shape("Response", &get(&path).await);
        assert_shape("ItemList", &get(&format!("{path}/input_items")).await);
        assert_shape("EventList", &get(&format!("{path}/events")).await);
    }
    let list = Call::new("GET", "/v1/responses").send(&world).await;
    assert_shape("ResponseList", &list.json());
    let gone = Call::new("DELETE", &format!("/v1/responses/{}", id(3)));
    assert_shape("Deleted", &gone.send(&world).await.json());
    let missing = Call::new("GET", "/nothing").send(&world).await;
    assert_shape("Error", &missing.json());
    let alive = Call::new("GET", "/healthz").send(&world).await;
    assert_shape("Health", &alive.json());
    let index = Call::new("GET", "/").send(&world).await;
    assert_shape("Index", &index.json());
    let ready = Call::new("GET", "/readyz").send(&world).await;
    assert_shape("Readiness", &ready.json());
    world.engine.drain();
    let draining = Call::new("GET", "/readyz").send(&world).await;
    assert_shape("NotReady", &draining.json());
}

#[tokio::test]
async fn a_request_and_its_stream_have_the_described_shapes() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [calls(&[("clock", "{}"), ("clack", "{")]), text("Noon.")];
    let world = Plan::new(turns).tools(tools).build().await;
    let request = json!({
        "model": "m",
        "input": [
            {"role": "user", "content": [{"type": "text", "text": "time?"}]},
            {"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "noon"},
            {"type": "reasoning", "text": "hm"},
            {"role": "user", "content": "and now?"},
        ],
        "temperature": 0.5,
        "stop": ["a"],
        "tools": [{"type": "function", "function": {"name": "clock"}}],
        "tool_choice": {"type": "auto"},
        "tool_failure": "report",
        "metadata": {"a": 1},
        "user": null,
        "stream": true,
    });
    assert_shape("CreateRequest", &request);
    let call = Call::new("POST", "/v1/responses").json(&request);
    let reply = call.send(&world).await;
    assert!(reply.frames().len() > 8, "{}", reply.text());
    for frame in reply.frames() {
        let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
        assert_shape("StreamEvent", &serde_json::from_str(data.unwrap()).unwrap());
    }
}

#[tokio::test]
async fn every_answer_about_webhooks_has_the_described_shape() {
    let world = World::new([]).await;
    let made = json!({"url": "https://a.example", "events": ["*"], "name": null, "active": true});
    assert_shape("CreateWebhookRequest", &made);
    let made = register(&world, &made).await;
    assert_shape("WebhookWithSecret", &made.json());
    let path = path(&made);
    ended(&world, background(1, None), Change::Complete).await;
    let fails = Outcome {
        verdict: Verdict::GivenUp(GaveUp::Gone),
        effect: Effect::Disable(Disabled::Gone),
    };
    attempt(&world, Err(SendFault::TlsFailed), &fails).await;
    let nothing = json!({});
    for (name, method, path) in [
        ("Webhook", "GET", path.clone()),
        ("Webhook", "PATCH", path.clone()),
        ("WebhookList", "GET", WEBHOOKS.to_owned()),
        ("WebhookWithSecret", "POST", format!("{path}/rotate_secret")),
        ("WebhookTest", "POST", format!("{path}/test")),
        ("DeliveryList", "GET", format!("{path}/deliveries")),
        (
            "DeliveryList",
            "GET",
            format!("/v1/responses/{}/deliveries", id(1)),
        ),
        (
            "Delivery",
            "POST",
            format!("{path}/deliveries/{}/redeliver", EventId::of(id(1))),
        ),
        ("EventTypeList", "GET", "/v1/webhook_event_types".to_owned()),
        ("DeletedWebhook", "DELETE", path.clone()),
    ] {
        assert_shape(name, &send(&world, method, &path, &nothing).await);
    }
}

/// What a request is answered, which must be possible.
async fn send(world: &World, method: &str, path: &str, body: &Value) -> Value {
    let reply = Call::new(method, path).json(body).send(world).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

#[tokio::test]
async fn every_answer_to_clients_of_openai_has_the_described_shape() {
    let world = World::new([]).await;
    let theirs = "/openai/v1/webhook_endpoints";
    let made = json!({"name": "n", "url": "https://a.example", "event_types": ["response.failed"]});
    assert_shape("OpenAiCreateEndpoint", &made);
    let made = send(&world, "POST", theirs, &made).await;
    assert_shape("OpenAiEndpointWithSecret", &made);
    let path = format!("{theirs}/{}", made["id"].as_str().unwrap());
    let event = json!({"event_type": "response.failed"});
    for (name, method, path) in [
        ("OpenAiEndpoint", "GET", path.clone()),
        ("OpenAiEndpoint", "POST", path.clone()),
        ("OpenAiEndpointList", "GET", theirs.to_owned()),
        (
            "OpenAiEndpointWithSecret",
            "POST",
            format!("{path}/rotate_secret"),
        ),
        ("OpenAiEndpointTest", "POST", format!("{path}/test")),
        (
            "OpenAiEventTypeList",
            "GET",
            "/openai/v1/webhook_event_types".to_owned(),
        ),
        ("OpenAiDeletedEndpoint", "DELETE", path.clone()),
    ] {
        assert_shape(name, &send(&world, method, &path, &event).await);
    }
    let gone = Call::new("GET", &path).send(&world).await;
    assert_shape("OpenAiError", &gone.json());
}
