//! Upstream trouble in words that are fit for a client; what the server said goes to the log only,
//! short and without control characters.

use response_domain::ports::llm::{LlmError, LlmErrorKind};
use response_egress::EgressError;

/// What is kept of what a server said.
const EXCERPT: usize = 300;
/// A word of letters and digits that is this long may be a key.
const KEY: usize = 24;

/// What went wrong, for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("status {status}: {excerpt}")]
    Status { status: u16, excerpt: String },
    #[error("the answer tells of an error: {excerpt}")]
    Told { excerpt: String },
    #[error("{why} in: {excerpt}")]
    Unreadable { why: String, excerpt: String },
    #[error("the answer is of the media type {0}")]
    MediaType(String),
}

/// The beginning of `text`, on one line, without what may be a key: servers like to say which one they
/// refused.
pub(crate) fn excerpt(text: &str) -> String {
    let plain = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    let plain: String = plain.take(EXCERPT).collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.+/=*".contains(c);
    let mut shown = String::with_capacity(plain.len());
    for piece in plain.split_inclusive(|c| !is_word(c)) {
        let word = piece.trim_end_matches(|c| !is_word(c));
        let is_mixed = word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().any(|b| b.is_ascii_alphabetic());
        if word.len() >= KEY && is_mixed {
            shown.push('…');
            shown.push_str(piece.get(word.len()..).unwrap_or_default());
        } else {
            shown.push_str(piece);
        }
    }
    shown
}

/// An error without a cause of its own.
pub(crate) fn plain(kind: LlmErrorKind, message: impl Into<String>) -> LlmError {
    LlmError {
        kind,
        message: message.into(),
        source: None,
    }
}

/// An error and its cause.
pub(crate) fn caused(
    kind: LlmErrorKind,
    message: impl Into<String>,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> LlmError {
    LlmError {
        kind,
        message: message.into(),
        source: Some(Box::new(cause)),
    }
}

/// What did not work before an answer came.
pub(crate) fn before_answer(error: EgressError) -> LlmError {
    let (kind, message) = match &error {
        EgressError::Connect(_) => (
            LlmErrorKind::Unavailable,
            "the model server cannot be reached",
        ),
        EgressError::Timeout(_) => (
            LlmErrorKind::Timeout,
            "the model server did not answer in time",
        ),
        EgressError::Refused(_) => (
            LlmErrorKind::Unavailable,
            "the address of the model server may not be called",
        ),
        EgressError::BodyTooLarge { .. } => (
            LlmErrorKind::Unreadable,
            "the answer of the model server is longer than allowed",
        ),
        EgressError::Broken(_) => (
            LlmErrorKind::Unavailable,
            "the model server closed the connection without an answer",
        ),
    };
    caused(kind, message, error)
}

/// The server fell silent.
pub(crate) fn silent() -> LlmError {
    plain(
        LlmErrorKind::Timeout,
        "the model server fell silent in the middle of its answer",
    )
}

/// The whole turn took too long.
pub(crate) fn turn_too_long() -> LlmError {
    plain(
        LlmErrorKind::Timeout,
        "the model did not finish its answer in time",
    )
}

/// The answer ended before its end.
pub(crate) fn cut_off() -> LlmError {
    plain(
        LlmErrorKind::Broken,
        "the answer of the model server broke off before its end",
    )
}

/// The answer is too long to be taken.
pub(crate) fn too_long(limit: usize) -> LlmError {
    plain(
        LlmErrorKind::Unreadable,
        format!("the answer of the model server is longer than {limit} bytes"),
    )
}

/// Something that should be JSON of a certain shape and is not.
pub(crate) fn unreadable(data: &[u8], cause: &serde_json::Error) -> LlmError {
    let head = data.get(..EXCERPT).unwrap_or(data);
    let excerpt = excerpt(&String::from_utf8_lossy(head));
    // The parser's own message quotes what it met, however long that is.
    let why = format!("{:?} fault at byte {}", cause.classify(), cause.column());
    caused(
        LlmErrorKind::Unreadable,
        "the model server sent something that is no answer",
        Trouble::Unreadable { why, excerpt },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_shows_no_key() {
        let said = "Incorrect key: sk-proj-0123456789abcdefghij.\nSee https://x.test/a, model llama-3.1-8b";
        let shown = "Incorrect key: … See https://x.test/a, model llama-3.1-8b";
        assert_eq!(excerpt(said), shown);
        assert_eq!(excerpt(&"word ".repeat(1_000)).len(), EXCERPT);
        assert_eq!(excerpt("  "), "");
    }
}
