//! The grammar of an event stream, from the first event to the last: what every reader may rely on,
//! whatever made the stream.
//!
//! ```text
//! stream = Created Started* (item | tool | CallDropped | Started)* Ended
//! item   = text | call | list
//! text   = ItemOpened PartOpened TextDelta+ TextDone PartClosed ItemClosed
//! call   = ItemOpened ArgumentsDelta* ArgumentsDone ItemClosed
//! list   = ItemOpened ItemClosed
//! tool   = CallStarted CallReturned
//! ```
//!
//! Items may interleave, but of two texts one is closed before the other opens, and no tool runs while
//! an item is open. Items that have a place in the output, and executions, are numbered without gap, and
//! nothing is open at the end. Every call of a tool server is either run once or dropped once; what else is
//! run is a call that nobody runs, and it has no place. A turn that is asked again, because its process was
//! lost, comes behind the one that came to nothing, whose items are closed: items are told in the order of
//! their turns, and a call after the turn that wants it.

use std::sync::Arc;

use response_domain::event::{Event, OpenItem, Place, TextKind};
use response_domain::execution::{Execution, ExecutionState, Site};
use response_domain::id::RawId;
use response_domain::item::{Item, ItemBody, Runner};
use response_domain::response::Response;

use item::{Fate, Step, Written};

mod item;

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
            Event::ArgumentsDelta(place, kind, delta) => {
                must(!delta.is_empty(), "a delta says something")?;
                let item = self.step(*place, None, &[Step::Opened], Step::Opened)?;
                must(
                    item.runner().is_some_and(|runner| runner.kind() == *kind),
                    "arguments are of the kind of their call",
                )?;
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
            Event::CallDropped(place, item) => self.call_dropped(*place, item),
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
        let placed = self.items.iter().filter(|item| item.has_place()).count();
        must(
            usize::try_from(place.index) == Ok(placed),
            "items of the output are numbered without gap, in the order in which they open",
        )?;
        must(
            self.items
                .last()
                .is_none_or(|last| last.place.item < place.item),
            "a later item has a later id",
        )?;
        let text_is_open = self
            .items
            .iter()
            .any(|item| item.text_kind().is_some() && item.step != Step::Closed);
        let item = Written::new(place, kind.clone());
        must(
            !(item.text_kind().is_some() && text_is_open),
            "of two texts one is closed before the other opens",
        )?;
        self.items.push(item);
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
        must(
            item.text_kind() == kind,
            "an event is of the kind of the item it is about",
        )?;
        Ok(item)
    }

    fn step_any(&mut self, place: Place, from: &[Step], to: Step) -> Result<&mut Written, String> {
        let mut items = self.items.iter_mut();
        let item = items
            .find(|item| item.place == place)
            .ok_or("an event is about an item that was opened there")?;
        if !from.contains(&item.step) {
            return Err(format!("the item is {:?}, not one of {from:?}", item.step));
        }
        item.step = to;
        Ok(item)
    }

    fn close(&mut self, place: Place, item: &Arc<Item>) -> Verdict {
        let from = match item.body {
            ItemBody::FunctionCall(_) => [Step::Whole],
            ItemBody::ToolList(_) => [Step::Opened],
            _ => [Step::PartClosed],
        };
        let written = self.step_any(place, &from, Step::Closed)?;
        written.turn = Some(item.turn);
        written.agrees(item)?;
        written.item = Some(Arc::clone(item));
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
        match &call.site {
            Some(site) => self.run_there(site)?,
            None => self.run_by_nobody(call)?,
        }
        self.calls.push(Arc::clone(call));
        Ok(())
    }

    /// A call of a tool server is run.
    fn run_there(&mut self, site: &Site) -> Verdict {
        let item = self
            .items
            .iter_mut()
            .find(|item| item.place.item.ordinal == site.item)
            .ok_or("what is run stands in the output")?;
        let called = item.item.as_ref().and_then(|item| item.as_call());
        must(
            called.is_some_and(|call| {
                call.runner == Runner::Server(Arc::clone(&site.tool))
                    && call.approval == site.approval
            }) && item.place.index == site.index,
            "what is run is the call of a tool server that stands there",
        )?;
        item.meets(Fate::Run)
    }

    /// A call that nobody runs is refused.
    fn run_by_nobody(&mut self, call: &Execution) -> Verdict {
        let mut items = self.items.iter_mut();
        let is_it = |item: &&mut Written| {
            item.fate == Fate::Open
                && item.turn == Some(call.turn)
                && item
                    .item
                    .as_ref()
                    .and_then(|item| item.as_call())
                    .is_some_and(|it| {
                        it.runner == Runner::Nobody
                            && it.name == call.tool
                            && it.arguments == call.input
                    })
        };
        items
            .find(is_it)
            .ok_or("what is run without a place was asked for of nobody")?
            .meets(Fate::Run)
    }

    fn call_dropped(&mut self, place: Place, item: &Arc<Item>) -> Verdict {
        must(
            self.nothing_open(),
            "no call is dropped while an item is open",
        )?;
        let written = self.step_any(place, &[Step::Closed], Step::Closed)?;
        must(
            written.item.as_ref() == Some(item) && written.is_servers(),
            "what is dropped is a call of a tool server, as it was told",
        )?;
        written.meets(Fate::Dropped)
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
            (&call.tool, &call.input, call.depth, call.turn, &call.site)
                == (&slot.tool, &slot.input, slot.depth, slot.turn, &slot.site),
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
        let is_settled = |item: &Written| !item.is_servers() || item.fate != Fate::Open;
        must(
            self.items.iter().all(is_settled),
            "each call of a tool server was run or dropped",
        )?;
        must(
            response.progress.executions == self.calls,
            "the response ends with the executions that were told of",
        )
    }
}
