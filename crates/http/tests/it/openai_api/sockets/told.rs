//! What a connection tells: responses one after another, and that it lives.

use std::time::Duration;

use futures::StreamExt;
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::{BASES, data, get, post, request, said};
use super::Client;
use crate::background::half;
use crate::client::Call;
use crate::shapes::assert_shape;
use crate::world::{Plan, World};

#[tokio::test]
async fn a_response_is_told_as_its_stream_would_tell_it() {
    let world = || async {
        let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
        let turns = [calls(&[("clock", "{}")]), text("Noon it is.")];
        Plan::new(turns).tools(tools).build().await
    };
    let wish = json!({
        "tools": [{"type": "mcp", "server_label": "default", "require_approval": "never"}],
    });
    for base in BASES {
        let path = format!("{base}/responses");
        let mut streamed = request(&wish);
        streamed["stream"] = json!(true);
        let stream = data(&post(&world().await, &path, &streamed).await);
        let world = world().await;
        let mut client = Client::at(&world, &path).await;
        client.ask(&wish).await;
        for frame in &stream {
            assert_eq!(client.text().await, *frame);
        }
        let last: Value = serde_json::from_str(stream.last().unwrap()).unwrap();
        let id = last["response"]["id"].as_str().unwrap();
        let found = get(&world, &format!("{path}/{id}")).await.json();
        assert_eq!(found, last["response"]);
    }
}

#[tokio::test]
async fn requests_are_answered_one_after_another() {
    let world = World::new([text("one"), text("two"), text("three")]).await;
    let mut client = Client::new(&world).await;
    for _ in 0..3 {
        client.ask(&json!({"store": false})).await;
    }
    for expected in ["one", "two", "three"] {
        let told = client.turn().await;
        for (number, event) in told.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
            assert_shape("OpenAiStreamEvent", event);
        }
        assert_eq!(said(&told.last().unwrap()["response"]), expected);
    }
    let ids: Vec<_> = world
        .model
        .contexts()
        .iter()
        .map(|it| it.request_id.to_string())
        .collect();
    assert_eq!(ids, ["req-7.1", "req-7.2", "req-7.3"]);
    assert_eq!(world.store.commits(), 0);
}

#[tokio::test]
async fn a_client_that_closes_or_is_gone_stops_the_model() {
    for is_polite in [true, false] {
        let world = World::new([half()]).await;
        let mut client = Client::new(&world).await;
        client.ask(&json!({})).await;
        world.model.hanging.notified().await;
        if is_polite {
            client.0.close(None).await.unwrap();
            while client.0.next().await.is_some() {}
        }
        drop(client);
        world.model.dropped.notified().await;
    }
}

#[tokio::test]
async fn a_question_whether_the_server_is_there_is_answered_while_a_model_thinks() {
    let world = World::new([half()]).await;
    let mut client = Client::new(&world).await;
    client.ask(&json!({})).await;
    world.model.hanging.notified().await;
    client.is_heard().await;
}

#[tokio::test]
async fn a_silent_connection_is_asked_whether_its_client_is_there() {
    let plan = Plan::new([]);
    let plan = plan.options(|options| options.heartbeat = Duration::from_millis(5));
    let world = plan.build().await;
    let mut client = Client::new(&world).await;
    // More often than a client that does not answer is asked.
    for _ in 0..10 {
        let asked = client.0.next().await.unwrap().unwrap();
        assert!(matches!(asked, Message::Ping(_)), "{asked:?}");
    }
}

#[tokio::test]
async fn a_process_that_ends_closes_its_connections_once_they_are_idle() {
    let world = World::new([half()]).await;
    let idle = Client::new(&world).await;
    let mut busy = Client::new(&world).await;
    busy.ask(&json!({})).await;
    world.model.hanging.notified().await;
    world.engine.drain();
    assert_eq!(idle.close().await, CloseCode::Away);
    let created = busy.next().await;
    let id = created["response"]["id"].as_str().unwrap();
    busy.ask(&json!({})).await;
    busy.is_heard().await;
    let stop = Call::new("POST", &format!("/v1/responses/{id}/cancel"));
    assert_eq!(stop.send(&world).await.status, 200);
    assert_eq!(busy.response().await["status"], "cancelled");
    let (status, code, _) = busy.refusal().await;
    assert_eq!((status, code.as_str()), (json!(503), "overloaded"));
    assert_eq!(busy.close().await, CloseCode::Away);
}
