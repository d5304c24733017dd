//! Deltas into items, and the events they make. The second pure machine of the house: the same
//! deltas give the same items however they were grouped on their way.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::event::{Event, OpenItem, Place, TextKind};
use crate::id::{ExecutionId, ItemId, ResponseId};
use crate::item::{CallId, FunctionCall, Item, ItemBody, ItemStatus, Message, Reasoning, Role};
use crate::ports::llm::Delta;
use crate::response::{Finish, Note};
use crate::run::Answer;
use crate::usage::Usage;

/// Where the items of a turn begin.
#[derive(Debug, Clone, Copy)]
pub struct Begin {
    /// The response they belong to.
    pub response: ResponseId,
    /// The turn that makes them.
    pub turn: u16,
    /// The ordinal of the first.
    pub item: u32,
    /// Its place among the output items.
    pub index: u32,
    /// The ordinal of the first call's execution.
    pub execution: u32,
}

/// A turn that is being written.
#[derive(Debug)]
pub struct Assembler {
    begin: Begin,
    opened: u32,
    text: Option<OpenText>,
    calls: Vec<OpenCall>,
    closed: Vec<Arc<Item>>,
    usage: Option<Usage>,
    notes: Vec<Note>,
    finish: Option<Finish>,
}

#[derive(Debug)]
struct OpenText {
    place: Place,
    kind: TextKind,
    text: String,
}

#[derive(Debug)]
struct OpenCall {
    place: Place,
    call: FunctionCall,
    arguments: String,
}

impl Assembler {
    /// A turn of which nothing is written yet.
    pub fn new(begin: Begin) -> Self {
        Self {
            begin,
            opened: 0,
            text: None,
            calls: Vec::new(),
            closed: Vec::new(),
            usage: None,
            notes: Vec::new(),
            finish: None,
        }
    }

    /// Takes one delta and adds the events it makes.
    pub fn push(&mut self, delta: Delta, events: &mut Vec<Event>) {
        match delta {
            Delta::Text(text) => self.text(TextKind::Output, text, events),
            Delta::Reasoning(text) => self.text(TextKind::Reasoning, text, events),
            Delta::Call {
                slot,
                name,
                arguments,
            } => self.call(slot, name, arguments, events),
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Note(note) => self.notes.push(note),
            Delta::Finish(finish) => self.finish = Some(finish),
        }
    }

    /// The whole turn, after its last delta.
    pub fn finish(mut self, events: &mut Vec<Event>) -> Answer {
        let status = match self.finish {
            Some(Finish::Length | Finish::ContentFilter) => ItemStatus::Incomplete,
            Some(Finish::Stop | Finish::ToolCalls) | None => ItemStatus::Completed,
        };
        self.close_all(status, events);
        Answer {
            finish: self.finish.unwrap_or(if self.calls.is_empty() {
                Finish::Stop
            } else {
                Finish::ToolCalls
            }),
            items: self.closed,
            usage: self.usage,
            notes: self.notes,
        }
    }

    /// What was written of a turn that will not come to its end.
    pub fn abandon(mut self, events: &mut Vec<Event>) -> Vec<Arc<Item>> {
        self.close_all(ItemStatus::Incomplete, events);
        self.closed
    }

    fn open(&mut self) -> Place {
        let place = Place {
            item: ItemId::new(
                self.begin.response.raw(),
                self.begin.item.saturating_add(self.opened),
            ),
            index: self.begin.index.saturating_add(self.opened),
        };
        self.opened = self.opened.saturating_add(1);
        place
    }

    fn text(&mut self, kind: TextKind, delta: Box<str>, events: &mut Vec<Event>) {
        if delta.is_empty() {
            return;
        }
        if self.text.as_ref().is_some_and(|open| open.kind != kind) {
            self.close_text(ItemStatus::Completed, events);
        }
        let mut open = match self.text.take() {
            Some(open) => open,
            None => self.open_text(kind, delta.len(), events),
        };
        open.text.push_str(&delta);
        events.push(Event::TextDelta(open.place, kind, delta));
        self.text = Some(open);
    }

    fn open_text(&mut self, kind: TextKind, length: usize, events: &mut Vec<Event>) -> OpenText {
        let place = self.open();
        let item = match kind {
            TextKind::Output => OpenItem::Message,
            TextKind::Reasoning => OpenItem::Reasoning,
        };
        events.push(Event::ItemOpened { place, kind: item });
        events.push(Event::PartOpened(place, kind));
        OpenText {
            place,
            kind,
            text: String::with_capacity(length),
        }
    }

    fn close_text(&mut self, status: ItemStatus, events: &mut Vec<Event>) {
        let Some(OpenText { place, kind, text }) = self.text.take() else {
            return;
        };
        let text: Arc<str> = text.into();
        events.push(Event::TextDone(place, kind, Arc::clone(&text)));
        events.push(Event::PartClosed(place, kind, Arc::clone(&text)));
        let body = match kind {
            TextKind::Output => ItemBody::Message(Message::text(Role::Assistant, text)),
            TextKind::Reasoning => ItemBody::Reasoning(Reasoning { text }),
        };
        self.close_item(place, status, body, events);
    }

    fn call(
        &mut self,
        slot: u32,
        name: Option<Arc<str>>,
        arguments: Box<str>,
        events: &mut Vec<Event>,
    ) {
        let at = usize::try_from(slot).unwrap_or(usize::MAX);
        if at >= self.calls.len() {
            // Slots are dense: a number past the end is the next call, whatever it says.
            self.close_text(ItemStatus::Completed, events);
            let place = self.open();
            let call_id = self.call_id(self.calls.len());
            let name = name.unwrap_or_else(|| Arc::from(""));
            let kind = OpenItem::Call {
                call_id: call_id.clone(),
                name: Arc::clone(&name),
            };
            events.push(Event::ItemOpened { place, kind });
            let call = FunctionCall {
                call_id,
                name,
                arguments: Arc::from(""),
            };
            self.calls.push(OpenCall {
                place,
                call,
                arguments: String::new(),
            });
        }
        let last = self.calls.len().saturating_sub(1);
        if let Some(open) = self.calls.get_mut(at.min(last))
            && !arguments.is_empty()
        {
            open.arguments.push_str(&arguments);
            events.push(Event::ArgumentsDelta(open.place, arguments));
        }
    }

    fn call_id(&self, slot: usize) -> CallId {
        let ordinal = self
            .begin
            .execution
            .saturating_add(super::limits::narrow(slot));
        let execution = ExecutionId::new(self.begin.response.raw(), ordinal).to_string();
        let mut text = String::with_capacity(40);
        let body = execution.split_once('_').map_or("", |(_, body)| body);
        // Writing to a String cannot fail.
        let _ = write!(text, "call_{body}");
        CallId(text.into())
    }

    fn close_all(&mut self, status: ItemStatus, events: &mut Vec<Event>) {
        self.close_text(status, events);
        for index in 0..self.calls.len() {
            let Some(open) = self.calls.get_mut(index) else {
                continue;
            };
            let text = std::mem::take(&mut open.arguments);
            let arguments: Arc<str> = if text.trim().is_empty() {
                Arc::from("{}")
            } else {
                text.into()
            };
            let place = open.place;
            let body = ItemBody::FunctionCall(FunctionCall {
                arguments,
                ..open.call.clone()
            });
            let item = self.item(place, status, body);
            events.push(Event::ArgumentsDone(place, Arc::clone(&item)));
            events.push(Event::ItemClosed(place, Arc::clone(&item)));
            self.closed.push(item);
        }
        self.closed.sort_by_key(|item| item.id);
    }

    fn close_item(
        &mut self,
        place: Place,
        status: ItemStatus,
        body: ItemBody,
        events: &mut Vec<Event>,
    ) {
        let item = self.item(place, status, body);
        events.push(Event::ItemClosed(place, Arc::clone(&item)));
        self.closed.push(item);
    }

    fn item(&self, place: Place, status: ItemStatus, body: ItemBody) -> Arc<Item> {
        Arc::new(Item {
            id: place.item,
            turn: self.begin.turn,
            status,
            body,
        })
    }
}
