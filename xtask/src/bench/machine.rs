//! The machine and the versions that figures were measured with: without them they say nothing.

use std::fs;
use std::process::Command;

use super::figures::ratio;
use crate::command;
use crate::error::ChoreError;
use crate::workspace;

/// What was measured on and with, as name and value.
pub(super) fn facts(postgres: &str) -> Result<Vec<(&'static str, String)>, ChoreError> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processor = line_of("/proc/cpuinfo", "model name").unwrap_or_default();
    let memory = line_of("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kilobytes = memory.trim_end_matches("kB").trim().parse().unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let compiler = command::read(Command::new("rustc").arg("--version"))?;
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"]);
    let commit = command::read(git.current_dir(workspace::root()))?;
    Ok(vec![
        ("Processor", format!("{cores} cores of {processor}")),
        (
            "Memory",
            format!("{:.1} GiB", ratio(kilobytes, 1024 * 1024)),
        ),
        ("Kernel", format!("Linux {}", kernel.trim())),
        (
            "Compiler",
            format!("{}, profile `release`", compiler.trim()),
        ),
        ("PostgreSQL", format!("{postgres}, `fsync` on, pool of 16")),
        ("Commit", commit.trim().to_owned()),
    ])
}

/// The value of the first line of a file that has this name.
fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut values = text.lines().filter_map(|line| {
        let (own, value) = line.split_once(':')?;
        (own.trim() == name).then(|| value.trim().to_owned())
    });
    values.next()
}
