//! Webhook endpoints as OpenAI's client libraries speak of them.

use response_domain::webhook::{Answer, SendFault};
use response_testkit::sender::status;
use response_testkit::vault::TestVault;
use serde_json::{Value, json};

use crate::client::{Call, Reply};
use crate::layout::laid_out;
use crate::webhooks::{URL, WEBHOOKS, get, register};
use crate::world::{Plan, World};

const ENDPOINTS: &str = "/openai/v1/webhook_endpoints";

/// Makes an endpoint with these fields beside what must be there.
async fn create(world: &World, fields: &Value) -> Reply {
    let mut body = json!({
        "name": "mine",
        "url": URL,
        "event_types": ["response.completed", "response.incomplete"],
    });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    post(world, ENDPOINTS, &body).await
}

async fn post(world: &World, path: &str, body: &Value) -> Reply {
    Call::new("POST", path).json(body).send(world).await
}

async fn made(world: &World) -> String {
    let reply = create(world, &json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    format!("{ENDPOINTS}/{}", reply.json()["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_endpoint_is_made_read_changed_and_deleted() {
    let world = World::new([]).await;
    let reply = create(&world, &json!({"client_metadata": {}, "description": null})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("location"), None);
    insta::assert_snapshot!("created", laid_out(reply.text()));
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{ENDPOINTS}/{id}");
    let found = get(&world, &path).await;
    insta::assert_snapshot!("retrieved", laid_out(found.text()));
    world.clock.advance(std::time::Duration::from_mins(1));
    let unchanged = post(&world, &path, &json!({"metadata": 1})).await;
    assert_eq!(unchanged.text(), found.text(), "nothing was named");
    let wish = json!({"name": "theirs", "event_types": vec!["response.failed"; 40]});
    let changed = post(&world, &path, &wish).await.json();
    assert_eq!(
        (&changed["name"], &changed["event_types"], &changed["url"]),
        (&json!("theirs"), &json!(["response.failed"]), &json!(URL))
    );
    assert_eq!(changed["updated_at"], 1_705_315_860);
    let deleted = Call::new("DELETE", &path).send(&world).await;
    assert_eq!(
        (deleted.status, deleted.text()),
        (
            200,
            format!(r#"{{"id":"{id}","object":"webhook_endpoint.deleted","deleted":true}}"#)
                .as_str()
        )
    );
    let call = Call::new("GET", &path).header("x-request-id", "req-7");
    let gone = call.send(&world).await;
    assert_eq!(gone.status, 404);
    assert_eq!(gone.header("x-request-id"), Some("req-7"));
    insta::assert_snapshot!("gone", laid_out(gone.text()));
}

#[tokio::test]
async fn both_dialects_see_the_same_endpoints() {
    let world = World::new([]).await;
    let native = register(&world, &json!({"events": ["*"], "name": "native"})).await;
    let path = made(&world).await;
    let id = path.rsplit('/').next().unwrap();
    let seen = get(&world, &format!("{WEBHOOKS}/{id}")).await.json();
    assert_eq!(
        (&seen["payload"], &seen["events"]),
        (
            &json!("thin"),
            &json!(["response.completed", "response.incomplete"])
        )
    );
    let list = get(&world, &format!("{ENDPOINTS}?limit=1")).await.json();
    assert_eq!(list["last_id"], json!(id));
    assert_eq!(list["has_more"], true);
    let rest = get(&world, &format!("{ENDPOINTS}?after={id}")).await.json();
    assert_eq!(rest["has_more"], false);
    let pattern = &rest["data"][0];
    assert_eq!(pattern["id"], native.json()["id"]);
    assert_eq!(
        pattern["event_types"].as_array().unwrap().len(),
        4,
        "a pattern shows what it covers"
    );
}

#[tokio::test]
async fn a_secret_is_rotated_and_the_old_one_dropped_unless_it_is_to_sign_on() {
    let world = World::new([]).await;
    let path = made(&world).await;
    for (body, signing) in [
        (json!({}), 1),
        (json!({"keep_old_secret_active_for_24_hours": true}), 2),
        (json!({"keep_old_secret_active_for_24_hours": false}), 1),
    ] {
        let reply = post(&world, &format!("{path}/rotate_secret"), &body).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let secret = reply.json()["signing_secret"].as_str().unwrap().to_owned();
        let event = json!({"event_type": "response.completed"});
        post(&world, &format!("{path}/test"), &event).await;
        let letter = world.sender.letters().pop().unwrap();
        assert_eq!(letter.secrets[0].expose(), secret);
        assert_eq!(letter.secrets.len(), signing, "{body}");
    }
}

#[tokio::test]
async fn a_test_answers_what_the_endpoint_answered() {
    let world = World::new([]).await;
    let path = format!("{}/test", made(&world).await);
    let event = json!({"event_type": "response.incomplete"});
    world.sender.answer([Ok(Answer {
        status: 503,
        retry_after: None,
        excerpt: "no".into(),
    })]);
    let reply = post(&world, &path, &event).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!("tested", laid_out(reply.text()));
    let body: Value = serde_json::from_slice(&world.sender.letters()[0].body).unwrap();
    assert_eq!(
        (&body["object"], &body["type"]),
        (&json!("event"), &json!("response.incomplete"))
    );
    world.sender.answer([Err(SendFault::TlsFailed)]);
    let reply = post(&world, &path, &event).await;
    assert_eq!(reply.status, 400);
    insta::assert_snapshot!("test-unheard", laid_out(reply.text()));
    world.sender.answer([status(200)]);
    let missing = post(&world, &path, &json!({})).await;
    assert_eq!(
        (missing.status, &missing.json()["error"]["param"]),
        (400, &json!("event_type"))
    );
}

#[tokio::test]
async fn the_events_are_listed_by_name() {
    let world = World::new([]).await;
    let reply = get(&world, "/openai/v1/webhook_event_types").await;
    insta::assert_snapshot!("openai-event-types", laid_out(reply.text()));
}

/// Fields that are not acceptable, and the code and the field at fault.
const REFUSED: &str = r#"
    {"name": null} => missing_required_parameter name
    {"url": null} => missing_required_parameter url
    {"event_types": null} => missing_required_parameter event_types
    {"name": 7} => invalid_value name
    {"name": ""} => invalid_value name
    {"url": ""} => invalid_value url
    {"url": "http://169.254.169.254/latest"} => invalid_value url
    {"event_types": "*"} => invalid_value event_types
    {"event_types": []} => invalid_value event_types
    {"event_types": ["response.failed", "batch.completed"]} => invalid_value event_types[1]
    {"event_types": ["response.*"]} => invalid_value event_types[0]
    {"event_types": ["LONG"]} => invalid_value event_types[0]
    {"event_types": [7]} => invalid_value event_types[0]
"#;

#[tokio::test]
async fn what_is_not_acceptable_is_refused_in_the_words_of_its_clients() {
    let world = World::new([]).await;
    world.sender.refuse("http://169.254.169.254/latest");
    let path = made(&world).await;
    let lines = REFUSED.lines().filter_map(|line| line.split_once(" => "));
    for (fields, (code, param)) in lines.map(|(one, two)| (one, two.split_once(' ').unwrap())) {
        let fields = fields.replace("LONG", &"x".repeat(9_000));
        let fields: Value = serde_json::from_str(&fields).unwrap();
        let reply = create(&world, &fields).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"], &error["param"]),
            (400, &json!(code), &json!(param)),
            "{fields}: {error}"
        );
        assert_eq!(error["type"], "invalid_request_error");
        let message = error["message"].as_str().unwrap();
        assert!(!message.contains("`events`"), "{message}");
        assert!(message.len() < 400, "{message}");
        if code == "invalid_value" {
            let reply = post(&world, &path, &fields).await;
            assert_eq!(reply.json()["error"], *error, "a change is refused alike");
        }
    }
}

/// The type and the code of a refusal, which must have the shape that clients read.
async fn refusal(world: &World, call: Call) -> (u16, Value, Value) {
    let reply = call.send(world).await;
    assert!(reply.header("x-request-id").is_some());
    let body = reply.json();
    let error = body["error"].as_object().unwrap();
    let mut names: Vec<&String> = error.keys().collect();
    names.sort();
    assert_eq!(names, ["code", "message", "param", "type"]);
    (reply.status, error["type"].clone(), error["code"].clone())
}

#[tokio::test]
async fn every_refusal_has_the_shape_that_its_clients_read() {
    let world = World::new([]).await;
    let path = made(&world).await;
    let request = json!("invalid_request_error");
    let by = |who: &str| Call::new("GET", ENDPOINTS).header("authorization", who);
    for (call, status, code) in [
        (Call::new("GET", "/openai/v1/nothing"), 404, "unknown_url"),
        (Call::new("POST", "/openai/v1"), 404, "unknown_url"),
        (Call::new("PATCH", &path), 405, "method_not_allowed"),
        (Call::new("POST", ENDPOINTS).body("{"), 400, "invalid_json"),
        (by("Bearer forged"), 401, "invalid_api_key"),
        (by("Bearer old"), 401, "invalid_api_key"),
    ] {
        let expected = (status, request.clone(), json!(code));
        assert_eq!(refusal(&world, call).await, expected);
    }
    let fault = json!("server_error");
    assert_eq!(
        refusal(&world, by("Bearer panics")).await,
        (500, fault.clone(), Value::Null)
    );
    let keyless = Plan::new([]).vault(TestVault::with_keys([]));
    let keyless = keyless.build().await;
    let whole = json!({"name": "n", "url": URL, "event_types": ["response.failed"]});
    let call = Call::new("POST", ENDPOINTS).json(&whole);
    assert_eq!(
        refusal(&keyless, call).await,
        (503, fault, json!("webhooks_unavailable"))
    );
}
