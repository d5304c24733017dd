//! One item of a stream: what it is, how far it was told, and what became of it.

use std::sync::Arc;

use response_domain::event::{OpenItem, Place, TextKind};
use response_domain::item::{FunctionCall, Item, ItemBody, Runner};

use super::{Verdict, must};

/// An item as far as the stream has told of it.
pub(super) struct Written {
    pub(super) place: Place,
    pub(super) kind: OpenItem,
    pub(super) text: String,
    pub(super) step: Step,
    /// The turn that wrote it, as soon as that is told.
    pub(super) turn: Option<u16>,
    /// The item, as soon as it is closed.
    pub(super) item: Option<Arc<Item>>,
    pub(super) fate: Fate,
}

/// What an item had last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Opened,
    PartOpened,
    Whole,
    PartClosed,
    Closed,
}

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Open,
    Run,
    Dropped,
}

impl Written {
    pub(super) fn new(place: Place, kind: OpenItem) -> Self {
        Self {
            place,
            kind,
            text: String::new(),
            step: Step::Opened,
            turn: None,
            item: None,
            fate: Fate::Open,
        }
    }

    /// Which text it is, if it is one.
    pub(super) fn text_kind(&self) -> Option<TextKind> {
        match self.kind {
            OpenItem::Message => Some(TextKind::Output),
            OpenItem::Reasoning => Some(TextKind::Reasoning),
            OpenItem::Call { .. } | OpenItem::ToolList { .. } => None,
        }
    }

    /// Who runs it, if it is a call.
    pub(super) fn runner(&self) -> Option<&Runner> {
        match &self.kind {
            OpenItem::Call { runner, .. } => Some(runner),
            OpenItem::Message | OpenItem::Reasoning | OpenItem::ToolList { .. } => None,
        }
    }

    /// Whether it is a call that a tool server runs.
    pub(super) fn is_servers(&self) -> bool {
        matches!(self.runner(), Some(Runner::Server(_)))
    }

    /// Whether it has a place in the output.
    pub(super) fn has_place(&self) -> bool {
        self.runner() != Some(&Runner::Nobody)
    }

    /// Something becomes of it, which happens once.
    pub(super) fn meets(&mut self, fate: Fate) -> Verdict {
        must(
            self.fate == Fate::Open,
            "a call is run once, or dropped once",
        )?;
        self.fate = fate;
        Ok(())
    }

    /// Whether `item` is what the stream has told of.
    pub(super) fn agrees(&self, item: &Item) -> Verdict {
        must(item.id == self.place.item, "an item keeps its id")?;
        let agrees = match (&self.kind, &item.body) {
            (OpenItem::Message, ItemBody::Message(message)) => *message.joined_text() == *self.text,
            (OpenItem::Reasoning, ItemBody::Reasoning(reasoning)) => *reasoning.text == *self.text,
            (
                OpenItem::Call {
                    call_id,
                    name,
                    runner,
                    approval,
                },
                ItemBody::FunctionCall(call),
            ) => {
                let told = (call_id, name, runner, approval);
                told == (&call.call_id, &call.name, &call.runner, &call.approval)
                    && self.is_arguments(call)
            }
            (OpenItem::ToolList { label }, ItemBody::ToolList(list)) => list.label == *label,
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
