//! Answers as streams of events: in pieces, with other messages before them, broken off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use response_domain::ports::tools::{ToolErrorKind, ToolExecutor};
use response_domain::tool::Verdict;
use response_mcp::Mode;
use serde_json::{Value, json};

use crate::fake::{Answer, Fake, Seen};
use crate::world::{bare, call, context, listed, order, tool, tools};

/// One event with these messages, the last of them the result of the request.
fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}

fn result(seen: &Seen, text: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.body["id"],
        "result": {"content": [{"type": "text", "text": text}]}})
}

/// A stream with everything that may come before a result, the result over several lines.
fn busy_stream(seen: &Seen) -> String {
    let id = &seen.body["id"];
    format!(
        ": comment\r\n\r\n\
         event: ping\ndata: {{}}\n\n\
         event: message\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\"}}}}\n\n\
         id: 5\ndata: {{\"jsonrpc\":\"2.0\",\"id\":999999,\"result\":{{\"content\":[]}}}}\r\n\r\n\
         data: not json\n\n\
         data:\n\n\
         event: message\ndata: {{\"jsonrpc\":\"2.0\",\ndata:  \"id\":{id},\ndata:  \"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"größe €\"}}]}}}}\n\n"
    )
}

#[tokio::test]
async fn a_list_in_json_and_calls_in_events_come_from_one_server() {
    let fake = bare(|seen| Answer::events(busy_stream(seen))).await;
    let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap();
    assert_eq!((&*reply.text, reply.verdict), ("größe €", Verdict::Done));
    let accept = fake.last("tools/call");
    assert_eq!(
        accept.header("accept"),
        Some("application/json, text/event-stream")
    );
}

#[tokio::test]
async fn a_stream_means_the_same_wherever_it_is_cut_in_two() {
    let cut = Arc::new(AtomicUsize::new(0));
    let at = Arc::clone(&cut);
    let fake = bare(move |seen| {
        let body = busy_stream(seen).into_bytes();
        let at = at.fetch_add(1, Ordering::SeqCst).min(body.len());
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let (first, second) = body.split_at(at);
        Answer::Raw(vec![head.into_bytes(), first.to_vec(), second.to_vec()])
    })
    .await;
    let tools = tools(&fake, Mode::Bare);
    let order = order(&listed(&tools).await, "t", &json!({}));
    for _ in 0..600 {
        let reply = tools.call(&order, &context()).await.unwrap();
        assert_eq!(&*reply.text, "größe €");
    }
}

#[tokio::test]
async fn events_under_the_wrong_media_type_are_read_all_the_same() {
    for media in ["application/json", "text/plain"] {
        let fake = bare(move |seen| Answer::new(200, media, busy_stream(seen))).await;
        let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
            .await
            .unwrap();
        assert_eq!(&*reply.text, "größe €");
    }
}

#[tokio::test]
async fn only_the_answer_to_the_own_request_counts() {
    let fake = bare(|seen| {
        let mut foreign = result(seen, "not mine");
        foreign["id"] = json!(4_242);
        let error =
            json!({"jsonrpc": "2.0", "id": 4_243, "error": {"code": 1, "message": "not mine"}});
        let twice = event(&result(seen, "mine")) + &event(&result(seen, "too late"));
        Answer::events(event(&foreign) + &event(&error) + &twice)
    })
    .await;
    let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap();
    assert_eq!(&*reply.text, "mine");
}

#[tokio::test]
async fn side_by_side_calls_never_get_each_others_answers() {
    let fake = bare(|seen| {
        let said = seen.arguments()["n"].to_string();
        let mut other = result(seen, "someone else's");
        other["id"] = json!(seen.body["id"].as_u64().unwrap() + 1);
        Answer::events(event(&other) + &event(&result(seen, &said)))
    })
    .await;
    let tools = tools(&fake, Mode::Bare);
    let offered = listed(&tools).await;
    let context = context();
    let calls = (0..50).map(|n| {
        let order = order(&offered, "t", &json!({ "n": n }));
        let (tools, context) = (&tools, &context);
        async move { (n, tools.call(&order, context).await.unwrap()) }
    });
    for (n, reply) in futures::future::join_all(calls).await {
        assert_eq!(*reply.text, n.to_string());
    }
}

#[tokio::test]
async fn an_array_of_messages_is_taken_as_its_messages() {
    for as_events in [true, false] {
        let fake = bare(move |seen| {
            let notice = json!({"jsonrpc": "2.0", "method": "notifications/message"});
            let batch = json!([notice, result(seen, "in a batch")]);
            if as_events {
                Answer::events(event(&batch))
            } else {
                Answer::json(200, &batch)
            }
        })
        .await;
        let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
            .await
            .unwrap();
        assert_eq!(&*reply.text, "in a batch");
    }
}

#[tokio::test]
async fn a_flood_of_notices_does_not_hide_the_answer() {
    let fake = bare(|seen| {
        let notice =
            event(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}));
        Answer::events(notice.repeat(20_000) + &event(&result(seen, "at last")))
    })
    .await;
    let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap();
    assert_eq!(&*reply.text, "at last");
}

#[tokio::test]
async fn a_flood_without_end_is_a_protocol_error() {
    let fake = bare(|_| {
        let notice = event(&json!({"jsonrpc": "2.0", "method": "notifications/message"}));
        Answer::events(notice.repeat(100_001))
    })
    .await;
    let error = call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Protocol);
}

#[tokio::test]
async fn a_stream_that_ends_without_the_answer_is_no_answer() {
    let cases = [
        (String::new(), ToolErrorKind::Unavailable),
        (
            ": only a comment\n\n".to_owned(),
            ToolErrorKind::Unavailable,
        ),
        (
            "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"resu".to_owned(),
            ToolErrorKind::Protocol,
        ),
        ("data: <html>\n\n".to_owned(), ToolErrorKind::Protocol),
    ];
    for (body, kind) in cases {
        let sent = body.clone();
        let fake = bare(move |_| Answer::events(sent.clone())).await;
        let error = call(&tools(&fake, Mode::Bare), "t", &json!({}))
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{body}");
        assert_eq!(fake.count("tools/call"), 1, "{body}");
    }
}

/// A server with a handshake whose calls are answered by `call` and whose streams are taken up
/// again by `resume`.
async fn resumable(
    call: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    resume: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> Fake {
    Fake::start(move |seen| match seen.method() {
        "initialize" => seen.welcome("2025-11-25").with("Mcp-Session-Id", "s"),
        "tools/list" => seen.tools(&json!([tool("t")])),
        "tools/call" => call(seen),
        "GET" => resume(seen),
        _ => Answer::accepted(),
    })
    .await
}

#[tokio::test]
async fn a_stream_that_broke_off_is_taken_up_behind_its_last_event() {
    let fake = resumable(
        |_| Answer::events("id: a-1\ndata:\n\nid: a-2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n"),
        |seen| {
            assert_eq!(seen.header("accept"), Some("text/event-stream"));
            assert_eq!(seen.header("mcp-session-id"), Some("s"));
            assert_eq!(seen.header("mcp-protocol-version"), Some("2025-11-25"));
            match seen.header("last-event-id") {
                Some("a-2") => Answer::events("id: a-3\ndata:\n\n"),
                Some("a-3") => Answer::events(
                    "id: a-4\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":\"resumed\"}}\n\n",
                ),
                _ => Answer::new(400, "text/plain", ""),
            }
        },
    )
    .await;
    let reply = call(&tools(&fake, Mode::Session), "t", &json!({}))
        .await
        .unwrap();
    assert_eq!(&*reply.text, "resumed");
    assert_eq!((fake.count("tools/call"), fake.count("GET")), (1, 2));
}

#[tokio::test]
async fn a_stream_that_cannot_be_taken_up_again_is_given_up_and_cancelled() {
    let refusals: [fn(&Seen) -> Answer; 3] = [
        |_| Answer::new(405, "text/plain", ""),
        |_| Answer::json(200, &json!({})),
        |_| Answer::events(": nothing new\n\n"),
    ];
    for refusal in refusals {
        let fake = resumable(|_| Answer::events("id: a-1\ndata:\n\n"), refusal).await;
        let error = call(&tools(&fake, Mode::Session), "t", &json!({}))
            .await
            .unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::Unavailable);
        assert_eq!(fake.count("tools/call"), 1);
        assert!(fake.count("GET") <= 2, "{}", fake.count("GET"));
        fake.until("notifications/cancelled", 1).await;
    }
}

#[tokio::test]
async fn questions_of_the_server_are_answered_and_do_no_harm() {
    let fake = resumable(
        |seen| {
            let ping = json!({"jsonrpc": "2.0", "id": "p-1", "method": "ping"});
            let roots = json!({"jsonrpc": "2.0", "id": 7, "method": "roots/list"});
            Answer::events(event(&ping) + &event(&roots) + &event(&result(seen, "done")))
        },
        |_| Answer::new(405, "text/plain", ""),
    )
    .await;
    let reply = call(&tools(&fake, Mode::Session), "t", &json!({}))
        .await
        .unwrap();
    assert_eq!(&*reply.text, "done");
    // An answer is a message without a method; it is kept under its verb.
    fake.until("POST", 2).await;
    let answers: Vec<Value> = fake.seen().into_iter().map(|seen| seen.body).collect();
    assert!(answers.contains(&json!({"jsonrpc": "2.0", "id": "p-1", "result": {}})));
    let refused = |body: &&Value| body["id"] == 7 && body["error"]["code"] == -32601;
    assert_eq!(answers.iter().filter(refused).count(), 1);
}

#[tokio::test]
async fn a_stream_that_ends_behind_its_answer_leaves_the_connection_to_the_next_call() {
    let fake = bare(|seen| Answer::Chunked(event(&result(seen, "done")))).await;
    let tools = tools(&fake, Mode::Bare);
    let order = order(&listed(&tools).await, "t", &json!({}));
    for calls in 1..=20 {
        tools.call(&order, &context()).await.unwrap();
        // The end of the stream is on its way; the next call is not to come before it.
        fake.until("tools/call", calls).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(fake.connections(), 1);
}
