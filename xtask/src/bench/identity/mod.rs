//! What it costs to know who calls: the same requests by the guest, by a token, by a key and by the word of a
//! gateway, in turns.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::callers::Caller;
use self::stage::Stage;
use super::figures::ratio;
use super::load::{load, quantile};
use super::sheet::{Heading, Sheet};
use super::table::Table;
use super::{BenchError, binaries, build_release, logs};
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::say;

mod callers;
mod issuer;
mod report;
mod stage;

#[derive(Debug, Args)]
pub(super) struct Identity {
    /// How long each round of each measurement is
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How many rounds there are; their median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=25))]
    rounds: u64,
    /// Write the figures to docs/performance.md
    #[arg(long)]
    markdown: bool,
    /// The release binaries are built, and this is one of them
    #[arg(long, hide = true)]
    built: bool,
}

/// How long and how often is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    span: Duration,
    rounds: u64,
}

/// Connections that ask at once.
const CONNECTIONS: usize = 16;

const HEADINGS: &[Heading] = &[
    ("answers/s", 0),
    ("p50 ms", 2),
    ("p99 ms", 2),
    ("CPU µs/answer", 1),
    ("beside the guest, µs", 1),
];

impl Identity {
    /// Builds what is measured, and measures it.
    pub(super) fn run(&self) -> Result<(), ChoreError> {
        if self.built {
            return self.measure();
        }
        build_release(&["response-api", "xtask"])?;
        let mut again = Command::new(binaries()?.join("xtask"));
        again.args(["bench", "identity", "--built"]);
        again.args(["--seconds", &self.seconds.to_string()]);
        again.args(["--rounds", &self.rounds.to_string()]);
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
        let plan = Plan {
            span: Duration::from_secs(self.seconds),
            rounds: self.rounds,
        };
        let tables = runtime.block_on(perform(plan))?;
        for table in &tables {
            say::line(table.text());
        }
        if self.markdown {
            super::write(&[report::section(plan, &tables)?])?;
        }
        Ok(())
    }
}

async fn perform(plan: Plan) -> Result<Vec<Table>, ChoreError> {
    let own = std::env::current_exe().doing(|| "find this program".to_owned())?;
    let beside = own.parent().unwrap_or(&own);
    let stage = Stage::set(beside, &logs()?).await?;
    let mut tables = Vec::new();
    for work in callers::WORKS {
        say::note(format_args!("measuring: {}", work.title));
        let mut sheet = Sheet::new(work.title, HEADINGS);
        // The first round is for what is remembered from then on.
        for round in 0..=plan.rounds {
            let mut of_guest = None;
            for caller in &stage.callers {
                let figures = measured(caller, work, plan.span).await?;
                let guest = *of_guest.get_or_insert(figures.cost);
                if round > 0 {
                    sheet.note(caller.name, figures.beside(guest));
                }
            }
        }
        tables.push(sheet.table(&stage.against()));
    }
    Ok(tables)
}

/// What came of one round.
struct Figures {
    rate: f64,
    half: Option<f64>,
    most: Option<f64>,
    /// Microseconds of processor time for one answer.
    cost: f64,
}

impl Figures {
    fn beside(&self, guest: f64) -> Vec<Option<f64>> {
        vec![
            Some(self.rate),
            self.half,
            self.most,
            Some(self.cost),
            Some(self.cost - guest),
        ]
    }
}

async fn measured(
    caller: &Caller,
    work: &callers::Work,
    span: Duration,
) -> Result<Figures, ChoreError> {
    let exchange = Arc::new(caller.exchange(work));
    let before = caller.program.processor()?;
    let tally = load(caller.address, &exchange, CONNECTIONS, span).await;
    let tally = tally.map_err(|error: BenchError| error.of(caller.name, work.title))?;
    let spent = caller.program.processor()? - before;
    let answers = u64::try_from(tally.whole.len()).unwrap_or(u64::MAX);
    let milliseconds = |percent| Some(ratio(quantile(&tally.whole, percent)?, 1000));
    Ok(Figures {
        rate: ratio(answers * 1_000, 1_000) / tally.span.as_secs_f64(),
        half: milliseconds(50),
        most: milliseconds(99),
        cost: ratio(spent * 1_000, answers),
    })
}
