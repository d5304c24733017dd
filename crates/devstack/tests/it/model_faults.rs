//! Requests that a strict server refuses, and failures on request.

use std::time::Duration;

use response_egress::{EgressError, Outbound, Waiting};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chat::{Chat, asking, client, deadline, plainly};

#[tokio::test]
async fn a_transcript_whose_calls_and_results_do_not_pair_is_refused() {
    let chat = Chat::start();
    let user = json!({"role": "user", "content": "x"});
    let calls = json!({"role": "assistant", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "1"});
    let table = [
        (json!([]), "must not be empty"),
        (json!([{"role": "wizard", "content": "x"}]), "wizard"),
        (
            json!([user, result("a")]),
            "must be a response to a preceding message",
        ),
        (
            json!([user, calls, result("a")]),
            "did not have response messages: b",
        ),
        (
            json!([user, calls, result("a"), user, result("b")]),
            "response messages: b",
        ),
        (
            json!([user, calls, result("a"), result("a")]),
            "must be a response",
        ),
        (json!([user, calls]), "response messages: a, b"),
        (json!("text"), "expected a sequence"),
    ];
    for (messages, expected) in table {
        let (status, answer) = chat
            .whole(&json!({"model": "m", "messages": messages}))
            .await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(
            status == 400 && message.contains(expected),
            "{messages}: {message}"
        );
    }
    let good = json!([user, calls, result("b"), result("a")]);
    assert_eq!(
        chat.whole(&json!({"model": "m", "messages": good})).await.0,
        200
    );
}

#[tokio::test]
async fn a_choice_that_no_tool_can_satisfy_is_refused() {
    let chat = Chat::start();
    for choice in [
        json!("required"),
        json!("sometimes"),
        json!({"type": "function", "function": {"name": "f"}}),
    ] {
        let mut body = plainly("x");
        body["tool_choice"] = choice;
        assert_eq!(chat.whole(&body).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn a_prompt_beyond_the_context_is_refused() {
    let mut body = plainly(&"word ".repeat(5000));
    body["model"] = json!("jan-small-4k");
    let (status, answer) = Chat::start().whole(&body).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &json!("context_length_exceeded"))
    );
}

#[tokio::test]
async fn a_directive_that_is_not_known_is_refused_by_name() {
    let chat = Chat::start();
    for prompt in [
        "[[quirk:q99]]",
        "[[fail:badly]]",
        "[[delay:3]]",
        "[[status:200]]",
        "[[no end",
        "[[call:f]]",
        "[[what]]",
    ] {
        let (status, answer) = chat.whole(&plainly(prompt)).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!("invalid_request")),
            "{prompt}"
        );
    }
}

#[tokio::test]
async fn an_error_status_comes_as_often_as_it_is_ordered() {
    let chat = Chat::start();
    let body = plainly("say hello [[status:429 retry-after:1 times:2]]");
    for _ in 0..2 {
        let inbound = chat.send(&body).await.unwrap();
        assert_eq!(
            (inbound.status().as_u16(), inbound.header("retry-after")),
            (429, Some("1"))
        );
    }
    assert_eq!(
        chat.whole(&body).await.1["choices"][0]["message"]["content"],
        "hello"
    );
    for status in [401, 500, 503] {
        let (given, answer) = chat.whole(&plainly(&format!("[[status:{status}]]"))).await;
        assert_eq!(given, status);
        assert!(answer["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn a_page_can_come_instead_of_json() {
    let chat = Chat::start();
    for (prompt, status) in [("[[fail:html]]", 200), ("[[status:502 fail:html]]", 502)] {
        let inbound = chat.send(&plainly(prompt)).await.unwrap();
        assert_eq!(
            (inbound.status().as_u16(), inbound.media_type()),
            (status, Some("text/html"))
        );
    }
}

#[tokio::test]
async fn an_order_can_wait_for_its_round() {
    let chat = Chat::start();
    let mut body = asking("calculate 1+1 [[status:503 round:2]]");
    let (_, answer) = chat.whole(&body).await;
    let message = answer["choices"][0]["message"].clone();
    let id = message["tool_calls"][0]["id"].clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.extend([
        message,
        json!({"role": "tool", "tool_call_id": id, "content": "2"}),
    ]);
    assert_eq!(chat.whole(&body).await.0, 503);
}

#[tokio::test]
async fn a_stream_can_fail_in_each_way() {
    let chat = Chat::start();
    let fail = async |name: &str| {
        chat.streamed(&plainly(&format!("say a b c d e f [[fail:{name}]]")))
            .await
    };
    let cut = fail("truncate").await;
    assert!(
        !cut.done && cut.error.is_none() && cut.finish() == Some(&Value::Null),
        "{cut:?}"
    );
    assert!(!cut.text().is_empty() && cut.text() != "a b c d e f");
    let broken = fail("broken").await;
    assert!(
        matches!(broken.error, Some(EgressError::Broken(_))),
        "{broken:?}"
    );
    let hanging = fail("hang-stream").await;
    assert!(
        matches!(
            hanging.error,
            Some(EgressError::Timeout(Waiting::NextChunk))
        ),
        "{hanging:?}"
    );
    assert!(!hanging.text().is_empty());
    let invalid = fail("invalid-json").await;
    assert!(invalid.broken == 1 && invalid.done, "{invalid:?}");
    let mut slow = plainly("[[fail:slow delta-delay:1ms]]");
    slow["stream"] = json!(true);
    let mut events = chat.send(&slow).await.unwrap().events(None, 1 << 16);
    for _ in 0..50 {
        assert!(events.next().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_whole_answer_can_fail_in_each_way() {
    let chat = Chat::start();
    let soon = || Instant::now() + Duration::from_millis(200);
    let fail = async |name: &str, deadline: Instant| {
        let body = plainly(&format!("say hello [[fail:{name}]]"));
        chat.send(&body)
            .await
            .unwrap()
            .text_capped(1 << 20, deadline)
            .await
    };
    for name in ["truncate", "invalid-json"] {
        let text = fail(name, deadline()).await.unwrap();
        assert!(
            text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err(),
            "{text}"
        );
    }
    assert!(matches!(
        fail("broken", deadline()).await,
        Err(EgressError::Broken(_))
    ));
    assert!(matches!(
        fail("hang-stream", soon()).await,
        Err(EgressError::Timeout(Waiting::Body))
    ));
    let url = chat.model.url().join("v1/chat/completions").unwrap();
    let hang = Outbound::post(&url)
        .json(plainly("[[fail:hang]]").to_string())
        .deadline(soon());
    let error = client().send(hang).await.unwrap_err();
    assert!(
        matches!(error, EgressError::Timeout(Waiting::Headers)),
        "{error:?}"
    );
    chat.model
        .ledger()
        .until(|traffic| traffic.open() == 0)
        .await;
}

#[tokio::test]
async fn a_loop_never_ends_by_itself_and_a_bad_call_is_made_while_it_is_ordered() {
    let chat = Chat::start();
    let mut body = asking("[[fail:loop]] go on");
    for _ in 0..5 {
        let (_, answer) = chat.whole(&body).await;
        let message = answer["choices"][0]["message"].clone();
        let id = message["tool_calls"][0]["id"].clone();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.extend([
            message,
            json!({"role": "tool", "tool_call_id": id, "content": "2"}),
        ]);
    }
    let (rounds, text) = chat
        .play(
            asking("calculate 1+1 [[fail:unknown-tool round:1]]"),
            |_, _| "2".to_owned(),
        )
        .await;
    assert_eq!(rounds[0], [r#"no_such_tool {"anything":"at all"}"#]);
    assert_eq!(rounds[1], [r#"calculator {"expression":"1+1"}"#]);
    assert!(text.contains("1+1 = 2"), "{text}");
    let bad = chat.message("[[fail:bad-arguments]]").await;
    let call = &bad["message"]["tool_calls"][0]["function"];
    assert_eq!(call["name"], "calculator");
    assert!(
        call["arguments"]
            .as_str()
            .unwrap()
            .contains("[\"not\",\"text\"]"),
        "{call}"
    );
}

#[tokio::test]
async fn calls_can_be_scripted_round_by_round() {
    let chat = Chat::start();
    let prompt = "[[call:calculator {\"expression\":\"1\",\"x\":[[1]]}]] [[call:clock {}]] \
                  [[call:wait round:2 {\"seconds\":1}]] [[preamble]] go";
    let (rounds, text) = chat
        .play(asking(prompt), |name, _| format!("did {name}"))
        .await;
    let expected = [
        vec![r#"calculator {"expression":"1","x":[[1]]}"#, "clock {}"],
        vec![r#"wait {"seconds":1}"#],
    ];
    assert_eq!(rounds, expected);
    assert!(text.contains("wait returned: did wait"), "{text}");
    let first = chat.message(prompt).await;
    assert_eq!(first["message"]["content"], "Let me look into that first. ");
}

#[tokio::test]
async fn directives_may_stand_in_the_models_name() {
    let mut body = plainly("say hello");
    body["model"] = json!("jan-v2-30b[[deltas:3]]");
    let streamed = Chat::start().streamed(&body).await;
    let pieces: Vec<_> = streamed
        .deltas()
        .filter_map(|d| d["content"].as_str())
        .skip(1)
        .collect();
    assert_eq!(pieces, ["h", "el", "lo"]);
}

#[tokio::test]
async fn deltas_come_in_the_number_that_was_asked_for() {
    let chat = Chat::start();
    for count in [1, 64, 300] {
        let streamed = chat
            .streamed(&plainly(&format!("say hé [[deltas:{count}]]")))
            .await;
        let texts = streamed
            .deltas()
            .filter(|delta| delta["content"] != "")
            .count();
        assert_eq!(texts - 1, count, "the finishing delta has no content field");
    }
}

#[tokio::test]
async fn a_delay_holds_the_headers_back() {
    let chat = Chat::start();
    let before = Instant::now();
    chat.whole(&plainly("say hello [[delay:120ms]]")).await;
    assert!(before.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_model_that_is_held_answers_when_it_is_let_go() {
    let chat = Chat::start();
    chat.model.hold();
    let body = plainly("say hello");
    let released = async {
        chat.model
            .ledger()
            .until(|traffic| traffic.open() == 1)
            .await;
        chat.model.release();
    };
    let ((status, answer), ()) = tokio::join!(chat.whole(&body), released);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(chat.whole(&body).await.0, 200);
}
