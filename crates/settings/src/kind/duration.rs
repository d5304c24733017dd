//! Lengths of time, written as Go writes them: `500ms`, `45s`, `1h30m`, `1.5h`; and in days: `30d`.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Given, Kind, Refusal};

/// Units, longest first, in nanoseconds. The first name of each is the one that is written.
const UNITS: [(&str, u128); 8] = [
    ("d", NANOS_PER_DAY),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

const NANOS_PER_DAY: u128 = 86_400_000_000_000;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// More digits behind the point than this are smaller than any unit can hold.
const MOST_DECIMALS: usize = 12;

impl Kind for Duration {
    type Limits = RangeInclusive<Duration>;

    fn allowed(limits: &Self::Limits) -> String {
        let (least, most) = (DurationText(*limits.start()), DurationText(*limits.end()));
        let examples = if most.has_days() {
            "45s, 1h30m or 30d"
        } else {
            "500ms, 45s or 1h30m"
        };
        format!("a duration from {least} to {most}, written like {examples}")
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        given.parse(|text| parse(text).filter(|duration| limits.contains(duration)))
    }

    fn show(&self) -> String {
        DurationText(*self).to_string()
    }
}

/// The duration that is written as in settings, within these limits; else a sentence that says what is allowed.
pub fn read_duration(text: &str, limits: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let read = Duration::read(&Given::text(text), limits);
    read.map_err(|_| format!("allowed is {}", Duration::allowed(limits)))
}

fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut nanos: u128 = 0;
    let mut rest = text;
    loop {
        let (part, after) = part(rest)?;
        nanos = nanos.checked_add(part)?;
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    let secs = u64::try_from(nanos / NANOS_PER_SECOND).ok()?;
    let subsec = u32::try_from(nanos % NANOS_PER_SECOND).ok()?;
    Some(Duration::new(secs, subsec))
}

/// The first number with its unit, in nanoseconds, and what follows it.
fn part(text: &str) -> Option<(u128, &str)> {
    let (whole, rest) = digits(text);
    let (decimals, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    let has_point = whole.len() + decimals.len() < text.len() - rest.len();
    if whole.is_empty() || (has_point && decimals.is_empty()) || decimals.len() > MOST_DECIMALS {
        return None;
    }
    let end = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
    let mut nanos = whole.parse::<u128>().ok()?.checked_mul(*unit)?;
    if !decimals.is_empty() {
        let scale = 10_u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
        nanos = nanos.checked_add(decimals.parse::<u128>().ok()? * unit / scale)?;
    }
    Some((nanos, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// A duration as an operator would write it: a single day is `24h`, more than that are counted.
pub(crate) struct DurationText(pub(crate) Duration);

impl DurationText {
    fn has_days(&self) -> bool {
        self.0.as_nanos() > NANOS_PER_DAY
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        let units = UNITS.iter().skip(usize::from(!self.has_days()));
        for &(name, unit) in units {
            if nanos >= unit {
                write!(f, "{}{name}", nanos / unit)?;
                nanos %= unit;
            }
        }
        Ok(())
    }
}
