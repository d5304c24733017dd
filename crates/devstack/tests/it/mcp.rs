//! A plain MCP client over the outbound client.

use std::time::Duration;

use response_devstack::tools::{Tools, ToolsOptions};
use response_egress::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use response_egress::{EgressClient, EgressError, Inbound, Method, Outbound, Url};
use serde_json::{Value, json};

use crate::chat::{client, deadline};

/// A tool server and a client for it.
pub(crate) struct Mcp {
    pub(crate) tools: Tools,
    client: EgressClient,
    pub(crate) session: Option<String>,
    url: Url,
    token: Option<String>,
}

impl Mcp {
    pub(crate) fn start(options: &ToolsOptions) -> Self {
        let tools = Tools::start(options).unwrap();
        Self {
            url: tools.url().join("v1/mcp").unwrap(),
            token: None,
            tools,
            client: client(),
            session: None,
        }
    }

    /// The same, asking for the notes with this token.
    pub(crate) fn notes(options: &ToolsOptions, token: &str) -> Self {
        let mcp = Self::start(options);
        Self {
            url: mcp.tools.notes_url(),
            token: Some(format!("Bearer {token}")),
            ..mcp
        }
    }

    /// A request with the usual headers, to change.
    pub(crate) fn outbound(&self, body: &Value) -> Outbound {
        let both = HeaderValue::from_static("application/json, text/event-stream");
        let mut outbound = Outbound::new(Method::POST, &self.url)
            .json(body.to_string())
            .deadline(deadline());
        outbound.headers_mut().insert(ACCEPT, both);
        if let Some(token) = &self.token {
            let token = HeaderValue::from_str(token).unwrap();
            outbound.headers_mut().insert(AUTHORIZATION, token);
        }
        if let Some(session) = &self.session {
            let name = HeaderName::from_static("mcp-session-id");
            outbound
                .headers_mut()
                .insert(name, HeaderValue::from_str(session).unwrap());
        }
        outbound
    }

    pub(crate) async fn send(&self, outbound: Outbound) -> Result<Inbound, EgressError> {
        self.client.send(outbound).await
    }

    /// All messages that come back to a request, and whether they came as events.
    pub(crate) async fn messages(&self, method: &str, params: Value) -> (bool, Vec<Value>) {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let inbound = self.send(self.outbound(&body)).await.unwrap();
        if inbound.media_type() != Some("text/event-stream") {
            let text = inbound.text_capped(1 << 27, deadline()).await.unwrap();
            return (false, vec![serde_json::from_str(&text).unwrap()]);
        }
        let mut events = inbound.events(Some(Duration::from_secs(5)), 1 << 27);
        let mut messages = Vec::new();
        while let Some(frame) = events.next().await.unwrap() {
            assert_eq!(frame.event.as_deref(), Some(&b"message"[..]));
            messages.push(serde_json::from_slice(&frame.data).unwrap());
        }
        (true, messages)
    }

    /// The answer to a request: its result, or the whole message when it is an error.
    pub(crate) async fn request(&self, method: &str, params: Value) -> Value {
        let (_, mut messages) = self.messages(method, params).await;
        let last = messages.pop().unwrap();
        assert_eq!((&last["jsonrpc"], &last["id"]), (&json!("2.0"), &json!(7)));
        last.get("result").cloned().unwrap_or(last)
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
            .await
    }
}

/// The text of a result's only block.
pub(crate) fn text(result: &Value) -> String {
    assert_eq!(
        result["content"].as_array().map(Vec::len),
        Some(1),
        "{result}"
    );
    result["content"][0]["text"].as_str().unwrap().to_owned()
}
