//! How an outbound call can fail, by what the caller can do about it.

use std::error::Error;
use std::fmt;
use std::io;

use crate::policy::Refusal;
use crate::resolve::NoAddress;

/// Why a call has no answer, or not a whole one.
///
/// No variant carries the URL: it may hold a token, and the caller knows which one it called.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// No connection was made, so the request was not sent: trying again cannot repeat an
    /// effect. A name that does not resolve and a connection that took too long are this too.
    #[error("no connection could be made")]
    Connect(#[source] reqwest::Error),
    /// The other side was silent for too long. It may still have acted on the request.
    #[error("timed out while waiting for {0}")]
    Timeout(Waiting),
    /// The address policy or the form of the URL forbids the call; trying again is useless.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The body, or one event of a stream, is larger than the caller takes.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The cap that was passed, in bytes.
        limit: usize,
    },
    /// The connection broke, or what came was not HTTP. It may have acted on the request.
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
}

/// Where it came to an end that a connection was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// The name has no address, or nobody could say which.
    NoAddress,
    /// No address took the connection.
    Unreachable,
    /// The connection was there and could not be made safe: a certificate that is not trusted, a
    /// handshake that failed, something other than TLS.
    Tls,
    /// It took too long, whatever it was waiting for.
    TimedOut,
}

/// What a call was waiting for when its time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The status line and the headers.
    Headers,
    /// The rest of a body that was to be read whole.
    Body,
    /// The next chunk of a stream.
    NextChunk,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Headers => "the headers",
            Self::Body => "the whole body",
            Self::NextChunk => "the next chunk",
        })
    }
}

impl EgressError {
    /// Classifies what went wrong before the headers came.
    pub(crate) fn before_headers(error: reqwest::Error) -> Self {
        if let Some(refusal) = cause_of::<Refusal>(&error) {
            return Self::Refused(refusal.clone());
        }
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            Self::Connect(error)
        } else {
            Self::Broken(error)
        }
    }

    /// Classifies what went wrong within the body.
    pub(crate) fn in_body(error: reqwest::Error) -> Self {
        Self::Broken(error.without_url())
    }

    /// What kept the connection from being made, when it was that.
    pub fn connect_fault(&self) -> Option<ConnectFault> {
        let Self::Connect(error) = self else {
            return None;
        };
        if error.is_timeout() {
            return Some(ConnectFault::TimedOut);
        }
        if cause_of::<NoAddress>(error).is_some() {
            return Some(ConnectFault::NoAddress);
        }
        // What a socket says while it connects comes as it is. What comes out of the handshake,
        // a socket's words included, is wrapped once more.
        let is_wrapped = |error: &&io::Error| error.kind() == io::ErrorKind::Other;
        let handshake = cause_of::<io::Error>(error).filter(is_wrapped);
        Some(handshake.map_or(ConnectFault::Unreachable, |_| ConnectFault::Tls))
    }

    /// Whether the request certainly never reached the other side.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Refused(_))
    }
}

/// The nearest cause of this type. What the resolver says comes back wrapped by the connector and
/// the client.
fn cause_of<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        source = error.source();
    }
    None
}
