//! What is refused on a connection, and what ends it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::SinkExt;
use response_domain::caller::{Caller, Presented};
use response_domain::ports::auth::{AuthError, Authenticator};
use response_domain::ports::llm::LlmErrorKind;
use response_testkit::script::{TurnScript, text};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::{request, said};
use super::Client;
use crate::background::half;
use crate::client::Call;
use crate::shapes::assert_shape;
use crate::who::ByName;
use crate::world::{Plan, World};

/// Messages that are not acceptable, and their status, code and field.
const REFUSED: &str = r#"
    { => 400 invalid_json null
    [] => 400 invalid_json null
     => 400 invalid_json null
    DEEP => 400 invalid_json null
    {"type": "response.create", "model": "\ud83d"} => 400 invalid_json null
    {} => 400 invalid_value type
    {"model": "m", "input": "hi"} => 400 invalid_value type
    {"type": "response.cancel"} => 400 invalid_value type
    {"type": "response.create"} => 400 missing_required_parameter model
    {"type": "response.create", "model": "m", "input": 7} => 400 invalid_type input
    {"type": "response.create", "model": "m", "input": "hi", "generate": 7} => 400 invalid_value generate
    {"type": "response.create", "model": "m", "input": "hi", "background": true} => 400 unsupported_parameter background
    {"type": "response.create", "model": "m", "input": "hi", "background": 1} => 400 invalid_type background
    {"type": "response.create", "model": "m", "input": "hi", "previous_response_id": "resp_1"} => 400 previous_response_not_found previous_response_id
    {"type": "response.create", "model": "m", "input": "hi", "conversation": "conv_1"} => 404 invalid_request_error conversation
    {"type": "response.create", "model": "m", "input": [{"id": "msg_1"}]} => 404 invalid_request_error input
"#;

#[tokio::test]
async fn a_refusal_is_a_message_and_the_connection_goes_on() {
    let world = World::new([text("hi")]).await;
    let mut client = Client::new(&world).await;
    let deep = "[".repeat(65) + &"]".repeat(65);
    for line in REFUSED.lines().filter(|line| line.contains("=>")) {
        let (message, expected) = line.trim_start_matches("    ").split_once(" => ").unwrap();
        client.send(message.replace("DEEP", &deep)).await;
        let (status, code, field) = client.refusal().await;
        let told = format!("{status} {code} {}", field.as_str().unwrap_or("null"));
        assert_eq!(told, expected, "{line}");
    }
    client.send(Message::binary(b"{}".to_vec())).await;
    assert_eq!(client.refusal().await.1, "invalid_message");
    for fields in [
        json!({"stream": false}),
        json!({"stream": true, "background": false, "stream_options": null}),
    ] {
        client.ask(&fields).await;
        assert_eq!(said(&client.response().await), "hi");
    }
}

#[tokio::test]
async fn a_run_that_fails_is_told_and_the_connection_goes_on() {
    let turns = [
        TurnScript::Refuses(LlmErrorKind::Unavailable),
        TurnScript::Panics,
        text("hi"),
    ];
    let world = World::new(turns).await;
    let mut client = Client::new(&world).await;
    for _ in 0..2 {
        client.ask(&json!({})).await;
        let failed = client.response().await;
        assert_eq!(failed["status"], "failed");
        assert_shape("OpenAiResponse", &failed);
    }
    client.ask(&json!({})).await;
    assert_eq!(said(&client.response().await), "hi");
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused_in_their_turn() {
    let world = World::new([half(), text("hi")]).await;
    let mut client = Client::new(&world).await;
    client.ask(&json!({})).await;
    world.model.hanging.notified().await;
    for _ in 0..10 {
        client.ask(&json!({"store": false})).await;
    }
    client.is_heard().await;
    let created = client.next().await;
    let id = created["response"]["id"].as_str().unwrap();
    let stop = Call::new("POST", &format!("/v1/responses/{id}/cancel"));
    assert_eq!(stop.send(&world).await.status, 200);
    assert_eq!(client.response().await["status"], "cancelled");
    for _ in 0..8 {
        assert_eq!(said(&client.response().await), "hi");
    }
    for _ in 0..2 {
        let (status, code, _) = client.refusal().await;
        assert_eq!((status, code.as_str()), (json!(429), "rate_limit_exceeded"));
    }
    client.ask(&json!({"store": false})).await;
    assert_eq!(said(&client.response().await), "hi");
}

#[tokio::test]
async fn a_client_that_does_not_listen_is_left() {
    let world = World::new([half()]).await;
    let mut client = Client::new(&world).await;
    client.ask(&json!({})).await;
    world.model.hanging.notified().await;
    for _ in 0..100 {
        // The server may have left already.
        let sent = client.0.send(Message::text("{}")).await;
        if sent.is_err() {
            break;
        }
    }
    world.model.dropped.notified().await;
    assert_eq!(client.close().await, CloseCode::Policy);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_before_it_has_come() {
    let world = Plan::new([text("hi")])
        .options(|options| options.body_bytes = 1_000)
        .build()
        .await;
    let mut client = Client::new(&world).await;
    let whole = request(&json!({"type": "response.create"})).to_string();
    client.send(format!("{whole:<1000}")).await;
    assert_eq!(said(&client.response().await), "hi");
    client.send(" ".repeat(1_001)).await;
    let (status, code, _) = client.refusal().await;
    assert_eq!((status, code.as_str()), (json!(413), "body_too_large"));
    assert_eq!(client.close().await, CloseCode::Size);
}

/// Knows a credential the first time only.
#[derive(Default)]
struct Forgetful(AtomicBool);

#[async_trait]
impl Authenticator for Forgetful {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Err(AuthError::Expired);
        }
        ByName.authenticate(presented).await
    }
}

#[tokio::test]
async fn a_credential_that_is_not_good_any_more_is_refused_with_the_next_request() {
    let plan = Plan::new([text("hi")]).authenticator(Forgetful::default());
    let world = plan.build().await;
    let mut client = Client::new(&world).await;
    client.ask(&json!({})).await;
    let (status, code, _) = client.refusal().await;
    assert_eq!((status, code.as_str()), (json!(401), "invalid_api_key"));
    assert_eq!(world.model.asked().len(), 0);
}
