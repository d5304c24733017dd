//! What happens in a run, as fine as any dialect needs it to tell of it; a dialect may tell an event in several
//! frames, or in none.

use std::sync::Arc;

use crate::execution::Execution;
use crate::id::ItemId;
use crate::item::{CallId, CallKind, Item, Runner};
use crate::response::Response;

/// One thing that happened. Items carry their place among the output items of the response, from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The response was accepted.
    Created(Arc<Response>),
    /// A process works on it.
    Started(Arc<Response>),
    /// The model began an item.
    ItemOpened {
        /// Where it stands.
        place: Place,
        /// What it will be.
        kind: OpenItem,
    },
    /// The model began the text of a message, or of its reasoning.
    PartOpened(Place, TextKind),
    /// More of that text.
    TextDelta(Place, TextKind, Box<str>),
    /// The text is whole.
    TextDone(Place, TextKind, Arc<str>),
    /// The part that held the text is closed.
    PartClosed(Place, TextKind, Arc<str>),
    /// More of the arguments of a call.
    ArgumentsDelta(Place, CallKind, Box<str>),
    /// The arguments are whole.
    ArgumentsDone(Place, Arc<Item>),
    /// The item is as it will stay.
    ItemClosed(Place, Arc<Item>),
    /// A tool is about to run.
    CallStarted(Arc<Execution>),
    /// It ended, or was refused.
    CallReturned(Arc<Execution>),
    /// The run ends without a call that it should have made; what it is.
    CallDropped(Place, Arc<Item>),
    /// The response ended. Always the last event, and only once.
    Ended(Arc<Response>),
}

/// Which item an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The item.
    pub item: ItemId,
    /// Its place among the output items, from 0.
    pub index: u32,
}

/// Which of the two texts a model writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// The answer, or what is said before a tool call.
    Output,
    /// What the model thinks.
    Reasoning,
}

/// What is known of an item when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenItem {
    /// A message of the model.
    Message,
    /// Reasoning.
    Reasoning,
    /// A call of a tool.
    Call {
        /// Ties it to its output.
        call_id: CallId,
        /// The tool, as the model named it.
        name: Arc<str>,
        /// Who runs it.
        runner: Runner,
        /// The request by which its caller allowed it.
        approval: Option<Arc<str>>,
    },
    /// The tools of a server.
    ToolList {
        /// Its label.
        label: Arc<str>,
    },
}
