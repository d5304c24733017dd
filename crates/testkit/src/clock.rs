//! A clock and ids that obey.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use response_domain::id::{IdGenerator, RawId};
use response_domain::time::{Clock, Timestamp};

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl Default for TestClock {
    /// Monday, 15 January 2024, 10:50:00 UTC.
    fn default() -> Self {
        Self(AtomicI64::new(1_705_315_800_000_000))
    }
}

impl TestClock {
    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Ids in a row. Each generator has a room of its own, so two of them never make the same id.
#[derive(Debug)]
pub struct TestIds {
    room: u128,
    last: AtomicU64,
}

impl TestIds {
    /// A generator for this room.
    pub fn new(room: u16) -> Self {
        Self {
            room: u128::from(room) << 48,
            last: AtomicU64::new(0),
        }
    }
}

impl Default for TestIds {
    fn default() -> Self {
        Self::new(0)
    }
}

impl IdGenerator for TestIds {
    fn next(&self) -> RawId {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        RawId::new(0x018d_0c9a_8a40_7000_8000_0000_0000_0000 | self.room | u128::from(number))
    }
}
