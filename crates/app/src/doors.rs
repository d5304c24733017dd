//! The system's clock and ids: the only place that asks the machine for either.

use response_domain::id::{IdGenerator, RawId};
use response_domain::time::{Clock, Timestamp};
use uuid::Uuid;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door to the time")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now().into()
    }
}

/// Ids of version 7 of UUID: they sort by time, also within a millisecond of one process.
#[derive(Debug, Clone, Copy)]
pub struct SystemIds;

impl IdGenerator for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the door to new ids")]
    fn next(&self) -> RawId {
        RawId::new(Uuid::now_v7().as_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_process_sort_by_the_time_they_were_made() {
        let ids: Vec<RawId> = (0..10_000).map(|_| SystemIds.next()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
    }
}
