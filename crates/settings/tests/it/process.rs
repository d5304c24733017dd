//! The process's own environment and folder. Each test starts itself once more, as a child with
//! variables and a folder of its own, and the child says whether it found what it should.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use response_settings::{Problem, Settings, Sources};

use crate::{load, origin, refused, shown};

/// A test filter that matches nothing: its being there tells a child that it is one.
const CHILD: &str = "as-a-child";

fn is_child() -> bool {
    std::env::args().any(|argument| argument == CHILD)
}

/// Runs this one test in a process with no variables but these.
fn run_child(test: &str, folder: &Path, variables: &[(&str, &OsStr)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test, CHILD])
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

#[test]
fn the_process_own_variables_and_file_are_read() {
    if is_child() {
        let loaded = load(&Sources::of_process());
        assert_eq!(shown(&loaded, "http.port"), "4711");
        assert_eq!(
            origin(&loaded, "http.port"),
            "environment RESPONSE_API_PORT"
        );
        assert_eq!(origin(&loaded, "llm.url"), "file response-api.toml");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("response-api.toml"),
        "[llm]\nurl = 'http://a'\n",
    )
    .unwrap();
    let theirs = OsStr::from_bytes(b"\xff");
    let variables = [
        ("RESPONSE_API_PORT", OsStr::new("4711")),
        ("NOT_OURS", theirs),
    ];
    run_child(
        "process::the_process_own_variables_and_file_are_read",
        folder.path(),
        &variables,
    );
}

#[test]
fn the_default_file_need_not_exist() {
    if is_child() {
        assert_eq!(
            origin(&load(&Sources::of_process()), "http.port"),
            "default"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let variables = [("RESPONSE_LLM_API_URL", OsStr::new("http://a"))];
    run_child(
        "process::the_default_file_need_not_exist",
        folder.path(),
        &variables,
    );
}

#[test]
fn a_default_file_that_cannot_be_read_is_a_fault() {
    if is_child() {
        let faults = Settings::load(&Sources::of_process())
            .unwrap_err()
            .to_string();
        assert!(
            faults.contains("settings file (file response-api.toml): the file"),
            "{faults}"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("response-api.toml")).unwrap();
    run_child(
        "process::a_default_file_that_cannot_be_read_is_a_fault",
        folder.path(),
        &[],
    );
}

#[test]
fn a_variable_of_ours_that_is_not_unicode_is_a_fault() {
    if is_child() {
        let faults = refused(&Sources::of_process()).faults;
        let [fault] = faults.as_slice() else {
            panic!("{faults:?}")
        };
        assert!(matches!(fault.problem, Problem::NotUnicode), "{fault}");
        assert_eq!(fault.origin.to_string(), "environment RESPONSE_LOG_LEVEL");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("RESPONSE_LLM_API_URL", OsStr::new("http://a")),
        ("RESPONSE_LOG_LEVEL", OsStr::from_bytes(b"inf\xff")),
    ];
    run_child(
        "process::a_variable_of_ours_that_is_not_unicode_is_a_fault",
        folder.path(),
        &variables,
    );
}
