//! The PostgreSQL of the benchmark: what it costs, and how often it was written to.

use std::fs;
use std::path::Path;

use super::process::Program;
use crate::db::{self, Held, Purpose};
use crate::error::{ChoreError, Doing as _};

/// A server of our own, with everything switched on that makes a commit safe.
#[derive(Debug)]
pub(super) struct Postgres {
    held: Held,
    program: Program,
    version: String,
}

impl Postgres {
    /// Starts it.
    pub(super) fn start() -> Result<Self, ChoreError> {
        let held = Held::start(Purpose::Measurements)?;
        let folder = db::ask(held.url(), "show data_directory")?;
        let file = Path::new(&folder).join("postmaster.pid");
        let text = fs::read_to_string(&file).doing(|| format!("read {}", file.display()))?;
        let id = text.lines().next().and_then(|line| line.parse().ok());
        let no_id = || ChoreError::Refused(format!("{} names no process", file.display()));
        let program = Program::of(id.ok_or_else(no_id)?);
        let version = db::ask(held.url(), "show server_version")?;
        Ok(Self {
            held,
            program,
            version,
        })
    }

    /// The server with all its connections.
    pub(super) fn program(&self) -> Program {
        self.program
    }

    /// Its version, as it tells it.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Makes a database and answers its URL.
    pub(super) fn database(&self, name: &str) -> Result<String, ChoreError> {
        db::ask(self.held.url(), &format!("create database {name}"))?;
        let (server, _) = self.held.url().rsplit_once('/').unwrap_or_default();
        Ok(format!("{server}/{name}"))
    }

    /// The number of the next transaction that writes. Asking takes a number itself.
    pub(super) fn next_write(&self) -> Result<u64, ChoreError> {
        let answer = db::ask(self.held.url(), "select txid_current()")?;
        let no_number = |_| ChoreError::Refused(format!("{answer:?} is no transaction's number"));
        answer.parse().map_err(no_number)
    }

    /// Has the planner know a database as it is: the server itself would do so within a minute.
    pub(super) fn analyze(database: &str) -> Result<(), ChoreError> {
        db::ask(database, "analyze").map(drop)
    }

    /// Writes what is still to be written, so that it is not done during a measurement.
    pub(super) fn settle(&self) -> Result<(), ChoreError> {
        db::ask(self.held.url(), "checkpoint").map(drop)
    }
}
