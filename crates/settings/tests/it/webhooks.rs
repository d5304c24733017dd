//! The settings of webhooks: ranges, and secrets that are shown nowhere.

use std::time::Duration;

use response_settings::{ExposeSecret, Settings, Sources};
use rstest::rstest;

use crate::{file, load, only_fault, origin, refused, shown, sources, with};

const STANDARD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const PLAIN: &str = "your-webhook-secret-key";

const ALLOWED: &str = "allowed is one or more secrets, separated by commas or lines; each is `whsec_` \
                       and base64 of 24 to 64 bytes (`echo whsec_$(openssl rand -base64 32)` makes \
                       one), or 16 to 256 visible ASCII characters without a comma";

#[rstest]
#[case("WEBHOOK_MAX_RETRIES", "max_attempts", &["1", "20"])]
#[case("WEBHOOK_RETRY_DELAY", "retry_delay", &["10ms", "24h"])]
#[case("WEBHOOK_RETRY_BACKOFF", "retry_backoff", &["1", "1.5", "10"])]
#[case("WEBHOOK_TIMEOUT", "timeout", &["1s", "1m"])]
#[case("WEBHOOK_USER_AGENT", "user_agent", &["x", "ours/2 (+https://jan.example)"])]
#[case("WEBHOOK_PARALLELISM", "parallelism", &["16", "16384"])]
fn the_ends_of_a_range_are_taken(
    #[case] variable: &str,
    #[case] field: &str,
    #[case] values: &[&str],
) {
    for value in values {
        let loaded = with(&[(variable, value)]);
        let key = format!("webhooks.{field}");
        assert_eq!(shown(&loaded, &key), *value);
        assert_eq!(origin(&loaded, &key), format!("environment {variable}"));
    }
}

#[rstest]
#[case("WEBHOOK_MAX_RETRIES", "0", "a whole number from 1 to 20")]
#[case("WEBHOOK_MAX_RETRIES", "21", "a whole number from 1 to 20")]
#[case("WEBHOOK_MAX_RETRIES", "1.5", "a whole number from 1 to 20")]
#[case("WEBHOOK_RETRY_DELAY", "2", "a duration from 10ms to 24h")]
#[case("WEBHOOK_RETRY_DELAY", "9ms", "a duration from 10ms to 24h")]
#[case("WEBHOOK_RETRY_DELAY", "25h", "a duration from 10ms to 24h")]
#[case("WEBHOOK_RETRY_BACKOFF", "0.99", "a number from 1 to 10, such as 1.5")]
#[case("WEBHOOK_RETRY_BACKOFF", "10.01", "a number from 1 to 10, such as 1.5")]
#[case("WEBHOOK_RETRY_BACKOFF", "NaN", "a number from 1 to 10, such as 1.5")]
#[case("WEBHOOK_RETRY_BACKOFF", "inf", "a number from 1 to 10, such as 1.5")]
#[case("WEBHOOK_RETRY_BACKOFF", "2x", "a number from 1 to 10, such as 1.5")]
#[case("WEBHOOK_TIMEOUT", "999ms", "a duration from 1s to 1m")]
#[case("WEBHOOK_TIMEOUT", "61s", "a duration from 1s to 1m")]
#[case("WEBHOOK_USER_AGENT", "jän", "1 to 256 printable ASCII characters")]
#[case("WEBHOOK_USER_AGENT", "a\nb", "1 to 256 printable ASCII characters")]
#[case("WEBHOOK_PARALLELISM", "15", "a whole number from 16 to 16384")]
#[case("WEBHOOK_PARALLELISM", "16385", "a whole number from 16 to 16384")]
fn what_lies_outside_is_refused_with_its_variable(
    #[case] variable: &str,
    #[case] given: &str,
    #[case] allowed: &str,
) {
    let fault = only_fault(&sources(&[(variable, given)]));
    let told = format!("(environment {variable}): {given:?} is not allowed; allowed is {allowed}");
    assert!(fault.contains(&told), "{fault}");
}

#[test]
fn a_user_agent_is_not_empty_and_not_endless() {
    for given in [String::new(), "x".repeat(257)] {
        let fault = only_fault(&sources(&[]).overrides([format!("webhooks.user_agent={given}")]));
        assert!(fault.contains("1 to 256 printable ASCII"), "{fault}");
    }
}

#[test]
fn values_have_their_types() {
    let webhooks = with(&[
        ("WEBHOOK_MAX_RETRIES", "5"),
        ("WEBHOOK_RETRY_DELAY", "500ms"),
        ("WEBHOOK_RETRY_BACKOFF", "2.25"),
        ("WEBHOOK_USER_AGENT", "ours/2"),
        ("WEBHOOK_PARALLELISM", "17"),
    ])
    .settings
    .webhooks;
    assert_eq!(webhooks.max_attempts.get(), 5);
    assert_eq!(webhooks.retry_delay, Duration::from_millis(500));
    assert!((webhooks.retry_backoff.get() - 2.25).abs() < f64::EPSILON);
    assert_eq!(webhooks.timeout, Duration::from_secs(10));
    assert_eq!(webhooks.user_agent.as_str(), "ours/2");
    assert_eq!(webhooks.parallelism.get(), 17);
}

fn secrets(sources: &Sources) -> Vec<String> {
    let secrets = load(sources).settings.webhooks.secret.unwrap();
    let secrets = secrets.iter();
    secrets.map(|one| one.expose_secret().to_owned()).collect()
}

fn given(text: &str) -> Sources {
    sources(&[("WEBHOOK_SECRET", text)])
}

#[rstest]
#[case::standard(STANDARD, &[STANDARD])]
#[case::plain(PLAIN, &[PLAIN])]
#[case::several(&format!("{PLAIN}, {STANDARD} ,"), &[PLAIN, STANDARD])]
fn secrets_are_read_in_their_order(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(secrets(&given(text)), expected);
}

#[test]
fn secrets_may_stand_in_a_file_one_a_line() {
    let (_folder, path) = file(&format!("{PLAIN}\r\n\n{STANDARD}\n"));
    let path = path.to_str().unwrap();
    let by_variable = sources(&[("WEBHOOK_SECRET_FILE", path)]);
    assert_eq!(secrets(&by_variable), [PLAIN, STANDARD]);
    let loaded = load(&by_variable);
    assert_eq!(
        (
            shown(&loaded, "webhooks.secret").as_str(),
            origin(&loaded, "webhooks.secret").as_str()
        ),
        (
            "2 secrets (set, not shown)",
            "environment WEBHOOK_SECRET_FILE"
        )
    );
    let by_key = sources(&[]).overrides([format!("webhooks.secret_file={path}")]);
    assert_eq!(secrets(&by_key), [PLAIN, STANDARD]);
}

#[test]
fn the_table_shows_how_many_secrets_there_are_and_none_of_them() {
    let loaded = load(&given(STANDARD));
    let cell = shown(&loaded, "webhooks.secret");
    assert_eq!(cell, "1 secret (set, not shown)");
    assert_eq!(shown(&with(&[]), "webhooks.secret"), "");
    let texts = [
        loaded.table(),
        format!("{loaded:?} {loaded:#?}"),
        format!("{}", loaded.settings.webhooks.secret.unwrap()),
    ];
    for text in texts {
        assert!(!text.contains("C2FV") && !text.contains("b7oD"), "{text}");
    }
}

const KEY: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";

#[rstest]
#[case::short_key(
    "whsec_QUFBQUFBQUFBQUFBQUFBQUE=",
    "is `whsec_` and base64 of too few or too many bytes"
)]
#[case::long_key(&format!("whsec_{KEY}{KEY}{KEY}"), "is `whsec_` and base64 of too few or too many bytes")]
#[case::no_key("whsec_", "is `whsec_` and base64 of too few or too many bytes")]
#[case::not_base64(&format!("whsec_!{KEY}"), "is `whsec_` and something else than base64")]
#[case::other_alphabet(&format!("whsec_-_{KEY}AA"), "is `whsec_` and something else than base64")]
#[case::short("QUFBQUFBQUFBQUF", "is too short or too long")]
#[case::long(&KEY.repeat(9), "is too short or too long")]
#[case::a_space(&format!("{KEY} {KEY}"), "has a space or a character that is not visible ASCII")]
#[case::umlauts(&format!("ü{KEY}"), "has a space or a character that is not visible ASCII")]
#[case::twice(STANDARD, "is there a second time")]
fn a_secret_is_refused_unseen(#[case] entry: &str, #[case] why: &str) {
    let sources = given(&format!("{STANDARD},{entry}"));
    let expected = format!(
        "webhooks.secret (environment WEBHOOK_SECRET): entry 2 (not shown) {why}; {ALLOWED}"
    );
    assert_eq!(only_fault(&sources), expected);
    let faults = refused(&sources);
    for told in [faults.to_string(), format!("{faults:?}"), faults.table()] {
        assert!(!told.contains("QUFB") && !told.contains("C2FV"), "{told}");
    }
}

#[test]
fn every_secret_that_is_wrong_is_told_at_once() {
    let faults = Settings::load(&given(&format!("short,{STANDARD},whsec_x,{STANDARD}")))
        .unwrap_err()
        .to_string();
    for (line, entry) in faults.lines().skip(1).zip(["1", "3", "4"]) {
        assert!(line.contains(&format!(": entry {entry} ")), "{faults}");
    }
    assert_eq!(faults.lines().count(), 4, "{faults}");
}

#[test]
fn a_file_of_secrets_that_is_empty_is_a_fault_and_an_empty_variable_is_none() {
    let (_folder, path) = file("\n");
    let path = path.to_str().unwrap();
    for sources in [sources(&[("WEBHOOK_SECRET_FILE", path)]), given(" , ")] {
        let fault = only_fault(&sources);
        let end = format!("the value (not shown) is not allowed; {ALLOWED}");
        assert!(fault.ends_with(&end), "{fault}");
    }
    assert!(
        with(&[("WEBHOOK_SECRET", "")])
            .settings
            .webhooks
            .secret
            .is_none()
    );
}

#[test]
fn a_file_of_secrets_that_is_not_there_is_a_fault_with_its_path() {
    let fault = only_fault(&sources(&[("WEBHOOK_SECRET_FILE", "/nowhere/secret")]));
    let expected = "webhooks.secret (environment WEBHOOK_SECRET_FILE): the file `/nowhere/secret` \
                    cannot be read: No such file or directory (os error 2)";
    assert_eq!(fault, expected);
}
