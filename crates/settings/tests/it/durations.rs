//! Lengths of time: what is read, what it becomes, what is refused.

use std::time::Duration;

use rstest::rstest;

use crate::{only_fault, shown, sources, with};

#[rstest]
#[case("500ms", 500_000)]
#[case("45s", 45_000_000)]
#[case("1m", 60_000_000)]
#[case("10m", 600_000_000)]
#[case("9m59s", 599_000_000)]
#[case("1m30s500ms", 90_500_000)]
#[case("1.5m", 90_000_000)]
#[case("0.25s", 250_000)]
#[case("1000us", 1_000)]
#[case("1000µs", 1_000)]
#[case("1000000ns", 1_000)]
#[case("  45s ", 45_000_000)]
fn a_duration_is_read(#[case] text: &str, #[case] micros: u64) {
    let loaded = with(&[("TOOL_EXECUTION_TIMEOUT", text)]);
    assert_eq!(loaded.settings.tools.timeout, Duration::from_micros(micros));
}

#[rstest]
#[case("1h30m", "1h30m")]
#[case("90m", "1h30m")]
#[case("5400s", "1h30m")]
#[case("1500ms", "1s500ms")]
#[case("24h", "24h")]
#[case("1d", "24h")]
fn a_duration_is_shown_as_it_would_be_written(#[case] text: &str, #[case] expected: &str) {
    let loaded = with(&[("RESPONSE_RUN_TIMEOUT", text)]);
    assert_eq!(shown(&loaded, "runs.foreground_timeout"), expected);
}

#[rstest]
#[case("45")]
#[case("forty")]
#[case("45 s")]
#[case("-1s")]
#[case("1.s")]
#[case(".5s")]
#[case("1.2.3s")]
#[case("s")]
#[case("45sec")]
#[case("1h-5m")]
#[case("99999999999999999999999999999999999999999h")]
#[case("184467440737095516160s")]
#[case("0")]
#[case("0s")]
#[case("25h")]
#[case("0.5ms")]
fn a_duration_is_refused(#[case] text: &str) {
    let fault = only_fault(&sources(&[("TOOL_EXECUTION_TIMEOUT", text)]));
    let expected = format!(
        "tools.timeout (environment TOOL_EXECUTION_TIMEOUT): {text:?} is not allowed; allowed is a \
         duration from 1ms to 24h, written like 500ms, 45s or 1h30m"
    );
    assert_eq!(fault, expected);
}

#[rstest]
#[case("30d", "30d", 30 * 86_400)]
#[case("1d12h", "1d12h", 129_600)]
#[case("36h", "1d12h", 129_600)]
#[case("1.5d", "1d12h", 129_600)]
#[case("1d", "24h", 86_400)]
#[case("3650d", "3650d", 3650 * 86_400)]
fn days_are_read_and_shown(#[case] text: &str, #[case] again: &str, #[case] seconds: u64) {
    let loaded = with(&[("RESPONSE_RETENTION_FAILED", text)]);
    let kept = loaded.settings.retention.failed.unwrap();
    assert_eq!(kept, Duration::from_secs(seconds));
    assert_eq!(shown(&loaded, "retention.failed"), again);
}

#[test]
fn more_days_than_anybody_waits_are_refused() {
    let fault = only_fault(&sources(&[("RESPONSE_RETENTION", "3651d")]));
    let end = "allowed is a duration from 0s to 3650d, written like 45s, 1h30m or 30d";
    assert!(fault.ends_with(end), "{fault}");
}

#[test]
fn no_time_at_all_may_be_written_without_a_unit() {
    let loaded = with(&[
        ("RESPONSE_WRITE_BEHIND", "0"),
        ("RESPONSE_SHUTDOWN_SOFT", "0s"),
    ]);
    assert_eq!(loaded.settings.runs.write_behind, Duration::ZERO);
    assert_eq!(shown(&loaded, "http.shutdown_soft"), "0s");
}
