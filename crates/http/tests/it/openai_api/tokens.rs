//! What a request would cost, and what a conversation comes down to.

use response_testkit::script::text;
use serde_json::{Value, json};

use super::{BASES, RESPONSES, ask, post, refusal, request};
use crate::shapes::assert_shape;
use crate::world::World;

#[tokio::test]
async fn tokens_are_counted_and_nothing_is_stored() {
    for base in BASES {
        let world = World::new([text("x")]).await;
        let path = format!("{base}/responses/input_tokens");
        let wish = request(&json!({"instructions": "Be brief.", "stream": true, "store": 7}));
        let reply = post(&world, &path, &wish).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(
            reply.text(),
            r#"{"object":"response.input_tokens","input_tokens":10}"#
        );
        assert_shape("OpenAiInputTokens", &reply.json());
        assert_eq!(world.store.commits(), 0);
    }
}

#[tokio::test]
async fn a_conversation_is_compacted_and_goes_on_from_there() {
    for base in BASES {
        let world = World::new([text("Ada likes tea."), text("Tea.")]).await;
        let path = format!("{base}/responses/compact");
        let wish = json!({"model": "m", "input": [
            {"role": "user", "content": "I am Ada."},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "I like tea."},
        ]});
        let reply = post(&world, &path, &wish).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let compacted = reply.json();
        assert_shape("OpenAiCompaction", &compacted);
        let output = compacted["output"].as_array().unwrap();
        let kinds: Vec<&Value> = output.iter().map(|item| &item["type"]).collect();
        assert_eq!(kinds.last(), Some(&&json!("compaction")));
        assert!(!reply.text().contains("Ada likes tea."), "it is sealed");
        assert_eq!(world.store.commits(), 0);
        let mut input = output.clone();
        input.push(json!({"role": "user", "content": "What do I like?"}));
        let next = request(&json!({"input": input}));
        let next = post(&world, &format!("{base}/responses"), &next).await;
        assert_eq!(next.status, 200, "{}", next.text());
        let turn = world.model.asked().pop().unwrap();
        let lines = crate::input::lines(&turn).join("\n");
        assert!(lines.contains("Ada likes tea."), "{lines}");
    }
}

#[tokio::test]
async fn what_cannot_be_counted_or_compacted_is_refused() {
    let world = World::new([text("x")]).await;
    for tail in ["input_tokens", "compact"] {
        let path = format!("{RESPONSES}/{tail}");
        for (body, code, field) in [
            (
                json!({"input": "hi"}),
                "missing_required_parameter",
                "model",
            ),
            (json!({"model": "m"}), "missing_required_parameter", "input"),
            (json!({"model": 7, "input": "hi"}), "invalid_type", "model"),
            (
                json!({"model": "m", "previous_response_id": "resp_1"}),
                "previous_response_not_found",
                "previous_response_id",
            ),
        ] {
            let reply = post(&world, &path, &body).await;
            assert_eq!(refusal(&reply), (400, json!(code), json!(field)), "{body}");
        }
    }
    assert_eq!(world.model.asked().len(), 0);
}

#[tokio::test]
async fn what_was_sealed_for_somebody_else_does_not_open() {
    let world = World::new([text("secret")]).await;
    let wish = json!({"model": "m", "input": "hi"});
    let path = format!("{RESPONSES}/compact");
    let bobs = crate::client::Call::new("POST", &path)
        .json(&wish)
        .header("authorization", "Bearer bob")
        .send(&world)
        .await
        .json();
    let input = bobs["output"].clone();
    let reply = ask(&world, &json!({"input": input})).await;
    assert_eq!(
        refusal(&reply),
        (400, json!("invalid_encrypted_content"), json!("input"))
    );
}
