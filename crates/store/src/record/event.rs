//! A window of the log: events in order, in JSON as short as it can be read. An event names its item by two
//! numbers, the item's own and its place in the output. What is a row elsewhere is not said again: the
//! response is not in it, nor is an execution but for its number.
//!
//! When an item is closed, its text is told three times: alone, as a part, and in the item. In one window
//! it is written once, with the item; the other two then bear no text of their own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use response_domain::event::{Event, OpenItem, Place, TextKind};
use response_domain::id::{ItemId, RawId, ResponseId};
use response_domain::item::{CallId, CallKind, Item, ItemBody, ItemStatus, Part, Runner};
use serde::{Deserialize, Serialize};

use super::item::{BodyRecord, RunnerRecord, length};
use super::{RecordError, V1, read, word, write};

#[derive(Serialize, Deserialize)]
struct LogRecord<'a> {
    v: V1,
    #[serde(borrow)]
    e: Vec<EventRecord<'a>>,
}

/// The two numbers are the item's ordinal and its index among the output items.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventRecord<'a> {
    Created,
    Started,
    Ended,
    Open(u32, u32, #[serde(borrow)] OpenRecord<'a>),
    Part(u32, u32, #[serde(with = "word")] TextKind),
    Text(
        u32,
        u32,
        #[serde(with = "word")] TextKind,
        #[serde(borrow)] Cow<'a, str>,
    ),
    TextDone(
        u32,
        u32,
        #[serde(with = "word")] TextKind,
        #[serde(borrow)] Option<Cow<'a, str>>,
    ),
    PartDone(
        u32,
        u32,
        #[serde(with = "word")] TextKind,
        #[serde(borrow)] Option<Cow<'a, str>>,
    ),
    /// Whose the call is, unless its caller's, comes last.
    Args(
        u32,
        u32,
        #[serde(borrow)] Cow<'a, str>,
        #[serde(with = "word", skip_serializing_if = "is_callers", default = "callers")] CallKind,
    ),
    ArgsDone(u32, u32, #[serde(borrow)] Option<ClosedRecord<'a>>),
    Closed(u32, u32, #[serde(borrow)] ClosedRecord<'a>),
    /// The ordinal of the execution, as the next.
    Call(u32),
    Returned(u32),
    Dropped(u32, u32, #[serde(borrow)] ClosedRecord<'a>),
}

const fn callers() -> CallKind {
    CallKind::Callers
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_callers(kind: &CallKind) -> bool {
    *kind == CallKind::Callers
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OpenRecord<'a> {
    Message,
    Reasoning,
    /// The id of the call, the tool's name, and who runs it, unless it is the caller.
    Call(
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)] Option<ByRecord<'a>>,
    ),
    /// The label of the server.
    ToolList(#[serde(borrow)] Cow<'a, str>),
}

/// Who runs a call, and the request by which its caller allowed it.
#[derive(Serialize, Deserialize)]
struct ByRecord<'a>(
    #[serde(borrow)] RunnerRecord<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)] Option<Cow<'a, str>>,
);

impl<'a> ByRecord<'a> {
    fn of(runner: &'a Runner, approval: Option<&'a Arc<str>>) -> Option<Self> {
        let runner = RunnerRecord::of(runner);
        let approval = approval.map(|id| Cow::Borrowed(&**id));
        if runner.is_none() && approval.is_none() {
            return None;
        }
        Some(Self(runner.unwrap_or(RunnerRecord::Caller), approval))
    }
}

/// An item without its id, which its place tells.
#[derive(Serialize, Deserialize)]
struct ClosedRecord<'a> {
    turn: u16,
    #[serde(with = "word")]
    status: ItemStatus,
    #[serde(borrow)]
    body: BodyRecord<'a>,
}

/// An event as a window holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// All of it.
    Whole(Event),
    /// The response was accepted.
    Created,
    /// A process works on it.
    Started,
    /// It ended.
    Ended,
    /// The execution of this ordinal is about to run.
    CallStarted(u32),
    /// The execution of this ordinal ended.
    CallReturned(u32),
}

/// An event tells of another response than the one whose log it is to go into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strange;

/// The record of these events of a response.
pub(crate) fn write_events(response: ResponseId, events: &[Event]) -> Result<String, Strange> {
    let mut writer = Writer {
        response,
        closed: HashMap::new(),
        about: 16,
    };
    // From the last one back, so that an item is known before what was told of it.
    let records = events.iter().rev().map(|event| writer.record(event));
    let mut e = records.collect::<Result<Vec<_>, _>>()?;
    e.reverse();
    Ok(write(&LogRecord { v: V1, e }, writer.about))
}

struct Writer<'a> {
    response: ResponseId,
    /// The items that are closed further on.
    closed: HashMap<ItemId, &'a Arc<Item>>,
    about: usize,
}

impl<'a> Writer<'a> {
    fn record(&mut self, event: &'a Event) -> Result<EventRecord<'a>, Strange> {
        self.about += 32;
        Ok(match event {
            Event::Created(response) => self.own(response.id.raw(), EventRecord::Created)?,
            Event::Started(response) => self.own(response.id.raw(), EventRecord::Started)?,
            Event::Ended(response) => self.own(response.id.raw(), EventRecord::Ended)?,
            Event::ItemOpened { place, kind } => {
                let (item, index) = self.place(*place)?;
                EventRecord::Open(item, index, OpenRecord::of(kind))
            }
            Event::PartOpened(place, kind) => {
                let (item, index) = self.place(*place)?;
                EventRecord::Part(item, index, *kind)
            }
            Event::TextDelta(place, kind, text) => {
                let (item, index) = self.place(*place)?;
                EventRecord::Text(item, index, *kind, self.text(text))
            }
            Event::TextDone(place, kind, text) => {
                let (item, index) = self.place(*place)?;
                EventRecord::TextDone(item, index, *kind, self.unless_closed(*place, text))
            }
            Event::PartClosed(place, kind, text) => {
                let (item, index) = self.place(*place)?;
                EventRecord::PartDone(item, index, *kind, self.unless_closed(*place, text))
            }
            Event::ArgumentsDelta(place, kind, text) => {
                let (item, index) = self.place(*place)?;
                EventRecord::Args(item, index, self.text(text), *kind)
            }
            Event::ArgumentsDone(place, item) => {
                let (ordinal, index) = self.place_of(*place, item)?;
                let closed = self.closed.get(&place.item);
                let is_told = closed.is_some_and(|closed| *closed == item);
                let record = (!is_told).then(|| self.closed_record(item));
                EventRecord::ArgsDone(ordinal, index, record)
            }
            Event::ItemClosed(place, item) => {
                let (ordinal, index) = self.place_of(*place, item)?;
                self.closed.insert(item.id, item);
                EventRecord::Closed(ordinal, index, self.closed_record(item))
            }
            Event::CallStarted(call) => {
                EventRecord::Call(self.own(call.id.parent, call.id.ordinal)?)
            }
            Event::CallReturned(call) => {
                EventRecord::Returned(self.own(call.id.parent, call.id.ordinal)?)
            }
            Event::CallDropped(place, item) => {
                let (ordinal, index) = self.place_of(*place, item)?;
                EventRecord::Dropped(ordinal, index, self.closed_record(item))
            }
        })
    }

    /// What belongs to the response whose log it is.
    fn own<T>(&self, parent: RawId, part: T) -> Result<T, Strange> {
        if parent == self.response.raw() {
            Ok(part)
        } else {
            Err(Strange)
        }
    }

    fn place(&self, place: Place) -> Result<(u32, u32), Strange> {
        let ordinal = self.own(place.item.parent, place.item.ordinal)?;
        Ok((ordinal, place.index))
    }

    fn place_of(&self, place: Place, item: &Item) -> Result<(u32, u32), Strange> {
        if item.id == place.item {
            self.place(place)
        } else {
            Err(Strange)
        }
    }

    fn text(&mut self, text: &'a str) -> Cow<'a, str> {
        self.about += text.len();
        Cow::Borrowed(text)
    }

    /// The text, unless the item that is closed further on has the same.
    fn unless_closed(&mut self, place: Place, text: &'a str) -> Option<Cow<'a, str>> {
        let closed = self.closed.get(&place.item).copied();
        let is_told = closed
            .and_then(|item| own_text(item))
            .is_some_and(|known| **known == *text);
        (!is_told).then(|| self.text(text))
    }

    fn closed_record(&mut self, item: &'a Item) -> ClosedRecord<'a> {
        self.about += length(&item.body);
        ClosedRecord {
            turn: item.turn,
            status: item.status,
            body: BodyRecord::of(&item.body),
        }
    }
}

/// The text of an item that is one text.
fn own_text(item: &Item) -> Option<&Arc<str>> {
    match &item.body {
        ItemBody::Message(message) => match message.content.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        },
        ItemBody::Reasoning(reasoning) => Some(&reasoning.text),
        ItemBody::FunctionCall(_)
        | ItemBody::FunctionCallOutput(_)
        | ItemBody::ApprovalResponse(_)
        | ItemBody::ToolList(_)
        | ItemBody::Compaction(_)
        | ItemBody::Foreign(_) => None,
    }
}

/// The events of a response that `text` records.
pub(crate) fn read_events(response: ResponseId, text: &str) -> Result<Vec<Told>, RecordError> {
    let record: LogRecord<'_> = read(text)?;
    let mut reader = Reader {
        response,
        closed: HashMap::new(),
    };
    let told = record.e.into_iter().rev().map(|event| reader.told(event));
    let mut told = told.collect::<Result<Vec<_>, _>>()?;
    told.reverse();
    Ok(told)
}

struct Reader {
    response: ResponseId,
    /// The items that are closed further on.
    closed: HashMap<u32, Arc<Item>>,
}

impl Reader {
    fn told(&mut self, record: EventRecord<'_>) -> Result<Told, RecordError> {
        Ok(Told::Whole(match record {
            EventRecord::Created => return Ok(Told::Created),
            EventRecord::Started => return Ok(Told::Started),
            EventRecord::Ended => return Ok(Told::Ended),
            EventRecord::Call(ordinal) => return Ok(Told::CallStarted(ordinal)),
            EventRecord::Returned(ordinal) => return Ok(Told::CallReturned(ordinal)),
            EventRecord::Open(item, index, kind) => Event::ItemOpened {
                place: self.place(item, index),
                kind: kind.restore(),
            },
            EventRecord::Part(item, index, kind) => {
                Event::PartOpened(self.place(item, index), kind)
            }
            EventRecord::Text(item, index, kind, text) => {
                Event::TextDelta(self.place(item, index), kind, text.into())
            }
            EventRecord::TextDone(item, index, kind, text) => {
                Event::TextDone(self.place(item, index), kind, self.text(item, text)?)
            }
            EventRecord::PartDone(item, index, kind, text) => {
                Event::PartClosed(self.place(item, index), kind, self.text(item, text)?)
            }
            EventRecord::Args(item, index, text, kind) => {
                Event::ArgumentsDelta(self.place(item, index), kind, text.into())
            }
            EventRecord::ArgsDone(item, index, closed) => {
                let whole = match closed {
                    Some(closed) => self.item(item, closed),
                    None => Arc::clone(self.closed.get(&item).ok_or(RecordError::Absent)?),
                };
                Event::ArgumentsDone(self.place(item, index), whole)
            }
            EventRecord::Closed(item, index, closed) => {
                let whole = self.item(item, closed);
                self.closed.insert(item, Arc::clone(&whole));
                Event::ItemClosed(self.place(item, index), whole)
            }
            EventRecord::Dropped(item, index, closed) => {
                Event::CallDropped(self.place(item, index), self.item(item, closed))
            }
        }))
    }

    fn place(&self, ordinal: u32, index: u32) -> Place {
        let item = ItemId::new(self.response.raw(), ordinal);
        Place { item, index }
    }

    fn item(&self, ordinal: u32, record: ClosedRecord<'_>) -> Arc<Item> {
        Arc::new(Item {
            id: ItemId::new(self.response.raw(), ordinal),
            turn: record.turn,
            status: record.status,
            body: record.body.restore(),
        })
    }

    fn text(&self, ordinal: u32, text: Option<Cow<'_, str>>) -> Result<Arc<str>, RecordError> {
        if let Some(text) = text {
            return Ok(text.into());
        }
        let item = self.closed.get(&ordinal).ok_or(RecordError::Absent)?;
        own_text(item).cloned().ok_or(RecordError::Absent)
    }
}

impl<'a> OpenRecord<'a> {
    fn of(kind: &'a OpenItem) -> Self {
        match kind {
            OpenItem::Message => Self::Message,
            OpenItem::Reasoning => Self::Reasoning,
            OpenItem::Call {
                call_id,
                name,
                runner,
                approval,
            } => Self::Call(
                Cow::Borrowed(&call_id.0),
                Cow::Borrowed(name),
                ByRecord::of(runner, approval.as_ref()),
            ),
            OpenItem::ToolList { label } => Self::ToolList(Cow::Borrowed(label)),
        }
    }

    fn restore(self) -> OpenItem {
        match self {
            Self::Message => OpenItem::Message,
            Self::Reasoning => OpenItem::Reasoning,
            Self::Call(call_id, name, by) => {
                let (runner, approval) = match by {
                    Some(ByRecord(runner, approval)) => (runner.restore(), approval),
                    None => (Runner::Caller, None),
                };
                OpenItem::Call {
                    call_id: CallId(call_id.into()),
                    name: name.into(),
                    runner,
                    approval: approval.map(Into::into),
                }
            }
            Self::ToolList(label) => OpenItem::ToolList {
                label: label.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
