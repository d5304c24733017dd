//! What a server gets that a caller names: what that caller gives along, with everything that is sent, and
//! nothing else of it.

use std::time::Duration;

use response_domain::caller::{ToolSecret, ToolSecrets};
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::{ToolErrorKind, ToolExecutor};
use response_domain::tool::{ToolHome, Verdict};
use serde_json::{Value, json};

use super::stage::{LABEL, call, giving, list, order, tools};
use crate::fake::{Answer, Fake, Seen};
use crate::log::Log;
use crate::world::tool;

const GIVEN: [(&str, &str); 3] = [
    ("Authorization", "Bearer s3cret-of-grace"),
    ("X-Tenant", "acme"),
    ("Cookie", "a=b; c=d"),
];

/// A server with a session that asks something in the middle of a call.
async fn curious() -> Fake {
    Fake::start(|seen| match seen.method() {
        "initialize" => seen.welcome("2025-11-25").with("Mcp-Session-Id", "s"),
        "tools/list" => seen.tools(&json!([tool("t")])),
        "tools/call" if seen.arguments()["hang"] == true => Answer::Hang,
        "tools/call" => {
            let question = json!({"jsonrpc": "2.0", "id": "q", "method": "ping"});
            let result =
                json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"content": "done"}});
            Answer::events(format!("data: {question}\n\ndata: {result}\n\n"))
        }
        _ => Answer::accepted(),
    })
    .await
}

#[tokio::test]
async fn everything_that_is_sent_bears_what_the_caller_gave_and_nothing_else_of_it() {
    let fake = curious().await;
    let (tools, url) = (tools(), fake.url.as_str());
    let context = giving(&GIVEN);
    list(&tools, url, &context).await.unwrap();
    let arguments = json!({"q": 1});
    call(&tools, url, &context, &arguments).await.unwrap();
    // The answer to the question goes behind the call.
    fake.until("POST", 1).await;
    let hanging = order(url, "t", &json!({"hang": true}));
    tokio::select! {
        _ = tools.call(&hanging, &context) => panic!("it hangs"),
        () = fake.until("tools/call", 2) => {}
    }
    fake.until("notifications/cancelled", 1).await;
    tools.close(Duration::from_secs(5)).await;
    let expected = [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
        "POST",
        "tools/call",
        "notifications/cancelled",
        "DELETE",
    ];
    assert_eq!(fake.methods(), expected);
    for seen in fake.seen() {
        for (name, value) in GIVEN {
            let header = seen.header(&name.to_ascii_lowercase());
            assert_eq!(header, Some(value), "{}", seen.method());
        }
        assert_nothing_else(&seen);
    }
    assert_eq!(fake.last("tools/call").arguments(), &json!({"hang": true}));
}

/// Of the caller, of its request and of what it gave for others.
fn assert_nothing_else(seen: &Seen) {
    const HEADERS: [&str; 15] = [
        "accept",
        "authorization",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "user-agent",
        "x-tenant",
        "x-k",
        "mcp-param-region",
    ];
    for name in seen.headers.keys() {
        assert!(HEADERS.contains(&&**name), "{name} of {}", seen.method());
    }
    let sent = format!("{:?} {}", seen.headers, seen.body);
    for word in [
        "the-callers-own",
        "for-another",
        "req-1",
        "\"ada\"",
        "resp_",
        "conv_",
        "exec_",
    ] {
        assert!(!sent.contains(word), "{word} in {sent}");
    }
}

#[tokio::test]
async fn a_stream_that_broke_off_is_taken_up_again_with_the_same_headers() {
    let fake = Fake::start(|seen| match seen.method() {
        "initialize" => seen.welcome("2025-11-25"),
        "tools/call" => Answer::events("id: 7\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n"),
        "GET" => Answer::events(
            "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":\"late\"}}\n\n",
        ),
        _ => Answer::accepted(),
    })
    .await;
    let reply = call(&tools(), fake.url.as_str(), &giving(&GIVEN), &json!({})).await;
    assert_eq!(&*reply.unwrap().text, "late");
    let resumed = fake.last("GET");
    assert_eq!(resumed.header("last-event-id"), Some("7"));
    assert_eq!(
        resumed.header("authorization"),
        Some("Bearer s3cret-of-grace")
    );
    assert_nothing_else(&resumed);
}

#[tokio::test]
async fn the_whole_of_an_address_is_called_and_only_what_everybody_may_know_is_told() {
    let (log, _listening) = Log::listening();
    let fake = Fake::start(|seen| match seen.method() {
        "tools/list" => seen.tools(&json!([tool("t")])),
        "tools/call" if seen.arguments()["fail"] == true => {
            Answer::new(500, "text/plain", &*seen.path)
        }
        "tools/call" => seen.says("done"),
        _ => seen.error(200, -32601, "Method not found"),
    })
    .await;
    let known = fake.url.origin().ascii_serialization();
    let at = |path: &str| {
        let address = Some(format!("{known}{path}").into());
        let secret = ToolSecret {
            label: LABEL.into(),
            address,
            headers: Vec::new(),
        };
        CallContext {
            tool_secrets: ToolSecrets::new(vec![secret]),
            ..giving(&[])
        }
    };
    let (tools, grace, ada) = (
        tools(),
        at("/mcp?api_key=s3cret"),
        at("/mcp?api_key=of-ada"),
    );
    let listed = list(&tools, &known, &grace).await.unwrap();
    assert_eq!(fake.last("tools/list").path, "/mcp?api_key=s3cret");
    assert!(matches!(&listed[0].home, ToolHome::Server { url: Some(url), .. } if **url == *known));
    call(&tools, &known, &grace, &json!({})).await.unwrap();
    assert_eq!(fake.last("tools/call").path, "/mcp?api_key=s3cret");
    // The key of one is never that of another, however alike what is known of them.
    call(&tools, &known, &ada, &json!({})).await.unwrap();
    assert_eq!(fake.last("tools/call").path, "/mcp?api_key=of-ada");
    let error = call(&tools, &known, &grace, &json!({"fail": true}))
        .await
        .unwrap_err();
    let refused = list(&tools, "https://a.test", &at("@10.0.0.1/?k=s3cret"))
        .await
        .unwrap_err();
    for error in [error, refused] {
        tracing::warn!(error = &error as &dyn std::error::Error, debug = ?error, "it failed");
        assert!(!error.message.contains("s3cret"), "{}", error.message);
    }
    let told = log.text();
    assert!(told.contains("it failed"));
    assert_eq!(told.lines().find(|line| line.contains("s3cret")), None);
}

#[tokio::test]
async fn without_secrets_nothing_at_all_is_given_along() {
    let fake = curious().await;
    let (tools, context) = (tools(), giving(&[]));
    list(&tools, fake.url.as_str(), &context).await.unwrap();
    for seen in fake.seen() {
        assert_eq!(seen.header("authorization"), None);
        assert_nothing_else(&seen);
    }
}

#[tokio::test]
async fn what_may_not_be_sent_is_told_before_anything_is_sent() {
    let fake = curious().await;
    let url = fake.url.as_str();
    let table = [
        (("Host", "inner"), "the header `host` is given for it"),
        (
            ("Transfer-Encoding", "chunked"),
            "the header `transfer-encoding`",
        ),
        (("Mcp-Session-Id", "s3cret"), "the header `mcp-session-id`"),
        (("x", "s3cret\r\nhost: inner"), "control characters"),
        (("s3cret header", "x"), "a name that HTTP does not allow"),
        (("authorization", "Negotiate s3cret"), "proves a connection"),
    ];
    for (header, told) in table {
        let context = giving(&[header]);
        let listed = list(&tools(), url, &context).await.unwrap_err();
        let called = call(&tools(), url, &context, &json!({})).await.unwrap_err();
        for error in [listed, called] {
            assert_eq!(error.kind, ToolErrorKind::Unavailable);
            assert!(
                error
                    .message
                    .starts_with("the tool server `theirs` cannot be called: ")
                    && error.message.contains(told),
                "{}",
                error.message
            );
            assert!(!error.message.contains("s3cret"), "{}", error.message);
        }
    }
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn a_refused_credential_is_told_as_such_and_not_repeated() {
    for (status, body) in [
        (401, json!({"error": "invalid_token s3cret-of-grace"})),
        (
            403,
            json!({"error": {"code": -32001, "message": "s3cret-of-grace is not allowed"}}),
        ),
    ] {
        let fake = Fake::start(move |_| Answer::json(status, &body)).await;
        let (tools, context, url) = (tools(), giving(&GIVEN), fake.url.as_str());
        let listed = list(&tools, url, &context).await.unwrap_err();
        let called = call(&tools, url, &context, &json!({})).await.unwrap_err();
        for error in [listed, called] {
            assert_eq!(error.kind, ToolErrorKind::Unauthorized);
            assert_eq!(
                error.message,
                format!("the tool server `theirs` refused the credential (HTTP {status})")
            );
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn what_a_tool_itself_says_is_its_callers_to_read() {
    let fake = Fake::start(|seen| match seen.method() {
        "tools/call" => seen.error(200, -32602, "the key s3cret-of-grace is for reading only"),
        _ => seen.error(200, -32601, "Method not found"),
    })
    .await;
    let reply = call(
        &tools(),
        fake.url.as_str(),
        &giving(&GIVEN),
        &Value::from(1),
    )
    .await;
    assert_eq!(reply.unwrap().verdict, Verdict::BadArguments);
    let reply = call(&tools(), fake.url.as_str(), &giving(&GIVEN), &json!({})).await;
    let reply = reply.unwrap();
    assert_eq!(reply.verdict, Verdict::ToolSaysError);
    assert!(reply.text.contains("for reading only"), "{}", reply.text);
}
