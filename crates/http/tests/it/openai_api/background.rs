//! Responses of the background: polled, followed from the first event, told again, stopped, forgotten.

use response_testkit::script::text;
use serde_json::json;

use super::{RESPONSES, ask, data, delete, get, path, post, refusal, request};
use crate::background::{half, worker};
use crate::client::Call;
use crate::shapes::assert_shape;
use crate::world::World;

async fn queued(world: &World) -> String {
    let reply = ask(world, &json!({"background": true})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    path(&reply)
}

#[tokio::test]
async fn what_is_left_to_the_background_is_answered_at_once() {
    let world = World::new([]).await;
    let reply = ask(&world, &json!({"background": true})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("location"), None);
    let response = reply.json();
    assert_shape("OpenAiResponse", &response);
    assert_eq!(
        (
            &response["status"],
            &response["background"],
            &response["output"]
        ),
        (&json!("queued"), &json!(true), &json!([]))
    );
    assert_eq!(get(&world, &path(&reply)).await.text(), reply.text());
    assert_eq!(world.model.asked().len(), 0);
}

#[tokio::test]
async fn a_background_response_is_followed_from_its_first_event_by_whoever_asked() {
    let world = World::new([]).await;
    let wish = request(&json!({"background": true, "stream": true}));
    let call = Call::new("POST", RESPONSES).json(&wish);
    let call = call.header("connection", "close");
    let mut open = call.open(&world).await;
    open.until("event: response.queued").await;
    let _worker = worker(&world, [text("Once upon a time.")]).build().await;
    let told = open.end().await;
    assert_eq!(told.status, 200);
    let live = data(&told);
    let path = path(&told);
    let again = get(&world, &format!("{path}?stream=true")).await;
    assert_eq!(again.text(), told.text(), "byte for byte");
    for after in [0, 1, live.len() - 2] {
        let tail = get(
            &world,
            &format!("{path}?stream=true&starting_after={after}"),
        )
        .await;
        assert_eq!(data(&tail), live[after + 1..], "after {after}");
    }
}

#[tokio::test]
async fn behind_the_last_event_there_is_nothing_but_the_end() {
    let world = World::new([]).await;
    let path = queued(&world).await;
    let _worker = worker(&world, [text("hi")]).build().await;
    let whole = get(&world, &format!("{path}?stream=true")).await;
    let last = data(&whole).len() - 1;
    for after in [last, last + 1, usize::MAX] {
        let path = format!("{path}?stream=true&starting_after={after}");
        let reply = get(&world, &path).await;
        assert_eq!((reply.status, reply.text()), (200, "data: [DONE]\n\n"));
        let head = Call::new("HEAD", &path).send(&world).await;
        assert_eq!((head.status, head.text()), (200, ""));
    }
    for wrong in ["-1", "x", "1.5", ""] {
        let reply = get(
            &world,
            &format!("{path}?stream=true&starting_after={wrong}"),
        )
        .await;
        assert_eq!(
            refusal(&reply),
            (400, json!("invalid_value"), json!("starting_after"))
        );
    }
}

#[tokio::test]
async fn whoever_follows_may_leave_and_the_response_goes_on() {
    let world = World::new([]).await;
    let wish = request(&json!({"background": true, "stream": true}));
    let mut open = Call::new("POST", RESPONSES).json(&wish).open(&world).await;
    let path = path(&open.head().await);
    open.until("event: response.queued").await;
    drop(open);
    let _worker = worker(&world, [text("hi")]).build().await;
    let whole = get(&world, &format!("{path}?stream=true")).await;
    assert!(data(&whole).last().unwrap().contains("response.completed"));
}

#[tokio::test]
async fn what_runs_in_the_background_is_cancelled_and_what_has_ended_stays_as_it_is() {
    let world = World::new([]).await;
    let waits = queued(&world).await;
    let cancelled = post(&world, &format!("{waits}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_shape("OpenAiResponse", &cancelled.json());
    let again = post(&world, &format!("{waits}/cancel"), &json!({})).await;
    assert_eq!((again.status, again.text()), (200, cancelled.text()));
    assert_eq!(get(&world, &waits).await.text(), cancelled.text());

    let runs = queued(&world).await;
    let _worker = worker(&world, [half(), text("hi")]).build().await;
    let follow = Call::new("GET", &format!("{runs}?stream=true"));
    let mut open = follow.header("connection", "close").open(&world).await;
    open.until("Once upon").await;
    let cancelled = post(&world, &format!("{runs}/cancel"), &json!({}))
        .await
        .json();
    assert_eq!(
        (
            &cancelled["status"],
            &cancelled["completed_at"],
            &cancelled["error"]
        ),
        (&json!("cancelled"), &json!(null), &json!(null))
    );
    let told = data(&open.end().await).pop().unwrap();
    assert!(told.contains(r#""type":"response.failed""#), "{told}");
    assert!(told.contains(r#""status":"cancelled""#), "{told}");

    let ends = queued(&world).await;
    get(&world, &format!("{ends}?stream=true")).await;
    let ended = get(&world, &ends).await;
    assert_eq!(ended.json()["status"], "completed");
    let cancelled = post(&world, &format!("{ends}/cancel"), &json!({})).await;
    assert_eq!((cancelled.status, cancelled.text()), (200, ended.text()));
}

#[tokio::test]
async fn what_has_not_ended_is_not_deleted() {
    let world = World::new([]).await;
    let path = queued(&world).await;
    let early = delete(&world, &path).await;
    assert_eq!(refusal(&early), (400, json!(null), json!(null)));
    assert!(
        early
            .text()
            .contains("Cannot delete an in-flight response.")
    );
    post(&world, &format!("{path}/cancel"), &json!({})).await;
    let id = path.rsplit('/').next().unwrap();
    let deleted = delete(&world, &path).await;
    assert_eq!(
        (deleted.status, deleted.text()),
        (
            200,
            format!(r#"{{"id":"{id}","object":"response","deleted":true}}"#).as_str()
        )
    );
    for (method, tail) in [
        ("GET", ""),
        ("GET", "?stream=true"),
        ("HEAD", "?stream=true"),
        ("GET", "/input_items"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ] {
        let call = Call::new(method, &format!("{path}{tail}"));
        let gone = call.send(&world).await;
        assert_eq!(gone.status, 404, "{method} {tail}");
    }
    let wish = json!({"previous_response_id": id});
    assert_eq!(
        refusal(&ask(&world, &wish).await),
        (
            400,
            json!("previous_response_not_found"),
            json!("previous_response_id")
        )
    );
}

#[tokio::test]
async fn what_is_not_stored_cannot_run_in_the_background() {
    let world = World::new([]).await;
    for stream in [false, true] {
        let wish = json!({"background": true, "store": false, "stream": stream});
        assert_eq!(
            refusal(&ask(&world, &wish).await),
            (400, json!("unsupported_parameter"), json!("background"))
        );
    }
    assert_eq!(world.store.commits(), 0);
}
