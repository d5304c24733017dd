//! What the service costs, measured: beside the upstream that it calls, on each store, and beside
//! its peers.
//!
//! The release binaries are built first, this one too: the load comes out of it, and a slow load
//! would measure itself. Everything then runs here for a bounded time, over loopback only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use self::measure::Measurement;
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

mod error;
mod figures;
mod load;
mod machine;
mod measure;
mod memory;
mod peers;
mod postgres;
mod process;
mod report;
mod stage;
mod started;
mod subject;
mod table;
mod upstream;

pub(crate) use self::error::BenchError;

/// The document that the figures are written to.
const DOCUMENT: &str = "docs/performance.md";

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: Option<What>,
    /// How long each round of each measurement is
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How many rounds there are; their median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=25))]
    rounds: u64,
    /// Measure the peers too; `bench peers-install` installs them
    #[arg(long)]
    peers: bool,
    /// Only the work that has this in its name: `plain`, `streams`, `64 connections`
    #[arg(long)]
    only: Option<String>,
    /// Write the figures to docs/performance.md
    #[arg(long)]
    markdown: bool,
    /// The release binaries are built, and this is one of them
    #[arg(long, hide = true)]
    built: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Installs the peers into an environment of their own under `target`
    PeersInstall,
}

impl Bench {
    /// Does what was asked.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        match self.what {
            Some(What::PeersInstall) => peers::install(),
            None if self.built => self.measure(),
            None => self.build_and_measure(),
        }
    }

    fn build_and_measure(&self) -> Result<(), ChoreError> {
        // One invocation for all: another selection would give the dependencies other features.
        let build = [
            "build",
            "--release",
            "--bin",
            "response-api",
            "--bin",
            "xtask",
        ];
        command::run(&mut command::cargo(&build))?;
        let mut again = Command::new(binaries()?.join("xtask"));
        again.args(["bench", "--built", "--seconds", &self.seconds.to_string()]);
        again.args(["--rounds", &self.rounds.to_string()]);
        for (flag, is_given) in [("--peers", self.peers), ("--markdown", self.markdown)] {
            if is_given {
                again.arg(flag);
            }
        }
        if let Some(only) = &self.only {
            again.args(["--only", only]);
        }
        command::run(&mut again)
    }

    fn measure(&self) -> Result<(), ChoreError> {
        let logs = workspace::target()?.join("bench");
        fs::create_dir_all(&logs).doing(|| format!("make {}", logs.display()))?;
        let measurement = Measurement {
            seconds: self.seconds,
            rounds: usize::try_from(self.rounds).unwrap_or(usize::MAX),
            with_peers: self.peers,
            only: self.only.as_deref().unwrap_or_default().to_lowercase(),
            service: binaries()?.join("response-api"),
            logs,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "start a runtime".to_owned())?;
        let report = runtime.block_on(measurement.run())?;
        for table in report.tables() {
            say::line(table.text());
        }
        if self.markdown {
            write(&workspace::root().join(DOCUMENT), &report.document())?;
        }
        Ok(())
    }
}

fn binaries() -> Result<PathBuf, ChoreError> {
    Ok(workspace::target()?.join("release"))
}

fn write(file: &Path, text: &str) -> Result<(), ChoreError> {
    fs::write(file, text).doing(|| format!("write {}", file.display()))?;
    say::line(format_args!("{} written", file.display()));
    Ok(())
}
