//! How far the requests of a connection are, as far as it matters to what is read next. The service that gets
//! the requests tells it, the connection asks it; both live on one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use super::blank::Lines;

/// The state of a connection that its requests share with it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse(Rc<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests that have begun.
    begun: Cell<u64>,
    is_under_way: Cell<bool>,
    /// Bytes of the body of the request under way that were not handed on yet, when its length is known.
    left: Cell<u64>,
    /// Somebody waits for more of its body, whose length is not known.
    is_wanted: Cell<bool>,
    /// Bytes that were handed on behind the last end of a head and that are of no body of known length.
    loose: Cell<u64>,
    /// Something was handed on that is not of a request that has begun.
    is_in_a_head: Cell<bool>,
    lines: Cell<Lines>,
    waiting: RefCell<Option<Waker>>,
}

/// Whose turn the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// No request is under way: the next one's.
    Head,
    /// The body's, whose length is known.
    Body,
    /// The body's, of which nobody knows where it ends.
    Part,
    /// Nobody waits for more.
    Nobody,
}

/// The length of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes; none when there is no body.
    Known(u64),
    /// It is told at its end.
    Unknown,
}

/// A request that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    pulse: Pulse,
    number: u64,
}

impl Pulse {
    /// A request with such a body begins; its head was handed on.
    pub(super) fn begin(&self, length: Length) -> UnderWay {
        let state = &*self.0;
        let number = state.begun.get() + 1;
        state.begun.set(number);
        state.is_under_way.set(true);
        state.is_wanted.set(false);
        if let Length::Known(length) = length {
            // Part of it may have come along with its head.
            let come = length.min(state.loose.get());
            state.loose.set(state.loose.get() - come);
            state.left.set(length - come);
        }
        if state.loose.get() == 0 {
            state.lines.set(Lines::default());
        }
        state.is_in_a_head.set(state.loose.get() > 0);
        self.wake();
        UnderWay {
            pulse: self.clone(),
            number,
        }
    }

    /// How many requests have begun.
    pub(super) fn begun(&self) -> u64 {
        self.0.begun.get()
    }

    /// Whether there is part of a head, and nothing else to do.
    pub(super) fn is_in_a_head(&self) -> bool {
        self.0.is_in_a_head.get() && !self.0.is_under_way.get()
    }

    /// Whose turn the next bytes are.
    pub(super) fn turn(&self) -> Turn {
        let state = &*self.0;
        if !state.is_under_way.get() {
            Turn::Head
        } else if state.left.get() > 0 {
            Turn::Body
        } else if state.is_wanted.get() {
            Turn::Part
        } else {
            Turn::Nobody
        }
    }

    /// How many of these bytes are to be handed on at such a turn; they count as handed on.
    pub(super) fn pass(&self, turn: Turn, come: &[u8]) -> usize {
        let state = &*self.0;
        if come.is_empty() {
            return 0;
        }
        match turn {
            Turn::Nobody => 0,
            Turn::Body => {
                let length = state.left.get().min(come.len() as u64);
                state.left.set(state.left.get() - length);
                usize::try_from(length).unwrap_or(come.len())
            }
            Turn::Head | Turn::Part => {
                state.is_wanted.set(false);
                state.is_in_a_head.set(true);
                self.pass_one_head(come)
            }
        }
    }

    /// Up to the end of one head; with what is behind it, unless there is another end.
    fn pass_one_head(&self, come: &[u8]) -> usize {
        let state = &*self.0;
        let mut lines = state.lines.get();
        let end = lines.end_in(come);
        let behind = come.get(end.unwrap_or_default()..).unwrap_or_default();
        let before = if end.is_some() { 0 } else { state.loose.get() };
        if end.is_some() && !behind.is_empty() && lines.end_in(behind).is_some() {
            state.lines.set(Lines::default());
            state.loose.set(0);
            return come.len() - behind.len();
        }
        state.lines.set(lines);
        state.loose.set(before + behind.len() as u64);
        come.len()
    }

    /// Wakes this one as soon as it may be the turn of what has come.
    pub(super) fn wake_at_its_turn(&self, waker: &Waker) {
        drop(self.0.waiting.replace(Some(waker.clone())));
    }

    fn wake(&self) {
        let waiting = self.0.waiting.take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl UnderWay {
    /// For the reader of its body, when its length is not known.
    pub(super) fn wish(&self) -> Wish {
        Wish {
            pulse: self.pulse.clone(),
            number: self.number,
        }
    }
}

/// What the reader of a body wishes for.
#[derive(Debug)]
pub(super) struct Wish {
    pulse: Pulse,
    number: u64,
}

impl Wish {
    /// Whether it waits for more.
    pub(super) fn is_open(&self, is_open: bool) {
        let state = &*self.pulse.0;
        // It may outlive its request.
        if state.begun.get() == self.number && state.is_under_way.get() {
            state.is_wanted.set(is_open);
            if is_open {
                self.pulse.wake();
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let state = &*self.pulse.0;
        if state.begun.get() != self.number {
            return;
        }
        state.is_under_way.set(false);
        state.is_wanted.set(false);
        state.left.set(0);
        state.is_in_a_head.set(state.loose.get() > 0);
        self.pulse.wake();
    }
}
