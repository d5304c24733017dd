//! The messages: JSON-RPC as it is written, and what a message that came means to one request.

use response_egress::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

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

/// How many messages one JSON array may hold.
const MAX_BATCH: usize = 1_000;

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

/// An error that a server tells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RpcError {
    /// Zero when the server gave none.
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Option<Value>,
}

impl RpcError {
    /// Reads what stands under `error`. Servers put bare text there too.
    fn read(raw: &RawValue) -> Self {
        match serde_json::from_str(raw.get()) {
            Ok(Value::Object(mut error)) => {
                let message = match error.remove("message") {
                    Some(Value::String(message)) => message,
                    Some(other) => other.to_string(),
                    None => String::new(),
                };
                let code = error.get("code").and_then(|code| match code {
                    Value::String(text) => text.parse().ok(),
                    number => number.as_i64(),
                });
                Self {
                    code: code.unwrap_or(0),
                    message,
                    data: error.remove("data").filter(|data| !data.is_null()),
                }
            }
            Ok(Value::String(message)) => Self {
                code: 0,
                message,
                data: None,
            },
            _ => Self {
                code: 0,
                message: raw.get().chars().take(1_000).collect(),
                data: None,
            },
        }
    }

    /// Whether the server says that it ran out of time itself. The code alone means other things
    /// at other servers.
    pub(crate) fn is_timeout(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        self.code == TIMED_OUT && (message.contains("timed out") || message.contains("timeout"))
    }

    /// The protocol versions that the server names as its own, if it names any.
    pub(crate) fn supported(&self) -> Option<Vec<&str>> {
        let data = self.data.as_ref()?;
        let listed = data
            .get("supported")
            .or_else(|| data.get("supportedVersions"))?;
        Some(
            listed
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .collect(),
        )
    }
}

/// A request of the server to this client.
#[derive(Debug)]
pub(crate) struct Question {
    id: Box<RawValue>,
    is_ping: bool,
}

/// What a message means to the request that waits.
#[derive(Debug)]
pub(crate) enum Message {
    /// Its result, as JSON text.
    Result(Bytes),
    /// Its error.
    Error(RpcError),
    /// It makes progress.
    Progress,
    /// The list of tools has changed.
    ListChanged,
    /// The server asks something.
    Asked(Question),
    /// The answer to another request.
    Foreign,
    /// Nothing.
    Other,
}

/// The request that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaited<'a> {
    pub(crate) id: u64,
    pub(crate) token: Option<&'a str>,
}

/// A body that is no JSON-RPC message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it sent something that is not JSON-RPC")]
    NotRpc,
    #[error("it sent a result and an error in one answer")]
    Both,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Reads a message, or an array of them. Bytes that are not UTF-8 become replacement characters.
pub(crate) fn read(body: &Bytes, awaited: Awaited<'_>) -> Result<Vec<Message>, Malformed> {
    let body = readable(body);
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('[') {
        let incoming = serde_json::from_str(text).map_err(|_error| Malformed::NotRpc)?;
        return Ok(vec![judge(&incoming, &body, awaited)?]);
    }
    let batch: Vec<&RawValue> = serde_json::from_str(text).map_err(|_error| Malformed::NotRpc)?;
    let one = |raw: &RawValue| {
        let incoming = serde_json::from_str(raw.get()).map_err(|_error| Malformed::NotRpc)?;
        judge(&incoming, &body, awaited)
    };
    batch.into_iter().take(MAX_BATCH).map(one).collect()
}

/// The error in the body of a refusal, whatever id it bears: some are given before the request
/// was read.
pub(crate) fn read_error(body: &Bytes) -> Option<RpcError> {
    let body = readable(body);
    let text = std::str::from_utf8(&body).ok()?;
    let incoming: Incoming<'_> = serde_json::from_str(text).ok()?;
    incoming.error.map(RpcError::read)
}

fn readable(body: &Bytes) -> Bytes {
    match std::str::from_utf8(body) {
        Ok(_) => body.clone(),
        Err(_) => String::from_utf8_lossy(body).into_owned().into(),
    }
}

fn judge(
    incoming: &Incoming<'_>,
    body: &Bytes,
    awaited: Awaited<'_>,
) -> Result<Message, Malformed> {
    if let Some(method) = &incoming.method {
        return Ok(match incoming.id {
            Some(id) => Message::Asked(Question {
                id: id.to_owned(),
                is_ping: method == "ping",
            }),
            None => notified(method, incoming.params, awaited),
        });
    }
    let is_ours = incoming.id.map(|id| is_id(id, awaited.id));
    match (incoming.result, incoming.error) {
        (Some(_), Some(_)) if is_ours != Some(false) => Err(Malformed::Both),
        // An error may come without an id, from before the request was read; a result may not.
        (None, Some(error)) if is_ours != Some(false) => Ok(Message::Error(RpcError::read(error))),
        (Some(result), None) if is_ours == Some(true) => {
            Ok(Message::Result(body.slice_ref(result.get().as_bytes())))
        }
        (None, None) if is_ours.is_none() => Ok(Message::Other),
        _ => Ok(Message::Foreign),
    }
}

fn notified(method: &str, params: Option<&RawValue>, awaited: Awaited<'_>) -> Message {
    match method {
        "notifications/tools/list_changed" => Message::ListChanged,
        "notifications/progress" if is_progress_of(params, awaited) => Message::Progress,
        _ => Message::Other,
    }
}

fn is_progress_of(params: Option<&RawValue>, awaited: Awaited<'_>) -> bool {
    #[derive(Deserialize)]
    struct Progress {
        #[serde(rename = "progressToken")]
        token: Value,
    }
    let read = params.and_then(|params| serde_json::from_str::<Progress>(params.get()).ok());
    read.is_some_and(|progress| {
        progress.token.as_str().is_some() && progress.token.as_str() == awaited.token
    })
}

/// Ids go out as numbers; some servers bring them back as strings.
fn is_id(raw: &RawValue, id: u64) -> bool {
    raw.get().trim_matches('"').parse() == Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAITED: Awaited<'_> = Awaited {
        id: 7,
        token: Some("t"),
    };

    fn shown(body: &str) -> String {
        match read(&Bytes::copy_from_slice(body.as_bytes()), AWAITED) {
            Err(error) => format!("{error:?}"),
            Ok(messages) => messages.iter().map(word).collect::<Vec<_>>().join(" "),
        }
    }

    fn word(message: &Message) -> String {
        match message {
            Message::Result(result) => String::from_utf8_lossy(result).into_owned(),
            Message::Error(error) => format!("error {} {}", error.code, error.message),
            Message::Progress => "progress".into(),
            Message::ListChanged => "changed".into(),
            Message::Asked(question) => format!("asked {} {}", question.id, question.is_ping),
            Message::Foreign => "foreign".into(),
            Message::Other => "other".into(),
        }
    }

    #[test]
    fn each_message_means_one_thing_to_the_request_that_waits() {
        let cases = [
            (r#"{"jsonrpc":"2.0","id":7,"result":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"jsonrpc":"2.0","id":"7","result":[]}"#, "[]"),
            (r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, "foreign"),
            (r#"{"jsonrpc":"2.0","id":"x","result":{}}"#, "foreign"),
            (r#"{"result":{}}"#, "foreign"),
            (r#"{"id":7,"result":null}"#, "foreign"),
            (r#"{"id":7,"result":{},"error":null}"#, "{}"),
            (r#"{"id":7,"result":{},"error":{"code":1}}"#, "Both"),
            (r#"{"id":9,"result":{},"error":{"code":1}}"#, "foreign"),
            (
                r#"{"id":7,"error":{"code":-32602,"message":"m"}}"#,
                "error -32602 m",
            ),
            (
                r#"{"id":null,"error":{"code":"-5","message":"m"}}"#,
                "error -5 m",
            ),
            (
                r#"{"error":"Session not found"}"#,
                "error 0 Session not found",
            ),
            (r#"{"id":9,"error":{"code":-1,"message":"m"}}"#, "foreign"),
            (
                r#"{"method":"notifications/tools/list_changed"}"#,
                "changed",
            ),
            (
                r#"{"method":"notifications/progress","params":{"progressToken":"t","progress":1}}"#,
                "progress",
            ),
            (
                r#"{"method":"notifications/progress","params":{"progressToken":7}}"#,
                "other",
            ),
            (r#"{"method":"notifications/progress"}"#, "other"),
            (r#"{"method":"ping","id":"p"}"#, r#"asked "p" true"#),
            (
                r#"{"method":"sampling/createMessage","id":3}"#,
                "asked 3 false",
            ),
            (
                "\u{feff}[{\"method\":\"notifications/message\"},{\"id\":7,\"result\":1}] ",
                "other 1",
            ),
            ("[]", ""),
            ("{}", "other"),
            ("", "NotRpc"),
            ("null", "NotRpc"),
            ("<html>", "NotRpc"),
            (r#"{"id":7,"result":"#, "NotRpc"),
        ];
        for (body, expected) in cases {
            assert_eq!(shown(body), expected, "{body}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_not_cost_the_message() {
        let body = Bytes::from_static(b"{\"id\":7,\"result\":\"a\xffb\"}");
        let messages = read(&body, AWAITED).unwrap();
        assert!(
            matches!(&messages[..], [Message::Result(text)] if text == "\"a\u{fffd}b\"".as_bytes())
        );
    }

    #[test]
    fn a_refusal_is_read_whatever_its_id() {
        let body = Bytes::from_static(
            br#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Session not found","data":{"supported":["a","b"]}}}"#,
        );
        let error = read_error(&body).unwrap();
        assert_eq!(error.code, INVALID_REQUEST);
        assert_eq!(error.supported(), Some(vec!["a", "b"]));
        assert_eq!(read_error(&Bytes::from_static(b"nope")), None);
    }

    #[test]
    fn a_question_is_answered_with_its_own_id() {
        let body =
            Bytes::from_static(br#"[{"id":"a","method":"ping"},{"id":4,"method":"roots/list"}]"#);
        let answers: Vec<String> = read(&body, AWAITED)
            .unwrap()
            .iter()
            .filter_map(|message| match message {
                Message::Asked(question) => Some(answer(question)),
                _ => None,
            })
            .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
            .collect();
        assert_eq!(answers[0], r#"{"jsonrpc":"2.0","id":"a","result":{}}"#);
        assert!(answers[1].contains(r#""id":4,"error":{"code":-32601"#));
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = format!(
            r#"{{"id":7,"result":{}{}}}"#,
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        assert!(shown(&deep).starts_with("[["));
    }
}
