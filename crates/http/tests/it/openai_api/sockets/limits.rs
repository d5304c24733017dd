//! What requests over a connection count for, what they leave in the log, and what there is no room for.

use std::num::NonZeroU32;
use std::time::Duration;

use response_domain::limit::Rate;
use response_testkit::script::text;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::{request, said};
use super::Client;
use crate::client::Call;
use crate::log::Log;
use crate::world::Plan;

#[tokio::test]
async fn each_request_counts_and_who_asked_too_much_is_told_when_to_come_back() {
    let plan = Plan::new([text("hi")]).policy(|policy| {
        policy.owners.requests = Some(Rate {
            amount: NonZeroU32::new(14).unwrap(),
            window: Duration::from_hours(1_000),
        });
    });
    let world = plan.build().await;
    // One for the connection, and five for each request.
    let mut client = Client::new(&world).await;
    for _ in 0..2 {
        client.ask(&json!({"store": false})).await;
        assert_eq!(said(&client.response().await), "hi");
    }
    client.ask(&json!({})).await;
    let told = client.next().await;
    assert_eq!(
        (&told["type"], &told["status"]),
        (&json!("error"), &json!(429))
    );
    assert_eq!(told["error"]["code"], "rate_limit_exceeded");
    assert_eq!(told["error"]["type"], "rate_limit_error");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("; try again in "), "{message}");
    let list = Call::new("GET", "/v1/responses").header("authorization", "Bearer ada");
    let list = list.send(&world).await;
    assert_eq!(list.header("x-ratelimit-remaining"), Some("2"));
    assert_eq!(list.json()["data"], json!([]), "nothing was made");
}

/// The lines about one request.
fn about(log: &Log, request: &str) -> Vec<Value> {
    let is_it = |line: &Value| line["target"] == "audit" && line["fields"]["request.id"] == request;
    log.lines().into_iter().filter(is_it).collect()
}

#[tokio::test]
async fn each_request_leaves_a_line_in_the_audit_log() {
    let log = Log::of_process();
    let world = Plan::new([text("hi")]).build().await;
    let mut client = Client::named(&world, "audited").await;
    client.ask(&json!({"input": "marked-text"})).await;
    let id = client.response().await["id"].clone();
    client.ask(&json!({"temperature": 9})).await;
    client.refusal().await;
    assert_eq!(
        about(&log, "audited").len(),
        0,
        "a connection changes nothing"
    );
    for (number, outcome, status, object) in [(1, "ok", 200, id), (2, "refused", 400, Value::Null)]
    {
        let lines = about(&log, &format!("audited.{number}"));
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        let fields = &line["fields"];
        assert_eq!(fields["audit.action"], "response.create");
        assert_eq!(fields["audit.outcome"], outcome);
        assert_eq!(fields["http.status"], status);
        assert_eq!(fields["caller.owner"], "ada");
        assert_eq!(fields["client.address"], "127.0.0.1");
        assert_eq!(fields["object.id"], object);
        assert!(!line.to_string().contains("marked"), "{line}");
    }
}

#[tokio::test]
async fn a_message_that_finds_no_room_is_refused_and_ends_the_connection() {
    let plan = Plan::new([text("hi")]).options(|options| options.body_memory = 1_000);
    let world = plan.build().await;
    let mut client = Client::new(&world).await;
    let whole = request(&json!({"type": "response.create"})).to_string();
    for _ in 0..3 {
        client.send(format!("{whole:<900}")).await;
        assert_eq!(said(&client.response().await), "hi", "there is room again");
    }
    let mut other = Client::new(&world).await;
    client.send(" ".repeat(1_100)).await;
    let (status, code, _) = client.refusal().await;
    assert_eq!((status, code.as_str()), (json!(503), "overloaded"));
    assert_eq!(client.close().await, CloseCode::Again);
    other.send(format!("{whole:<900}")).await;
    assert_eq!(said(&other.response().await), "hi");
}
