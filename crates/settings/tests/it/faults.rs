//! Faults: all at once, each with what an operator needs, and values that do not go together.

use std::error::Error;

use crate::{file, only_fault, refused, sources};

#[test]
fn all_faults_are_told_at_once() {
    let (_folder, path) = file("[http]\nprot = 1\n[log]\nformat = 'xml'\n");
    let sources = sources(&[
        ("RESPONSE_API_PORT", "eighty"),
        ("RESPONSE_MAX_TOOL_DEPTH", "16"),
        ("RESPONSE_LLM_API_URL", "llm-api"),
        ("AUTH_ENABLED", "maybe"),
    ])
    .file(&path)
    .overrides(["tools.timeout=soon"]);
    let path = path.display();
    let expected = format!(
        "7 settings cannot be used:
  - auth.enabled (environment AUTH_ENABLED): \"maybe\" is not allowed; allowed is true or false
  - http.port (environment RESPONSE_API_PORT): \"eighty\" is not allowed; allowed is a whole number from 0 to 65535
  - http.prot (file {path}): there is no such setting; the closest is `http.port`
  - llm.url (environment RESPONSE_LLM_API_URL): \"llm-api\" is not allowed; allowed is an http or https URL without a query, such as http://localhost:8080
  - log.format (file {path}): \"xml\" is not allowed; allowed is auto, json or pretty
  - runs.max_depth (environment RESPONSE_MAX_TOOL_DEPTH): \"16\" is not allowed; allowed is a whole number from 1 to 15
  - tools.timeout (command line): \"soon\" is not allowed; allowed is a duration from 1ms to 24h, written like 500ms, 45s or 1h30m"
    );
    assert_eq!(refused(&sources).to_string(), expected);
}

#[test]
fn one_fault_is_told_as_one_and_has_no_cause_left_to_print() {
    let faults = refused(&sources(&[("DB_POOL_SIZE", "0")]));
    assert!(
        faults
            .to_string()
            .starts_with("one setting cannot be used:\n  - database.pool_size ")
    );
    assert!(
        faults.source().is_none(),
        "the text holds every cause already"
    );
}

#[test]
fn the_table_is_there_for_faulty_settings_too() {
    let table = refused(&sources(&[("DB_POOL_SIZE", "0")])).table();
    let row = table
        .lines()
        .find(|line| line.starts_with("database.pool_size "))
        .unwrap();
    assert!(
        row.contains("(cannot be used)") && row.ends_with("environment DB_POOL_SIZE"),
        "{row}"
    );
    assert!(table.contains("http.port"));
}

#[test]
fn a_long_value_is_repeated_in_part() {
    let long = "9".repeat(10_000);
    let fault = only_fault(&sources(&[("RESPONSE_API_PORT", &long)]));
    assert!(fault.len() < 300, "{}", fault.len());
}

#[test]
fn control_characters_cannot_write_lines_of_their_own() {
    let fault = only_fault(&sources(&[("RESPONSE_API_PORT", "1\n2\u{1b}[31m")]));
    assert!(fault.contains(r#""1\n2\u{1b}[31m""#), "{fault}");
}

#[test]
fn a_tool_gets_no_more_time_than_the_cap() {
    let fault = only_fault(&sources(&[("TOOL_EXECUTION_TIMEOUT", "20m")]));
    let expected = "tools.timeout (environment TOOL_EXECUTION_TIMEOUT): 20m is more than \
                    `tools.timeout_cap` (RESPONSE_TOOL_TIMEOUT_CAP), which is 10m";
    assert_eq!(fault, expected);
}

#[test]
fn a_replica_is_a_replica_of_something() {
    let fault = only_fault(&sources(&[(
        "DB_POSTGRESQL_READ1_DSN",
        "postgres://ro@replica/db",
    )]));
    let expected = "database.read_dsn (environment DB_POSTGRESQL_READ1_DSN): a read replica needs \
                    `database.write_dsn` (DB_POSTGRESQL_WRITE_DSN)";
    assert_eq!(fault, expected);
}
