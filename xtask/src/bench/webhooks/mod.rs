//! What webhooks cost and how soon they come: on an idle system, beside a thousand addresses that are dead,
//! and as many as there can be.

use std::process::Command;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::report::Report;
use self::stage::Stage;
use super::{binaries, build_release, logs};
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::say;

mod arrival;
mod backlog;
mod copies;
mod dead;
mod endings;
mod graves;
mod observed;
mod report;
mod sink;
mod stage;
mod times;

#[derive(Debug, Args)]
pub(super) struct Webhooks {
    /// How long each round of each measurement is; beside the dead it is eight times as long
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How many rounds there are; their median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=25))]
    rounds: u64,
    /// Only these parts, of all
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Write the figures to docs/performance.md
    #[arg(long)]
    markdown: bool,
    /// The release binaries are built, and this is one of them
    #[arg(long, hide = true)]
    built: bool,
}

/// What is measured, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From the end of a response to its receipt, when there is nothing else to do
    Arrival,
    /// The same every 100 ms, while others are dead
    Dead,
    /// Runs a second with and without somebody to tell
    Endings,
    /// Deliveries a second, when many are due
    Backlog,
}

impl Webhooks {
    /// Builds what is measured, and measures it.
    pub(super) fn run(&self) -> Result<(), ChoreError> {
        if self.built {
            return self.measure();
        }
        build_release(&["response-api", "response-worker", "xtask"])?;
        let mut again = Command::new(binaries()?.join("xtask"));
        again.args(["bench", "webhooks", "--built"]);
        again.args(["--seconds", &self.seconds.to_string()]);
        again.args(["--rounds", &self.rounds.to_string()]);
        for part in &self.only {
            let name = part.to_possible_value();
            again.args(["--only", name.as_ref().map_or("", |name| name.get_name())]);
        }
        if self.markdown {
            again.arg("--markdown");
        }
        command::run(&mut again)
    }

    fn measure(&self) -> Result<(), ChoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "start a runtime".to_owned())?;
        let report = runtime.block_on(self.perform())?;
        for table in report.tables() {
            say::line(table.text());
        }
        if self.markdown {
            super::write(&[report.section()])?;
        }
        Ok(())
    }

    async fn perform(&self) -> Result<Report, ChoreError> {
        let own = std::env::current_exe().doing(|| "find this program".to_owned())?;
        let beside = own.parent().unwrap_or(&own);
        let stage = Stage::set(beside, &logs()?).await?;
        let plan = Plan {
            span: Duration::from_secs(self.seconds),
            rounds: self.rounds,
        };
        let mut report = Report::of(&stage, &plan)?;
        let parts = Part::value_variants().iter();
        for part in parts.filter(|part| self.only.is_empty() || self.only.contains(part)) {
            say::note(format_args!("measuring: {part:?}"));
            report.add(match part {
                Part::Arrival => arrival::measure(&stage, &plan).await?,
                Part::Dead => dead::measure(&stage, &plan).await?,
                Part::Endings => endings::measure(&stage, &plan).await?,
                Part::Backlog => backlog::measure(&stage, &plan).await?,
            });
        }
        Ok(report)
    }
}

/// How long and how often is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    span: Duration,
    rounds: u64,
}
