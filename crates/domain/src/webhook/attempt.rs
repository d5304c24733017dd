//! One try to deliver, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use crate::time::Timestamp;

/// How much of an answer's body is kept, in bytes.
pub const EXCERPT: usize = 4096;

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// The address it went to.
    pub url: Arc<str>,
    /// How long it took.
    pub duration: Duration,
    /// What came of it.
    pub answer: Result<Answer, SendFault>,
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long it asked to be left alone, if it did.
    pub retry_after: Option<Duration>,
    /// The beginning of the body, at most [`EXCERPT`] bytes, without control characters.
    pub excerpt: Arc<str>,
}

impl Answer {
    /// Whether the receiver took the delivery: any status from 200 to 299. A redirect did not.
    pub const fn is_taken(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendFault {
    /// The address may not be called; nothing was sent.
    NotAllowed,
    /// The name has no address.
    NameNotFound,
    /// No connection came about.
    ConnectFailed,
    /// The connection could not be made safe.
    TlsFailed,
    /// Nothing came in time.
    TimedOut,
    /// The connection broke off, or what came was no HTTP.
    BrokenOff,
}

impl SendFault {
    /// Every fault there is.
    pub const ALL: &[Self] = &[
        Self::NotAllowed,
        Self::NameNotFound,
        Self::ConnectFailed,
        Self::TlsFailed,
        Self::TimedOut,
        Self::BrokenOff,
    ];

    /// Its word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "address_not_allowed",
            Self::NameNotFound => "name_not_found",
            Self::ConnectFailed => "connect_failed",
            Self::TlsFailed => "tls_failed",
            Self::TimedOut => "timed_out",
            Self::BrokenOff => "broken_off",
        }
    }

    /// The fault of this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|fault| fault.as_str() == text)
    }
}

impl Attempt {
    /// Whether it arrived.
    pub fn is_taken(&self) -> bool {
        self.answer.as_ref().is_ok_and(Answer::is_taken)
    }
}
