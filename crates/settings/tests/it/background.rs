//! The queue's settings: ranges, and what an operator is told about nobody working.

use response_settings::{EmbeddedWorkers, Loaded, Note};
use rstest::rstest;

use crate::{only_fault, shown, sources, with};

const POSTGRES: (&str, &str) = ("DB_POSTGRESQL_WRITE_DSN", "postgres://app@db/responses");
const KEYS: (&str, &str) = (
    "RESPONSE_VAULT_KEYS",
    "a:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=",
);

#[rstest]
#[case("BACKGROUND_WORKER_COUNT", "background.worker_count", &["0", "1024"])]
#[case("BACKGROUND_POLL_INTERVAL", "background.poll_interval", &["100ms", "5m"])]
#[case("BACKGROUND_TASK_TIMEOUT", "background.task_timeout", &["1s", "24h"])]
#[case("BACKGROUND_MAX_ATTEMPTS", "background.max_attempts", &["1", "100"])]
#[case("BACKGROUND_EMBEDDED", "background.embedded", &["auto", "true", "false"])]
#[case("BACKGROUND_OWNER_LIMIT", "background.owner_limit", &["0", "1000000"])]
#[case("BACKGROUND_QUEUE_LIMIT", "background.queue_limit", &["0", "100000000"])]
#[case("BACKGROUND_OWNER_QUEUE_LIMIT", "background.owner_queue_limit", &["0", "100000000"])]
#[case("RESPONSE_WORKER_HOST", "worker.host", &["0.0.0.0", "::1"])]
#[case("RESPONSE_WORKER_PORT", "worker.port", &["0", "65535"])]
fn the_ends_of_a_range_are_taken(
    #[case] variable: &str,
    #[case] key: &str,
    #[case] values: &[&str],
) {
    for value in values {
        assert_eq!(shown(&with(&[(variable, value)]), key), *value);
    }
}

#[rstest]
#[case("BACKGROUND_WORKER_COUNT", "1025", "a whole number from 0 to 1024")]
#[case("BACKGROUND_WORKER_COUNT", "-1", "a whole number from 0 to 1024")]
#[case("BACKGROUND_POLL_INTERVAL", "99ms", "a duration from 100ms to 5m")]
#[case("BACKGROUND_POLL_INTERVAL", "301s", "a duration from 100ms to 5m")]
#[case("BACKGROUND_TASK_TIMEOUT", "999ms", "a duration from 1s to 24h")]
#[case("BACKGROUND_TASK_TIMEOUT", "600", "a duration from 1s to 24h")]
#[case("BACKGROUND_MAX_ATTEMPTS", "0", "a whole number from 1 to 100")]
#[case("BACKGROUND_MAX_ATTEMPTS", "101", "a whole number from 1 to 100")]
#[case("BACKGROUND_EMBEDDED", "maybe", "auto, true or false")]
#[case("BACKGROUND_OWNER_LIMIT", "none", "a whole number from 0 to 1000000")]
#[case("BACKGROUND_QUEUE_LIMIT", "1e5", "a whole number from 0 to 100000000")]
#[case(
    "BACKGROUND_OWNER_QUEUE_LIMIT",
    "100000001",
    "a whole number from 0 to 100000000"
)]
#[case("RESPONSE_WORKER_PORT", "65536", "a whole number from 0 to 65535")]
#[case("RESPONSE_WORKER_HOST", "localhost", "an IP address")]
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
fn a_limit_of_none_is_no_limit() {
    let background = with(&[
        ("BACKGROUND_QUEUE_LIMIT", "0"),
        ("BACKGROUND_OWNER_LIMIT", "7"),
        ("BACKGROUND_EMBEDDED", "on"),
    ])
    .settings
    .background;
    assert_eq!(background.queue_limit.limit(), None);
    assert_eq!(background.owner_limit.limit().map(u32::from), Some(7));
    assert_eq!(background.embedded, EmbeddedWorkers::On);
}

fn told(loaded: &Loaded) -> Vec<&Note> {
    loaded.notes.iter().collect()
}

#[rstest]
#[case::embedded_database(&[], false)]
#[case::switched_off(&[("BACKGROUND_EMBEDDED", "false")], true)]
#[case::nobody_at_work(&[("BACKGROUND_WORKER_COUNT", "0")], true)]
#[case::workers_elsewhere(&[POSTGRES, KEYS, ("BACKGROUND_EMBEDDED", "false")], false)]
#[case::no_work_here(&[POSTGRES, KEYS, ("BACKGROUND_WORKER_COUNT", "0")], false)]
fn it_is_told_when_nobody_can_work_on_the_queue(
    #[case] variables: &[(&str, &str)],
    #[case] is_told: bool,
) {
    let loaded = with(variables);
    match told(&loaded).as_slice() {
        [] => assert!(!is_told),
        [note @ Note::NobodyWorks { setting }] => {
            assert!(is_told && variables.iter().any(|(name, _)| setting.contains(name)));
            assert!(note.to_string().contains(setting));
        }
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case::embedded_database(&[], false)]
#[case::postgres_without_keys(&[POSTGRES], true)]
#[case::postgres_with_keys(&[POSTGRES, KEYS], false)]
fn it_is_told_when_credentials_cannot_be_sealed(
    #[case] variables: &[(&str, &str)],
    #[case] is_told: bool,
) {
    let expected: &[&Note] = if is_told { &[&Note::NoVaultKeys] } else { &[] };
    assert_eq!(told(&with(variables)), expected);
}
