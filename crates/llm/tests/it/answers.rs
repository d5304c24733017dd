//! Answers over HTTP: how they are grouped, how they end, and what becomes of the connection.

use response_domain::caller::Credential;
use response_domain::ports::llm::{Delta, LlmClient, LlmErrorKind, TurnMode};
use response_egress::Url;

use crate::server::{ModelServer, Reply, says, stops};
use crate::show;
use crate::turns::{
    Transcript, anonymous, answer, client, client_with, context, groups, hello, options, turn,
};

const WHOLE: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello","tool_calls":[]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

fn whole() -> response_domain::ports::llm::ModelTurn {
    turn(Transcript::user("Hi"), TurnMode::Whole)
}

#[tokio::test]
async fn a_stream_comes_group_by_group_and_ends_with_its_finish() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
    let events = [&*says("a"), &says("b"), &stops("stop"), usage, "[DONE]"];
    let server = ModelServer::start(vec![Reply::events(&events)]).await;
    let deltas = answer(&client(&server.url), &hello()).await.unwrap();
    assert_eq!(
        show::lines(&deltas),
        "text \"a\"\ntext \"b\"\nusage 5 (0) + 2 (0)\nfinish stop\n"
    );
    let received = &server.received()[0];
    assert!(
        received
            .body
            .contains(r#""stream":true,"stream_options":{"include_usage":true}"#)
    );
    assert_eq!(
        received.header("accept"),
        Some("text/event-stream, application/json")
    );
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(received.header("x-request-id"), Some("req-7"));
    assert_eq!(received.header("authorization"), None);
}

#[tokio::test]
async fn a_whole_answer_comes_as_one_group() {
    let server = ModelServer::start(vec![Reply::json(200, WHOLE)]).await;
    let stream = client(&server.url)
        .stream(&whole(), &anonymous())
        .await
        .unwrap();
    let (groups, error) = groups(stream).await;
    assert!(error.is_none());
    assert_eq!(groups.len(), 1);
    assert_eq!(
        show::lines(&groups[0]),
        "text \"Hello\"\nusage 1 (0) + 2 (0)\nfinish stop\n"
    );
    let received = &server.received()[0];
    assert!(
        received.body.ends_with(r#""stream":false}"#),
        "{}",
        received.body
    );
    assert_eq!(received.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn an_answer_of_the_other_form_is_read_all_the_same() {
    let untold = format!("HTTP/1.1 200 OK\r\n\r\n \n {WHOLE}");
    let events = format!("data: {}\n\ndata: [DONE]\n\n", says("Hello"));
    let cases = [
        (
            Reply::json(200, WHOLE),
            TurnMode::Streamed,
            "note not_streamed\n",
        ),
        (
            Reply::document(200, "application/problem+json; a=b", WHOLE),
            TurnMode::Whole,
            "",
        ),
        (Reply::with(200, "", WHOLE), TurnMode::Whole, ""),
        (
            Reply::document(200, "text/plain; charset=utf-8", &format!("\n {WHOLE}")),
            TurnMode::Streamed,
            "note not_streamed\n",
        ),
        (
            Reply::document(200, "text/event-stream", &events),
            TurnMode::Whole,
            "note not_whole\n",
        ),
        (
            Reply::document(200, "text/plain", &events),
            TurnMode::Streamed,
            "",
        ),
        (Reply::raw(&untold), TurnMode::Whole, ""),
    ];
    for (reply, mode, note) in cases {
        let server = ModelServer::start(vec![reply]).await;
        let turn = turn(Transcript::user("Hi"), mode);
        let stream = client(&server.url)
            .stream(&turn, &anonymous())
            .await
            .unwrap();
        let (groups, error) = groups(stream).await;
        assert!(error.is_none(), "{error:?}");
        if mode == TurnMode::Whole {
            assert_eq!(groups.len(), 1);
        }
        let lines = show::lines(&groups.concat());
        assert!(
            lines.starts_with(&format!("{note}text \"Hello\"\n")),
            "{lines}"
        );
    }
}

#[tokio::test]
async fn what_is_no_answer_is_unreadable() {
    let cases = [
        Reply::document(200, "text/html", "<html>login</html>"),
        Reply::document(200, "image/png", "x"),
        Reply::document(200, "text/plain", "Hello there"),
        Reply::json(200, "[]"),
        Reply::json(200, "{}"),
        Reply::json(200, "{\"choices\":"),
        Reply::json(200, ""),
        Reply::events(&["not json"]),
    ];
    for mode in [TurnMode::Whole, TurnMode::Streamed] {
        for (number, reply) in cases.iter().enumerate() {
            let server = ModelServer::start(vec![reply.clone()]).await;
            let turn = turn(Transcript::user("Hi"), mode);
            let error = answer(&client(&server.url), &turn).await.unwrap_err();
            assert_eq!(error.kind, LlmErrorKind::Unreadable, "{number} {mode:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_never_whole() {
    let half = [&*says("a"), &says("b")];
    let cases = [
        Reply::events(&half),
        Reply::open_events(&half).then_close(),
        Reply::raw(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\ndata: {}\n\n",
        ),
        Reply::raw(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"choices\":",
        ),
    ];
    for (number, reply) in cases.into_iter().enumerate() {
        let server = ModelServer::start(vec![reply]).await;
        for mode in [TurnMode::Streamed, TurnMode::Whole] {
            let turn = turn(Transcript::user("Hi"), mode);
            let stream = client(&server.url)
                .stream(&turn, &anonymous())
                .await
                .unwrap();
            let (groups, error) = groups(stream).await;
            assert_eq!(error.unwrap().kind, LlmErrorKind::Broken, "{number}");
            let finished = groups
                .concat()
                .iter()
                .any(|delta| matches!(delta, Delta::Finish(_)));
            assert!(!finished, "{number}");
            assert_eq!(
                groups.is_empty(),
                mode == TurnMode::Whole || number > 1,
                "{number}"
            );
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_reason_to_stop_breaks_nothing() {
    let events = [&*says("a"), &stops("length")];
    let server = ModelServer::start(vec![Reply::open_events(&events).then_close()]).await;
    let deltas = answer(&client(&server.url), &hello()).await.unwrap();
    assert_eq!(show::lines(&deltas), "text \"a\"\nfinish length\n");
}

#[tokio::test]
async fn a_connection_is_used_again_after_an_answer() {
    let events = [&*says("a"), &stops("stop"), "[DONE]"];
    let server = ModelServer::start(vec![Reply::events(&events), Reply::json(200, WHOLE)]).await;
    let client = client(&server.url);
    answer(&client, &hello()).await.unwrap();
    for _ in 0..4 {
        answer(&client, &whole()).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused() {
    let events: Vec<String> = (0..200).map(|_| says(&"x".repeat(400))).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let long = format!(
        r#"{{"choices":[{{"message":{{"content":"{}"}}}}]}}"#,
        "x".repeat(80_000)
    );
    for reply in [
        Reply::events(&events),
        Reply::json(200, &long),
        Reply::events(&[&long]),
    ] {
        let server = ModelServer::start(vec![reply]).await;
        let mut options = options(&server.url);
        options.max_answer_bytes = 64 << 10;
        let error = answer(&client_with(options), &hello()).await.unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::Unreadable);
        assert_eq!(
            error.message,
            "the answer of the model server is longer than 65536 bytes"
        );
    }
}

#[tokio::test]
async fn a_credential_is_passed_on_as_it_came_and_the_own_key_only_without_one() {
    let server = ModelServer::start(vec![Reply::json(200, WHOLE)]).await;
    let mut options = options(&server.url);
    options.fallback = Credential::bearer("own-key".to_owned());
    let client = client_with(options);
    for credential in [
        Credential::bearer("tok en".to_owned()),
        Credential::api_key("sk_1".to_owned()),
        Credential::Absent,
    ] {
        drop(client.stream(&whole(), &context(credential)).await.unwrap());
    }
    let received = server.received();
    let sent = |number: usize| {
        let received = &received[number];
        (
            received.header("authorization"),
            received.header("x-api-key"),
        )
    };
    assert_eq!(sent(0), (Some("Bearer tok en"), None));
    assert_eq!(sent(1), (None, Some("sk_1")));
    assert_eq!(sent(2), (Some("Bearer own-key"), None));
    let bad = context(Credential::bearer("a\r\nb: c".to_owned()));
    let error = client.stream(&whole(), &bad).await.err().unwrap();
    assert_eq!(error.kind, LlmErrorKind::Unauthorized);
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn what_one_turn_showed_of_a_models_manners_helps_the_next() {
    let unopened = [
        &*says("Hm.\\n"),
        &says("</think>"),
        &says("\\n42"),
        &stops("stop"),
        "[DONE]",
    ];
    let plain = [&*says("Just 42"), &stops("stop"), "[DONE]"];
    let replies = vec![
        Reply::events(&unopened),
        Reply::events(&unopened),
        Reply::events(&plain),
        Reply::events(&unopened),
    ];
    let server = ModelServer::start(replies).await;
    let client = client(&server.url);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(show::lines(&answer(&client, &hello()).await.unwrap()));
    }
    let told = "text \"Hm.\\n\"\nnote reasoning_unopened\ntext \"\\n42\"\nfinish stop\n";
    let held = "note reasoning_unopened\nreasoning \"Hm.\\n\"\ntext \"42\"\nfinish stop\n";
    let none = "text \"Just 42\"\nfinish stop\n";
    assert_eq!(seen, [told, held, none, told]);
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let server = ModelServer::start(vec![Reply::json(200, WHOLE)]).await;
    let base: Url = server.url.join("llm/v1?version=3").unwrap();
    answer(&client(&base), &whole()).await.unwrap();
    assert_eq!(
        server.received()[0].path(),
        "/llm/v1/chat/completions?version=3"
    );
}

#[tokio::test]
async fn a_model_whose_streams_lose_arguments_is_asked_for_whole_answers_with_tools() {
    let lost = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"search"}}]}}]}"#;
    let streamed = Reply::events(&[lost, &stops("tool_calls"), "[DONE]"]);
    let call = |arguments: &str| {
        let function = format!(r#"{{"name":"search","arguments":"{arguments}"}}"#);
        let message = format!(r#"{{"tool_calls":[{{"id":"a","function":{function}}}]}}"#);
        let choice = format!(r#"{{"message":{message},"finish_reason":"tool_calls"}}"#);
        Reply::json(200, &format!(r#"{{"choices":[{choice}]}}"#))
    };
    let plain = Reply::events(&[&says("Hi"), &stops("stop"), "[DONE]"]);
    let replies = vec![streamed.clone(), call("{}"), plain, call(""), streamed];
    let server = ModelServer::start(replies).await;
    let client = client(&server.url);
    let mut with_tools = hello();
    with_tools.tools = std::sync::Arc::from([show::needing_tool("search")]);
    let turns = [&with_tools, &with_tools, &hello(), &with_tools, &with_tools];
    let mut seen = Vec::new();
    for turn in turns {
        seen.push(show::lines(&answer(&client, turn).await.unwrap()));
    }
    let asked: Vec<bool> = server
        .received()
        .iter()
        .map(|received| received.body.contains(r#""stream":true"#))
        .collect();
    // What is not the fault of the stream clears it.
    assert_eq!(asked, [true, false, true, false, true]);
    assert!(
        seen[1].starts_with("note stream_avoided\ncall 0 \"search\" "),
        "{}",
        seen[1]
    );
}

#[tokio::test]
async fn a_call_that_was_cut_short_does_not_speak_against_the_streams_of_a_model() {
    let cut = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"search"}}]}}]}"#;
    let server = ModelServer::start(vec![
        Reply::events(&[cut, &stops("length"), "[DONE]"]),
        Reply::events(&[&says("Hi"), &stops("stop"), "[DONE]"]),
    ])
    .await;
    let client = client(&server.url);
    let mut with_tools = hello();
    with_tools.tools = std::sync::Arc::from([show::needing_tool("search")]);
    for _ in 0..2 {
        answer(&client, &with_tools).await.unwrap();
    }
    assert!(server.received()[1].body.contains(r#""stream":true"#));
}
