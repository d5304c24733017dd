//! What a connection remembers for the next request.

use response_domain::ports::llm::LlmErrorKind;
use response_testkit::script::{TurnScript, text};
use serde_json::{Value, json};

use super::super::{BASES, said};
use super::Client;
use crate::shapes::assert_shape;
use crate::world::World;

#[tokio::test]
async fn what_is_not_stored_is_continued_on_its_own_connection_only() {
    let world = World::new([text("Ada."), text("Ada!"), text("still Ada")]).await;
    let mut client = Client::new(&world).await;
    client
        .ask(&json!({"store": false, "input": "I am Ada."}))
        .await;
    let first = client.response().await["id"].clone();
    let go_on = |id: &Value| json!({"store": false, "input": "Who?", "previous_response_id": id});
    let lost = || {
        let code = "previous_response_not_found".to_owned();
        (json!(400), code, json!("previous_response_id"))
    };
    let mut other = Client::new(&world).await;
    other.ask(&go_on(&first)).await;
    assert_eq!(other.refusal().await, lost());
    client.ask(&go_on(&first)).await;
    let second = client.response().await;
    assert_eq!(second["previous_response_id"], first);
    client.ask(&go_on(&first)).await;
    assert_eq!(client.refusal().await, lost(), "the last one is remembered");
    client.ask(&go_on(&second["id"])).await;
    assert_eq!(said(&client.response().await), "still Ada");
    let turn = world.model.asked().pop().unwrap();
    assert_eq!(
        crate::input::lines(&turn),
        [
            r#"user: "I am Ada.""#,
            r#"assistant: "Ada.""#,
            r#"user: "Who?""#,
            r#"assistant: "Ada!""#,
            r#"user: "Who?""#,
        ]
    );
}

#[tokio::test]
async fn what_fails_to_be_continued_is_forgotten_and_what_is_stored_is_not() {
    let broken = TurnScript::BreaksOff(Vec::new(), LlmErrorKind::Broken);
    let turns = [text("one"), text("two"), broken, text("three")];
    let world = World::new(turns).await;
    let mut client = Client::new(&world).await;
    let alone = json!([{"type": "function_call_output", "call_id": "c", "output": "x"}]);
    let lost = "previous_response_not_found";
    client.ask(&json!({"store": false})).await;
    let passing = client.response().await["id"].clone();
    let wrong = json!({"store": false, "input": alone, "previous_response_id": passing});
    client.ask(&wrong).await;
    assert_eq!(client.refusal().await.0, json!(400));
    let go_on = |id: &Value| json!({"store": false, "previous_response_id": id});
    client.ask(&go_on(&passing)).await;
    assert_eq!(client.refusal().await.1, lost);

    client.ask(&json!({"store": true})).await;
    let stored = client.response().await["id"].clone();
    client.ask(&go_on(&stored)).await;
    let failed = client.response().await;
    assert_eq!(failed["status"], "failed");
    client.ask(&go_on(&stored)).await;
    assert_eq!(
        said(&client.response().await),
        "three",
        "the store knows it"
    );
    client.ask(&go_on(&failed["id"])).await;
    assert_eq!(client.refusal().await.1, lost);
}

#[tokio::test]
async fn a_request_that_is_only_warmed_up_is_what_the_next_one_builds_on() {
    for base in BASES {
        let world = World::new([text("warmed")]).await;
        let mut client = Client::at(&world, &format!("{base}/responses")).await;
        let wish = json!({"generate": false, "store": false, "input": "I am Ada."});
        client.ask(&wish).await;
        let told = client.turn().await;
        let kinds: Vec<&Value> = told.iter().map(|event| &event["type"]).collect();
        assert_eq!(
            kinds,
            [
                "response.created",
                "response.in_progress",
                "response.completed"
            ]
        );
        let warm = told[2]["response"].clone();
        assert_shape("OpenAiResponse", &warm);
        assert_eq!(warm["output"], json!([]));
        assert_eq!(world.model.asked().len(), 0);
        let go_on = |fields: Value| {
            let mut wish = fields;
            wish["previous_response_id"] = warm["id"].clone();
            wish
        };
        client
            .ask(&go_on(json!({"input": "Who?", "store": false})))
            .await;
        let next = client.response().await;
        assert_eq!(said(&next), "warmed");
        let turn = world.model.asked().pop().unwrap();
        assert_eq!(
            crate::input::lines(&turn),
            [r#"user: "I am Ada.""#, r#"user: "Who?""#]
        );
        assert_eq!(world.store.commits(), 0);
    }
}
