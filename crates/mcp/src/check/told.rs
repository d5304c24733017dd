//! What is told of arguments that do not fit: where, and what is allowed there. A few faults, each of one
//! line, and never the arguments themselves.

use crate::check::place::Place;
use crate::clean::excerpt;

/// How many faults one complaint names.
const MAX_FAULTS: usize = 5;
/// How long the words for one fault may be.
const MAX_FAULT: usize = 400;

/// The faults so far.
#[derive(Debug)]
pub(super) struct Told {
    faults: Vec<String>,
    /// How many are kept.
    room: usize,
    /// Whether there are more than were kept.
    is_cut: bool,
}

impl Told {
    /// As many as a complaint names.
    pub(super) fn listed() -> Self {
        Self::with_room(MAX_FAULTS)
    }

    /// None: only whether it fits is asked.
    pub(super) fn nothing() -> Self {
        Self::with_room(0)
    }

    /// The first one of one way among several, if this one is told at all.
    pub(super) fn of_a_way(&self) -> Self {
        Self::with_room(self.room.min(1))
    }

    fn with_room(room: usize) -> Self {
        Self {
            faults: Vec::new(),
            room,
            is_cut: false,
        }
    }

    /// Whether one more would change nothing.
    pub(super) fn is_full(&self) -> bool {
        self.room == 0 || self.is_cut || (self.room == 1 && !self.faults.is_empty())
    }

    /// Adds what is wrong at a place.
    pub(super) fn add(&mut self, at: &Place<'_>, what: &str) {
        if self.is_full() {
            return;
        }
        if self.faults.len() >= self.room {
            self.is_cut = true;
            return;
        }
        let whole = format!("{}: {what}", at.name());
        self.faults.push(excerpt(&whole, MAX_FAULT).into_owned());
    }

    /// The first one, without its place when it is that of the others.
    pub(super) fn first(self, at: &Place<'_>) -> Option<String> {
        let first = self.faults.into_iter().next()?;
        let place = format!("{}: ", at.name());
        Some(
            first
                .strip_prefix(&place)
                .map_or(first.clone(), str::to_owned),
        )
    }

    pub(super) fn into_text(self) -> String {
        let mut text = String::from("They do not fit the tool's schema:");
        for fault in &self.faults {
            text.push_str("\n- ");
            text.push_str(fault);
        }
        if self.is_cut {
            text.push_str("\n- and more");
        }
        text
    }
}
