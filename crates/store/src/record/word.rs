//! The words that stand in columns and records for the domain's enums. They are the store's own where
//! the domain does not say that its words are kept.

use response_domain::event::TextKind;
use response_domain::failure::FailureCode;
use response_domain::item::{CallKind, Consent, ItemStatus, OutputVerdict, Role};
use response_domain::response::Finish;
use response_domain::run::Closing;
use response_domain::spec::{Delivery, OnMaxDepth, ReasoningForm, ToolFailure, Truncation};
use response_domain::status::{IncompleteReason, StatusName};
use response_domain::tool::{Approval, Repeat, Verdict};
use response_domain::webhook::{Disabled, GaveUp, Payload, SendFault, WebhookEvent};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use super::RecordError;
use crate::webhook::DeliveryWord;

/// An enum that is kept as a word.
pub(crate) trait Word: Sized + Copy {
    /// Its word.
    fn word(self) -> &'static str;
    /// The value of this word.
    fn from_word(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl Word for $name {
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

macro_rules! domain_words {
    ($($name:ident),*) => {
        $(impl Word for $name {
            fn word(self) -> &'static str {
                self.as_str()
            }

            fn from_word(word: &str) -> Option<Self> {
                Self::from_text(word)
            }
        })*
    };
}

words!(Delivery { Wait = "wait", Stream = "stream", Background = "background" });
words!(OnMaxDepth { Fail = "fail", Answer = "answer" });
words!(ToolFailure { Fail = "fail", Report = "report" });
words!(Truncation { Trim = "trim", Whole = "whole" });
words!(ReasoningForm { Clear = "clear", Sealed = "sealed" });
words!(Consent { Given = "given", Denied = "denied" });
words!(OutputVerdict { Result = "result", Complaint = "complaint" });
words!(Approval { Needed = "needed", Waived = "waived" });
words!(CallKind { Callers = "caller", Servers = "server", Asks = "asks", Nobodys = "nobody" });
words!(ItemStatus { Completed = "completed", Incomplete = "incomplete" });
words!(TextKind { Output = "output", Reasoning = "reasoning" });
words!(Closing { No = "no", LastAnswer = "last_answer" });
words!(DeliveryWord { Pending = "pending", Delivered = "delivered", GivenUp = "given_up" });
words!(Repeat { Safe = "safe", Unsafe = "unsafe" });
words!(Verdict {
    Done = "done",
    ToolSaysError = "tool_says_error",
    BadArguments = "bad_arguments",
    UnknownTool = "unknown_tool",
    TooManyCalls = "too_many_calls",
    Denied = "denied",
    OutcomeUnknown = "outcome_unknown",
});
domain_words!(FailureCode, Finish, IncompleteReason, Role, StatusName);
domain_words!(Disabled, GaveUp, Payload, SendFault, WebhookEvent);

/// The value of `word`.
pub(crate) fn read<W: Word>(word: &str) -> Result<W, RecordError> {
    W::from_word(word).ok_or_else(|| RecordError::Word(word.to_owned()))
}

pub(super) fn serialize<W: Word, S: Serializer>(
    word: &W,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word.word())
}

pub(super) fn deserialize<'de, W: Word, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<W, D::Error> {
    // Words hold nothing that JSON escapes, so they can be borrowed.
    let word = <&str>::deserialize(deserializer)?;
    read(word).map_err(D::Error::custom)
}
