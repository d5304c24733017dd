//! The clock: what time it is at an offset from UTC.

use std::time::SystemTime;

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::{Value, json};

/// The time at an offset such as `+02:00`, `-0530` or `Z`; without one, at UTC.
pub(super) fn tell(now: SystemTime, offset: Option<&str>) -> Result<Value, String> {
    let offset = offset.unwrap_or("Z");
    let zone = zone(offset).ok_or_else(|| {
        format!(
            "timezone_offset {offset:?} is not an offset from -14:00 to +14:00 such as \"+02:00\""
        )
    })?;
    let time = DateTime::<Utc>::from(now).with_timezone(&zone);
    Ok(json!({
        "time": time.to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
        "weekday": time.format("%A").to_string(),
        "unix": time.timestamp(),
    }))
}

fn zone(text: &str) -> Option<FixedOffset> {
    if matches!(text, "Z" | "z" | "UTC") {
        return FixedOffset::east_opt(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replacen(':', "", 1);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = match digits.len() {
        1 | 2 => (digits.parse().ok()?, 0),
        4 => (
            digits.get(..2)?.parse().ok()?,
            digits.get(2..)?.parse().ok()?,
        ),
        _ => return None,
    };
    let minutes = Some(minutes).filter(|minutes| *minutes < 60)? + hours * 60;
    FixedOffset::east_opt(sign * 60 * Some(minutes).filter(|minutes| *minutes <= 14 * 60)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_is_told_at_each_offset() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(498_684);
        let table = [
            (None, "2026-11-21T12:00:00+00:00"),
            (Some("Z"), "2026-11-21T12:00:00+00:00"),
            (Some("+02:00"), "2026-11-21T14:00:00+02:00"),
            (Some("-0530"), "2026-11-21T06:30:00-05:30"),
            (Some("+14"), "2026-11-22T02:00:00+14:00"),
        ];
        for (offset, expected) in table {
            assert_eq!(tell(now, offset).unwrap()["time"], expected, "{offset:?}");
        }
        assert_eq!(tell(now, None).unwrap()["weekday"], "Saturday");
    }

    #[test]
    fn what_is_no_offset_is_refused() {
        for offset in [
            "",
            "+",
            "2",
            "Europe/Berlin",
            "+15:00",
            "+02:60",
            "+1:2:3",
            "+ab",
            "é1",
        ] {
            assert!(
                tell(SystemTime::UNIX_EPOCH, Some(offset)).is_err(),
                "{offset}"
            );
        }
    }
}
