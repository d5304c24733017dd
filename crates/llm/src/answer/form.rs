//! How the body of an answer is written, whatever was asked for.

use response_domain::ports::llm::{LlmError, LlmErrorKind};
use response_egress::{Bytes, Inbound};

use crate::error::{self, Trouble};

/// How the body is written.
#[derive(Debug)]
pub(super) enum Form {
    Events,
    Document(Vec<u8>),
    /// The server did not say; the first character will.
    Untold,
}

impl Form {
    /// The form that the headers tell.
    pub(super) fn told(inbound: &Inbound) -> Result<Self, LlmError> {
        let Some(media_type) = inbound.media_type() else {
            return Ok(Self::Untold);
        };
        let media_type = media_type.to_ascii_lowercase();
        match media_type.as_str() {
            "text/event-stream" => Ok(Self::Events),
            "application/json" => Ok(Self::Document(Vec::new())),
            "" | "text/plain" | "application/octet-stream" | "binary/octet-stream" => {
                Ok(Self::Untold)
            }
            other if other.ends_with("+json") => Ok(Self::Document(Vec::new())),
            other => {
                let excerpt = error::excerpt(other);
                Err(error::caused(
                    LlmErrorKind::Unreadable,
                    "the model server answered with something that is neither JSON nor an event stream",
                    Trouble::MediaType(excerpt),
                ))
            }
        }
    }

    /// The form that the first character tells. Blanks before it are left out.
    pub(super) fn shown(chunk: &mut Bytes) -> Result<Option<Self>, LlmError> {
        let blanks = chunk.len() - chunk.trim_ascii_start().len();
        match chunk.get(blanks) {
            None => Ok(None),
            Some(b'{') => {
                let _ = chunk.split_to(blanks);
                Ok(Some(Self::Document(Vec::new())))
            }
            // A comment, or the name of a field, or a byte order mark.
            Some(b':' | b'd' | b'e' | b'i' | b'r' | 0xef) => Ok(Some(Self::Events)),
            Some(_) => Err(error::plain(
                LlmErrorKind::Unreadable,
                "the model server sent something that is no answer",
            )),
        }
    }
}
