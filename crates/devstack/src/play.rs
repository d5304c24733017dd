//! An answer as a list of steps, each chunk sent by itself: what makes it possible to pause,
//! hang or break off anywhere.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::time::{Sleep, sleep};

use crate::ledger::Visit;

/// One step of an answer's body.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A chunk of its own.
    Send(Bytes),
    /// Nothing for a while.
    Wait(Duration),
    /// Nothing ever again, with the connection open.
    Hang,
    /// The connection is cut, without the end that HTTP promises.
    Break,
}

/// A body that plays its steps.
pub(crate) struct Play<I> {
    steps: I,
    pause: Option<Pin<Box<Sleep>>>,
    breaking: bool,
    visit: Visit,
}

impl<I: Iterator<Item = Step> + Unpin> Play<I> {
    pub(crate) fn new(steps: I, visit: Visit) -> Self {
        Self {
            steps,
            pause: None,
            breaking: false,
            visit,
        }
    }
}

impl<I: Iterator<Item = Step> + Unpin> Stream for Play<I> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.breaking {
                self.visit.finish();
                return Poll::Ready(Some(Err(io::Error::other("cut off on purpose"))));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match self.steps.next() {
                Some(Step::Send(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Some(Step::Wait(time)) => self.pause = Some(Box::pin(sleep(time))),
                Some(Step::Hang) => {
                    // Nothing wakes this body again; it ends when the client leaves.
                    self.pause = Some(Box::pin(sleep(Duration::from_secs(u64::from(u32::MAX)))));
                }
                Some(Step::Break) => {
                    // The server flushes what was sent before when this has nothing to give.
                    self.breaking = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => {
                    self.visit.finish();
                    return Poll::Ready(None);
                }
            }
        }
    }
}

impl<I> std::fmt::Debug for Play<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Play")
            .field("visit", &self.visit)
            .finish_non_exhaustive()
    }
}

/// A time as an order has it: `250ms`, `2s` or `1m`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}
