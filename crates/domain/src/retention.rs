//! How long what has ended is kept.

use std::time::Duration;

use crate::status::StatusName;
use crate::time::Timestamp;

/// How long what has ended is kept; for ever where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Responses that were completed, or cut short by a limit.
    pub completed: Option<Duration>,
    /// Those that failed.
    pub failed: Option<Duration>,
    /// Those that were cancelled.
    pub cancelled: Option<Duration>,
    /// What owners put into conversations themselves, and conversations that hold nothing.
    pub conversations: Option<Duration>,
}

/// What ended before these moments is to be forgotten; nothing where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expiry {
    /// Responses that were completed, or cut short by a limit.
    pub completed: Option<Timestamp>,
    /// Those that failed.
    pub failed: Option<Timestamp>,
    /// Those that were cancelled.
    pub cancelled: Option<Timestamp>,
    /// What owners put into conversations themselves, and conversations that hold nothing.
    pub conversations: Option<Timestamp>,
}

impl Retention {
    /// What is past its time at `now`; `None` when everything is kept for ever.
    pub fn expiry(&self, now: Timestamp) -> Option<Expiry> {
        let before = |kept: Option<Duration>| kept.map(|kept| now.before(kept));
        let expiry = Expiry {
            completed: before(self.completed),
            failed: before(self.failed),
            cancelled: before(self.cancelled),
            conversations: before(self.conversations),
        };
        (expiry != Expiry::default()).then_some(expiry)
    }
}

impl Expiry {
    /// Before which moment a response of this status must have ended to be forgotten; `None` when none is.
    pub fn of(&self, status: StatusName) -> Option<Timestamp> {
        match status {
            StatusName::Completed | StatusName::Incomplete => self.completed,
            StatusName::Failed => self.failed,
            StatusName::Cancelled => self.cancelled,
            StatusName::Queued | StatusName::InProgress => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_limits_is_kept_for_ever() {
        let now = Timestamp::from_micros(10_000_000);
        assert_eq!(Retention::default().expiry(now), None);
        let retention = Retention {
            failed: Some(Duration::from_secs(3)),
            ..Retention::default()
        };
        let expiry = retention.expiry(now).unwrap();
        let at = Timestamp::from_micros(7_000_000);
        assert_eq!(expiry.of(StatusName::Failed), Some(at));
        for kept in [
            StatusName::Completed,
            StatusName::Incomplete,
            StatusName::Cancelled,
            StatusName::Queued,
            StatusName::InProgress,
        ] {
            assert_eq!(expiry.of(kept), None);
        }
    }
}
