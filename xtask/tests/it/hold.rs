//! A PostgreSQL that is held for a run goes when the run goes, however it goes.
//!
//! On a machine that can start no server the chore must say what to install; these tests then
//! expect that, so they mean something on every machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot look has failed")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

struct Holder {
    process: Child,
    answer: BufReader<ChildStdout>,
}

/// A folder for the servers of one test, so that no other run sweeps them.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // The account that the server runs as has to pass through.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    folder
}

fn holder(folder: &TempDir) -> Holder {
    let mut process = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["db", "hold"])
        .env("CARGO_TARGET_DIR", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let answer = BufReader::new(process.stdout.take().unwrap());
    Holder { process, answer }
}

/// How many folders of servers there are.
fn servers(folder: &TempDir) -> usize {
    let entries = fs::read_dir(folder.path().join("postgres")).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir())
        .count()
}

/// The address of the server that a holder started, or none after it said what to install.
fn address(holder: &mut Holder) -> Option<String> {
    let mut url = String::new();
    holder.answer.read_line(&mut url).unwrap();
    if url.is_empty() {
        let mut said = String::new();
        holder
            .process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(said.contains("PostgreSQL is not installed"), "{said}");
        assert!(!holder.process.wait().unwrap().success());
        return None;
    }
    let (_, host) = url.trim_end().rsplit_once('@').unwrap();
    Some(host.trim_end_matches("/postgres").to_owned())
}

#[test]
fn a_held_server_goes_when_its_pipe_closes() {
    let folder = folder();
    let mut holder = holder(&folder);
    let Some(address) = address(&mut holder) else {
        return;
    };
    assert!(
        TcpStream::connect(&address).is_ok(),
        "{address} takes no connection"
    );
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().unwrap().success());
    assert!(
        TcpStream::connect(&address).is_err(),
        "{address} still takes connections"
    );
}

#[test]
fn what_a_killed_holder_left_goes_with_the_next() {
    let folder = folder();
    let mut killed = holder(&folder);
    let Some(left) = address(&mut killed) else {
        return;
    };
    killed.process.kill().unwrap();
    killed.process.wait().unwrap();
    assert!(
        TcpStream::connect(&left).is_ok(),
        "a kill gives no time to clean up"
    );

    let mut next = holder(&folder);
    let own = address(&mut next).unwrap();
    assert!(
        TcpStream::connect(&left).is_err(),
        "{left} was not cleaned up"
    );
    assert!(TcpStream::connect(&own).is_ok());
    assert_eq!(servers(&folder), 1);
    drop(next.process.stdin.take());
    assert!(next.process.wait().unwrap().success());
    assert_eq!(servers(&folder), 0);
}
