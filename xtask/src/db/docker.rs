//! A PostgreSQL in a container, where no server binaries are installed.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::cluster::password;
use crate::command;
use crate::error::ChoreError;

const IMAGE: &str = "postgres:17.5-alpine";
const PATIENCE: Duration = Duration::from_mins(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Whether a Docker engine answers. The command line tool alone is no engine, so this connects to
/// the engine's socket.
pub(super) fn answers() -> bool {
    let named = command::variable("DOCKER_HOST");
    let named = named.and_then(|host| host.to_str()?.strip_prefix("unix://").map(PathBuf::from));
    let own =
        command::variable("XDG_RUNTIME_DIR").map(|run| PathBuf::from(run).join("docker.sock"));
    let usual = PathBuf::from("/var/run/docker.sock");
    let sockets = named.into_iter().chain([usual]).chain(own);
    let has_tool = || {
        command::search_path()
            .iter()
            .any(|folder| folder.join("docker").is_file())
    };
    has_tool()
        && sockets
            .into_iter()
            .any(|socket| UnixStream::connect(socket).is_ok())
}

/// Starts a container of this name and answers its URL once the server takes connections.
pub(super) fn start(name: &str) -> Result<String, ChoreError> {
    let password = password()?;
    let mut run = docker(&["run", "--detach", "--rm", "--name", name]);
    run.args([
        "--publish",
        "127.0.0.1::5432",
        "--tmpfs",
        "/var/lib/postgresql/data",
    ]);
    // Without a value docker takes it from its own environment, so `ps` does not show it.
    run.args(["--env", "POSTGRES_PASSWORD"])
        .env("POSTGRES_PASSWORD", &password);
    run.args([IMAGE, "-c", "fsync=off", "-c", "synchronous_commit=off"]);
    run.args(["-c", "full_page_writes=off", "-c", "max_connections=300"]);
    command::read(&mut run)?;
    let ready = wait(name).and_then(|()| port(name));
    if ready.is_err() {
        remove(name)?;
    }
    Ok(format!(
        "postgres://postgres:{password}@127.0.0.1:{}/postgres",
        ready?
    ))
}

/// Whether a container of this name runs.
pub(super) fn runs(name: &str) -> bool {
    let format = ["inspect", "--format", "{{.State.Running}}", name];
    let mut inspect = docker(&format);
    inspect
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"true"))
}

/// Stops and removes a container.
pub(super) fn remove(name: &str) -> Result<(), ChoreError> {
    command::read(&mut docker(&["rm", "--force", "--volumes", name])).map(drop)
}

fn docker(args: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(args);
    command
}

/// Waits for the server to take connections over TCP: while the image prepares itself, a server
/// answers on its Unix socket only.
fn wait(name: &str) -> Result<(), ChoreError> {
    let begun = Instant::now();
    let mut ask = docker(&["exec", name, "pg_isready", "--host", "127.0.0.1"]);
    while !command::succeeds(&mut ask) {
        if begun.elapsed() > PATIENCE {
            let advice = format!("the PostgreSQL of container {name} did not answer in a minute");
            return Err(ChoreError::Refused(advice));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}

fn port(name: &str) -> Result<u16, ChoreError> {
    let answer = command::read(&mut docker(&["port", name, "5432/tcp"]))?;
    let unclear = || ChoreError::Refused(format!("docker names no port for {name}: {answer}"));
    published(&answer).ok_or_else(unclear)
}

/// The port in docker's answer, which has a line for each address.
fn published(answer: &str) -> Option<u16> {
    let line = answer.lines().find(|line| line.starts_with("127.0.0.1:"))?;
    line.rsplit_once(':')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_loopback_line() {
        assert_eq!(published("[::1]:49154\n127.0.0.1:49153\n"), Some(49153));
        assert_eq!(published(""), None);
        assert_eq!(published("127.0.0.1:none"), None);
    }
}
