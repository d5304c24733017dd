//! What a background run tells, on its way into the log. Steps are written at once, with all that came
//! before them; what a model writes meanwhile is gathered for a moment, so that a long answer costs some
//! writes a second and not one for each token.

use std::sync::Arc;
use std::time::Duration;

use response_domain::event::Event;
use response_domain::lease::Lease;
use response_domain::ports::bus::Nudge;
use response_domain::response::Response;
use response_domain::status::{Change, Status};
use response_domain::time::Timestamp;
use response_domain::work::Append;
use tokio::time::Instant;

use super::commit::append;
use crate::error::DriveError;
use crate::ports::Ports;
use crate::watch;

/// How long an event waits for company at most.
const WINDOW: Duration = Duration::from_millis(25);
/// How much text is not kept waiting.
const ENOUGH: usize = 4 * 1024;

/// The log of a run that this process holds.
pub(crate) struct Kept {
    pub(super) lease: Lease,
    pub(super) window: Window,
    /// The number of the next event to be written.
    next: u64,
    /// The number behind the last event of a step that is over.
    settled: u64,
    begin: Begin,
}

/// Whether it is written that this process took the run up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Due,
    Written,
}

impl Kept {
    /// The log of a run under `lease` that goes on with number `next`, by closing what was left open.
    pub(crate) fn new(lease: Lease, next: u64, closing: Vec<Event>) -> Self {
        let mut window = Window {
            events: Vec::new(),
            bytes: 0,
            written: Instant::now(),
        };
        window.push(closing);
        Self {
            lease,
            window,
            next,
            settled: next,
            begin: Begin::Due,
        }
    }

    /// The response as it is when its run begins, or goes on.
    pub(super) fn open(
        &mut self,
        response: &Arc<Response>,
        at: Timestamp,
    ) -> Result<Arc<Response>, DriveError> {
        if *response.status() != Status::Queued {
            return Ok(Arc::clone(response));
        }
        let is_first = response.times.started.is_none();
        let mut started = Response::clone(response);
        started
            .change(Change::Start, at)
            .map_err(|_illegal| DriveError::Overtaken)?;
        let started = Arc::new(started);
        if is_first {
            watch::begun(&started);
            self.window.push(vec![Event::Started(Arc::clone(&started))]);
        }
        Ok(started)
    }

    /// When something is to be written at the latest: what is in the window or, when nothing is told of it,
    /// that the run goes on.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.begin {
            Begin::Due => Some(self.window.written + WINDOW),
            Begin::Written => self.window.due(),
        }
    }

    pub(super) fn is_begun(&self) -> bool {
        self.begin == Begin::Written
    }

    /// Notes that a step is over, with all that was told so far.
    pub(super) fn settle(&mut self) {
        let waiting = u64::try_from(self.window.events.len()).unwrap_or(u64::MAX);
        self.settled = self.next.saturating_add(waiting);
    }

    /// What is in the window, for the log.
    pub(super) fn take_window(&mut self) -> Append {
        self.window.bytes = 0;
        Append {
            from: self.next,
            events: std::mem::take(&mut self.window.events),
            settled: self.settled,
        }
    }

    /// Writes the window by itself.
    pub(super) async fn append(&mut self, ports: &Ports) -> Result<(), DriveError> {
        let log = self.take_window();
        append(ports, &self.lease, &log).await?;
        self.wrote(ports, log.events.len());
        Ok(())
    }

    /// Notes that so many events are in the log, and tells those who follow it.
    pub(super) fn wrote(&mut self, ports: &Ports, events: usize) {
        self.begin = Begin::Written;
        self.window.written = Instant::now();
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        self.next = self.next.saturating_add(events);
        if events > 0 {
            ports.bus.send(Nudge::Logged(self.lease.response));
        }
    }
}

/// Events on their way into the log.
#[derive(Debug)]
pub(super) struct Window {
    events: Vec<Event>,
    bytes: usize,
    /// When the last one was written.
    written: Instant,
}

impl Window {
    /// Adds events; more of the same text becomes one event.
    pub(super) fn push(&mut self, events: Vec<Event>) {
        for event in events {
            self.bytes = self.bytes.saturating_add(text(&event).map_or(0, str::len));
            if let Some(event) = self.join(event) {
                self.events.push(event);
            }
        }
    }

    /// Joins `event` to the last one; answers it when it cannot be.
    fn join(&mut self, event: Event) -> Option<Event> {
        match (self.events.last_mut(), event) {
            (
                Some(Event::TextDelta(place, kind, text)),
                Event::TextDelta(next_place, next_kind, more),
            ) if *place == next_place && *kind == next_kind => {
                *text = [&**text, &*more].concat().into();
                None
            }
            (Some(Event::ArgumentsDelta(place, _, text)), Event::ArgumentsDelta(next, _, more))
                if *place == next =>
            {
                *text = [&**text, &*more].concat().into();
                None
            }
            (_, event) => Some(event),
        }
    }

    /// When what is in it is to be written at the latest; none when it is empty.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.events.is_empty()).then(|| self.written + WINDOW)
    }

    /// Whether what is in it is to be written already.
    pub(super) fn is_due(&self) -> bool {
        self.bytes >= ENOUGH || self.due().is_some_and(|due| due <= Instant::now())
    }
}

fn text(event: &Event) -> Option<&str> {
    match event {
        Event::TextDelta(_, _, text) | Event::ArgumentsDelta(_, _, text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use response_domain::event::{Place, TextKind};
    use response_domain::id::{ItemId, RawId};
    use response_domain::item::CallKind;

    use super::*;

    fn place(ordinal: u32) -> Place {
        Place {
            item: ItemId::new(RawId::new(1), ordinal),
            index: ordinal,
        }
    }

    fn says(ordinal: u32, text: &str) -> Event {
        Event::TextDelta(place(ordinal), TextKind::Output, text.into())
    }

    fn empty() -> Window {
        Window {
            events: Vec::new(),
            bytes: 0,
            written: Instant::now(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn more_of_the_same_text_becomes_one_event_and_nothing_else_does() {
        let thinks = |text: &str| Event::TextDelta(place(0), TextKind::Reasoning, text.into());
        let argues = |ordinal, text: &str| {
            Event::ArgumentsDelta(place(ordinal), CallKind::Callers, text.into())
        };
        let mut window = empty();
        window.push(vec![thinks("a"), thinks("b"), says(0, "c"), says(0, "d")]);
        window.push(vec![says(0, "e"), says(1, "f"), argues(2, "g")]);
        window.push(vec![argues(2, "h"), argues(3, "i"), argues(2, "j")]);
        let expected = [
            thinks("ab"),
            says(0, "cde"),
            says(1, "f"),
            argues(2, "gh"),
            argues(3, "i"),
            argues(2, "j"),
        ];
        assert_eq!(window.events, expected);
        assert_eq!(window.bytes, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_is_due_after_its_time_or_when_it_is_full() {
        let mut window = empty();
        assert_eq!(window.due(), None);
        assert!(!window.is_due());
        window.push(vec![says(0, "a")]);
        assert_eq!(window.due(), Some(window.written + WINDOW));
        assert!(!window.is_due());
        tokio::time::advance(WINDOW).await;
        assert!(window.is_due(), "after a pause the first goes at once");
        let mut full = empty();
        full.push(vec![says(0, &"a".repeat(ENOUGH))]);
        assert!(full.is_due());
    }
}
