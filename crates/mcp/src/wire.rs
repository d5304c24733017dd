//! The messages that go out, and the words of the protocol.

use response_egress::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::message::Question;

/// The newest protocol version with a handshake.
pub(crate) const LATEST_HANDSHAKE: &str = "2025-11-25";
/// Every protocol version with a handshake that this client knows, newest first.
pub(crate) const HANDSHAKES: [&str; 4] =
    [LATEST_HANDSHAKE, "2025-06-18", "2025-03-26", "2024-11-05"];
/// The protocol version without handshake and sessions, where each request says all.
pub(crate) const MODERN: &str = "2026-07-28";

pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const INVALID_REQUEST: i64 = -32600;
pub(crate) const PARSE_ERROR: i64 = -32700;
/// A server's own error; also how some tell that a session is gone.
pub(crate) const SERVER_ERROR: i64 = -32000;
/// A timeout at the server; also how some tell that a session is gone.
pub(crate) const TIMED_OUT: i64 = -32001;
/// The headers do not say what the body says (2026 protocol).
pub(crate) const HEADER_MISMATCH: i64 = -32020;
/// The client lacks a capability (2026 protocol).
pub(crate) const MISSING_CAPABILITY: i64 = -32021;
/// The server does not speak the version asked for (2026 protocol).
pub(crate) const UNSUPPORTED_VERSION: i64 = -32022;

#[derive(Serialize)]
struct Envelope<'a, P> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: &'a str,
    params: P,
}

/// A request as bytes.
pub(crate) fn request(id: u64, method: &str, params: impl Serialize) -> Bytes {
    print(&Envelope {
        jsonrpc: "2.0",
        id: Some(id),
        method,
        params,
    })
}

/// A notification as bytes.
pub(crate) fn notification(method: &str, params: impl Serialize) -> Bytes {
    print(&Envelope {
        jsonrpc: "2.0",
        id: None,
        method,
        params,
    })
}

/// The answer to a question of the server: it lives, and it gets nothing else.
pub(crate) fn answer(question: &Question) -> Bytes {
    #[derive(Serialize)]
    struct Answer<'a> {
        jsonrpc: &'static str,
        id: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Empty>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Refusal>,
    }
    #[derive(Serialize)]
    struct Refusal {
        code: i64,
        message: &'static str,
    }
    let refusal = Refusal {
        code: METHOD_NOT_FOUND,
        message: "this client offers no such method",
    };
    print(&Answer {
        jsonrpc: "2.0",
        id: &question.id,
        result: question.is_ping.then_some(Empty {}),
        error: (!question.is_ping).then_some(refusal),
    })
}

/// `{}`.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Empty {}

#[expect(
    clippy::expect_used,
    reason = "only the types of this crate are printed, and all their keys are strings"
)]
fn print(message: &impl Serialize) -> Bytes {
    serde_json::to_vec(message)
        .expect("a message prints as JSON")
        .into()
}

/// The parameters of `initialize`.
#[derive(Serialize)]
pub(crate) struct Initialize<'a> {
    #[serde(rename = "protocolVersion")]
    pub(crate) version: &'a str,
    pub(crate) capabilities: Empty,
    #[serde(rename = "clientInfo")]
    pub(crate) client: &'a Identity,
}

/// Who this client is.
#[derive(Debug, Serialize)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// What goes beside the parameters of a request.
#[derive(Default, Serialize)]
pub(crate) struct Meta<'a> {
    #[serde(rename = "progressToken", skip_serializing_if = "Option::is_none")]
    pub(crate) progress_token: Option<&'a str>,
    #[serde(rename = "idempotencyKey", skip_serializing_if = "Option::is_none")]
    pub(crate) idempotency_key: Option<&'a str>,
    #[serde(
        rename = "io.modelcontextprotocol/protocolVersion",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) version: Option<&'static str>,
    #[serde(
        rename = "io.modelcontextprotocol/clientInfo",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) client: Option<&'a Identity>,
    #[serde(
        rename = "io.modelcontextprotocol/clientCapabilities",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) capabilities: Option<Empty>,
}

impl Meta<'_> {
    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.progress_token.is_none() && self.idempotency_key.is_none() && self.version.is_none()
    }
}

/// The parameters of `tools/list`, and of a request that takes none.
#[derive(Serialize)]
pub(crate) struct List<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<&'a str>,
    #[serde(rename = "_meta", skip_serializing_if = "Meta::is_empty")]
    pub(crate) meta: Meta<'a>,
}

/// The parameters of `tools/call`.
#[derive(Serialize)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a RawValue,
    #[serde(rename = "_meta")]
    pub(crate) meta: Meta<'a>,
}

/// The parameters of `notifications/cancelled`.
#[derive(Serialize)]
pub(crate) struct Cancelled {
    #[serde(rename = "requestId")]
    pub(crate) request: u64,
    pub(crate) reason: &'static str,
}

/// The answer to `initialize`.
#[derive(Deserialize)]
pub(crate) struct Initialized {
    #[serde(rename = "protocolVersion")]
    pub(crate) version: String,
}

/// The answer to `server/discover`.
#[derive(Deserialize)]
pub(crate) struct Discovered {
    #[serde(rename = "supportedVersions")]
    pub(crate) versions: Vec<String>,
}
