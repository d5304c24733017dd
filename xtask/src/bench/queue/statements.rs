//! The statements of one run, ours beside the peer's: counted where the server hears them.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::super::figures::ratio;
use super::super::postgres::Postgres;
use super::super::table::Table;
use super::logged::{Logged, gist, statements};
use super::ours::Ours;
use super::peer::{self, Peer, Setup};
use super::report;
use super::sample;
use super::stage::Stage;
use crate::db;
use crate::error::{ChoreError, Doing as _};

/// How many runs are looked at.
const RUNS: u64 = 2_000;
/// What a statement must reach of the runs to be part of one: others are of the process.
const PART_OF_A_RUN: f64 = 0.02;
const PAUSE: Duration = Duration::from_millis(100);
/// The longest that the runs may take, in pauses.
const LONGEST: usize = 600;
/// What the measurement itself asks.
const OURS_OWN: [&str; 1] = ["select count(*), (extract("];

/// Has both work through some runs, and counts.
pub(super) async fn measure(stage: &mut Stage) -> Result<Vec<Table>, ChoreError> {
    let mut tables = vec![table(report::OURS, &of_ours(stage).await?)];
    if let Some(logged) = of_peer(stage).await? {
        tables.push(table(peer::NAME, &logged));
    }
    Ok(tables)
}

/// What our worker asks the server while it works through some runs.
pub(super) async fn of_ours(stage: &mut Stage) -> Result<Vec<Logged>, ChoreError> {
    let database = stage.ours.database().to_owned();
    stage.ours.fill(RUNS).await?;
    Postgres::analyze(&database)?;
    let log = Log::of(&database)?;
    let worker = stage.ours.work().await?;
    until_done(&database, Ours::table()).await?;
    drop(worker);
    let logged = log.end()?;
    stage.ours.clear()?;
    Ok(logged)
}

/// What the worker of the peer asks, if there is one.
pub(super) async fn of_peer(stage: &mut Stage) -> Result<Option<Vec<Logged>>, ChoreError> {
    let Some(peer) = &mut stage.peer else {
        return Ok(None);
    };
    let database = peer.database().to_owned();
    peer.fill(RUNS).await?;
    Postgres::analyze(&database)?;
    let log = Log::of(&database)?;
    let worker = peer.work(Setup::Default).await?;
    until_done(&database, Peer::table()).await?;
    worker.stop().await?;
    let logged = log.end()?;
    peer.clear()?;
    Ok(Some(logged))
}

/// Waits until nothing is left.
async fn until_done(database: &str, table: &str) -> Result<(), ChoreError> {
    for _ in 0..LONGEST {
        if sample::left(database, table)? == 0 {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Err(ChoreError::Refused(format!(
        "{table} does not become empty"
    )))
}

/// The log of the server, from a moment on. Connections that are made while it is open are logged whole.
struct Log {
    database: String,
    name: String,
    file: PathBuf,
    from: u64,
}

impl Log {
    fn of(database: &str) -> Result<Self, ChoreError> {
        let folder = db::ask(database, "show data_directory")?;
        let file = Path::new(&folder).join("log");
        let length = fs::metadata(&file)
            .doing(|| format!("look at {}", file.display()))?
            .len();
        let name = db::ask(database, "select current_database()")?;
        let log = Self {
            database: database.to_owned(),
            name,
            file,
            from: length,
        };
        log.set("set log_min_duration_statement = 0")?;
        Ok(log)
    }

    fn set(&self, what: &str) -> Result<(), ChoreError> {
        db::ask(
            &self.database,
            &format!("alter database {} {what}", self.name),
        )
        .map(drop)
    }

    fn end(self) -> Result<Vec<Logged>, ChoreError> {
        self.set("reset log_min_duration_statement")?;
        let reading = || format!("read {}", self.file.display());
        let mut file = fs::File::open(&self.file).doing(reading)?;
        file.seek(SeekFrom::Start(self.from)).doing(reading)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).doing(reading)?;
        // For whoever wants to know more.
        let kept = super::super::logs()?.join(format!("statements-{}.log", self.name));
        fs::write(&kept, &text).doing(|| format!("write {}", kept.display()))?;
        Ok(statements(&String::from_utf8_lossy(&text), &OURS_OWN))
    }
}

fn table(name: &str, logged: &[Logged]) -> Table {
    let mut rows = Vec::new();
    let mut all = [0.0; 3];
    for one in logged {
        let each =
            [ratio(one.times, 1), one.planning, one.executing].map(|sum| sum / ratio(RUNS, 1));
        let [times, ..] = each;
        if times >= PART_OF_A_RUN {
            rows.push(row(gist(&one.text), each));
            for (sum, own) in all.iter_mut().zip(each) {
                *sum += own;
            }
        }
    }
    rows.push(row("all".to_owned(), all));
    Table {
        title: format!("Statements of one run: {name}"),
        headings: ["", "times/run", "planned ms/run", "executed ms/run"]
            .map(str::to_owned)
            .into(),
        rows,
    }
}

fn row(name: String, [times, planning, executing]: [f64; 3]) -> Vec<String> {
    vec![
        name,
        format!("{times:.2}"),
        format!("{planning:.3}"),
        format!("{executing:.3}"),
    ]
}
