//! When a turn is tried again: full jitter under a growing limit, or what the server asked for.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::time::{Duration, UNIX_EPOCH};

use response_domain::time::Timestamp;
use response_egress::header::{HeaderMap, RETRY_AFTER};

/// The limit of the first wait.
const FIRST: Duration = Duration::from_millis(250);
/// No wait of our own is longer.
const LONGEST: Duration = Duration::from_secs(8);
/// A server that wants a longer pause than this is not waited for: the caller is told instead.
const LONGEST_TOLD: Duration = Duration::from_secs(30);

/// Chooses a wait, so that callers who failed together do not come back together.
pub trait Jitter: fmt::Debug + Send + Sync {
    /// Some time up to `most`.
    fn up_to(&self, most: Duration) -> Duration;
}

/// Any time up to the limit, all equally likely.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomJitter;

impl Jitter for RandomJitter {
    fn up_to(&self, most: Duration) -> Duration {
        // Each `RandomState` has keys of its own, so the hash of nothing is a random number; good
        // enough to part callers, and no generator has to be carried about.
        let random = RandomState::new().hash_one(());
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let scaled = (u128::from(random) * u128::from(nanos)) >> 64;
        Duration::from_nanos(u64::try_from(scaled).unwrap_or(nanos))
    }
}

/// How long to wait before try number `tried + 1`; nothing when waiting is of no use.
pub(crate) fn wait(tried: u32, told: Option<Duration>, jitter: &dyn Jitter) -> Option<Duration> {
    match told {
        Some(told) if told > LONGEST_TOLD => None,
        // Never earlier than asked, and not all at the same moment.
        Some(told) => Some(told + jitter.up_to((told / 10).min(FIRST))),
        None => {
            let growth = 1_u32.checked_shl(tried.min(16)).unwrap_or(u32::MAX);
            Some(jitter.up_to(FIRST.saturating_mul(growth).min(LONGEST)))
        }
    }
}

/// When the server wants to be asked again: `retry-after-ms`, or `Retry-After` as seconds or as a date
/// (RFC 9110, section 10.2.3). A date that is past means at once.
pub(crate) fn told(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(seconds) {
        return Some(millis / 1_000);
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Some(told) = seconds(value) {
        return Some(told);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let date = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Duration::from_micros(u64::try_from(now.micros()).unwrap_or(0));
    Some(date.saturating_sub(now))
}

/// A number of seconds, whole or not.
fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.parse().ok().filter(|number: &f64| !number.is_nan())?;
    // Further away than anybody waits; and the conversion refuses what is out of its range.
    Duration::try_from_secs_f64(number.min(1e9)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Most;

    impl Jitter for Most {
        fn up_to(&self, most: Duration) -> Duration {
            most
        }
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn waits_grow_to_a_limit() {
        let waits: Vec<_> = (0..8).map(|tried| wait(tried, None, &Most)).collect();
        let millis = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000];
        assert_eq!(waits, millis.map(|ms| Some(Duration::from_millis(ms))));
        assert_eq!(wait(u32::MAX, None, &Most), Some(LONGEST));
    }

    #[test]
    fn a_server_is_not_asked_before_it_wants_to_be() {
        let told = |secs| wait(0, Some(Duration::from_secs(secs)), &Most);
        assert_eq!(told(0), Some(Duration::ZERO));
        assert_eq!(told(1), Some(Duration::from_millis(1_100)));
        assert_eq!(told(30), Some(Duration::from_millis(30_250)));
        assert_eq!(told(31), None);
    }

    #[test]
    fn random_waits_differ_and_keep_to_the_limit() {
        let most = Duration::from_secs(1);
        let waits: Vec<_> = (0..64).map(|_| RandomJitter.up_to(most)).collect();
        assert!(waits.iter().all(|wait| *wait <= most));
        assert!(waits.iter().any(|wait| *wait > most / 2));
        assert!(waits.iter().any(|wait| *wait < most / 2));
        assert_eq!(RandomJitter.up_to(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_pause_is_read_as_seconds_as_a_date_and_as_milliseconds() {
        // Fri, 15 May 2015 15:34:21 GMT.
        let now = Timestamp::from_micros(1_431_704_061_000_000);
        let cases = [
            ("retry-after", "7", Some(Duration::from_secs(7))),
            ("retry-after", " 1.5 ", Some(Duration::from_millis(1_500))),
            (
                "retry-after",
                "Fri, 15 May 2015 15:34:31 GMT",
                Some(Duration::from_secs(10)),
            ),
            (
                "retry-after",
                "Fri, 15 May 2015 15:00:00 GMT",
                Some(Duration::ZERO),
            ),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
            ("retry-after", "-3", None),
            ("retry-after", "NaN", None),
            (
                "retry-after",
                "inf",
                Some(Duration::from_secs(1_000_000_000)),
            ),
            ("retry-after", "soon", None),
            ("x-other", "7", None),
        ];
        for (name, value, expected) in cases {
            assert_eq!(
                told(&headers(name, value), now),
                expected,
                "{name}: {value}"
            );
        }
    }
}
