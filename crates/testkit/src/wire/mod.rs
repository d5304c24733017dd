//! The grammar of what OpenAI's clients are answered: of event streams from the first frame to the last, and
//! of the objects that they and the plain answers hold. Pure, and about any server: it knows what clients
//! rely on, not how the answer came about.
//!
//! ```text
//! stream  = created [queued] [in_progress] item* (completed | incomplete | failed) [DONE]
//! item    = added part* arguments? steps? done
//! part    = part.added delta* text.done part.done
//! ```
//!
//! Items may interleave. An item keeps its id, its kind and its place from `added` on; what its deltas said
//! is what it says when it is done, and the last frame tells all items once more, to the letter.

use std::fmt;

use serde_json::Value;

mod events;
mod form;
mod items;
mod objects;
mod parts;
mod sse;
mod stream;

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// OpenAI's.
    OpenAi,
    /// Those of the Open Responses specification.
    OpenResponses,
}

/// Whether a stream must have a mark behind its last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndMark {
    /// `data: [DONE]` stands there.
    Required,
    /// It may be absent, as it is with OpenAI.
    Optional,
}

/// The first thing in an answer that no client should meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The same, of this frame.
    fn of_frame(self, number: usize, name: &str) -> Self {
        Self(format!("frame {number} ({name}): {}", self.0))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

type Verdict = Result<(), Fault>;

fn must(holds: bool, otherwise: &str) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Fault::new(otherwise))
    }
}

/// The events of a whole stream, which must be well made down to the last byte.
pub fn check_stream(bytes: &[u8], flavour: Flavour, end: EndMark) -> Result<Vec<Value>, Fault> {
    let events = sse::events(bytes, end)?;
    check_events(&events, flavour)?;
    Ok(events)
}

/// Checks the events of a whole stream, however they came.
pub fn check_events(events: &[Value], flavour: Flavour) -> Verdict {
    stream::check(events, flavour)
}

/// The events that some bytes of a stream hold: of its end, for one that went on behind a frame. Only their
/// frames are checked, and that there is a mark behind the last.
pub fn read_frames(bytes: &[u8], end: EndMark) -> Result<Vec<Value>, Fault> {
    sse::events(bytes, end)
}

/// Checks a response, as a plain answer shows it.
pub fn check_response(response: &Value, flavour: Flavour) -> Verdict {
    objects::response(response, flavour)
}

/// Checks an item of a list.
pub fn check_item(item: &Value, flavour: Flavour) -> Verdict {
    objects::item(item, flavour)
}

/// Checks a list, and each of its entries.
pub fn check_list(list: &Value, entry: impl Fn(&Value) -> Verdict) -> Verdict {
    objects::list(list, entry)
}

/// Checks what is answered instead of what was asked for.
pub fn check_error(answer: &Value) -> Verdict {
    objects::error(answer)
}
