//! Items as a caller is shown them: the call of a tool server and what came of it are one entry, and what
//! only the model reads is none.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Event, OpenItem, Place, TextKind};
use crate::execution::{Execution, ExecutionState};
use crate::item::{CallId, Item, ItemBody, OutputVerdict, Part, Runner};
use crate::response::Response;
use crate::status::Status;

/// An item, with what came of it when it is the call of a tool server.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The item.
    pub item: Arc<Item>,
    /// What came of it.
    pub reply: Reply,
}

/// What came of the call of a tool server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is no such call.
    NotACall,
    /// Nothing, so far or for good.
    Nothing,
    /// What the tool said.
    Said(Arc<str>),
    /// Why it said nothing.
    Failed(Arc<str>),
}

impl From<&ExecutionState> for Reply {
    fn from(state: &ExecutionState) -> Self {
        match state {
            ExecutionState::Started => Self::Nothing,
            ExecutionState::Completed(text) => Self::Said(Arc::clone(text)),
            ExecutionState::Failed(text) => Self::Failed(Arc::clone(text)),
            ExecutionState::TimedOut => Self::Failed("the tool did not answer in time".into()),
            ExecutionState::Cancelled => {
                Self::Failed("the run ended before the tool answered".into())
            }
            ExecutionState::Unknown => {
                Self::Failed("it is not known whether the tool did what was asked".into())
            }
        }
    }
}

/// The output of a response, in order: of `items` those that it wrote and that have a place there.
pub fn output(response: &Response, items: &[Arc<Item>]) -> Vec<Entry> {
    let executions = &response.progress.executions;
    let of_call = |item: &Item| {
        let is_its = |it: &&Arc<Execution>| {
            it.site
                .as_ref()
                .is_some_and(|site| site.item == item.id.ordinal)
        };
        let found = executions.iter().find(is_its);
        found.map_or(Reply::Nothing, |it| Reply::from(&it.state))
    };
    let own = items
        .iter()
        .filter(|item| item.turn > 0 && item.is_output() && item.id.parent == response.id.raw());
    own.map(|item| Entry {
        item: Arc::clone(item),
        reply: if is_servers(item) {
            of_call(item)
        } else {
            Reply::NotACall
        },
    })
    .collect()
}

/// The entries of a transcript, in order: outputs of tool servers are told with their calls, and calls
/// that nobody ran are left out with what was said of them.
pub fn transcript(items: &[Arc<Item>]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open: HashMap<&CallId, Option<usize>> = HashMap::new();
    for item in items {
        let reply = match &item.body {
            ItemBody::FunctionCall(call) => match &call.runner {
                Runner::Nobody => {
                    open.insert(&call.call_id, None);
                    continue;
                }
                Runner::Server(_) => {
                    open.insert(&call.call_id, Some(entries.len()));
                    Reply::Nothing
                }
                Runner::Caller | Runner::Asks(_) => Reply::NotACall,
            },
            ItemBody::FunctionCallOutput(output) => {
                if let Some(place) = open.remove(&output.call_id) {
                    let entry = place.and_then(|place| entries.get_mut(place));
                    if let Some(entry) = entry {
                        let text = Arc::clone(&output.output);
                        entry.reply = match output.verdict {
                            OutputVerdict::Result => Reply::Said(text),
                            OutputVerdict::Complaint => Reply::Failed(text),
                        };
                    }
                    continue;
                }
                Reply::NotACall
            }
            _ => Reply::NotACall,
        };
        let item = Arc::clone(item);
        entries.push(Entry { item, reply });
    }
    entries
}

/// What came of the call of a tool server, among `items`.
pub fn output_of<'a>(items: &'a [Arc<Item>], call: &Item) -> Option<&'a Arc<Item>> {
    let wanted = call.as_call().filter(|_| is_servers(call))?;
    items.iter().find(|item| {
        let is_its = |id: &CallId| item.id.parent == call.id.parent && *id == wanted.call_id;
        matches!(&item.body, ItemBody::FunctionCallOutput(output) if is_its(&output.call_id))
    })
}

fn is_servers(item: &Item) -> bool {
    item.as_call()
        .is_some_and(|call| matches!(call.runner, Runner::Server(_)))
}

/// What an ended response would have told somebody who read along, made up from what is kept of it: each
/// text and all arguments in one piece.
pub fn retold(response: &Arc<Response>, items: &[Arc<Item>]) -> Vec<Event> {
    let accepted = Arc::new(response.as_accepted());
    let mut events = vec![Event::Created(Arc::clone(&accepted))];
    if response.times.started.is_some() && *accepted.status() == Status::InProgress {
        events.push(Event::Started(accepted));
    }
    let executions = &response.progress.executions;
    for (index, entry) in (0..).zip(output(response, items)) {
        let item = entry.item;
        let place = Place {
            item: item.id,
            index,
        };
        retell_item(place, &item, &mut events);
        if entry.reply == Reply::NotACall {
            continue;
        }
        let its = |it: &&Arc<Execution>| {
            it.site
                .as_ref()
                .is_some_and(|site| site.item == item.id.ordinal)
        };
        match executions.iter().find(its) {
            Some(execution) => {
                let mut started = Execution::clone(execution);
                started.state = ExecutionState::Started;
                started.duration = None;
                events.push(Event::CallStarted(Arc::new(started)));
                events.push(Event::CallReturned(Arc::clone(execution)));
            }
            None => events.push(Event::CallDropped(place, item)),
        }
    }
    events.push(Event::Ended(Arc::clone(response)));
    events
}

fn retell_item(place: Place, item: &Arc<Item>, events: &mut Vec<Event>) {
    match &item.body {
        ItemBody::Message(message) => {
            let kind = OpenItem::Message;
            events.push(Event::ItemOpened { place, kind });
            for part in &message.content {
                if let Part::Text(text) = part {
                    retell_text(place, TextKind::Output, text, events);
                }
            }
        }
        ItemBody::Reasoning(reasoning) => {
            let kind = OpenItem::Reasoning;
            events.push(Event::ItemOpened { place, kind });
            retell_text(place, TextKind::Reasoning, &reasoning.text, events);
        }
        ItemBody::FunctionCall(call) => {
            let kind = OpenItem::Call {
                call_id: call.call_id.clone(),
                name: Arc::clone(&call.name),
                runner: call.runner.clone(),
                approval: call.approval.clone(),
            };
            events.push(Event::ItemOpened { place, kind });
            let whole = call.arguments.as_ref().into();
            events.push(Event::ArgumentsDelta(place, call.runner.kind(), whole));
            events.push(Event::ArgumentsDone(place, Arc::clone(item)));
        }
        ItemBody::ToolList(list) => {
            let label = Arc::clone(&list.label);
            let kind = OpenItem::ToolList { label };
            events.push(Event::ItemOpened { place, kind });
        }
        // None of these is written by a run.
        ItemBody::FunctionCallOutput(_)
        | ItemBody::ApprovalResponse(_)
        | ItemBody::Compaction(_)
        | ItemBody::Foreign(_) => return,
    }
    events.push(Event::ItemClosed(place, Arc::clone(item)));
}

fn retell_text(place: Place, kind: TextKind, text: &Arc<str>, events: &mut Vec<Event>) {
    events.push(Event::PartOpened(place, kind));
    events.push(Event::TextDelta(place, kind, text.as_ref().into()));
    events.push(Event::TextDone(place, kind, Arc::clone(text)));
    events.push(Event::PartClosed(place, kind, Arc::clone(text)));
}
