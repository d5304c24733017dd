//! Which call a piece belongs to, when index, id and name agree and when they do not.
//!
//! By the format a call begins with index, id and name, and goes on under its index. Servers leave
//! out any of the three, count every call as 0, or change them on the way. What holds everywhere: a known
//! id is its call whatever the index says; a name begins a call unless it repeats the name of one
//! that is not finished; and what has neither id nor name goes on with the call of its index, or else with the
//! last one.

use std::sync::Arc;

use response_domain::ports::llm::{Delta, LlmError, LlmErrorKind};
use response_domain::spec::ToolChoice;
use response_domain::tool::{self, ToolSpec};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Asked;
use super::arguments::{Arguments, Ending};
use crate::correction::{Correction, Out};
use crate::error;

/// More calls than this in one turn are not a turn.
const MOST_CALLS: usize = 1_024;

/// The calls of one turn.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// How many of them were told.
    told: u32,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<i64>,
    id: Option<Box<str>>,
    name: Option<Arc<str>>,
    arguments: Arguments,
    /// Its slot, once it was told, and how much of its arguments was.
    slot: Option<u32>,
    told: usize,
}

/// A piece of a call as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) index: Option<i64>,
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: Option<&'a RawValue>,
    pub(super) place: Place,
}

/// Where a piece stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a stream, the only or first one of its chunk.
    First,
    /// In a stream, behind another one of the same chunk.
    Further,
    /// In a whole answer, where each piece is a call.
    Whole,
}

enum Route {
    Goes(usize),
    Begins,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn names(&self, name: &str) -> bool {
        let named = |call: &Call| call.name.as_deref() == Some(name);
        self.calls.iter().any(named)
    }

    /// Takes a piece and adds what it makes certain.
    pub(super) fn push(&mut self, piece: &Piece<'_>, out: &mut Out<'_>) -> Result<(), LlmError> {
        let text = arguments_text(piece.arguments, out);
        let piece = &Piece {
            name: clean_name(piece.name, out),
            ..*piece
        };
        let at = match self.route(piece, &text) {
            Route::Goes(at) => {
                self.learn(at, piece, out);
                at
            }
            Route::Begins => {
                self.settle(out);
                self.note_beginning(piece, out);
                if self.calls.len() >= MOST_CALLS {
                    return Err(error::plain(
                        LlmErrorKind::Unreadable,
                        format!("the model asked for more than {MOST_CALLS} tools at once"),
                    ));
                }
                self.calls.push(Call {
                    index: piece.index,
                    ..Call::default()
                });
                self.calls.len() - 1
            }
        };
        let Some(call) = self.calls.get_mut(at) else {
            return Ok(());
        };
        if call.id.is_none() && !piece.id.is_empty() {
            call.id = Some(piece.id.into());
        }
        if call.name.is_none() && !piece.name.is_empty() {
            call.name = Some(piece.name.into());
        }
        call.arguments.push(&text);
        if call.name.is_some() {
            call.tell(&mut self.told, out);
        }
        Ok(())
    }

    /// Takes a call that is whole, as it was found in the text.
    pub(super) fn add(&mut self, name: Arc<str>, arguments: &str, out: &mut Out<'_>) {
        if self.calls.len() >= MOST_CALLS {
            return;
        }
        let mut call = Call {
            name: Some(name),
            ..Call::default()
        };
        call.arguments.push(arguments);
        call.tell(&mut self.told, out);
        self.calls.push(call);
    }

    /// Takes the end of the turn. A call without a name is taken for the tool that had to be called.
    /// Says whether a call lacks arguments that its tool requires.
    pub(super) fn end(&mut self, asked: &Asked, out: &mut Out<'_>) -> bool {
        let mut lacks = false;
        for call in &mut self.calls {
            if call.name.is_none() {
                out.correct(Correction::CallNameMissing);
                call.name = Some(match &asked.choice {
                    ToolChoice::Named(name) => Arc::clone(name),
                    _ => Arc::from(""),
                });
            }
            let detail = call.name.clone();
            match call.arguments.end() {
                Ending::AsSent => {}
                Ending::WereEmpty => {
                    lacks |= detail
                        .as_deref()
                        .is_some_and(|name| requires(&asked.tools, name));
                    out.correct_with(Correction::ArgumentsEmpty, detail);
                }
                Ending::Mended => out.correct_with(Correction::ArgumentsRepaired, detail),
            }
            call.tell(&mut self.told, out);
        }
        lacks
    }

    fn route(&self, piece: &Piece<'_>, text: &str) -> Route {
        if piece.place == Place::Whole || self.calls.is_empty() {
            return Route::Begins;
        }
        let last = self.calls.len() - 1;
        let by_id =
            || self.rfind(|call| !piece.id.is_empty() && call.id.as_deref() == Some(piece.id));
        let by_index = || self.rfind(|call| piece.index.is_some() && call.index == piece.index);
        if let Some((at, call)) = by_id() {
            return if call.is_another(piece) {
                Route::Begins
            } else {
                Route::Goes(at)
            };
        }
        match by_index() {
            Some((at, call)) if piece.id.is_empty() => call.goes_on(at, piece, text),
            Some((at, call)) if call.takes_id(piece) => Route::Goes(at),
            Some(_) => Route::Begins,
            None if piece.name.is_empty() && (piece.id.is_empty() || piece.index.is_none()) => {
                Route::Goes(last)
            }
            None if piece.index.is_some() || !piece.id.is_empty() => Route::Begins,
            None => match self.calls.last() {
                Some(call) => call.goes_on(last, piece, text),
                None => Route::Begins,
            },
        }
    }

    fn rfind(&self, matches: impl Fn(&Call) -> bool) -> Option<(usize, &Call)> {
        let at = self.calls.iter().rposition(matches)?;
        Some((at, self.calls.get(at)?))
    }

    /// The next call begins: what is whole of the last one stays as it is.
    fn settle(&mut self, out: &mut Out<'_>) {
        if let Some(call) = self.calls.last_mut()
            && call.arguments.settle()
            && call.name.is_some()
        {
            call.tell(&mut self.told, out);
        }
    }

    /// Learns the index under which a call goes on.
    fn learn(&mut self, at: usize, piece: &Piece<'_>, out: &mut Out<'_>) {
        let taken = |call: &Call| call.index == piece.index;
        if piece.index.is_none() || self.calls.get(at).is_some_and(taken) {
            return;
        }
        out.correct(Correction::CallIndexWrong);
        if !self.calls.iter().any(taken)
            && let Some(call) = self.calls.get_mut(at)
        {
            call.index = piece.index;
        }
    }

    fn note_beginning(&self, piece: &Piece<'_>, out: &mut Out<'_>) {
        if piece.place == Place::Whole {
            return;
        }
        let same_id = |call: &Call| call.id.as_deref() == Some(piece.id);
        if !piece.id.is_empty() && self.calls.iter().any(same_id) {
            out.correct(Correction::CallIdReused);
        } else if piece.index.is_none() {
            out.correct(Correction::CallIndexMissing);
        } else if self.calls.iter().any(|call| call.index == piece.index) {
            out.correct(Correction::CallIndexReused);
        }
    }
}

impl Call {
    /// Whether a piece with this call's id is nevertheless another call: it says its name, as beginnings
    /// do, and stands elsewhere or says another one.
    fn is_another(&self, piece: &Piece<'_>) -> bool {
        if piece.name.is_empty() {
            return false;
        }
        let elsewhere = piece.index.is_some() && self.index.is_some() && piece.index != self.index;
        let renamed = self.name.as_deref().is_some_and(|name| name != piece.name);
        renamed || (elsewhere && self.arguments.is_complete())
    }

    /// Whether a piece under this call's index with an id that nobody has goes on with the call: ids
    /// that come late or change with every chunk do.
    fn takes_id(&self, piece: &Piece<'_>) -> bool {
        if piece.name.is_empty() {
            return true;
        }
        let same_name = self.name.as_deref().is_none_or(|name| name == piece.name);
        let begun = !self.arguments.is_blank() || self.id.is_none();
        same_name && begun && !self.arguments.is_complete()
    }

    /// Where a piece without an id belongs that would go on with this call, at place `at`.
    fn goes_on(&self, at: usize, piece: &Piece<'_>, text: &str) -> Route {
        let same_name = match &self.name {
            Some(name) => piece.name.is_empty() || **name == *piece.name,
            None => true,
        };
        let beside = piece.place == Place::Further && piece.index.is_none();
        let repeats = self.arguments.is_complete() && !text.trim().is_empty();
        if same_name && (piece.name.is_empty() || !(beside || repeats)) {
            Route::Goes(at)
        } else {
            Route::Begins
        }
    }

    /// Tells what is certain and was not told. The first delta of a call has its name.
    fn tell(&mut self, told: &mut u32, out: &mut Out<'_>) {
        let more = self.arguments.ready(self.told);
        if self.slot.is_some() && more.is_empty() {
            return;
        }
        let arguments: Box<str> = more.into();
        self.told += arguments.len();
        let name = match self.slot {
            Some(_) => None,
            None => self.name.clone(),
        };
        let slot = *self.slot.get_or_insert_with(|| {
            let slot = *told;
            *told = told.saturating_add(1);
            slot
        });
        out.push(Delta::Call {
            slot,
            name,
            arguments,
        });
    }
}

/// Whether the tool of this name cannot be called without arguments.
fn requires(tools: &[Arc<ToolSpec>], name: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Schema {
        #[serde(default)]
        required: Vec<IgnoredAny>,
    }
    let schema = tool::find(tools, name).map(|tool| tool.parameters.as_str());
    let schema = schema.and_then(|schema| serde_json::from_str::<Schema>(schema).ok());
    schema.is_some_and(|schema| !schema.required.is_empty())
}

/// Arguments as text: what the format says, or an object as it was written.
fn arguments_text<'a>(raw: Option<&'a RawValue>, out: &mut Out<'_>) -> std::borrow::Cow<'a, str> {
    let Some(raw) = raw.map(RawValue::get) else {
        return "".into();
    };
    if raw.starts_with('"') {
        let text: crate::wire::Text<'a> = serde_json::from_str(raw).unwrap_or_default();
        return text.0;
    }
    out.correct(Correction::ArgumentsNotText);
    raw.into()
}

/// A name without blanks around it and without marks of the model's format behind it
/// (`search<|channel|>json`).
fn clean_name<'a>(name: &'a str, out: &mut Out<'_>) -> &'a str {
    let cleaned = name.split("<|").next().unwrap_or(name).trim();
    if cleaned.len() != name.len() && !cleaned.is_empty() {
        out.correct(Correction::CallNameRepaired);
    }
    cleaned
}
