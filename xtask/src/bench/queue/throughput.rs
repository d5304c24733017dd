//! Runs that do nothing, per second: what the queue itself costs when it is never empty.

use std::time::Duration;

use tokio::time::sleep;

use super::super::ours::Ours;
use super::super::postgres::Postgres;
use super::super::sample::{Between, Sample};
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::peer::{self, Peer, Setup};
use super::stage::Stage;
use super::{Plan, report};
use crate::error::ChoreError;
use crate::say;

const HEADINGS: &[Heading] = &[
    ("runs/s", 0),
    ("worker CPU ms/run", 3),
    ("Postgres CPU ms/run", 3),
    ("commits/run", 2),
    ("WAL KiB/run", 2),
];
/// How long a worker works before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);
/// The most that is queued for one round.
const MOST: u64 = 2_000_000;

/// Who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Ours,
    Peer(Setup),
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => report::OURS,
            Self::Peer(Setup::Default) => peer::NAME,
            Self::Peer(Setup::Batched) => report::BATCHED,
        }
    }

    /// About as many as nobody of its kind does in a second; more are queued when that was too few.
    fn at_first(self) -> u64 {
        match self {
            Self::Ours => 3_000,
            Self::Peer(Setup::Default) => 4_000,
            Self::Peer(Setup::Batched) => 30_000,
        }
    }
}

/// Has everybody work, round by round in turn.
pub(super) async fn measure(stage: &mut Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new("Runs that do nothing, 8 slots", HEADINGS);
    let mut contenders = vec![Who::Ours];
    if stage.peer.is_some() {
        contenders.extend([Who::Peer(Setup::Default), Who::Peer(Setup::Batched)]);
    }
    for _ in 0..plan.rounds {
        for who in &contenders {
            let between = round(stage, *who, plan.span).await?;
            sheet.note(who.name(), between.figures());
        }
    }
    let against = [(report::OURS, peer::NAME), (report::OURS, report::BATCHED)];
    Ok(vec![sheet.table(&against)])
}

/// One round, with as much queued as it takes not to run out of work.
async fn round(stage: &mut Stage, who: Who, span: Duration) -> Result<Between, ChoreError> {
    let mut count = who.at_first() * (span + WARM_UP).as_secs().max(1);
    while count <= MOST {
        let between = work_through(stage, who, span, count).await?;
        if between.left > 0 && between.done > 0 {
            say::note(format_args!("{}: {} runs", who.name(), between.done));
            return Ok(between);
        }
        if between.done == 0 {
            return Err(ChoreError::Refused(format!("{} does nothing", who.name())));
        }
        count *= 2;
    }
    let much = format!("{} was through with everything that was queued", who.name());
    Err(ChoreError::Refused(much))
}

async fn work_through(
    stage: &mut Stage,
    who: Who,
    span: Duration,
    count: u64,
) -> Result<Between, ChoreError> {
    let postgres = &stage.postgres;
    if let (Who::Peer(setup), Some(peer)) = (who, &mut stage.peer) {
        peer.fill(count).await?;
        Postgres::analyze(peer.database())?;
        postgres.settle()?;
        let worker = peer.work(setup).await?;
        let program = worker.program()?;
        let look = || Sample::take(peer.database(), Peer::table(), program, postgres);
        let between = watch(look, span).await?;
        worker.stop().await?;
        peer.clear()?;
        return Ok(between);
    }
    let ours = &stage.ours;
    ours.fill(count).await?;
    Postgres::analyze(ours.database())?;
    postgres.settle()?;
    let worker = ours.work().await?;
    let look = || Sample::take(ours.database(), Ours::table(), worker.program, postgres);
    let between = watch(look, span).await?;
    drop(worker);
    ours.clear()?;
    Ok(between)
}

/// What happens in a time, after the first moments.
async fn watch(
    look: impl Fn() -> Result<Sample, ChoreError>,
    span: Duration,
) -> Result<Between, ChoreError> {
    sleep(WARM_UP).await;
    let before = look()?;
    sleep(span).await;
    Ok(look()?.since(&before))
}
