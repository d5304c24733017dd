//! How much may be taken in a time: a bucket that fills evenly. It is kept as one moment, that at which it is
//! full again (the generic cell rate algorithm, ITU-T I.371).

use std::num::NonZeroU32;
use std::time::Duration;

/// So much in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How much, and the most at once.
    pub amount: NonZeroU32,
    /// In what time.
    pub window: Duration,
}

/// How full a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What it holds when it is full.
    pub limit: u32,
    /// What it holds now.
    pub remaining: u32,
    /// How long it takes until it is full.
    pub reset: Duration,
}

/// More was wanted than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// How full the bucket is.
    pub quota: Quota,
    /// When it holds enough.
    pub retry_after: Duration,
}

/// So many windows deep a bucket can be in debt: whoever took more is free again after that.
const DEEPEST: u32 = 10;

/// A bucket. All times are counted from one moment of its owner's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Takes `amount` out, or nothing when there is less. More than fits is never there; none at all is there
    /// unless the bucket is in debt or empty.
    pub fn take(&mut self, rate: Rate, amount: u32, now: Duration) -> Result<Quota, Exhausted> {
        // To be let in costs at least the smallest part, so an empty bucket lets nobody in.
        let wanted = self.full_at.max(now) + rate.time_of(amount.max(1));
        let latest = now + rate.window;
        if wanted > latest {
            return Err(Exhausted {
                quota: self.quota(rate, now),
                retry_after: wanted.saturating_sub(latest),
            });
        }
        if amount > 0 {
            self.full_at = wanted;
        }
        Ok(self.quota(rate, now))
    }

    /// Takes `amount` out whether it is there or not.
    pub fn charge(&mut self, rate: Rate, amount: u32, now: Duration) {
        let deepest = now + rate.window * DEEPEST;
        let owed = self.full_at.max(now) + rate.time_of(amount);
        self.full_at = owed.min(deepest);
    }

    /// How full it is.
    pub fn quota(&self, rate: Rate, now: Duration) -> Quota {
        let reset = self.full_at.saturating_sub(now);
        let held = rate.window.saturating_sub(reset).as_nanos();
        let remaining = held * u128::from(rate.amount.get()) / rate.window.as_nanos().max(1);
        Quota {
            limit: rate.amount.get(),
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset,
        }
    }

    /// Whether nothing is missing from it.
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }
}

impl Rate {
    /// In what time so much flows in.
    fn time_of(self, amount: u32) -> Duration {
        let nanos = self.window.as_nanos() * u128::from(amount) / u128::from(self.amount.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate {
        amount: NonZeroU32::new(60).unwrap(),
        window: Duration::from_mins(1),
    };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_full_bucket_gives_all_it_holds_at_once_and_then_as_it_fills() {
        let mut bucket = Bucket::default();
        let now = secs(1000);
        assert_eq!(bucket.take(RATE, 59, now).unwrap().remaining, 1);
        assert_eq!(bucket.take(RATE, 1, now).unwrap().remaining, 0);
        let refused = bucket.take(RATE, 5, now).unwrap_err();
        assert_eq!(refused.retry_after, secs(5));
        assert_eq!((refused.quota.limit, refused.quota.reset), (60, secs(60)));
        assert!(bucket.take(RATE, 5, now + secs(4)).is_err());
        assert_eq!(bucket.take(RATE, 5, now + secs(5)).unwrap().remaining, 0);
        assert!(!bucket.is_full(now + secs(64)));
        assert!(bucket.is_full(now + secs(65)));
    }

    #[test]
    fn what_is_charged_may_be_more_than_there_is_and_has_to_flow_in_first() {
        let mut bucket = Bucket::default();
        bucket.charge(RATE, 90, secs(0));
        assert_eq!(bucket.quota(RATE, secs(0)).remaining, 0);
        let refused = bucket.take(RATE, 0, secs(0)).unwrap_err();
        assert_eq!(refused.retry_after, secs(31));
        assert_eq!(bucket.take(RATE, 0, secs(31)).unwrap().remaining, 1);
        bucket.charge(RATE, u32::MAX, secs(31));
        assert!(bucket.is_full(secs(31 + 600)), "a debt is bounded");
    }

    #[test]
    fn more_than_fits_is_never_there() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(RATE, 61, secs(1_000_000)).is_err());
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_is_given_than_fits_and_flows_in(
            steps in prop::collection::vec((0u64..5_000, 1u32..80), 1..60),
            amount in 1u32..100,
        ) {
            let rate = Rate { amount: NonZeroU32::new(amount).unwrap(), window: secs(10) };
            let mut bucket = Bucket::default();
            let (mut now, mut given) = (Duration::ZERO, 0u64);
            for (pause, wanted) in steps {
                now += Duration::from_millis(pause);
                match bucket.take(rate, wanted, now) {
                    Ok(quota) => {
                        given += u64::from(wanted);
                        prop_assert!(quota.remaining <= amount);
                    }
                    Err(refused) if wanted <= amount => {
                        let mut later = bucket;
                        prop_assert!(later.take(rate, wanted, now + refused.retry_after).is_ok());
                    }
                    Err(_) => {}
                }
                let window = rate.window.as_nanos();
                let flowed = u128::from(amount) * (window + now.as_nanos());
                // Times are cut to the nanosecond.
                prop_assert!(u128::from(given) * window <= flowed + window / 1_000);
            }
        }
    }
}
