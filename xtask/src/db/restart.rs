//! Stopping a private server and starting it again, as a crash or an upgrade of it would.

use std::path::PathBuf;

use super::ask::ask;
use super::cluster::Binaries;
use crate::command;
use crate::error::ChoreError;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It ends its connections and writes everything.
    Fast,
    /// It ends at once, and has to recover when it starts.
    Immediate,
}

/// A private server that can be stopped and started on its port.
#[derive(Debug)]
pub(crate) struct Restart {
    binaries: Binaries,
    data: PathBuf,
}

impl Restart {
    /// The server that this URL leads to; it must run now.
    pub(crate) fn of(url: &str) -> Result<Self, ChoreError> {
        let none = || ChoreError::Refused("a server in a container is not restarted".to_owned());
        Ok(Self {
            binaries: Binaries::find()?.ok_or_else(none)?,
            data: ask(url, "show data_directory")?.into(),
        })
    }

    /// Stops it, starts it with the options that it had, and waits until it takes connections.
    pub(crate) fn restart(&self, stop: Stop) -> Result<(), ChoreError> {
        let mode = match stop {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let mut restart = self.binaries.command("pg_ctl", &self.data);
        restart.args(["restart", "--silent", "--wait", "--timeout", "60"]);
        restart.args(["--mode", mode, "--pgdata"]).arg(&self.data);
        restart.arg("--log").arg(self.data.join("log"));
        command::read(&mut restart).map(drop)
    }
}
