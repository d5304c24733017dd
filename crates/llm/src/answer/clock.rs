//! When an answer is given up.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::reader::Progress;

/// How long to wait for token counts and the end once the model said why it stops. Some servers keep
/// the connection open and say nothing more.
const AFTER_STOP: Duration = Duration::from_secs(5);
/// How long to wait for the end of the body after the end of the answer. Only a connection whose body
/// was read to its end can be used again.
const AFTER_END: Duration = Duration::from_millis(10);

/// Until when what has to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) first_byte: Instant,
    pub(crate) turn: Instant,
    pub(crate) idle: Duration,
}

/// When to give up. One timer; it is looked at only when there is nothing to read, and set anew only when it
/// rings too early.
#[derive(Debug)]
pub(super) struct Clock {
    timer: Pin<Box<Sleep>>,
    deadlines: Deadlines,
    /// Until when the next byte has to come.
    next: Instant,
    /// The model said why it stops.
    pub(super) is_stopping: bool,
}

impl Clock {
    pub(super) fn new(deadlines: Deadlines) -> Self {
        let next = deadlines.first_byte.min(deadlines.turn);
        Self {
            timer: Box::pin(sleep_until(next)),
            deadlines,
            next,
            is_stopping: false,
        }
    }

    /// Something of a stream of events came.
    pub(super) fn came(&mut self, progress: Progress) {
        self.is_stopping = progress == Progress::Stopping;
        let pause = if self.is_stopping {
            self.deadlines.idle.min(AFTER_STOP)
        } else {
            self.deadlines.idle
        };
        self.until(Instant::now() + pause);
    }

    pub(super) fn drain(&mut self) {
        self.until(Instant::now() + AFTER_END);
    }

    fn until(&mut self, next: Instant) {
        let earlier = next < self.next;
        self.next = next.min(self.deadlines.turn);
        if earlier {
            self.timer.as_mut().reset(self.next);
        }
    }

    pub(super) fn turn_is_over(&self) -> bool {
        self.next >= self.deadlines.turn
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= self.next {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.next);
        }
    }
}
