//! What the service costs, measured: beside the upstream that it calls, on each store, in each dialect, and
//! beside its peers; its queue and its webhooks by themselves.
//!
//! The release binaries are built first, this one too: the load comes out of it, and a slow load
//! would measure itself. Everything then runs here for a bounded time, over loopback only.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};

use self::document::Section;
use self::identity::Identity;
use self::measure::Measurement;
use self::queue::Queue;
use self::webhooks::Webhooks;
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

mod dialects;
mod document;
mod error;
mod figures;
mod identity;
mod load;
mod logged;
mod machine;
mod measure;
mod memory;
mod ours;
mod peers;
mod postgres;
mod process;
mod queue;
mod report;
mod sample;
mod sheet;
mod stage;
mod started;
mod statement_log;
mod subject;
mod table;
mod upstream;
mod webhooks;

pub(crate) use self::error::BenchError;
pub(crate) use self::process::Program;
pub(crate) use self::started::free_address;

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
    /// Installs the peers into environments of their own under `target`
    PeersInstall,
    /// What the queue of background responses costs, beside that of its peer
    Queue(Queue),
    /// What it costs to know who calls
    Identity(Identity),
    /// What webhooks cost, how soon they arrive, and who holds up whom
    Webhooks(Webhooks),
}

impl Bench {
    /// Does what was asked.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        match &self.what {
            Some(What::PeersInstall) => peers::install().and_then(|()| queue::install_peer()),
            Some(What::Queue(queue)) => queue.run(),
            Some(What::Identity(identity)) => identity.run(),
            Some(What::Webhooks(webhooks)) => webhooks.run(),
            None if self.built => self.measure(),
            None => self.build_and_measure(),
        }
    }

    fn build_and_measure(&self) -> Result<(), ChoreError> {
        build_release(&["response-api", "xtask"])?;
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
        let logs = logs()?;
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
            write(&report.sections())?;
        }
        Ok(())
    }
}

/// Builds these programs as they are shipped. One invocation for all: another selection would give the
/// dependencies other features.
fn build_release(programs: &[&str]) -> Result<(), ChoreError> {
    let mut build = vec!["build", "--release"];
    build.extend(programs.iter().flat_map(|program| ["--bin", program]));
    command::run(&mut command::cargo(&build))
}

fn binaries() -> Result<PathBuf, ChoreError> {
    Ok(workspace::target()?.join("release"))
}

/// The folder for logs and data.
fn logs() -> Result<PathBuf, ChoreError> {
    let logs = workspace::target()?.join("bench");
    fs::create_dir_all(&logs).doing(|| format!("make {}", logs.display()))?;
    Ok(logs)
}

/// Writes sections into the document.
fn write(sections: &[Section]) -> Result<(), ChoreError> {
    let file = workspace::root().join(DOCUMENT);
    let reading = || format!("read {}", file.display());
    let text = fs::read_to_string(&file).doing(reading)?;
    let renewed = document::renewed(&text, sections);
    fs::write(&file, renewed).doing(|| format!("write {}", file.display()))?;
    say::line(format_args!("{} written", file.display()));
    Ok(())
}
