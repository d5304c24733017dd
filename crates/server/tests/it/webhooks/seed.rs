//! What is documented of webhooks, word for word.

use response_devstack::receiver::{Received, Signature};
use serde_json::{Map, Value, json};

use super::stage::{Stage, event_of, holds_nothing_of_the_caller};
use crate::background_postgres::fleet::{LONG, ended};
use crate::process::Client;

/// As the documentation has it, but for where it goes.
async fn create(api: &Client, input: &str, url: &str) -> String {
    let created = api
        .create(json!({
            "model": "jan-v2-30b",
            "input": input,
            "background": true,
            "store": true,
            "metadata": {"webhook_url": url, "user_id": "user_123"},
        }))
        .await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    created.body["id"].as_str().unwrap().to_owned()
}

/// The documented headers, and those that HTTP wants.
const HEADERS: [&str; 14] = [
    "accept",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-event-id",
    "x-event-type",
    "x-jan-event",
    "x-jan-response-id",
    "x-signature",
    "x-timestamp",
];

fn has_the_documented_headers(one: &Received, event: &str, id: &str) {
    let mut names: Vec<_> = one.seen.headers.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    assert_eq!(names, HEADERS);
    let event_id = event_of(id);
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", "jan-response-api/1.0"),
        ("x-jan-event", event),
        ("x-event-type", event),
        ("x-jan-response-id", id),
        ("webhook-id", &event_id),
        ("x-event-id", &event_id),
    ] {
        assert_eq!(one.seen.header(name), Some(value), "{name}");
    }
    let at = one.seen.header("webhook-timestamp");
    assert_eq!(at, one.seen.header("x-timestamp"));
    holds_nothing_of_the_caller(one);
}

/// What a caller who asks is told, as far as the documented payload has it.
fn told(response: &Value, fields: &[&str]) -> Map<String, Value> {
    let field = |name: &&str| ((*name).to_owned(), response[*name].clone());
    fields.iter().map(field).collect()
}

#[tokio::test]
async fn the_documented_webhook_arrives_as_it_is_documented() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let url = stage.url("webhooks/responses");
    let id = create(
        &api,
        "Write a haiku about coding, then calculate 12*7",
        &url,
    )
    .await;
    let came = stage.attempts(&id, 1).await;
    let response = ended(&api, &id, LONG).await;
    assert_eq!(response["status"], "completed", "{response:#}");
    assert_eq!(response["tool_executions"][0]["tool"], "calculator");
    let one = &came[0];
    assert_eq!(
        (&*one.seen.method, &*one.seen.path),
        ("POST", "/webhooks/responses")
    );
    assert_eq!(one.signature, Signature::Verified);
    has_the_documented_headers(one, "response.completed", &id);
    let mut expected = told(
        &response,
        &[
            "id",
            "status",
            "output",
            "usage",
            "tool_executions",
            "metadata",
            "queued_at",
            "started_at",
            "completed_at",
        ],
    );
    expected.insert("event".to_owned(), json!("response.completed"));
    assert_eq!(one.seen.json(), Value::Object(expected));
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
    assert_eq!(stage.receiver.received().len(), 1);
}

#[tokio::test]
async fn the_documented_webhook_of_a_failure_arrives_as_it_is_documented() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let id = create(&api, "fail [[status:400]]", &stage.url("webhook")).await;
    let came = stage.attempts(&id, 1).await;
    let response = ended(&api, &id, LONG).await;
    has_the_documented_headers(&came[0], "response.failed", &id);
    let mut expected = told(
        &response,
        &["id", "status", "metadata", "queued_at", "started_at"],
    );
    expected.insert("completed_at".to_owned(), response["failed_at"].clone());
    expected.insert("event".to_owned(), json!("response.failed"));
    let error = &response["error"];
    let error = json!({"code": error["code"], "message": error["message"]});
    expected.insert("error".to_owned(), error);
    assert_eq!(came[0].seen.json(), Value::Object(expected));
    stage.all_is_well(&mut api, vec![&mut worker], &[id]).await;
    assert_eq!(stage.receiver.received().len(), 1);
}

#[tokio::test]
async fn whoever_waits_for_a_response_is_not_told_of_it() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let body = json!({
        "model": "jan-v2-30b", "input": "say hello",
        "metadata": {"webhook_url": stage.url("webhook")},
    });
    let created = api.create(body).await;
    assert_eq!(created.body["status"], "completed", "{:#}", created.body);
    let id = created.body["id"].as_str().unwrap();
    let found = api.get(&format!("v1/responses/{id}/deliveries")).await;
    assert_eq!((found.status, &found.body["data"]), (200, &json!([])));
    // What comes later is told first.
    let later = stage.ask(&api, "say bye", "webhook").await;
    stage.attempts(&later, 1).await;
    stage
        .all_is_well(&mut api, vec![&mut worker], &[later])
        .await;
    assert_eq!(stage.receiver.received().len(), 1);
}
