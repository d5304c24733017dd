//! What turns that nobody finished leave behind, and how a run ends that nobody drives.

use std::sync::Arc;

use super::assemble::{text_body, whole_call};
use crate::event::{Event, OpenItem, Place, TextKind};
use crate::execution::ExecutionState;
use crate::item::{Item, ItemBody, ItemStatus, Runner, ToolList};
use crate::ports::queue::Standing;
use crate::response::Response;
use crate::run::ending::said_last;
use crate::status::Status;
use crate::work::{Append, Guard, UnitOfWork};

/// What was told of turns that will not come to their end.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LeftBehind {
    /// The items they had begun, in order.
    pub(super) items: Vec<Arc<Item>>,
    /// The events that close those that are open.
    pub(super) events: Vec<Event>,
}

/// An item as far as it was told.
struct Told<'a> {
    place: Place,
    kind: &'a OpenItem,
    text: String,
    step: Step,
    closed: Option<&'a Arc<Item>>,
    was_dropped: bool,
}

/// What an item had last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Opened,
    Begun,
    Whole,
    PartClosed,
}

/// Reads off the log what was told since the last step that is over: mostly of one turn, and of the empty
/// ones before it. An item that is open gets the number of the last turn that is known.
pub(super) fn left_behind(standing: &Standing) -> LeftBehind {
    let mut told: Vec<Told<'_>> = Vec::new();
    for event in &standing.tail {
        if let Event::ItemOpened { place, kind } = event {
            told.push(Told::new(*place, kind));
        } else if let Some(item) = subject(event).and_then(|place| {
            let mut items = told.iter_mut();
            items.find(|item| item.place == place)
        }) {
            item.read(event);
        }
    }
    let asked = standing.checkpoint.as_ref().map_or(1, |it| it.next_turn);
    let closed = told.iter().filter_map(|item| item.closed);
    let turn = closed.map(|item| item.turn).fold(asked, u16::max);
    let mut left = LeftBehind::default();
    let mut dropped = Vec::new();
    for item in told {
        let (place, was_dropped) = (item.place, item.was_dropped);
        let item = item.close(turn, &mut left.events);
        let is_servers = item
            .as_call()
            .is_some_and(|call| matches!(call.runner, Runner::Server(_)));
        if is_servers && !was_dropped {
            dropped.push(Event::CallDropped(place, Arc::clone(&item)));
        }
        left.items.push(item);
    }
    left.events.extend(dropped);
    left
}

impl<'a> Told<'a> {
    fn new(place: Place, kind: &'a OpenItem) -> Self {
        Self {
            place,
            kind,
            text: String::new(),
            step: Step::Opened,
            closed: None,
            was_dropped: false,
        }
    }

    fn read(&mut self, event: &'a Event) {
        match event {
            Event::PartOpened(..) => self.step = Step::Begun,
            Event::TextDelta(_, _, text) | Event::ArgumentsDelta(_, _, text) => {
                self.text.push_str(text);
            }
            Event::TextDone(..) | Event::ArgumentsDone(..) => self.step = Step::Whole,
            Event::PartClosed(..) => self.step = Step::PartClosed,
            Event::ItemClosed(_, item) => self.closed = Some(item),
            Event::CallDropped(..) => self.was_dropped = true,
            _ => {}
        }
    }

    /// The item as it stays, and the events that are missing to that.
    fn close(self, turn: u16, events: &mut Vec<Event>) -> Arc<Item> {
        if let Some(item) = self.closed {
            return Arc::clone(item);
        }
        let place = self.place;
        let item = |body| {
            Arc::new(Item {
                id: place.item,
                turn,
                status: ItemStatus::Incomplete,
                body,
            })
        };
        let kind = match self.kind {
            OpenItem::Message => TextKind::Output,
            OpenItem::Reasoning => TextKind::Reasoning,
            OpenItem::ToolList { label } => {
                let list = ToolList {
                    label: Arc::clone(label),
                    tools: Err(Arc::from("the list did not come")),
                };
                let item = item(ItemBody::ToolList(list));
                events.push(Event::ItemClosed(place, Arc::clone(&item)));
                return item;
            }
            OpenItem::Call {
                call_id,
                name,
                runner,
                approval,
            } => {
                let mut call = whole_call(call_id.clone(), Arc::clone(name), self.text);
                call.runner = runner.clone();
                call.approval.clone_from(approval);
                let item = item(ItemBody::FunctionCall(call));
                if self.step < Step::Whole {
                    events.push(Event::ArgumentsDone(place, Arc::clone(&item)));
                }
                events.push(Event::ItemClosed(place, Arc::clone(&item)));
                return item;
            }
        };
        let text: Arc<str> = self.text.into();
        let missing = [
            (Step::Begun, Event::PartOpened(place, kind)),
            (Step::Whole, Event::TextDone(place, kind, Arc::clone(&text))),
            (
                Step::PartClosed,
                Event::PartClosed(place, kind, Arc::clone(&text)),
            ),
        ];
        let missing = missing.into_iter().filter(|(step, _)| self.step < *step);
        events.extend(missing.map(|(_, event)| event));
        let item = item(text_body(kind, text));
        events.push(Event::ItemClosed(place, Arc::clone(&item)));
        item
    }
}

/// Which item an event is about.
fn subject(event: &Event) -> Option<Place> {
    match event {
        Event::ItemOpened { place, .. }
        | Event::PartOpened(place, _)
        | Event::TextDelta(place, ..)
        | Event::TextDone(place, ..)
        | Event::PartClosed(place, ..)
        | Event::ArgumentsDelta(place, ..)
        | Event::ArgumentsDone(place, _)
        | Event::ItemClosed(place, _)
        | Event::CallDropped(place, _) => Some(*place),
        Event::Created(_)
        | Event::Started(_)
        | Event::CallStarted(_)
        | Event::CallReturned(_)
        | Event::Ended(_) => None,
    }
}

impl Standing {
    /// Ends the response as `ended` says, which was made of this one: what is open is closed, and told. The
    /// output of one that was cancelled is what was said last, by the turn under way or before it in `own`,
    /// the items of the response.
    pub fn end(&self, mut ended: Response, own: &[Arc<Item>], guard: Guard) -> UnitOfWork {
        let left = left_behind(self);
        if *ended.status() == Status::Cancelled {
            ended.progress.output = said_last(&left.items).or_else(|| said_last(own));
        }
        let mut events = left.events;
        let was_open = |index: usize| {
            let before = self.response.progress.executions.get(index);
            before.is_some_and(|it| it.state == ExecutionState::Started)
        };
        for (index, execution) in ended.progress.executions.iter().enumerate() {
            if was_open(index) {
                events.push(Event::CallReturned(Arc::clone(execution)));
            }
        }
        let executions = ended.progress.executions.clone();
        let response = Arc::new(ended);
        events.push(Event::Ended(Arc::clone(&response)));
        UnitOfWork {
            guard,
            response,
            items: left.items,
            executions,
            checkpoint: None,
            log: Append::whole(self.next, events),
        }
    }
}
