//! What the queue of background responses costs, beside that of a peer over the same PostgreSQL: how many it
//! works through, how soon one begins, how soon a cancelled one stops, how fast it takes new ones, and how a
//! claim stands it when dead rows cannot be cleaned away.

use std::process::Command;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::report::Report;
use self::stage::Stage;
use super::{binaries, build_release, logs};
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::say;

mod cancel;
mod claim;
mod enqueue;
mod peer;
mod report;
mod stage;
mod start;
mod statements;
mod throughput;

pub(super) use self::peer::install as install_peer;

#[derive(Debug, Args)]
pub(super) struct Queue {
    /// How long each round of each measurement is
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How many rounds there are; their median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=25))]
    rounds: u64,
    /// Only these parts, of all
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Leave the peer out
    #[arg(long)]
    alone: bool,
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
    /// Runs that do nothing, per second
    Throughput,
    /// From queued to started, when there is nothing else to do
    Start,
    /// From a cancel to the model's connection closed
    Cancel,
    /// Queueing, from many connections
    Enqueue,
    /// The statements of one run
    Statements,
    /// A claim under dead rows that cannot be cleaned away
    Claim,
}

impl Queue {
    /// Builds what is measured, and measures it.
    pub(super) fn run(&self) -> Result<(), ChoreError> {
        if self.built {
            return self.measure();
        }
        build_release(&["response-api", "response-worker", "xtask"])?;
        let mut again = Command::new(binaries()?.join("xtask"));
        again.args(["bench", "queue", "--built"]);
        again.args(["--seconds", &self.seconds.to_string()]);
        again.args(["--rounds", &self.rounds.to_string()]);
        for part in &self.only {
            let name = part.to_possible_value();
            again.args(["--only", name.as_ref().map_or("", |name| name.get_name())]);
        }
        for (flag, is_given) in [("--alone", self.alone), ("--markdown", self.markdown)] {
            if is_given {
                again.arg(flag);
            }
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
        let mut stage = Stage::set(beside, &logs()?, !self.alone).await?;
        let plan = Plan {
            span: Duration::from_secs(self.seconds),
            rounds: self.rounds,
        };
        let mut report = Report::of(&stage, &plan)?;
        let parts = Part::value_variants().iter();
        for part in parts.filter(|part| self.only.is_empty() || self.only.contains(part)) {
            say::note(format_args!("measuring: {part:?}"));
            let tables = match part {
                Part::Throughput => throughput::measure(&mut stage, &plan).await?,
                Part::Start => start::measure(&mut stage, &plan).await?,
                Part::Cancel => cancel::measure(&mut stage, &plan).await?,
                Part::Enqueue => enqueue::measure(&mut stage, &plan).await?,
                Part::Statements => statements::measure(&mut stage).await?,
                Part::Claim => claim::measure(&mut stage).await?,
            };
            report.add(tables);
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
