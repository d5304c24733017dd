//! The client side of a test: tools over fake servers, and a call in one line.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::{Credential, ToolSecrets};
use response_domain::id::{ConversationId, ExecutionId, RawId, ResponseId};
use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::{ToolError, ToolExecutor, ToolRegistry};
use response_domain::tool::{ToolCall, ToolReply, ToolSpec, find};
use response_egress::{ClientOptions, EgressClient, Url};
use response_mcp::{Clients, McpTools, Mode, Options, ServerOptions};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::fake::{Answer, Fake, Seen};

/// A server's options in this mode.
pub(crate) fn server(label: &str, url: &Url, mode: Mode) -> ServerOptions {
    ServerOptions {
        mode,
        ..ServerOptions::new(label, url.clone())
    }
}

pub(crate) fn tools_with(options: &Options) -> McpTools {
    let client = EgressClient::new(ClientOptions {
        connect_timeout: Duration::from_secs(2),
        ..ClientOptions::default()
    });
    let clients = Clients {
        configured: client.unwrap(),
        guarded: None,
    };
    McpTools::new(options, clients, Handle::current()).unwrap()
}

/// The tools of one server, spoken to in this mode.
pub(crate) fn tools(fake: &Fake, mode: Mode) -> McpTools {
    tools_with(&Options::new(vec![server("default", &fake.url, mode)]))
}

/// A caller without a credential.
pub(crate) fn context() -> CallContext {
    CallContext {
        credential: Credential::Absent,
        tool_secrets: ToolSecrets::default(),
        request_id: Arc::from("req-1"),
        response: ResponseId::new(RawId::new(1)),
        conversation: Some(ConversationId::new(RawId::new(2))),
        user: Arc::from("ada"),
    }
}

/// A caller with this bearer token.
pub(crate) fn bearer(token: &str) -> CallContext {
    CallContext {
        credential: Credential::bearer(token.to_owned()),
        ..context()
    }
}

pub(crate) async fn listed(tools: &McpTools) -> Arc<[Arc<ToolSpec>]> {
    tools.list(&context()).await.unwrap()
}

pub(crate) async fn names(tools: &McpTools) -> Vec<String> {
    let listed = listed(tools).await;
    listed.iter().map(|tool| tool.name.to_string()).collect()
}

/// A call of the tool that is offered under this name.
pub(crate) fn order(offered: &[Arc<ToolSpec>], name: &str, arguments: &Value) -> ToolCall {
    ToolCall {
        execution: ExecutionId::new(RawId::new(1), 1),
        tool: Arc::clone(find(offered, name).unwrap()),
        arguments: Json::from_value(arguments),
    }
}

/// Lists, then calls.
pub(crate) async fn call(
    tools: &McpTools,
    name: &str,
    arguments: &Value,
) -> Result<ToolReply, ToolError> {
    call_as(tools, &context(), name, arguments).await
}

pub(crate) async fn call_as(
    tools: &McpTools,
    context: &CallContext,
    name: &str,
    arguments: &Value,
) -> Result<ToolReply, ToolError> {
    let offered = tools.list(context).await?;
    tools.call(&order(&offered, name, arguments), context).await
}

/// A tool of this name that takes anything.
pub(crate) fn tool(name: &str) -> Value {
    json!({"name": name, "description": format!("does {name}"), "inputSchema": {"type": "object"}})
}

/// A schema whose check would not end: each of its parts refers to the next twice.
pub(crate) fn without_end() -> Value {
    let next = |at: usize| json!({"$ref": format!("#/$defs/a{at}")});
    let part = |at: usize| {
        (
            format!("a{at}"),
            json!({"allOf": [next(at + 1), next(at + 1)]}),
        )
    };
    let mut parts: serde_json::Map<String, Value> = (0..60).map(part).collect();
    parts.insert("a60".to_owned(), json!({}));
    json!({"type": "object", "$ref": "#/$defs/a0", "$defs": parts})
}

/// Answers a bare server's list with one tool, `t`, and its calls as the test says.
pub(crate) async fn bare(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen| match seen.method() {
        "tools/list" => seen.tools(&json!([tool("t")])),
        "tools/call" => answer(seen),
        _ => seen.error(200, -32601, "Method not found"),
    })
    .await
}

/// A server with sessions and one tool, `t`: whoever comes without the current session's id is
/// answered by `lost`.
pub(crate) async fn sessions(
    lost: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    current: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Fake {
    let opened = std::sync::atomic::AtomicUsize::new(0);
    Fake::start(move |seen| {
        if seen.method() == "initialize" {
            let number = opened.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let session = format!("session-{number}");
            return seen.welcome("2025-11-25").with("Mcp-Session-Id", &session);
        }
        let session = seen.header("mcp-session-id").unwrap_or_default();
        match seen.method() {
            _ if !current(session) => lost(seen),
            "tools/list" => seen.tools(&json!([tool("t")])),
            "tools/call" => seen.says("done"),
            _ => Answer::accepted(),
        }
    })
    .await
}

/// Asks again and again until it is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    while !is_so().await {
        tokio::task::yield_now().await;
    }
}

/// While it is held, time moves only as the test says: a paused clock does not run ahead while a
/// blocking task is under way.
pub(crate) struct Frozen(
    #[expect(dead_code, reason = "dropped at the end")] std::sync::mpsc::Sender<()>,
);

pub(crate) fn freeze() -> Frozen {
    let (held, ended) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || ended.recv().is_err());
    tokio::time::pause();
    Frozen(held)
}
