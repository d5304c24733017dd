//! Running other programs: cargo, git, PostgreSQL, Docker.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::{ChoreError, Doing as _};

/// A cargo of the same toolchain as the one that started this chore, in the workspace's root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(variable("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command
        .args(args)
        .current_dir(crate::workspace::root())
        // `cargo run` set it for us; cargo-machete takes it for a sign that no cargo called it.
        .env_remove("CARGO_PKG_NAME");
    command
}

/// Runs a command whose output goes where ours goes. Anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<(), ChoreError> {
    let program = line_of(command);
    let status = command.status().doing(|| format!("start `{program}`"))?;
    if status.success() {
        Ok(())
    } else {
        Err(ChoreError::Ended { program, status })
    }
}

/// Runs a command and answers what it wrote to standard output. Its complaints are shown only
/// when it fails.
pub(crate) fn read(command: &mut Command) -> Result<String, ChoreError> {
    let program = line_of(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .doing(|| format!("start `{program}`"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    for said in [text.trim_end(), complaint.trim_end()] {
        if !said.is_empty() {
            crate::say::note(said);
        }
    }
    Err(ChoreError::Ended {
        program,
        status: output.status,
    })
}

/// Whether a command can be started and succeeds; nothing of it is shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The folders in which programs are looked for.
pub(crate) fn search_path() -> Vec<PathBuf> {
    variable("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// A variable of the environment; an empty one counts as not set.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door: settings reads the service's environment, not that of a chore"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn line_of(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
