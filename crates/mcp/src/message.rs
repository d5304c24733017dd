//! The messages that come in, and what each means to the request that waits.

use response_egress::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::few::Few;
use crate::wire::TIMED_OUT;

/// How many messages one JSON array may hold.
const MAX_BATCH: usize = 1_000;
/// How long an error may be that is read whole.
const MAX_ERROR: usize = 64 * 1024;
/// How long the id of a question may be, which is sent back.
const MAX_ID: usize = 256;

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
        if raw.get().len() > MAX_ERROR {
            return Self::read_long(raw);
        }
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

    /// The code of an error that has more to say than anybody reads.
    fn read_long(raw: &RawValue) -> Self {
        #[derive(Deserialize)]
        struct Long<'a> {
            #[serde(borrow, default)]
            code: Option<&'a RawValue>,
        }
        let long = serde_json::from_str::<Long<'_>>(raw.get()).ok();
        let code = long.and_then(|long| long.code?.get().trim_matches('"').parse().ok());
        Self {
            code: code.unwrap_or(0),
            message: format!("(a message of more than {MAX_ERROR} bytes)"),
            data: None,
        }
    }

    /// The same, saying no more than what the protocol makes of it.
    pub(crate) fn without_words(self) -> Self {
        let message = if self.is_timeout() {
            "timed out"
        } else {
            "(not shown)"
        };
        Self {
            code: self.code,
            message: message.to_owned(),
            data: None,
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
    pub(crate) id: Box<RawValue>,
    pub(crate) is_ping: bool,
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
    let batch: Few<'_, MAX_BATCH> =
        serde_json::from_str(text).map_err(|_error| Malformed::NotRpc)?;
    let one = |raw: &RawValue| {
        let incoming = serde_json::from_str(raw.get()).map_err(|_error| Malformed::NotRpc)?;
        judge(&incoming, &body, awaited)
    };
    batch.kept.into_iter().map(one).collect()
}

/// The JSON-RPC error in the body of a refusal, whatever id it bears: some are given before the
/// request was read. An error without a number is a gateway's, not one of JSON-RPC.
pub(crate) fn read_error(body: &Bytes) -> Option<RpcError> {
    let body = readable(body);
    let text = std::str::from_utf8(&body).ok()?;
    let incoming: Incoming<'_> = serde_json::from_str(text).ok()?;
    incoming
        .error
        .map(RpcError::read)
        .filter(|error| error.code != 0)
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
            Some(id) if id.get().len() > MAX_ID => Message::Other,
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
    struct Progress<'a> {
        #[serde(borrow, rename = "progressToken")]
        token: &'a RawValue,
    }
    let read = params.and_then(|params| serde_json::from_str::<Progress<'_>>(params.get()).ok());
    // The tokens that are given out need no escapes.
    let named = |token: &'_ RawValue| {
        let text = token.get().strip_prefix('"')?.strip_suffix('"')?;
        Some(text.to_owned())
    };
    let said = read
        .filter(|it| it.token.get().len() <= MAX_ID)
        .and_then(|it| named(it.token));
    said.is_some() && said.as_deref() == awaited.token
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
    fn what_is_sent_in_masses_is_not_kept_in_masses() {
        let long = "x".repeat(MAX_ERROR);
        let error = format!(r#"{{"id":7,"error":{{"code":-32000,"message":"{long}"}}}}"#);
        assert_eq!(
            shown(&error),
            "error -32000 (a message of more than 65536 bytes)"
        );
        let bare = format!(r#"{{"id":7,"error":"{long}"}}"#);
        assert_eq!(shown(&bare), "error 0 (a message of more than 65536 bytes)");
        let question = |length| format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(length));
        assert!(shown(&question(MAX_ID - 2)).starts_with("asked"));
        assert_eq!(shown(&question(MAX_ID)), "other");
        let batch = |before: usize| {
            let notice = r#"{"method":"a"},"#.repeat(before);
            shown(&format!(r#"[{notice}{{"id":7,"result":1}}]"#))
        };
        assert!(batch(MAX_BATCH - 1).ends_with('1'));
        assert!(batch(MAX_BATCH).ends_with("other"));
    }

    #[test]
    fn a_refusal_is_read_whatever_its_id() {
        let body = Bytes::from_static(
            br#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Session not found","data":{"supported":["a","b"]}}}"#,
        );
        let error = read_error(&body).unwrap();
        assert_eq!(error.code, crate::wire::INVALID_REQUEST);
        assert_eq!(error.supported(), Some(vec!["a", "b"]));
        for body in [
            "nope",
            r#"{"error":"not found"}"#,
            r#"{"error":{"code":"no_route"}}"#,
        ] {
            assert_eq!(
                read_error(&Bytes::from_static(body.as_bytes())),
                None,
                "{body}"
            );
        }
    }

    #[test]
    fn a_question_is_answered_with_its_own_id() {
        let body =
            Bytes::from_static(br#"[{"id":"a","method":"ping"},{"id":4,"method":"roots/list"}]"#);
        let answers: Vec<String> = read(&body, AWAITED)
            .unwrap()
            .iter()
            .filter_map(|message| match message {
                Message::Asked(question) => Some(crate::wire::answer(question)),
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
