//! A response of the foreground is between its caller and the server until it has ended.

use response_domain::spec::{Delivery, ResponseSpec, Storage};
use response_testkit::script::text;
use serde_json::json;

use super::{RESPONSES, ask, delete, get, path, post, refusal, request};
use crate::background::half;
use crate::client::Call;
use crate::sample::{accepted, put, spec};
use crate::world::World;

#[tokio::test]
async fn what_runs_in_the_foreground_is_found_once_it_has_ended() {
    let world = World::new([half()]).await;
    let wish = request(&json!({"stream": true}));
    let mut open = Call::new("POST", RESPONSES).json(&wish).open(&world).await;
    let path = path(&open.head().await);
    open.until("Once upon").await;
    for tail in ["", "/input_items"] {
        let hidden = get(&world, &format!("{path}{tail}")).await;
        assert_eq!(refusal(&hidden), (404, json!(null), json!(null)), "{tail}");
    }
    let again = get(&world, &format!("{path}?stream=true")).await;
    assert_eq!(
        refusal(&again),
        (400, json!("invalid_request_error"), json!("stream"))
    );
    assert!(again.text().contains(
        "This response cannot be streamed because it was not created with background=true."
    ));
    let cancel = post(&world, &format!("{path}/cancel"), &json!({})).await;
    assert_eq!(cancel.status, 400);
    assert!(
        cancel
            .text()
            .contains("Cannot cancel a synchronous response.")
    );
    let delete = delete(&world, &path).await;
    assert_eq!(delete.status, 400);
    assert!(
        delete
            .text()
            .contains("Cannot delete an in-flight response.")
    );
    let native = path.replace("/openai", "");
    assert_eq!(get(&world, &native).await.status, 200, "there it is found");
    let stopped = post(&world, &format!("{native}/cancel"), &json!({})).await;
    assert_eq!(stopped.status, 200);
    open.until("data: [DONE]").await;
    let found = get(&world, &path).await;
    assert_eq!(
        (found.status, &found.json()["status"]),
        (200, &json!("cancelled"))
    );
}

#[tokio::test]
async fn the_same_holds_for_what_runs_in_another_process() {
    let world = World::new([]).await;
    for (number, delivery) in [(1, Delivery::Wait), (2, Delivery::Stream)] {
        let running = accepted(
            number,
            ResponseSpec {
                delivery,
                storage: Storage::Stored,
                ..spec()
            },
        );
        put(&world, &running).await;
        let path = format!("{RESPONSES}/{}", running.id);
        assert_eq!(get(&world, &path).await.status, 404);
        assert_eq!(
            get(&world, &format!("{path}/input_items")).await.status,
            404
        );
        assert_eq!(delete(&world, &path).await.status, 400);
    }
}

#[tokio::test]
async fn what_was_waited_for_is_not_cancelled_afterwards_and_can_be_deleted() {
    let world = World::new([text("hi")]).await;
    let path = path(&ask(&world, &json!({})).await);
    let cancel = post(&world, &format!("{path}/cancel"), &json!({})).await;
    assert_eq!(refusal(&cancel), (400, json!(null), json!(null)));
    assert_eq!(delete(&world, &path).await.status, 200);
    assert_eq!(get(&world, &path).await.status, 404);
}

#[tokio::test]
async fn what_is_not_stored_is_never_found() {
    let world = World::new([text("hi")]).await;
    let reply = ask(&world, &json!({"store": false})).await;
    assert_eq!((reply.status, &reply.json()["store"]), (200, &json!(false)));
    let path = path(&reply);
    assert_eq!(get(&world, &path).await.status, 404);
    let cancel = post(&world, &format!("{path}/cancel"), &json!({})).await;
    assert_eq!(cancel.status, 404);
    assert_eq!(delete(&world, &path).await.status, 404);
}

#[tokio::test]
async fn what_belongs_to_somebody_else_does_not_exist() {
    let world = World::new([text("hi")]).await;
    let path = path(&ask(&world, &json!({})).await);
    let id = path.rsplit('/').next().unwrap().to_owned();
    let conversation = post(&world, "/openai/v1/conversations", &json!({}))
        .await
        .json();
    let room = format!(
        "/openai/v1/conversations/{}",
        conversation["id"].as_str().unwrap()
    );
    let as_bob =
        |method: &str, path: &str| Call::new(method, path).header("authorization", "Bearer bob");
    for (method, path) in [
        ("GET", path.clone()),
        ("GET", format!("{path}?stream=true")),
        ("DELETE", path.clone()),
        ("POST", format!("{path}/cancel")),
        ("GET", format!("{path}/input_items")),
        ("GET", room.clone()),
        ("DELETE", room.clone()),
        ("GET", format!("{room}/items")),
    ] {
        let reply = as_bob(method, &path).send(&world).await;
        assert_eq!(reply.status, 404, "{method} {path}");
    }
    let wish = request(&json!({"previous_response_id": id}));
    let reply = as_bob("POST", RESPONSES).json(&wish).send(&world).await;
    assert_eq!(
        refusal(&reply),
        (
            400,
            json!("previous_response_not_found"),
            json!("previous_response_id")
        )
    );
    for body in [json!({"metadata": {}}), json!({"items": []})] {
        let tail = if body.get("items").is_some() {
            "/items"
        } else {
            ""
        };
        let reply = as_bob("POST", &format!("{room}{tail}")).json(&body);
        assert_eq!(reply.send(&world).await.status, 404);
    }
    assert_eq!(get(&world, &path).await.status, 200, "to Ada it does");
}
