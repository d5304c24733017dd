//! The grammar of an event stream, from the first event to the last: what every reader may rely on,
//! whatever made the stream.
//!
//! ```text
//! stream = Created Started* (item | call | Started)* Ended
//! text   = ItemOpened PartOpened TextDelta+ TextDone PartClosed ItemClosed
//! call   = ItemOpened ArgumentsDelta* ArgumentsDone ItemClosed
//! tool   = CallStarted CallReturned
//! ```
//!
//! Items may interleave, but of two texts one is closed before the other opens, and no tool runs while
//! an item is open. Items and executions are numbered without gap, and nothing is open at the end. A turn
//! that is asked again, because its process was lost, comes behind the one that came to nothing, whose
//! items are closed: items are told in the order of their turns, and a call after the turn that wants it.

use std::sync::Arc;

use response_domain::event::{Event, OpenItem, Place, TextKind};
use response_domain::execution::{Execution, ExecutionState};
use response_domain::id::RawId;
use response_domain::item::{FunctionCall, Item, ItemBody};
use response_domain::response::Response;

/// Reads a whole stream; the first thing in it that no reader should meet is the error.
pub fn check(events: &[Event]) -> Result<(), String> {
    match read(events)?.stage {
        Stage::Over => Ok(()),
        Stage::Before | Stage::Accepted | Stage::Running => {
            Err("the stream stops before `Ended`".to_owned())
        }
    }
}

/// Reads a stream that may go on; the first thing in it that no reader should meet is the error.
pub fn check_so_far(events: &[Event]) -> Result<(), String> {
    read(events).map(drop)
}

fn read(events: &[Event]) -> Result<Reader, String> {
    let mut reader = Reader::default();
    for (place, event) in events.iter().enumerate() {
        reader
            .read(event)
            .map_err(|fault| format!("event {place}: {fault}: {event:?}"))?;
    }
    Ok(reader)
}

/// How far a stream has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Accepted,
    Running,
    Over,
}

struct Reader {
    stage: Stage,
    response: RawId,
    items: Vec<Written>,
    calls: Vec<Arc<Execution>>,
}

/// An item as far as the stream has told of it.
struct Written {
    place: Place,
    kind: OpenItem,
    text: String,
    step: Step,
    /// The turn that wrote it, as soon as that is told.
    turn: Option<u16>,
}

/// What an item had last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Opened,
    PartOpened,
    Whole,
    PartClosed,
    Closed,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            stage: Stage::Before,
            response: RawId::new(0),
            items: Vec::new(),
            calls: Vec::new(),
        }
    }
}

type Verdict = Result<(), String>;

fn must(holds: bool, otherwise: &str) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

impl Reader {
    fn read(&mut self, event: &Event) -> Verdict {
        self.stage = self.next_stage(event)?;
        match event {
            Event::Created(response) => {
                self.response = response.id.raw();
                must(
                    !response.status().is_ended() && response.progress.turns.is_empty(),
                    "a response is created without having done anything",
                )
            }
            Event::Started(response) => {
                self.is_mine(response.id.raw())?;
                must(
                    self.nothing_open(),
                    "a process starts with every item closed",
                )
            }
            Event::ItemOpened { place, kind } => self.open(*place, kind),
            Event::PartOpened(place, kind) => {
                self.step(*place, Some(*kind), &[Step::Opened], Step::PartOpened)?;
                Ok(())
            }
            Event::TextDelta(place, kind, delta) => {
                must(!delta.is_empty(), "a delta says something")?;
                let from = [Step::PartOpened];
                let item = self.step(*place, Some(*kind), &from, Step::PartOpened)?;
                item.text.push_str(delta);
                Ok(())
            }
            Event::TextDone(place, kind, text) => {
                let item = self.step(*place, Some(*kind), &[Step::PartOpened], Step::Whole)?;
                must(!text.is_empty(), "a text has at least one delta")?;
                must(item.text == **text, "the text is what its deltas were")
            }
            Event::PartClosed(place, kind, text) => {
                let item = self.step(*place, Some(*kind), &[Step::Whole], Step::PartClosed)?;
                must(item.text == **text, "the part holds what its deltas were")
            }
            Event::ArgumentsDelta(place, delta) => {
                must(!delta.is_empty(), "a delta says something")?;
                let item = self.step(*place, None, &[Step::Opened], Step::Opened)?;
                item.text.push_str(delta);
                Ok(())
            }
            Event::ArgumentsDone(place, item) => {
                let written = self.step(*place, None, &[Step::Opened], Step::Whole)?;
                written.agrees(item)
            }
            Event::ItemClosed(place, item) => self.close(*place, item),
            Event::CallStarted(call) => self.call_started(call),
            Event::CallReturned(call) => self.call_returned(call),
            Event::Ended(response) => self.ended(response),
        }
    }

    fn next_stage(&self, event: &Event) -> Result<Stage, String> {
        match (self.stage, event) {
            (Stage::Before, Event::Created(_)) => Ok(Stage::Accepted),
            (Stage::Before, _) => Err("the first event is `Created`".to_owned()),
            (Stage::Over, _) => Err("nothing follows `Ended`".to_owned()),
            (_, Event::Created(_)) => Err("a response is created once".to_owned()),
            (_, Event::Ended(_)) => Ok(Stage::Over),
            (Stage::Running, _) | (_, Event::Started(_)) => Ok(Stage::Running),
            (Stage::Accepted, _) => Err("nothing happens before `Started`".to_owned()),
        }
    }

    fn is_mine(&self, parent: RawId) -> Verdict {
        must(parent == self.response, "an id belongs to the response")
    }

    fn nothing_open(&self) -> bool {
        self.items.iter().all(|item| item.step == Step::Closed)
    }

    fn open(&mut self, place: Place, kind: &OpenItem) -> Verdict {
        self.is_mine(place.item.parent)?;
        must(
            usize::try_from(place.index) == Ok(self.items.len()),
            "items are numbered without gap, in the order in which they open",
        )?;
        must(
            self.items
                .last()
                .is_none_or(|last| last.place.item < place.item),
            "a later item has a later id",
        )?;
        let is_text = |kind: &OpenItem| !matches!(kind, OpenItem::Call { .. });
        let text_is_open = self
            .items
            .iter()
            .any(|item| is_text(&item.kind) && item.step != Step::Closed);
        must(
            !(is_text(kind) && text_is_open),
            "of two texts one is closed before the other opens",
        )?;
        self.items.push(Written {
            place,
            kind: kind.clone(),
            text: String::new(),
            step: Step::Opened,
            turn: None,
        });
        Ok(())
    }

    /// Takes an item from one of the steps `from` to the step `to`; `kind` is the text it must be, none
    /// for a call.
    fn step(
        &mut self,
        place: Place,
        kind: Option<TextKind>,
        from: &[Step],
        to: Step,
    ) -> Result<&mut Written, String> {
        let item = self.step_any(place, from, to)?;
        let expected = match item.kind {
            OpenItem::Message => Some(TextKind::Output),
            OpenItem::Reasoning => Some(TextKind::Reasoning),
            OpenItem::Call { .. } => None,
        };
        must(
            expected == kind,
            "an event is of the kind of the item it is about",
        )?;
        Ok(item)
    }

    fn step_any(&mut self, place: Place, from: &[Step], to: Step) -> Result<&mut Written, String> {
        let item = usize::try_from(place.index)
            .ok()
            .and_then(|index| self.items.get_mut(index))
            .filter(|item| item.place == place)
            .ok_or("an event is about an item that was opened there")?;
        if !from.contains(&item.step) {
            return Err(format!("the item is {:?}, not one of {from:?}", item.step));
        }
        item.step = to;
        Ok(item)
    }

    fn close(&mut self, place: Place, item: &Item) -> Verdict {
        let from = match item.body {
            ItemBody::FunctionCall(_) => [Step::Whole],
            _ => [Step::PartClosed],
        };
        let written = self.step_any(place, &from, Step::Closed)?;
        written.turn = Some(item.turn);
        written.agrees(item)?;
        must(
            self.items.iter().filter_map(|item| item.turn).is_sorted(),
            "items are told in the order of their turns",
        )
    }

    fn call_started(&mut self, call: &Arc<Execution>) -> Verdict {
        self.is_mine(call.id.parent)?;
        must(self.nothing_open(), "no tool runs while an item is open")?;
        must(
            usize::try_from(call.id.ordinal) == Ok(self.calls.len()),
            "executions are numbered without gap",
        )?;
        must(
            call.state == ExecutionState::Started && call.duration.is_none(),
            "a call that starts has no end",
        )?;
        must(
            self.items.last().and_then(|item| item.turn) == Some(call.turn),
            "a call belongs to the turn that was told last",
        )?;
        self.calls.push(Arc::clone(call));
        Ok(())
    }

    fn call_returned(&mut self, call: &Arc<Execution>) -> Verdict {
        let slot = self
            .calls
            .iter_mut()
            .find(|started| started.id == call.id)
            .ok_or("what returns has started")?;
        must(slot.state == ExecutionState::Started, "a call returns once")?;
        must(
            call.state != ExecutionState::Started && call.duration.is_some(),
            "a call that returned has an end",
        )?;
        must(
            (&call.tool, &call.input, call.depth, call.turn)
                == (&slot.tool, &slot.input, slot.depth, slot.turn),
            "a call returns as what it started",
        )?;
        *slot = Arc::clone(call);
        Ok(())
    }

    fn ended(&self, response: &Response) -> Verdict {
        self.is_mine(response.id.raw())?;
        must(
            response.status().is_ended(),
            "`Ended` carries an ended response",
        )?;
        must(self.nothing_open(), "nothing is open at the end")?;
        must(
            self.calls
                .iter()
                .all(|call| call.state != ExecutionState::Started),
            "nothing is under way at the end",
        )?;
        must(
            response.progress.executions == self.calls,
            "the response ends with the executions that were told of",
        )
    }
}

impl Written {
    /// Whether `item` is what the stream has told of.
    fn agrees(&self, item: &Item) -> Verdict {
        must(item.id == self.place.item, "an item keeps its id")?;
        let agrees = match (&self.kind, &item.body) {
            (OpenItem::Message, ItemBody::Message(message)) => *message.joined_text() == *self.text,
            (OpenItem::Reasoning, ItemBody::Reasoning(reasoning)) => *reasoning.text == *self.text,
            (OpenItem::Call { call_id, name }, ItemBody::FunctionCall(call)) => {
                call.call_id == *call_id && call.name == *name && self.is_arguments(call)
            }
            _ => false,
        };
        must(agrees, "the item is what its events were")
    }

    fn is_arguments(&self, call: &FunctionCall) -> bool {
        if self.text.trim().is_empty() {
            &*call.arguments == "{}"
        } else {
            *call.arguments == *self.text
        }
    }
}
