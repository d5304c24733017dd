//! What a webhook can tell, and who wants to hear it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Callback;
use crate::id::{EventId, ResponseId};
use crate::response::Response;
use crate::spec::Delivery;
use crate::status::{IncompleteReason, Status};

/// The end of a background response, as a webhook names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookEvent {
    /// It has its answer.
    Completed,
    /// It ended without one.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It ended early, at a limit. Only the thin payload tells it apart.
    Incomplete,
}

impl WebhookEvent {
    /// Every event there is.
    pub const ALL: &[Self] = &[
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Incomplete,
    ];

    /// Its name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "response.completed",
            Self::Failed => "response.failed",
            Self::Cancelled => "response.cancelled",
            Self::Incomplete => "response.incomplete",
        }
    }

    /// The event of this name.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|event| event.as_str() == text)
    }

    /// The event that a status is, in the words of a payload; none while it has not ended. The full payload
    /// speaks the native words, in which a limit is a completion or a failure; the thin one is OpenAI's.
    pub const fn of(status: &Status, payload: Payload) -> Option<Self> {
        Some(match (status, payload) {
            (Status::Queued | Status::InProgress, _) => return None,
            (Status::Completed, _) => Self::Completed,
            (Status::Failed(_), _) => Self::Failed,
            (Status::Cancelled, _) => Self::Cancelled,
            (Status::Incomplete(_), Payload::Thin) => Self::Incomplete,
            (Status::Incomplete(reason), Payload::Full) => match reason {
                IncompleteReason::OutputTokens | IncompleteReason::ContentFilter => Self::Completed,
                IncompleteReason::ToolDepth | IncompleteReason::ToolCalls => Self::Failed,
            },
        })
    }

    /// The same in the words of a payload: to the full one an answer that is cut short is complete.
    #[must_use]
    pub const fn in_words_of(self, payload: Payload) -> Self {
        match (self, payload) {
            (Self::Incomplete, Payload::Full) => Self::Completed,
            (event, _) => event,
        }
    }

    /// The texts of all patterns that cover it.
    pub const fn patterns(self) -> [&'static str; 3] {
        [EVERY, EVERY_RESPONSE, self.as_str()]
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const EVERY: &str = "*";
const EVERY_RESPONSE: &str = "response.*";

/// Which events somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventPattern {
    /// `*`: all, also those that there may be one day.
    Every,
    /// `response.*`: all about responses.
    EveryResponse,
    /// This one.
    Only(WebhookEvent),
}

/// Text that is no pattern of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an event: allowed are `response.completed`, `response.failed`, `response.cancelled`, `response.incomplete`, `response.*` and `*`"
)]
pub struct UnknownPattern(pub Arc<str>);

impl UnknownPattern {
    /// As much of the text as a person needs to know it again.
    fn of(text: &str) -> Self {
        let shown = text.chars().filter(|letter| !letter.is_control());
        Self(shown.take(SHOWN).collect::<String>().into())
    }
}

/// How much of an unknown pattern is told, in characters.
const SHOWN: usize = 64;

impl EventPattern {
    /// Its text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Every => EVERY,
            Self::EveryResponse => EVERY_RESPONSE,
            Self::Only(event) => event.as_str(),
        }
    }

    /// Whether it covers `event`.
    pub fn covers(self, event: WebhookEvent) -> bool {
        match self {
            Self::Every | Self::EveryResponse => true,
            Self::Only(only) => only == event,
        }
    }
}

impl FromStr for EventPattern {
    type Err = UnknownPattern;

    fn from_str(text: &str) -> Result<Self, UnknownPattern> {
        match text {
            EVERY => Ok(Self::Every),
            EVERY_RESPONSE => Ok(Self::EveryResponse),
            _ => WebhookEvent::from_text(text)
                .map(Self::Only)
                .ok_or_else(|| UnknownPattern::of(text)),
        }
    }
}

/// What a delivery's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payload {
    /// The response itself: output, usage, trace, metadata.
    Full,
    /// The name of the event and the id of the response, to be fetched by whoever wants more.
    Thin,
}

impl Payload {
    /// Both.
    pub const ALL: &[Self] = &[Self::Full, Self::Thin];

    /// Its word in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Thin => "thin",
        }
    }

    /// The payload of this word.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|payload| payload.as_str() == text)
    }
}

/// That a background response ended, and how; there is at most one of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened, in the words of the full payload.
    pub full: WebhookEvent,
    /// What happened, in the words of the thin payload.
    pub thin: WebhookEvent,
    /// The address of the request itself, when it wants to hear of this.
    pub callback: Option<Arc<str>>,
}

impl Notice {
    /// The notice of a response; none while it has not ended, and none of one that did not run in the
    /// background, because its caller was told.
    pub fn of(response: &Response) -> Option<Self> {
        if response.spec.delivery != Delivery::Background {
            return None;
        }
        let full = WebhookEvent::of(response.status(), Payload::Full)?;
        let thin = WebhookEvent::of(response.status(), Payload::Thin)?;
        // A request whose callback cannot be read was refused.
        let callback = Callback::of(&response.spec.metadata).ok().flatten();
        let wants = |callback: &Callback| callback.events.iter().any(|only| only.covers(full));
        Some(Self {
            full,
            thin,
            callback: callback.filter(wants).map(|callback| callback.url),
        })
    }

    /// What happened, in the words of `payload`.
    pub const fn event(&self, payload: Payload) -> WebhookEvent {
        match payload {
            Payload::Full => self.full,
            Payload::Thin => self.thin,
        }
    }
}

impl EventId {
    /// The id of the one notice that a response makes, however often and to whomever it is sent.
    pub const fn of(response: ResponseId) -> Self {
        Self::new(response.raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureCode};

    #[test]
    fn every_end_is_an_event_in_both_words() {
        use WebhookEvent::{Cancelled, Completed, Failed, Incomplete};
        let cut = |reason| Status::Incomplete(reason);
        let failed = Status::Failed(Failure::new(FailureCode::Internal, "no"));
        for (status, full, thin) in [
            (Status::Queued, None, None),
            (Status::InProgress, None, None),
            (Status::Completed, Some(Completed), Some(Completed)),
            (failed, Some(Failed), Some(Failed)),
            (Status::Cancelled, Some(Cancelled), Some(Cancelled)),
            (
                cut(IncompleteReason::OutputTokens),
                Some(Completed),
                Some(Incomplete),
            ),
            (
                cut(IncompleteReason::ContentFilter),
                Some(Completed),
                Some(Incomplete),
            ),
            (
                cut(IncompleteReason::ToolDepth),
                Some(Failed),
                Some(Incomplete),
            ),
            (
                cut(IncompleteReason::ToolCalls),
                Some(Failed),
                Some(Incomplete),
            ),
        ] {
            assert_eq!(WebhookEvent::of(&status, Payload::Full), full, "{status:?}");
            assert_eq!(WebhookEvent::of(&status, Payload::Thin), thin, "{status:?}");
        }
    }

    #[test]
    fn a_pattern_reads_back_and_covers_what_its_text_says() {
        for &event in WebhookEvent::ALL {
            assert_eq!(WebhookEvent::from_text(event.as_str()), Some(event));
            for text in event.patterns() {
                let pattern: EventPattern = text.parse().unwrap();
                assert_eq!(pattern.as_str(), text);
                assert!(pattern.covers(event), "{text} {event}");
            }
            for &other in WebhookEvent::ALL {
                assert_eq!(EventPattern::Only(event).covers(other), event == other);
            }
        }
        for text in [
            "",
            "response",
            "response.",
            "RESPONSE.*",
            "message.*",
            "**",
            "response.done",
        ] {
            let refused = text.parse::<EventPattern>().unwrap_err();
            assert!(refused.to_string().contains("`response.*` and `*`"));
        }
        let long = "\u{7}response.".repeat(10_000).parse::<EventPattern>();
        assert!(long.unwrap_err().to_string().len() < 300);
        for &payload in Payload::ALL {
            assert_eq!(Payload::from_text(payload.as_str()), Some(payload));
        }
    }
}
