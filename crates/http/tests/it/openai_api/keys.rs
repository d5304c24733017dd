//! Requests that bear a key: the same one again is the same response, in both dialects.

use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::{Value, json};

use super::{RESPONSES, data, refusal, request};
use crate::background::{half, worker};
use crate::client::{Call, Reply};
use crate::world::{Plan, World};

const NATIVE: &str = "/v1/responses";

fn keyed(path: &str, key: &str, fields: &Value) -> Call {
    let call = Call::new("POST", path).json(&request(fields));
    call.header("idempotency-key", key)
}

async fn ask(world: &World, path: &str, key: &str, fields: &Value) -> Reply {
    keyed(path, key, fields).send(world).await
}

#[tokio::test]
async fn the_same_request_under_the_same_key_is_the_same_response() {
    for path in [RESPONSES, NATIVE, "/openresponses/v1/responses"] {
        let world = World::new([text("one"), text("two")]).await;
        let first = ask(&world, path, "key-1", &json!({})).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let again = ask(&world, path, "key-1", &json!({})).await;
        assert_eq!((again.status, again.text()), (200, first.text()));
        assert_eq!(world.model.asked().len(), 1);
        let other = ask(&world, path, "key-2", &json!({})).await;
        assert_ne!(other.json()["id"], first.json()["id"]);
        let unmarked = Call::new("POST", path).json(&request(&json!({})));
        assert_ne!(unmarked.send(&world).await.json()["id"], first.json()["id"]);
    }
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let world = World::new([text("one")]).await;
    for path in [RESPONSES, NATIVE] {
        let key = format!("key{path}");
        ask(&world, path, &key, &json!({})).await;
        let other = ask(&world, path, &key, &json!({"input": "other"})).await;
        assert_eq!(
            (other.status, &other.json()["error"]["code"]),
            (400, &json!("idempotency_key_reused"))
        );
        assert_eq!(other.header("x-should-retry"), Some("false"));
    }
    ask(&world, RESPONSES, "k", &json!({})).await;
    let elsewhere = ask(&world, NATIVE, "k", &json!({})).await;
    assert_eq!(elsewhere.status, 400, "another path is another request");
    let bob = keyed(RESPONSES, "k", &json!({})).header("authorization", "Bearer bob");
    assert_eq!(bob.send(&world).await.status, 200, "Bob's keys are his own");
}

#[tokio::test]
async fn a_request_that_was_refused_leaves_its_key_free() {
    let world = World::new([text("one")]).await;
    let bad = ask(&world, RESPONSES, "k", &json!({"temperature": 9})).await;
    assert_eq!(bad.status, 400);
    let good = ask(&world, RESPONSES, "k", &json!({})).await;
    assert_eq!(good.status, 200, "{}", good.text());
}

#[tokio::test]
async fn a_second_request_waits_for_the_first_and_its_client_may_leave() {
    let tools = || ScriptedTools::new([("clock", ToolScript::Waits("noon"))]);
    for path in [RESPONSES, NATIVE] {
        let turns = [calls(&[("clock", "{}")]), text("Noon.")];
        let world = Plan::new(turns).tools(tools()).build().await;
        let wish = json!({"tools": [
            {"type": "mcp", "server_label": "default", "require_approval": "never"},
        ]});
        let wish = if path == NATIVE { json!({}) } else { wish };
        let first = keyed(path, "k", &wish).open(&world).await;
        world.tools.begun.notified().await;
        drop(first);
        let second = keyed(path, "k", &wish).header("connection", "close");
        let second = second.open(&world).await;
        world.tools.release(1);
        let second = second.end().await;
        assert_eq!(second.status, 200, "{}", second.text());
        assert_eq!(second.json()["status"], "completed");
        assert_eq!(world.tools.called().len(), 1);
        let third = ask(&world, path, "k", &wish).await;
        assert_eq!(third.text(), second.text());
    }
}

#[tokio::test]
async fn a_stream_is_told_again() {
    let world = World::new([text("Once upon a time.")]).await;
    let wish = json!({"stream": true});
    let live = ask(&world, RESPONSES, "k", &wish).await;
    let live = data(&live);
    let again = ask(&world, RESPONSES, "k", &wish).await;
    assert_eq!(again.header("content-type"), Some("text/event-stream"));
    let again = data(&again);
    assert_eq!(world.model.asked().len(), 1);
    let response = |data: &[String]| -> Value {
        let last: Value = serde_json::from_str(data.last().unwrap()).unwrap();
        last["response"].clone()
    };
    assert_eq!(response(&again), response(&live));
    assert_eq!(again[..2], live[..2]);
    let live = ask(&world, NATIVE, "n", &wish).await;
    let again = ask(&world, NATIVE, "n", &wish).await;
    let response = |reply: &Reply| {
        let frames = reply.frames();
        let data = frames.last().unwrap().split_once("\ndata: ").unwrap().1;
        serde_json::from_str::<Value>(data).unwrap()["response"].clone()
    };
    assert_eq!(response(&again), response(&live));
    assert_eq!(again.frames()[..2], live.frames()[..2]);
    assert_eq!(world.model.asked().len(), 2);
}

#[tokio::test]
async fn a_background_response_is_answered_as_it_stands() {
    let world = World::new([]).await;
    let wish = json!({"background": true});
    let first = ask(&world, RESPONSES, "k", &wish).await;
    assert_eq!(first.status, 200);
    assert_eq!(
        ask(&world, RESPONSES, "k", &wish).await.text(),
        first.text()
    );
    let _worker = worker(&world, [text("hi")]).build().await;
    let path = super::path(&first);
    super::get(&world, &format!("{path}?stream=true")).await;
    let later = ask(&world, RESPONSES, "k", &wish).await;
    assert_eq!(later.json()["status"], "completed");
    let followed = json!({"background": true, "stream": true});
    let first = ask(&world, RESPONSES, "f", &followed).await;
    let again = ask(&world, RESPONSES, "f", &followed).await;
    assert_eq!(again.text(), first.text(), "byte for byte");
}

#[tokio::test]
async fn what_is_not_stored_is_joined_while_it_runs() {
    let world = World::new([half()]).await;
    let wish = json!({"store": false, "stream": true});
    let mut first = keyed(RESPONSES, "k", &wish).open(&world).await;
    first.until("Once upon").await;
    let other = ask(&world, RESPONSES, "k", &json!({"store": false})).await;
    assert_eq!(
        refusal(&other),
        (
            400,
            json!("idempotency_key_reused"),
            json!("Idempotency-Key")
        )
    );
    let mut second = keyed(RESPONSES, "k", &wish).open(&world).await;
    let head = second.head().await;
    assert_eq!(
        head.header("x-response-id"),
        first.head().await.header("x-response-id")
    );
    assert_eq!(world.model.asked().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused() {
    let world = World::new([text("hi")]).await;
    let (longest, longer) = ("k".repeat(255), "k".repeat(256));
    for path in [RESPONSES, NATIVE] {
        for wrong in ["", " ", "a b", "kéy", &longer] {
            let reply = ask(&world, path, wrong, &json!({})).await;
            assert_eq!(
                (reply.status, &reply.json()["error"]["param"]),
                (400, &json!("Idempotency-Key")),
                "{wrong:?}"
            );
        }
        let twice = keyed(path, "one", &json!({})).header("idempotency-key", "two");
        assert_eq!(twice.send(&world).await.status, 400);
        for good in ["k", "!~", &longest] {
            let reply = ask(&world, path, good, &json!({})).await;
            let is_other = path == NATIVE;
            assert_eq!(reply.status, if is_other { 400 } else { 200 }, "{good:?}");
        }
    }
}
