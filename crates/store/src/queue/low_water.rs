//! Where the oldest of those that wait may stand. The head of the index is full of the entries of jobs that
//! were claimed and whose rows cannot be cleaned away while somebody holds an old snapshot; a claim that
//! begins behind them does not read them again and again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// A response may become visible this much later than the moment it bears: its transaction was slow.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// The mark is forgotten this often, for what became visible later still.
const EVERYTHING_AFTER: Duration = Duration::from_secs(5);

/// The mark.
#[derive(Debug, Default)]
pub(crate) struct LowWater(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mark: Option<DateTime<Utc>>,
    /// When everything was looked through last.
    looked: Option<Instant>,
    /// How often something old was put back, and how much of that the last look at everything knew.
    put_back: u64,
    known: u64,
}

/// From where one claim looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Nothing older is looked at; none when all is.
    pub(crate) from: Option<DateTime<Utc>>,
    begun: Instant,
    put_back: u64,
}

impl LowWater {
    /// From where the next claim looks.
    pub(crate) fn next(&self) -> Look {
        let state = self.state();
        let is_recent = |at: Instant| at.elapsed() < EVERYTHING_AFTER;
        let may_skip = state.known == state.put_back && state.looked.is_some_and(is_recent);
        Look {
            from: state.mark.filter(|_| may_skip),
            begun: Instant::now(),
            put_back: state.put_back,
        }
    }

    /// Notes what a look found: the moment of the oldest that was claimed. One that found nothing tells
    /// nothing of where the oldest stands.
    pub(crate) fn note(&self, look: Look, oldest: Option<DateTime<Utc>>) {
        let mut state = self.state();
        if look.from.is_none() {
            state.looked = Some(look.begun);
            state.known = look.put_back;
        }
        if let Some(oldest) = oldest {
            state.mark = oldest.checked_sub_signed(MARGIN);
        }
    }

    /// Something went back to its old place, or may have: the next claim looks at everything.
    pub(crate) fn look_everywhere(&self) {
        self.state().put_back += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    /// A claim that finds this; answers from where it looked.
    fn claim(water: &LowWater, oldest: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let look = water.next();
        water.note(look, oldest);
        look.from
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_looks_a_minute_before_the_oldest_that_was_seen() {
        let water = LowWater::default();
        assert_eq!(claim(&water, Some(at(100))), None);
        assert_eq!(claim(&water, Some(at(90))), Some(at(40)));
        assert_eq!(claim(&water, Some(at(200))), Some(at(30)));
        assert_eq!(claim(&water, None), Some(at(140)));
        assert_eq!(claim(&water, None), Some(at(140)));
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_looked_at_every_five_seconds() {
        let water = LowWater::default();
        claim(&water, Some(at(100)));
        tokio::time::advance(Duration::from_millis(4_999)).await;
        assert_eq!(claim(&water, None), Some(at(40)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(claim(&water, None), None);
        assert_eq!(claim(&water, None), Some(at(40)));
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_looked_at_once_something_old_came_back() {
        let water = LowWater::default();
        claim(&water, Some(at(100)));
        water.look_everywhere();
        let look = water.next();
        // This one may have come too late for that look.
        water.look_everywhere();
        water.note(look, Some(at(10)));
        assert_eq!(claim(&water, Some(at(100))), None);
        assert_eq!(claim(&water, None), Some(at(40)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_at_everything_that_failed_is_made_up_for() {
        let water = LowWater::default();
        claim(&water, Some(at(100)));
        water.look_everywhere();
        assert_eq!(water.next().from, None);
        assert_eq!(water.next().from, None);
    }
}
