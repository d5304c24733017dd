//! What waits to be told to the other processes. What comes while a notification is under way goes with the
//! next, and the same twice goes once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use response_domain::ports::bus::Nudge;
use tokio::sync::Notify;

use super::payload::{Matter, News};

/// The least time between two notifications when somebody waits to begin or to stop.
const SOON: Duration = Duration::from_millis(10);

/// The same when only logs grew.
const SOON_ENOUGH: Duration = Duration::from_millis(20);

/// With more than this to tell, the others may as well look at everything.
const MOST: usize = 2_000;

/// The outbox.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<News>,
    filled: Notify,
}

impl Outbox {
    pub(super) fn put(&self, nudge: Nudge) {
        self.add(|waiting| match nudge {
            Nudge::Queued => {
                waiting.matters.insert(Matter::Queued);
            }
            Nudge::Due => {
                waiting.matters.insert(Matter::Due);
            }
            Nudge::Logged(id) => {
                waiting.logged.insert(id);
            }
            Nudge::Ended(id) => {
                waiting.ended.insert(id);
            }
            Nudge::Anything => waiting.anything = true,
        });
    }

    pub(super) fn put_queued_again(&self) {
        self.add(|waiting| {
            waiting.matters.insert(Matter::QueuedAgain);
        });
    }

    fn add(&self, add: impl FnOnce(&mut News)) {
        {
            let mut waiting = self.waiting();
            add(&mut waiting);
            if waiting.anything || waiting.logged.len() + waiting.ended.len() > MOST {
                *waiting = News {
                    anything: true,
                    ..News::default()
                };
            }
        }
        self.filled.notify_one();
    }

    /// How long after the last notification the next may go; none when there is nothing to tell.
    pub(super) fn pace(&self) -> Option<Duration> {
        let waiting = self.waiting();
        let is_urgent =
            waiting.anything || !waiting.matters.is_empty() || !waiting.ended.is_empty();
        match (is_urgent, waiting.logged.is_empty()) {
            (true, _) => Some(SOON),
            (false, false) => Some(SOON_ENOUGH),
            (false, true) => None,
        }
    }

    /// Waits until something was put in.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    pub(super) fn take(&self) -> News {
        std::mem::take(&mut *self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, News> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use response_domain::id::{RawId, ResponseId};

    use super::*;

    fn id(number: usize) -> ResponseId {
        ResponseId::new(RawId::new(number as u128))
    }

    #[test]
    fn the_same_twice_goes_once() {
        let outbox = Outbox::default();
        assert_eq!(outbox.pace(), None);
        for _ in 0..3 {
            outbox.put(Nudge::Logged(id(1)));
        }
        assert_eq!(outbox.pace(), Some(SOON_ENOUGH));
        outbox.put(Nudge::Ended(id(1)));
        outbox.put(Nudge::Queued);
        assert_eq!(outbox.pace(), Some(SOON));
        let news = outbox.take();
        let expected = [Nudge::Queued, Nudge::Ended(id(1)), Nudge::Logged(id(1))];
        assert_eq!(news.nudges(), expected);
        assert_eq!(outbox.pace(), None);
    }

    #[test]
    fn an_outbox_does_not_grow_without_end() {
        let outbox = Outbox::default();
        for number in 0..=MOST {
            outbox.put(Nudge::Logged(id(number)));
        }
        let news = outbox.take();
        assert_eq!(news.nudges(), [Nudge::Anything]);
        assert!(news.logged.is_empty());
    }
}
