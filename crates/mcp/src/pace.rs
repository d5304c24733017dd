//! How long a call may still take: a step that progress begins anew, under a cap that nothing
//! moves.

use std::time::Duration;

use tokio::time::Instant;

/// The time left to a call.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    step: Duration,
    until: Instant,
    cap: Instant,
}

impl Pace {
    /// A step from now, and a cap from now.
    pub(crate) fn new(step: Duration, cap: Duration) -> Self {
        let now = Instant::now();
        let cap = now + cap;
        Self {
            step,
            until: (now + step).min(cap),
            cap,
        }
    }

    /// A limit that no progress moves.
    pub(crate) fn fixed(limit: Duration) -> Self {
        Self::new(limit, limit)
    }

    /// The same, but over within `limit`.
    pub(crate) fn within(&self, limit: Duration) -> Self {
        let mut pace = Self::fixed(limit);
        pace.until = pace.until.min(self.until);
        pace.cap = pace.until;
        pace
    }

    /// When the time is up.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// The step begins anew.
    pub(crate) fn progress(&mut self) {
        self.until = (Instant::now() + self.step).min(self.cap);
    }
}
