//! The statements of one run, ours beside the peer's: counted where the server hears them.

use std::time::Duration;

use tokio::time::sleep;

use super::super::logged::Logged;
use super::super::ours::Ours;
use super::super::postgres::Postgres;
use super::super::sample;
use super::super::statement_log::{Log, table};
use super::super::table::Table;
use super::peer::{self, Peer, Setup};
use super::report;
use super::stage::Stage;
use crate::error::ChoreError;

/// How many runs are looked at.
const RUNS: u64 = 2_000;
const PAUSE: Duration = Duration::from_millis(100);
/// The longest that the runs may take, in pauses.
const LONGEST: usize = 600;
/// Has both work through some runs, and counts.
pub(super) async fn measure(stage: &mut Stage) -> Result<Vec<Table>, ChoreError> {
    let mut tables = vec![table(report::OURS, &of_ours(stage).await?, RUNS)];
    if let Some(logged) = of_peer(stage).await? {
        tables.push(table(peer::NAME, &logged, RUNS));
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
