//! Responses that go on where others ended.

use response_testkit::script::{TurnScript, text};
use serde_json::{Value, json};

use crate::bad_fields::{ask, invalid, refused};
use crate::client::Call;
use crate::input;
use crate::world::World;

#[tokio::test]
async fn a_response_goes_on_where_another_ended() {
    let world = World::new([text("One."), text("Two."), text("Three."), text("Four.")]).await;
    let send = async |fields: Value| {
        let mut body = json!({"model": "m", "input": "next"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let reply = input::ask(&world, body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    };
    let first = send(json!({})).await;
    let home = first["conversation_id"].as_str().unwrap();
    let second = send(json!({"previous_response_id": first["id"]})).await;
    let third = send(json!({"conversation": home})).await;
    assert_eq!(second["previous_response_id"], first["id"]);
    assert_eq!(
        (&second["conversation_id"], &third["conversation_id"]),
        (&json!(home), &json!(home))
    );
    let last = world.model.asked().pop().unwrap();
    assert_eq!(
        input::lines(&last),
        [
            r#"user: "next""#,
            r#"assistant: "One.""#,
            r#"user: "next""#,
            r#"assistant: "Two.""#,
            r#"user: "next""#,
        ]
    );
    let path = format!(
        "/v1/responses/{}/input_items",
        first["id"].as_str().unwrap()
    );
    let items = Call::new("GET", &path).send(&world).await.json();
    let reference = json!([
        {"type": "item_reference", "id": items["first_id"]},
        {"id": items["first_id"]},
    ]);
    send(json!({"input": reference})).await;
    let last = world.model.asked().pop().unwrap();
    assert_eq!(input::lines(&last), [r#"user: "next""#, r#"user: "next""#]);
}

#[tokio::test]
async fn a_response_that_has_not_ended_cannot_be_continued() {
    let world = World::new([TurnScript::Hangs(Vec::new())]).await;
    let ask_for = json!({"model": "m", "input": "hi", "stream": true});
    let call = Call::new("POST", "/v1/responses").json(&ask_for);
    let mut open = call.open(&world).await;
    let id = open
        .head()
        .await
        .header("x-response-id")
        .unwrap()
        .to_owned();
    let param = "previous_response_id";
    let reply = ask(&world, &json!({ param: id })).await;
    let error = &reply.json()["error"];
    assert_eq!(
        (
            reply.status,
            &error["code"],
            &error["type"],
            &error["param"]
        ),
        (
            409,
            &json!("previous_response_in_progress"),
            &json!("conflict_error"),
            &json!(param)
        )
    );
    assert_eq!(reply.header("x-should-retry"), Some("false"));
}

#[tokio::test]
async fn a_response_is_continued_in_its_own_conversation_only() {
    let world = World::new([text("One."), text("Two.")]).await;
    let first = ask(&world, &json!({})).await.json();
    let second = ask(&world, &json!({})).await.json();
    let fields = json!({
        "previous_response_id": first["id"],
        "conversation": second["conversation_id"],
    });
    refused(&world, &fields, invalid("previous_response_id")).await;
}
