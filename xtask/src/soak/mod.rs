//! A soak: the service as it runs, an API and several workers over a PostgreSQL of their own, under a load
//! of every kind, while its processes are killed, frozen and ended and its database is restarted. At the end
//! it looks at every response and says whether anything was lost or doubled.
//!
//! What is done, and to whom, follows from the seed alone; how long things take does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use self::agenda::Agenda;
use self::chaos::Chaos;
use self::load::Load;
use self::report::Report;
use self::world::World;
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

mod agenda;
mod audit;
mod calls;
mod chaos;
mod client;
mod errand;
mod fleet;
mod load;
mod replay;
mod report;
mod verdict;
mod world;

/// What runs.
const PROGRAMS: [&str; 2] = ["response-api", "response-worker"];
/// How often it says how far it is.
const NEWS: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How long there is load and trouble
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// How many workers there are
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=32))]
    workers: u16,
    /// How many clients ask at once
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=500))]
    clients: u16,
    /// What all choices follow from; otherwise one that is told
    #[arg(long)]
    seed: Option<u64>,
    /// Load only: nobody is killed, frozen or restarted
    #[arg(long)]
    calm: bool,
    /// Run what was built for development instead of what is shipped
    #[arg(long)]
    dev: bool,
}

impl Soak {
    /// Runs it; fails when anything was lost or doubled.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        let seed = self
            .seed
            .unwrap_or_else(|| fastrand::u64(..=u64::from(u32::MAX)));
        say::line(format_args!(
            "seed {seed}: {} min, {} workers, {} clients",
            self.minutes, self.workers, self.clients
        ));
        let built = self.build()?;
        let logs = workspace::target()?.join("soak");
        if logs.exists() {
            fs::remove_dir_all(&logs).doing(|| format!("remove {}", logs.display()))?;
        }
        let binaries = keep(&built, &logs.join("bin"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "start a runtime".to_owned())?;
        let report = runtime.block_on(self.soak(seed, binaries, logs))?;
        say::line(&report);
        match report.findings() {
            0 => Ok(()),
            count => Err(ChoreError::Findings {
                chore: "soak",
                count,
            }),
        }
    }

    fn build(&self) -> Result<PathBuf, ChoreError> {
        let mut build = vec!["build"];
        build.extend(PROGRAMS.iter().flat_map(|name| ["--bin", name]));
        let profile = if self.dev { "debug" } else { "release" };
        if !self.dev {
            build.push("--release");
        }
        command::run(&mut command::cargo(&build))?;
        Ok(workspace::target()?.join(profile))
    }

    async fn soak(
        &self,
        seed: u64,
        binaries: PathBuf,
        logs: PathBuf,
    ) -> Result<Report, ChoreError> {
        let span = Duration::from_secs(self.minutes * 60);
        let world = World::start(self.workers, binaries, logs).await?;
        let agenda = if self.calm {
            Agenda::default()
        } else {
            Agenda::of(seed, span, self.workers, world.restart.is_some())
        };
        say::line(&agenda);
        let World {
            fleet,
            database,
            restart,
            model,
            tools,
            began,
            ..
        } = world;
        let chaos = Chaos::unleash(agenda, fleet, restart, &database);
        let load = Arc::new(Load::new(chaos.api(), seed));
        let until = Instant::now() + span;
        let calls = calls::watch(&load, tools.ledger().clone());
        let asking = load::run(&load, self.clients, until);
        let news = async {
            loop {
                sleep(NEWS).await;
                say::note(format_args!("{} asked, {}", load.asked(), chaos.news()));
            }
        };
        let ended = async { tokio::join!(asking, calls) };
        let ((), calls) = tokio::select! {
            ended = ended => ended,
            () = news => return Err(ChoreError::Refused("the news ended".to_owned())),
        };
        say::note("the load is over; everybody is woken and looked at");
        let mut aftermath = chaos.end()?;
        let mut report = Report::of(&load, &aftermath, seed);
        verdict::of_database(&database, &load, &aftermath, &mut report).await?;
        verdict::of_responses(&load, &aftermath, began, &mut report).await;
        calls.judge(&load, &mut report);
        verdict::of_processes(
            &mut aftermath,
            &database,
            [model.ledger(), tools.ledger()],
            &mut report,
        )
        .await?;
        Ok(report)
    }
}

/// Copies the programs, so that a build during the soak changes nothing of it.
fn keep(built: &Path, folder: &Path) -> Result<PathBuf, ChoreError> {
    fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
    for name in PROGRAMS {
        fs::copy(built.join(name), folder.join(name)).doing(|| format!("copy {name}"))?;
    }
    Ok(folder.to_owned())
}
