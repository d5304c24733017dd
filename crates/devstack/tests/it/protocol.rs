//! The tool server's protocol: headers, sessions, pages, forms of answers, failures on request.

use std::time::Duration;

use response_devstack::tools::{Answers, Sessions, TestTools, ToolFailure, ToolsOptions};
use response_egress::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use response_egress::{EgressError, Method, Outbound, Waiting};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chat::deadline;
use crate::mcp::{Mcp, text};

fn with_test_tools() -> ToolsOptions {
    ToolsOptions {
        test_tools: TestTools::Offered,
        ..ToolsOptions::default()
    }
}

/// Status and body of one request.
async fn answer(mcp: &Mcp, outbound: Outbound) -> (u16, Value) {
    let inbound = mcp.send(outbound).await.unwrap();
    let status = inbound.status().as_u16();
    let text = inbound.text_capped(1 << 20, deadline()).await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test]
async fn a_bare_post_is_enough_and_lists_are_json_while_calls_are_events() {
    let mcp = Mcp::start(&ToolsOptions::default());
    let (as_events, list) = mcp.messages("tools/list", Value::Null).await;
    assert!(!as_events);
    let names: Vec<_> = list[0]["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["google_search", "scrape", "calculator", "clock"]);
    let params = json!({"name": "calculator", "arguments": {"expression": "1+1"}});
    let (as_events, messages) = mcp.messages("tools/call", params).await;
    assert!(as_events);
    assert_eq!(text(&messages[0]["result"]), "2");
    assert_eq!(mcp.request("ping", Value::Null).await, json!({}));
}

#[tokio::test]
async fn the_handshake_agrees_on_a_version() {
    let mcp = Mcp::start(&ToolsOptions::default());
    for (wanted, given) in [("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")] {
        let params = json!({"protocolVersion": wanted, "capabilities": {}, "clientInfo": {}});
        let result = mcp.request("initialize", params).await;
        assert_eq!(result["protocolVersion"], given);
        assert_eq!(result["serverInfo"]["name"], "devstack-tools");
    }
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let inbound = mcp.send(mcp.outbound(&note)).await.unwrap();
    assert_eq!(inbound.status().as_u16(), 202);
    assert_eq!(inbound.bytes_capped(10, deadline()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_request_of_the_wrong_form_is_refused() {
    let mcp = Mcp::start(&ToolsOptions::default());
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    for accept in ["application/json", "text/event-stream", "*/*"] {
        let outbound = mcp
            .outbound(&ping)
            .header(ACCEPT, HeaderValue::from_str(accept).unwrap());
        assert_eq!(answer(&mcp, outbound).await.0, 406, "{accept}");
    }
    let outbound = mcp
        .outbound(&ping)
        .header(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    assert_eq!(answer(&mcp, outbound).await.0, 415);
    let table = [
        ("{", 400, -32700),
        ("[]", 400, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#, 200, -32601),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
            200,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}"#,
            200,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#,
            200,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait"}}"#,
            200,
            -32602,
        ),
    ];
    for (body, status, code) in table {
        let (given, error) = answer(&mcp, mcp.outbound(&ping).body(body)).await;
        assert_eq!(
            (given, &error["error"]["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    let url = mcp.tools.url().join("v1/mcp").unwrap();
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(answer(&mcp, Outbound::new(method, &url)).await.0, 405);
    }
}

#[tokio::test]
async fn a_server_with_sessions_wants_one_and_forgets_it() {
    let options = ToolsOptions {
        sessions: Sessions::Required,
        ..ToolsOptions::default()
    };
    let mut mcp = Mcp::start(&options);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(answer(&mcp, mcp.outbound(&ping)).await.0, 400);
    let open = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}});
    let inbound = mcp.send(mcp.outbound(&open)).await.unwrap();
    mcp.session = Some(inbound.header("mcp-session-id").unwrap().to_owned());
    assert_eq!(answer(&mcp, mcp.outbound(&ping)).await.0, 200);
    mcp.tools.expire_sessions();
    let (status, error) = answer(&mcp, mcp.outbound(&ping)).await;
    assert_eq!(
        (status, &error["error"]["message"]),
        (404, &json!("Session not found"))
    );

    let inbound = mcp.send(mcp.outbound(&open)).await.unwrap();
    mcp.session = Some(inbound.header("mcp-session-id").unwrap().to_owned());
    let url = mcp.tools.url().join("v1/mcp").unwrap();
    let close =
        Outbound::new(Method::DELETE, &url).headers(mcp.outbound(&ping).headers_mut().clone());
    assert_eq!(answer(&mcp, close).await.0, 204);
    assert_eq!(answer(&mcp, mcp.outbound(&ping)).await.0, 404);
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let options = ToolsOptions {
        page_size: Some(3),
        ..with_test_tools()
    };
    let mcp = Mcp::start(&options);
    let mut names = Vec::new();
    let mut params = json!({});
    loop {
        let page = mcp.request("tools/list", params).await;
        let tools = page["tools"].as_array().unwrap();
        names.extend(
            tools
                .iter()
                .map(|tool| tool["name"].as_str().unwrap().to_owned()),
        );
        match page.get("nextCursor") {
            Some(cursor) => params = json!({"cursor": cursor}),
            None => break,
        }
    }
    assert_eq!(
        names,
        [
            "google_search",
            "scrape",
            "calculator",
            "clock",
            "wait",
            "blob"
        ]
    );
}

#[tokio::test]
async fn answers_come_in_the_form_that_was_set() {
    let call = json!({"name": "calculator", "arguments": {"expression": "1+1"}});
    for (answers, list_as_events, call_as_events) in [
        (Answers::Json, false, false),
        (Answers::Events, true, true),
        (Answers::EventLines, true, true),
    ] {
        let mcp = Mcp::start(&ToolsOptions {
            answers,
            ..ToolsOptions::default()
        });
        let (as_events, list) = mcp.messages("tools/list", Value::Null).await;
        assert_eq!(as_events, list_as_events, "{answers:?}");
        assert_eq!(list[0]["result"]["tools"][3]["name"], "clock");
        let (as_events, messages) = mcp.messages("tools/call", call.clone()).await;
        assert_eq!(as_events, call_as_events, "{answers:?}");
        assert_eq!(text(&messages[0]["result"]), "2");
    }
}

#[tokio::test]
async fn a_waiting_tool_tells_its_progress_to_whom_asks() {
    let mcp = Mcp::start(&with_test_tools());
    let arguments = json!({"seconds": 0.05, "progress_every": 0.02});
    let params = json!({
        "name": "wait", "arguments": arguments, "_meta": {"progressToken": "t1"},
    });
    let (_, messages) = mcp.messages("tools/call", params).await;
    let progress: Vec<_> = messages
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| {
            (
                message["params"]["progressToken"].clone(),
                message["params"]["progress"].clone(),
            )
        })
        .collect();
    assert_eq!(progress.len(), 3);
    assert_eq!(progress[0], (json!("t1"), json!(0.02)));
    assert_eq!(text(&messages.last().unwrap()["result"]), "waited 0.05 s");
    let silent = json!({"name": "wait", "arguments": arguments});
    assert_eq!(mcp.messages("tools/call", silent).await.1.len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_call() {
    let mcp = Mcp::start(&with_test_tools());
    let params = json!({"name": "wait", "arguments": {"seconds": 3600}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let inbound = mcp.send(mcp.outbound(&body)).await.unwrap();
    assert_eq!(mcp.tools.ledger().traffic().open(), 1);
    drop(inbound);
    let traffic = mcp
        .tools
        .ledger()
        .until(|traffic| traffic.open() == 0)
        .await;
    assert_eq!(traffic.abandoned, 1);
}

#[tokio::test]
async fn a_result_can_be_of_any_size() {
    let mcp = Mcp::start(&with_test_tools());
    let result = mcp.call("blob", json!({"bytes": 3_000_000})).await;
    assert_eq!(text(&result).len(), 3_000_000);
    assert_eq!(
        mcp.call("blob", json!({"bytes": 99_999_999})).await["isError"],
        true
    );
}

#[tokio::test]
async fn a_tool_fails_as_it_was_told_to() {
    let mcp = Mcp::start(&ToolsOptions {
        latency: Duration::from_millis(5),
        ..with_test_tools()
    });
    let fail = |failure| mcp.tools.set_failure("clock", Some(failure));
    let params = json!({"name": "clock", "arguments": {}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});

    fail(ToolFailure::Error("the clock stopped".to_owned()));
    let result = mcp.call("clock", json!({})).await;
    assert_eq!(
        (&result["isError"], text(&result)),
        (&json!(true), "the clock stopped".to_owned())
    );
    fail(ToolFailure::Rpc {
        code: -32603,
        message: "broken".to_owned(),
    });
    assert_eq!(mcp.call("clock", json!({})).await["error"]["code"], -32603);
    fail(ToolFailure::Status(503));
    assert_eq!(answer(&mcp, mcp.outbound(&body)).await.0, 503);
    fail(ToolFailure::Html);
    let inbound = mcp.send(mcp.outbound(&body)).await.unwrap();
    assert_eq!(
        (inbound.status().as_u16(), inbound.media_type()),
        (200, Some("text/html"))
    );
    fail(ToolFailure::Break);
    let inbound = mcp.send(mcp.outbound(&body)).await.unwrap();
    let error = inbound.bytes_capped(1000, deadline()).await.unwrap_err();
    assert!(matches!(error, EgressError::Broken(_)), "{error:?}");
    fail(ToolFailure::Hang);
    let soon = Instant::now() + Duration::from_millis(100);
    let error = mcp
        .send(mcp.outbound(&body).deadline(soon))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Timeout(Waiting::Headers)),
        "{error:?}"
    );
    mcp.tools.set_failure("clock", None);
    assert_eq!(mcp.call("clock", json!({})).await["isError"], false);
}

#[tokio::test]
async fn requests_are_kept_with_their_headers() {
    let mcp = Mcp::start(&ToolsOptions::default());
    mcp.call("calculator", json!({"expression": "2"})).await;
    let seen = mcp.tools.ledger().take();
    assert_eq!(
        seen[0].header("accept"),
        Some("application/json, text/event-stream")
    );
    assert_eq!(seen[0].json()["params"]["arguments"]["expression"], "2");
}
