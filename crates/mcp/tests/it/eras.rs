//! How a server is found out: handshakes of every age, none at all, and bare requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use response_domain::ports::tools::{ToolErrorKind, ToolRegistry};
use response_egress::{ClientOptions, EgressClient, Url};
use response_mcp::{Clients, McpTools, Mode, Options, OptionsError};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::fake::{Answer, Fake, Seen};
use crate::world::{bare, call, context, names, server, tool, tools};

#[tokio::test]
async fn a_bare_server_gets_exactly_one_post_for_a_call() {
    let fake = bare(|seen| seen.says("done")).await;
    let tools = tools(&fake, Mode::Bare);
    for _ in 0..3 {
        let reply = call(&tools, "t", &json!({"q": 1})).await.unwrap();
        assert_eq!(&*reply.text, "done");
    }
    assert_eq!(
        fake.methods(),
        ["tools/list", "tools/call", "tools/call", "tools/call"]
    );
    let list = fake.last("tools/list");
    assert_eq!(list.body["params"], json!({}));
    assert_eq!(list.header("mcp-protocol-version"), None);
    assert_eq!(list.path, "/mcp");
}

#[tokio::test]
async fn a_server_without_a_handshake_is_asked_once_and_then_spoken_to_bare() {
    for refusal in [
        |seen: &Seen| seen.error(200, -32601, "Method not found"),
        |seen: &Seen| seen.error(404, -32601, "Method not found"),
        |_: &Seen| Answer::new(404, "text/plain", "not found"),
        |_: &Seen| Answer::new(405, "text/plain", ""),
        |_: &Seen| Answer::new(500, "text/plain", "unknown method"),
        |_: &Seen| Answer::new(200, "application/json", ""),
        |_: &Seen| Answer::new(202, "text/plain", ""),
        |seen: &Seen| seen.result(&json!({})),
        |seen: &Seen| seen.result(&json!(null)),
    ] {
        let fake = Fake::start(move |seen| match seen.method() {
            "tools/list" => seen.tools(&json!([tool("t")])),
            "tools/call" => seen.says("done"),
            _ => refusal(seen),
        })
        .await;
        let tools = tools(&fake, Mode::Auto);
        for _ in 0..2 {
            call(&tools, "t", &json!({})).await.unwrap();
        }
        let expected = [
            "initialize",
            "server/discover",
            "tools/list",
            "tools/call",
            "tools/call",
        ];
        assert_eq!(fake.methods(), expected);
        assert_eq!(fake.last("tools/call").header("mcp-protocol-version"), None);
    }
}

#[tokio::test]
async fn a_handshake_is_made_once_and_its_version_is_said_ever_after() {
    let fake = Fake::start(|seen| match seen.method() {
        "initialize" => seen.welcome("2025-06-18"),
        "tools/list" => seen.tools(&json!([tool("t")])),
        "tools/call" => seen.says("done"),
        _ => Answer::accepted(),
    })
    .await;
    let tools = tools(&fake, Mode::Auto);
    call(&tools, "t", &json!({})).await.unwrap();
    let expected = [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
    ];
    assert_eq!(fake.methods(), expected);
    let hello = fake.last("initialize");
    assert_eq!(hello.body["params"]["protocolVersion"], "2025-11-25");
    assert_eq!(hello.body["params"]["capabilities"], json!({}));
    assert_eq!(hello.body["params"]["clientInfo"]["name"], "response-api");
    assert_eq!(hello.header("mcp-protocol-version"), None);
    for method in ["notifications/initialized", "tools/list", "tools/call"] {
        let version = fake.last(method);
        assert_eq!(version.header("mcp-protocol-version"), Some("2025-06-18"));
    }
    assert_eq!(fake.last("notifications/initialized").body.get("id"), None);
}

/// A server that speaks the protocol of 2026 and answers a handshake in its own way.
async fn modern(to_handshake: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen| {
        if seen.method() == "initialize" {
            return to_handshake(seen);
        }
        let meta = &seen.body["params"]["_meta"];
        let version = &meta["io.modelcontextprotocol/protocolVersion"];
        if seen.header("mcp-protocol-version") != version.as_str()
            || seen.header("mcp-method") != Some(seen.method())
        {
            return seen.error(400, -32020, "Header mismatch");
        }
        assert_eq!(
            meta["io.modelcontextprotocol/clientCapabilities"],
            json!({})
        );
        assert_eq!(
            meta["io.modelcontextprotocol/clientInfo"]["name"],
            "response-api"
        );
        match seen.method() {
            "server/discover" => seen.result(&json!({"supportedVersions": ["2026-07-28"]})),
            "tools/list" => seen.tools(&json!([tool("größe")])),
            _ => seen.says("done"),
        }
    })
    .await
}

#[tokio::test]
async fn a_server_of_2026_is_told_everything_in_each_request() {
    let unsupported = |seen: &Seen| {
        let data = json!({"supported": ["2026-07-28"], "requested": "2025-11-25"});
        let error =
            json!({"code": -32022, "message": "Unsupported protocol version", "data": data});
        Answer::json(
            400,
            &json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error}),
        )
    };
    let by_discovery = |seen: &Seen| seen.error(404, -32601, "Method not found");
    let by_mismatch = |seen: &Seen| seen.error(400, -32020, "Header mismatch");
    let by_version = |seen: &Seen| seen.welcome("2026-07-28");
    let fakes = [
        modern(unsupported).await,
        modern(by_discovery).await,
        modern(by_mismatch).await,
        modern(by_version).await,
    ];
    for fake in fakes {
        for mode in [Mode::Auto, Mode::Session] {
            let tools = tools(&fake, mode);
            let reply = call(&tools, "gr__e", &json!({})).await.unwrap();
            assert_eq!(&*reply.text, "done");
            let seen = fake.last("tools/call");
            assert_eq!(seen.header("mcp-name"), Some("=?base64?Z3LDtsOfZQ==?="));
            assert_eq!(seen.header("mcp-protocol-version"), Some("2026-07-28"));
            assert_eq!(seen.header("mcp-session-id"), None);
        }
    }
}

#[tokio::test]
async fn an_older_server_names_its_versions_and_gets_one_of_them() {
    for code in [-32022, -32602, -32004] {
        let fake = Fake::start(move |seen| match seen.method() {
            "initialize" if seen.body["params"]["protocolVersion"] == "2025-03-26" => {
                seen.welcome("2025-03-26")
            }
            "initialize" => {
                let data = json!({"supported": ["2024-11-05", "2025-03-26"]});
                let error = json!({"code": code, "message": "no", "data": data});
                Answer::json(
                    400,
                    &json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error}),
                )
            }
            "tools/list" => seen.tools(&json!([tool("t")])),
            _ => Answer::accepted(),
        })
        .await;
        assert_eq!(names(&tools(&fake, Mode::Auto)).await, ["t"]);
        assert_eq!(fake.count("initialize"), 2);
        let version = fake.last("tools/list");
        assert_eq!(version.header("mcp-protocol-version"), Some("2025-03-26"));
    }
}

#[tokio::test]
async fn a_server_of_another_age_altogether_is_a_protocol_error() {
    let fake = Fake::start(|seen| {
        let error = json!({"code": -32022, "message": "no", "data": {"supported": ["2031-01-01"]}});
        Answer::json(
            400,
            &json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error}),
        )
    })
    .await;
    let error = tools(&fake, Mode::Auto).list(&context()).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Protocol);
    assert!(
        error.message.contains("no protocol version"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_mode_that_wants_a_session_takes_nothing_less() {
    let fake = bare(|seen| seen.says("done")).await;
    let error = call(&tools(&fake, Mode::Session), "t", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Protocol);
    assert_eq!(fake.count("tools/list"), 0);
}

#[tokio::test]
async fn a_server_that_was_bare_and_wants_a_handshake_now_gets_one() {
    let grown = Arc::new(AtomicBool::new(false));
    let is_grown = Arc::clone(&grown);
    let fake = Fake::start(move |seen| {
        let is_grown = is_grown.load(Ordering::SeqCst);
        match seen.method() {
            "initialize" if is_grown => seen.welcome("2025-11-25").with("Mcp-Session-Id", "s"),
            "tools/list" => seen.tools(&json!([tool("t")])),
            "tools/call" if is_grown && seen.header("mcp-session-id").is_none() => seen.error(
                400,
                -32000,
                "Bad Request: Mcp-Session-Id header is required",
            ),
            "tools/call" => seen.says("done"),
            "notifications/initialized" => Answer::accepted(),
            _ => seen.error(404, -32601, "Method not found"),
        }
    })
    .await;
    let tools = tools(&fake, Mode::Auto);
    call(&tools, "t", &json!({})).await.unwrap();
    grown.store(true, Ordering::SeqCst);
    call(&tools, "t", &json!({})).await.unwrap();
    assert_eq!(fake.last("tools/call").header("mcp-session-id"), Some("s"));
}

#[tokio::test]
async fn a_guess_that_was_wrong_is_not_kept() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let fake = Fake::start(move |seen| match seen.method() {
        _ if !up.load(Ordering::SeqCst) => Answer::new(404, "text/plain", "no route yet"),
        "initialize" => seen.welcome("2025-11-25"),
        "tools/list" if seen.header("mcp-protocol-version").is_some() => {
            seen.tools(&json!([tool("t")]))
        }
        "tools/list" => seen.error(200, -32600, "handshake first"),
        _ => Answer::accepted(),
    })
    .await;
    let tools = tools(&fake, Mode::Auto);
    let first = tools.list(&context()).await;
    assert_eq!(first.unwrap_err().kind, ToolErrorKind::Unavailable);
    is_up.store(true, Ordering::SeqCst);
    crate::world::eventually(|| async { tools.list(&context()).await.is_ok() }).await;
}

#[tokio::test]
async fn a_refused_credential_in_the_handshake_is_no_sign_of_a_bare_server() {
    let fake = Fake::start(|_| Answer::json(401, &Value::Null)).await;
    let error = call(&tools(&fake, Mode::Auto), "t", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Unauthorized);
    assert_eq!(fake.methods(), ["initialize"]);
}

#[tokio::test]
async fn a_url_that_cannot_be_called_is_refused_at_the_start() {
    let client = EgressClient::new(ClientOptions::default()).unwrap();
    for url in [
        "file:///etc/hostname",
        "http://user:secret@tools/mcp",
        "mailto:a@b",
    ] {
        let options = Options::new(vec![server("a", &Url::parse(url).unwrap(), Mode::Auto)]);
        let clients = Clients {
            configured: client.clone(),
            guarded: None,
        };
        let refused = McpTools::new(&options, clients, Handle::current()).unwrap_err();
        assert!(matches!(refused, OptionsError::Url { .. }), "{url}");
        assert!(!format!("{refused:?}").contains("secret"));
    }
}
