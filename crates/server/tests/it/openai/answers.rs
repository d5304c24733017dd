//! Answers that are waited for: what a request may say, what comes back, and what is refused.

use serde_json::{Value, json};

use super::stage::Stage;

#[tokio::test]
async fn an_answer_is_kept_and_forgotten_and_the_native_api_sees_the_same() {
    let stage = Stage::new().await;
    let told = stage
        .python("answers", &["is_answered_kept_and_forgotten"])
        .await;
    let native = format!("v1/responses/{}", told["id"].as_str().unwrap());
    assert_eq!(stage.service.get(&native).await.status, 404);
    stage
        .node("responses", &["areAnsweredKeptAndForgotten"])
        .await;
}

#[tokio::test]
async fn every_field_reaches_the_model_and_comes_back() {
    let stage = Stage::new().await;
    let told = stage.python("answers", &["fields_come_back"]).await;
    let asked = stage.asked().remove(0);
    for (field, expected) in [
        ("temperature", json!(0.5)),
        ("top_p", json!(0.25)),
        ("parallel_tool_calls", json!(false)),
        ("reasoning_effort", json!("low")),
        ("verbosity", json!("low")),
    ] {
        assert_eq!(asked[field], expected, "{field}: {asked:#}");
    }
    let most = asked["max_tokens"].as_u64();
    let most = most.or(asked["max_completion_tokens"].as_u64());
    assert_eq!(most, Some(500), "{asked:#}");
    let first = &asked["messages"][0];
    assert_eq!(
        (&first["role"], &first["content"]),
        (&json!("system"), &json!("Be brief."))
    );
    assert_eq!(asked["tools"][0]["function"]["name"], "lookup");
    assert_eq!(asked["tools"][0]["function"]["strict"], true);
    let native = format!("v1/responses/{}", told["id"].as_str().unwrap());
    let native = stage.service.get(&native).await.body;
    assert_eq!(
        (&native["output"], &native["system_prompt"]),
        (&json!("hello"), &json!("Be brief."))
    );
    assert_eq!(native["metadata"]["order"], "12");
}

#[tokio::test]
async fn null_and_unknown_fields_are_as_good_as_absent() {
    let stage = Stage::new().await;
    stage
        .python("answers", &["absent_and_null_are_alike"])
        .await;
    let asked = stage.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| *one == asked[0]), "{asked:#?}");
}

#[tokio::test]
async fn an_answer_is_parsed_into_a_type() {
    let stage = Stage::new().await;
    stage
        .python("answers", &["text_is_parsed_into_a_type"])
        .await;
    let format = &stage.asked()[0]["response_format"];
    assert_eq!(format["type"], "json_schema", "{format:#}");
    assert_eq!(format["json_schema"]["name"], "Weather");
    assert_eq!(format["json_schema"]["strict"], true);
    stage.node("responses", &["areParsed"]).await;
}

#[tokio::test]
async fn every_part_of_an_input_reaches_the_model() {
    let stage = Stage::new().await;
    stage
        .python("answers", &["every_part_of_the_input_arrives"])
        .await;
    let asked = stage.asked().remove(0);
    let texts: Vec<_> = asked["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (message["role"].as_str().unwrap(), text_of(message)))
        .collect();
    let all = texts
        .iter()
        .map(|(_, text)| text.as_str())
        .collect::<String>();
    for part in ["You see everything.", "one", "two", "three", "four", "five"] {
        assert!(all.contains(part), "{part}: {texts:?}");
    }
    assert!(
        texts.iter().all(|(role, _)| *role != "developer"),
        "{texts:?}"
    );
    let image = &asked["messages"].as_array().unwrap().last().unwrap()["content"][1];
    assert_eq!(
        image["image_url"],
        json!({"url": "https://example.com/cat.png", "detail": "low"})
    );
}

fn text_of(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("")
        }
        _ => String::new(),
    }
}

#[tokio::test]
async fn input_items_come_in_pages_of_any_size() {
    let stage = Stage::new().await;
    stage
        .python("answers", &["input_items_come_in_pages"])
        .await;
}

#[tokio::test]
async fn a_response_continues_another_and_refers_to_what_is_stored() {
    let stage = Stage::new().await;
    stage
        .python("answers", &["a_response_continues_another"])
        .await;
    stage
        .python("answers", &["stored_items_are_referred_to"])
        .await;
    stage.node("responses", &["continueEachOther"]).await;
}

#[tokio::test]
async fn tokens_are_counted_and_a_conversation_is_made_compact() {
    let stage = Stage::new().await;
    stage
        .python("answers", &["tokens_are_counted_before_they_are_spent"])
        .await;
    stage
        .python("answers", &["a_conversation_is_made_compact"])
        .await;
}

#[tokio::test]
async fn a_key_makes_one_response_of_many_requests() {
    let stage = Stage::new().await;
    stage
        .python("answers", &["a_key_makes_one_response_of_many_requests"])
        .await;
    let seen = stage.world.model.ledger().traffic();
    assert_eq!(seen.started, 3, "twice with a key, once without");
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_name_before_the_model_is_asked() {
    let stage = Stage::new().await;
    for function in [
        "wrong_requests_name_the_field",
        "calls_and_outputs_must_pair",
        "what_is_not_there_is_not_found",
    ] {
        stage.python("refusals", &[function]).await;
    }
    assert_eq!(stage.world.model.ledger().traffic().started, 0);
    stage.node("responses", &["areRefused"]).await;
}

#[tokio::test]
async fn failures_are_errors_of_the_library_and_not_repeated_in_vain() {
    let stage = Stage::new().await;
    stage
        .python("refusals", &["failures_of_the_model_server_have_classes"])
        .await;
    stage
        .python("refusals", &["the_library_repeats_what_may_be_repeated"])
        .await;
}

#[tokio::test]
async fn conversations_are_made_filled_read_used_and_forgotten() {
    let stage = Stage::new().await;
    for function in [
        "is_made_described_and_forgotten",
        "has_items_of_its_own",
        "gathers_what_its_responses_say",
        "is_for_one_response_at_a_time",
    ] {
        stage.python("conversations", &[function]).await;
    }
    stage.node("others", &["conversationsAreKept"]).await;
}
