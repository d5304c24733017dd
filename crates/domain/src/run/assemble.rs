//! Deltas into items, and the events they make. The second pure machine of the house: the same
//! deltas give the same items however they were grouped on their way.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::event::{Event, OpenItem, Place, TextKind};
use crate::id::{ItemId, ResponseId};
use crate::item::{
    CallId, FunctionCall, Item, ItemBody, ItemStatus, Message, Reasoning, Role, Runner,
};
use crate::ports::llm::Delta;
use crate::response::{Finish, Note};
use crate::run::Answer;
use crate::run::offer::runner;
use crate::tool::ToolSpec;
use crate::usage::Usage;

/// Where the items of a turn begin.
#[derive(Debug, Clone)]
pub struct Begin {
    /// The response they belong to.
    pub response: ResponseId,
    /// The turn that makes them.
    pub turn: u16,
    /// The ordinal of the first.
    pub item: u32,
    /// Its place among the output items.
    pub index: u32,
    /// The tools that the model may call.
    pub tools: Arc<[Arc<ToolSpec>]>,
}

/// Seals the text of reasoning for its owner; nothing when that cannot be done.
#[derive(Clone)]
pub struct Seal(pub Arc<SealText>);

/// See [`Seal`].
pub type SealText = dyn Fn(&str) -> Option<Arc<str>> + Send + Sync;

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// A turn that is being written.
#[derive(Debug)]
pub struct Assembler {
    begin: Begin,
    seal: Option<Seal>,
    /// Items opened so far, and those of them that have a place in the output.
    opened: u32,
    placed: u32,
    text: Option<OpenText>,
    calls: Vec<OpenCall>,
    /// Which of the calls has which slot.
    slots: HashMap<u32, usize>,
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
    call_id: CallId,
    name: Arc<str>,
    runner: Runner,
    arguments: String,
}

impl OpenCall {
    fn push(&mut self, arguments: Box<str>, events: &mut Vec<Event>) {
        if !arguments.is_empty() {
            self.arguments.push_str(&arguments);
            events.push(Event::ArgumentsDelta(
                self.place,
                self.runner.kind(),
                arguments,
            ));
        }
    }
}

impl Assembler {
    /// A turn of which nothing is written yet.
    pub fn new(begin: Begin) -> Self {
        Self {
            begin,
            seal: None,
            opened: 0,
            placed: 0,
            text: None,
            calls: Vec::new(),
            slots: HashMap::new(),
            closed: Vec::new(),
            usage: None,
            notes: Vec::new(),
            finish: None,
        }
    }

    /// The same, giving reasoning away sealed as well.
    #[must_use]
    pub fn sealing(mut self, seal: Option<Seal>) -> Self {
        self.seal = seal;
        self
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
        let without_a_word = if self.calls.is_empty() {
            Finish::Stop
        } else {
            Finish::ToolCalls
        };
        self.close_all(status, events);
        Answer {
            finish: self.finish.unwrap_or(without_a_word),
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

    fn open(&mut self, has_index: bool) -> Place {
        let place = Place {
            item: ItemId::new(
                self.begin.response.raw(),
                self.begin.item.saturating_add(self.opened),
            ),
            index: self.begin.index.saturating_add(self.placed),
        };
        self.opened = self.opened.saturating_add(1);
        self.placed = self.placed.saturating_add(u32::from(has_index));
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
        let place = self.open(true);
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
        let body = match text_body(kind, text) {
            ItemBody::Reasoning(mut reasoning) => {
                let seal = self.seal.as_ref();
                reasoning.sealed = seal.and_then(|Seal(seal)| seal(&reasoning.text));
                ItemBody::Reasoning(reasoning)
            }
            other => other,
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
        let known = self.slots.get(&slot);
        if let Some(open) = known.and_then(|&call| self.calls.get_mut(call)) {
            open.push(arguments, events);
            return;
        }
        self.close_text(ItemStatus::Completed, events);
        let name = name.unwrap_or_else(|| Arc::from(""));
        let runner = runner(&self.begin.tools, &name);
        let place = self.open(runner != Runner::Nobody);
        let call_id = call_id(place.item);
        events.push(Event::ItemOpened {
            place,
            kind: OpenItem::Call {
                call_id: call_id.clone(),
                name: Arc::clone(&name),
                runner: runner.clone(),
                approval: None,
            },
        });
        let mut open = OpenCall {
            place,
            call_id,
            name,
            runner,
            arguments: String::new(),
        };
        open.push(arguments, events);
        self.slots.insert(slot, self.calls.len());
        self.calls.push(open);
    }

    fn close_all(&mut self, status: ItemStatus, events: &mut Vec<Event>) {
        self.close_text(status, events);
        for open in std::mem::take(&mut self.calls) {
            let mut call = whole_call(open.call_id, open.name, open.arguments);
            call.runner = open.runner;
            let body = ItemBody::FunctionCall(call);
            let item = self.item(open.place, status, body);
            events.push(Event::ArgumentsDone(open.place, Arc::clone(&item)));
            events.push(Event::ItemClosed(open.place, Arc::clone(&item)));
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

/// What a text is when it is whole, or cut short.
pub(super) fn text_body(kind: TextKind, text: Arc<str>) -> ItemBody {
    match kind {
        TextKind::Output => ItemBody::Message(Message::text(Role::Assistant, text)),
        TextKind::Reasoning => ItemBody::Reasoning(Reasoning::text(text)),
    }
}

/// A call when it is whole, or cut short; the caller's, unless somebody knows better.
pub(super) fn whole_call(call_id: CallId, name: Arc<str>, arguments: String) -> FunctionCall {
    let arguments: Arc<str> = if arguments.trim().is_empty() {
        Arc::from("{}")
    } else {
        arguments.into()
    };
    FunctionCall::of_caller(call_id, name, arguments)
}

/// The name of the call that this item is: the item's own number, so no two calls of a run share one.
pub(super) fn call_id(item: ItemId) -> CallId {
    let item = item.to_string();
    let body = item.strip_prefix("item_").unwrap_or(&item);
    CallId(format!("call_{body}").into())
}
