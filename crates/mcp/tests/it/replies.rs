//! What a call comes to: a result, a tool's complaint, or an error of the server.

use response_domain::ports::tools::ToolErrorKind;
use response_domain::tool::Verdict;
use response_mcp::{Mode, Options};
use serde_json::{Value, json};

use crate::fake::{Answer, Seen};
use crate::world::{bare, call, server, tools, tools_with};

type Answering = fn(&Seen) -> Answer;

#[tokio::test]
async fn what_a_tool_says_is_a_reply_good_or_bad() {
    let cases: [(Answering, Verdict, &str); 9] = [
        (|seen| seen.says("hi"), Verdict::Done, "hi"),
        (
            |seen| seen.result(&json!({"content": [], "structuredContent": {"n": 1}})),
            Verdict::Done,
            "{\"n\":1}",
        ),
        (
            |seen| {
                seen.result(&json!({"content": [{"type": "text", "text": "no such file"}], "isError": true}))
            },
            Verdict::ToolSaysError,
            "no such file",
        ),
        (
            |seen| seen.error(200, -32602, "Invalid params: q"),
            Verdict::ToolSaysError,
            "The tool server refused the call with error -32602: Invalid params: q",
        ),
        (
            |seen| seen.error(400, -32602, "Invalid params: q"),
            Verdict::ToolSaysError,
            "The tool server refused the call with error -32602: Invalid params: q",
        ),
        (
            |seen| seen.error(404, -32601, "Unknown tool"),
            Verdict::ToolSaysError,
            "The tool server refused the call with error -32601: Unknown tool",
        ),
        (
            |seen| seen.error(200, -32603, "the browser session expired"),
            Verdict::ToolSaysError,
            "The tool server refused the call with error -32603: the browser session expired",
        ),
        (
            |seen| seen.error(200, -32042, "\u{1b}[31mopen a page\u{202e}"),
            Verdict::ToolSaysError,
            "The tool server refused the call with error -32042: open a page",
        ),
        (
            |seen| {
                seen.result(&json!({"content": [{"type": "image", "mimeType": "image/png", "data": "aGk="}]}))
            },
            Verdict::Done,
            "[image: image/png, 2 bytes, not shown]",
        ),
    ];
    for (answer, verdict, text) in cases {
        let fake = bare(answer).await;
        let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
            .await
            .unwrap();
        assert_eq!((reply.verdict, &*reply.text), (verdict, text));
        assert_eq!(fake.count("tools/call"), 1);
    }
}

/// What a call may be answered by, and what that means.
const TROUBLE: [(Answering, ToolErrorKind); 18] = [
    (
        |_| Answer::new(401, "text/plain", ""),
        ToolErrorKind::Unauthorized,
    ),
    (
        |seen| seen.error(403, -32000, "forbidden"),
        ToolErrorKind::Unauthorized,
    ),
    (
        |_| Answer::new(404, "text/plain", ""),
        ToolErrorKind::Unavailable,
    ),
    (
        |_| Answer::new(429, "text/plain", ""),
        ToolErrorKind::Unavailable,
    ),
    (
        |_| Answer::new(500, "text/html", "<h1>oops</h1>"),
        ToolErrorKind::Unavailable,
    ),
    (
        |seen| seen.error(500, -32603, "Internal server error"),
        ToolErrorKind::Unavailable,
    ),
    (
        |_| Answer::new(503, "text/plain", "overloaded"),
        ToolErrorKind::Unavailable,
    ),
    (
        |_| Answer::new(504, "text/plain", ""),
        ToolErrorKind::Timeout,
    ),
    (
        |seen| seen.error(200, -32001, "Request timed out"),
        ToolErrorKind::Timeout,
    ),
    (
        |_| Answer::new(202, "text/plain", ""),
        ToolErrorKind::Protocol,
    ),
    (
        |_| Answer::new(200, "application/json", ""),
        ToolErrorKind::Protocol,
    ),
    (
        |_| Answer::new(200, "application/json", "  "),
        ToolErrorKind::Protocol,
    ),
    (
        |_| Answer::new(200, "application/json", "{\"id\":"),
        ToolErrorKind::Protocol,
    ),
    (
        |_| Answer::new(200, "text/html", "<html><form>Password"),
        ToolErrorKind::Unauthorized,
    ),
    (
        |_| Answer::new(200, "text/plain", "<!doctype html><p>hello"),
        ToolErrorKind::Protocol,
    ),
    (
        |seen| {
            Answer::json(
                200,
                &json!({"id": seen.body["id"], "result": {}, "error": {"code": 1}}),
            )
        },
        ToolErrorKind::Protocol,
    ),
    (
        |_| Answer::json(200, &json!({"id": 77, "result": {"content": []}})),
        ToolErrorKind::Protocol,
    ),
    (|seen| seen.result(&json!(5)), ToolErrorKind::Protocol),
];

#[tokio::test]
async fn trouble_with_the_server_is_an_error_of_its_kind() {
    for (answer, kind) in TROUBLE {
        let fake = bare(answer).await;
        let error = call(&tools(&fake, Mode::Bare), "t", &json!({}))
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
        assert_eq!(fake.count("tools/call"), 1, "{}", error.message);
        assert!(error.message.starts_with("the tool server `default` "));
        for inner in ["oops", "overloaded", "Internal server error", "127.0.0.1"] {
            assert!(!error.message.contains(inner), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_credential_along() {
    let other = bare(|seen| seen.says("stolen")).await;
    let target = other.url.to_string();
    let fake = bare(move |_| Answer::new(307, "text/plain", "").with("Location", &target)).await;
    let error = call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Protocol);
    assert!(error.message.contains("redirect"), "{}", error.message);
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_large_result_is_cut_with_a_notice() {
    let fake = bare(|seen| seen.says(&"word ".repeat(400_000))).await;
    let mut options = Options::new(vec![server("default", &fake.url, Mode::Bare)]);
    options.result_limit = 1_000;
    let reply = call(&tools_with(&options), "t", &json!({})).await.unwrap();
    assert!(
        reply
            .text
            .ends_with("[cut off: the result has 2000000 bytes, the first 1000 are shown]")
    );
    assert!(reply.text.len() < 1_100);
}

#[tokio::test]
async fn a_result_beyond_all_bounds_is_a_complaint_to_the_model() {
    for as_events in [false, true] {
        let fake = bare(move |seen| {
            let text = "x".repeat(17 * 1024 * 1024);
            if as_events {
                let body =
                    json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"content": text}});
                Answer::events(format!("data: {body}\n\n"))
            } else {
                seen.says(&text)
            }
        })
        .await;
        let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
            .await
            .unwrap();
        assert_eq!(reply.verdict, Verdict::ToolSaysError);
        assert!(reply.text.contains("Ask for less"), "{}", reply.text);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced() {
    let fake = bare(|seen| {
        let mut body = format!(
            "{{\"id\":{},\"result\":{{\"content\":\"caf",
            seen.body["id"]
        )
        .into_bytes();
        body.extend_from_slice(b"\xe9!\"}}");
        Answer::new(200, "application/json", body)
    })
    .await;
    let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap();
    assert_eq!(&*reply.text, "caf\u{fffd}!");
}

#[tokio::test]
async fn a_server_that_insists_on_both_media_types_is_content() {
    let fake = bare(|seen| {
        let accept = seen.header("accept").unwrap_or_default();
        if accept.contains("application/json") && accept.contains("text/event-stream") {
            seen.says("done")
        } else {
            seen.error(406, -32000, "Not Acceptable")
        }
    })
    .await;
    let reply = call(&tools(&fake, Mode::Bare), "t", &json!({}))
        .await
        .unwrap();
    assert_eq!(&*reply.text, "done");
    let seen = fake.last("tools/call");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.body["jsonrpc"], "2.0");
    assert_eq!(seen.body["params"]["name"], "t");
    assert_ne!(seen.body["id"], Value::Null);
}
