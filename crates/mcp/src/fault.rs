//! How an exchange with a tool server can fail, and what that means: try again, make a new
//! session, tell the model, or give up.

use response_domain::ports::tools::{ToolError, ToolErrorKind};
use response_egress::{EgressError, StatusCode};

use crate::clean::excerpt;
use crate::message::{Malformed, RpcError};
use crate::wire;

/// How much of a server's words the log gets.
const LOGGED: usize = 300;

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The request never left.
    #[error("no connection")]
    Unsent(#[source] EgressError),
    /// The connection broke. The server may have acted on the request.
    #[error("the connection broke")]
    Broken(#[source] EgressError),
    /// The stream of the answer ended before the answer.
    #[error("the stream ended before the answer")]
    Cut,
    /// The time was up.
    #[error("no answer in time")]
    Timeout,
    /// The server refused the request with an HTTP status.
    #[error("refused with {status}{}", describe(.error.as_ref()))]
    Refused {
        status: StatusCode,
        /// The JSON-RPC error in the body, if there is one.
        error: Option<RpcError>,
        /// Whether the body speaks of a session that is gone.
        session: SessionSign,
    },
    /// The server answered the request with an error.
    #[error("answered with the error {}: {}", .0.code, excerpt(&.0.message, LOGGED))]
    Rpc(RpcError),
    /// A web page came instead of an answer.
    #[error("answered with a web page")]
    WebPage(Page),
    /// The answer is larger than this client takes.
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
    /// What came breaks the protocol.
    #[error("broke the protocol: {0}")]
    Protocol(&'static str),
    /// What came is no message.
    #[error("broke the protocol")]
    Malformed(#[source] Malformed),
}

/// What a web page seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// A place to sign in.
    Login,
    /// Any other.
    Other,
}

/// Whether a refusal speaks of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionSign {
    /// It says that there is none, or none of that name.
    Gone,
    /// It says nothing about it.
    Silent,
}

impl SessionSign {
    /// Reads it from the words. Servers have no common code for it.
    pub(crate) fn read(text: &str) -> Self {
        const GONE: [&str; 14] = [
            "not found",
            "unknown",
            "expired",
            "invalid",
            "no valid",
            "missing",
            "required",
            "terminated",
            "not exist",
            "unrecognized",
            "no longer",
            "no active",
            "closed",
            "no such",
        ];
        let text = text.to_ascii_lowercase();
        let of_session = text.contains("session") && GONE.iter().any(|sign| text.contains(sign));
        let of_handshake = text.contains("not initialized")
            || text.contains("before initialization")
            || text.contains("initialize first");
        if of_session || of_handshake {
            Self::Gone
        } else {
            Self::Silent
        }
    }
}

fn describe(error: Option<&RpcError>) -> String {
    error.map_or_else(String::new, |error| {
        let message = excerpt(&error.message, LOGGED);
        format!(" and the error {}: {message}", error.code)
    })
}

/// What a link needs to be judged by a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Footing {
    /// It has a session.
    Session,
    /// It has none.
    NoSession,
}

impl Fault {
    /// Sorts what the HTTP client says.
    pub(crate) fn of_egress(error: EgressError) -> Self {
        match error {
            EgressError::Timeout(_) => Self::Timeout,
            EgressError::BodyTooLarge { limit } => Self::TooLarge(limit),
            error if error.is_unsent() => Self::Unsent(error),
            error => Self::Broken(error),
        }
    }

    /// The JSON-RPC error in it.
    pub(crate) fn rpc(&self) -> Option<&RpcError> {
        match self {
            Self::Rpc(error) => Some(error),
            Self::Refused { error, .. } => error.as_ref(),
            _ => None,
        }
    }

    /// Whether the server no longer knows the terms it was spoken to on: the session is gone, or
    /// another server stands there now. In each case it did not act on the request.
    pub(crate) fn is_stale(&self, footing: Footing) -> bool {
        let code = self.rpc().map(|error| error.code);
        if matches!(
            code,
            Some(wire::UNSUPPORTED_VERSION | wire::HEADER_MISMATCH)
        ) {
            return true;
        }
        match self {
            Self::Refused {
                status,
                error,
                session,
            } => {
                let bare_refusal = *status == StatusCode::BAD_REQUEST && error.is_none();
                *session == SessionSign::Gone
                    || (footing == Footing::Session
                        && (*status == StatusCode::NOT_FOUND || bare_refusal))
            }
            Self::Rpc(error) => {
                // A tool may speak of sessions of its own, so only the codes of a transport count.
                let of_transport = matches!(
                    error.code,
                    0 | wire::SERVER_ERROR
                        | wire::TIMED_OUT
                        | wire::INVALID_REQUEST
                        | wire::INVALID_PARAMS
                );
                let says = SessionSign::read(&error.message) == SessionSign::Gone;
                let names_handshake = error.message.to_ascii_lowercase().contains("initializ");
                says && of_transport && (error.code != wire::INVALID_PARAMS || names_handshake)
            }
            _ => false,
        }
    }

    /// Whether a request that may be repeated is worth repeating at once.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unsent(error) => !matches!(error, EgressError::Refused(_)),
            Self::Broken(_) | Self::Cut => true,
            Self::Refused { status, .. } => {
                status.is_server_error() && *status != StatusCode::NOT_IMPLEMENTED
            }
            _ => false,
        }
    }

    /// Whether the server certainly did not act on the request.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self, Self::Unsent(_))
    }

    /// Whether the server is done with the request, so that nothing is left to cancel.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Broken(_) | Self::Cut | Self::Timeout | Self::TooLarge(_)
        )
    }

    fn kind(&self) -> ToolErrorKind {
        match self {
            Self::Unsent(_) | Self::Broken(_) | Self::Cut => ToolErrorKind::Unavailable,
            Self::Timeout => ToolErrorKind::Timeout,
            Self::Refused { status, error, .. } => match status.as_u16() {
                401 | 403 | 407 => ToolErrorKind::Unauthorized,
                429 => ToolErrorKind::Unavailable,
                408 | 504 => ToolErrorKind::Timeout,
                400 | 406 | 413 | 415 | 422 => ToolErrorKind::Protocol,
                _ if status.is_redirection() => ToolErrorKind::Protocol,
                _ if error.is_some() && status.is_client_error() => ToolErrorKind::Protocol,
                _ => ToolErrorKind::Unavailable,
            },
            Self::Rpc(error) if error.is_timeout() => ToolErrorKind::Timeout,
            Self::WebPage(Page::Login) => ToolErrorKind::Unauthorized,
            Self::Rpc(_)
            | Self::WebPage(Page::Other)
            | Self::TooLarge(_)
            | Self::Protocol(_)
            | Self::Malformed(_) => ToolErrorKind::Protocol,
        }
    }

    /// The error for the run, of a server that its caller named. That nobody is there and that its address
    /// may not be called look the same, because nobody is to find out what is inside; and of the server's
    /// words, which may repeat what its caller gave it, not even the log gets any.
    pub(crate) fn into_strangers_error(self, label: &str) -> ToolError {
        let fault = match self {
            Self::Rpc(error) => Self::Rpc(error.without_words()),
            Self::Refused { status, error, .. } => Self::Refused {
                status,
                error: error.map(RpcError::without_words),
                session: SessionSign::Silent,
            },
            other => other,
        };
        let is_unsent = fault.is_unsent();
        let mut error = fault.into_tool_error(label);
        if is_unsent {
            error.message = format!(
                "the tool server `{label}` cannot be reached, or is at an address that may not be called"
            );
        }
        error
    }

    /// The error for the run. Its words name the server by its label and give none of its own.
    pub(crate) fn into_tool_error(self, label: &str) -> ToolError {
        let kind = self.kind();
        let what = match &self {
            Self::Unsent(_) => "cannot be reached".to_owned(),
            Self::Broken(_) | Self::Cut => "broke off the connection before it answered".to_owned(),
            Self::Timeout => "did not answer in time".to_owned(),
            Self::Refused { status, .. } => match kind {
                ToolErrorKind::Unauthorized => {
                    format!("refused the credential (HTTP {})", status.as_u16())
                }
                _ if status.is_redirection() => format!(
                    "answered with a redirect (HTTP {}), which is not followed",
                    status.as_u16()
                ),
                _ => format!("answered with HTTP {}", status.as_u16()),
            },
            Self::Rpc(error) if error.is_timeout() => "says that the call timed out".to_owned(),
            Self::Rpc(error) => format!("answered with the JSON-RPC error {}", error.code),
            Self::WebPage(Page::Login) => {
                "answered with a login page: it wants another credential".to_owned()
            }
            Self::WebPage(Page::Other) => {
                "answered with a web page: its URL is not that of an MCP endpoint".to_owned()
            }
            Self::TooLarge(limit) => format!("sent an answer of more than {limit} bytes"),
            Self::Protocol(what) => format!("does not follow the protocol: {what}"),
            Self::Malformed(what) => format!("does not follow the protocol: {what}"),
        };
        ToolError {
            kind,
            message: format!("the tool server `{label}` {what}"),
            source: Some(Box::new(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;

    fn refused(status: u16, body: &str) -> Fault {
        Fault::Refused {
            status: StatusCode::from_u16(status).unwrap(),
            error: message::read_error(&body.to_owned().into()),
            session: SessionSign::read(body),
        }
    }

    fn rpc(code: i64, message: &str) -> Fault {
        Fault::Rpc(RpcError {
            code,
            message: message.into(),
            data: None,
        })
    }

    #[test]
    fn a_lost_session_is_known_in_every_form_it_takes() {
        let lost = [
            refused(404, ""),
            refused(
                404,
                r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#,
            ),
            refused(400, ""),
            refused(
                400,
                r#"{"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#,
            ),
            refused(
                400,
                r#"{"error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}"#,
            ),
            refused(503, "unknown or expired mcp-session-id"),
            refused(500, r#"{"error":"HTTP 400: No valid session ID provided"}"#),
            rpc(0, "Session not found"),
            rpc(-32001, "Session not found"),
            rpc(-32600, "Session terminated"),
            rpc(
                -32602,
                "Received request before initialization was complete",
            ),
            rpc(wire::UNSUPPORTED_VERSION, "Unsupported protocol version"),
        ];
        for fault in lost {
            assert!(fault.is_stale(Footing::Session), "{fault}");
        }
    }

    #[test]
    fn other_refusals_are_no_lost_session() {
        let kept = [
            refused(503, "overloaded"),
            refused(500, ""),
            refused(429, ""),
            refused(
                400,
                r#"{"id":1,"error":{"code":-32602,"message":"Invalid params"}}"#,
            ),
            rpc(-32603, "the browser session expired"),
            rpc(-32602, "unknown session_id argument"),
            rpc(-32001, "Request timed out"),
            Fault::Timeout,
            Fault::Cut,
        ];
        for fault in kept {
            assert!(!fault.is_stale(Footing::Session), "{fault}");
        }
        for fault in [refused(404, ""), refused(400, "")] {
            assert!(!fault.is_stale(Footing::NoSession), "{fault}");
        }
        assert!(refused(400, "Missing session ID").is_stale(Footing::NoSession));
    }

    #[test]
    fn each_status_means_one_kind_of_error() {
        use ToolErrorKind::{Protocol, Timeout, Unauthorized, Unavailable};
        let cases = [
            (302, Protocol),
            (400, Protocol),
            (401, Unauthorized),
            (403, Unauthorized),
            (404, Unavailable),
            (405, Unavailable),
            (406, Protocol),
            (408, Timeout),
            (429, Unavailable),
            (500, Unavailable),
            (502, Unavailable),
            (503, Unavailable),
            (504, Timeout),
        ];
        for (status, kind) in cases {
            let error = refused(status, "inner secret text").into_tool_error("default");
            assert_eq!(error.kind, kind, "{status}");
            assert!(!error.message.contains("secret"), "{}", error.message);
            assert!(error.message.contains("`default`"), "{}", error.message);
        }
    }
}
