//! Queueing from 32 connections at once, with nobody working: what it takes to accept a job, its
//! announcement to other processes included.

use std::sync::Arc;

use super::super::BenchError;
use super::super::figures::ratio;
use super::super::load::{load, quantile};
use super::super::ours;
use super::super::sample::Cost;
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::peer::{self, WRITERS};
use super::stage::Stage;
use super::{Plan, report};
use crate::error::ChoreError;

const HEADINGS: &[Heading] = &[
    ("queued/s", 0),
    ("p50 ms", 2),
    ("p99 ms", 2),
    ("CPU of who queues ms", 3),
    ("Postgres CPU ms", 3),
    ("commits", 2),
];

/// Has both queue, round by round in turn.
pub(super) async fn measure(stage: &mut Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new("Queueing, 32 connections", HEADINGS);
    let exchange = Arc::new(ours::queued("bench-plain"));
    for _ in 0..plan.rounds {
        stage.postgres.settle()?;
        let writes = stage.postgres.next_write()?;
        let before = Cost::now(stage.ours.api, &stage.postgres)?;
        let tally = load(stage.ours.address, &exchange, WRITERS, plan.span).await;
        let after = Cost::now(stage.ours.api, &stage.postgres)?;
        let writes = stage.postgres.next_write()? - writes - 1;
        let failed = |error: BenchError| error.of(report::OURS, "queueing");
        let tally = tally.map_err(failed)?;
        let count = u64::try_from(tally.whole.len()).unwrap_or(u64::MAX);
        let rate = ratio(count, 1) / tally.span.as_secs_f64();
        let (program, database) = after.each_since(&before, rate);
        let of = |percent| Some(ratio(quantile(&tally.whole, percent)?, 1000));
        let figures = [of(50), of(99), Some(program), Some(database)];
        let mut row = vec![Some(rate)];
        row.extend(figures);
        row.push(Some(ratio(writes, count)));
        sheet.note(report::OURS, row);
        stage.ours.clear()?;
        let Some(peer) = &mut stage.peer else {
            continue;
        };
        let writes = stage.postgres.next_write()?;
        let before = Cost::now(peer.asker()?, &stage.postgres)?;
        let (count, nanoseconds) = peer.flood(plan.span).await?;
        let after = Cost::now(peer.asker()?, &stage.postgres)?;
        let writes = stage.postgres.next_write()? - writes - 1;
        let rate = ratio(count, 1) * 1e9 / ratio(nanoseconds, 1);
        let (program, database) = after.each_since(&before, rate);
        let figures = [None, None, Some(program), Some(database)];
        let mut row = vec![Some(rate)];
        row.extend(figures);
        row.push(Some(ratio(writes, count)));
        sheet.note(peer::NAME, row);
        peer.clear()?;
    }
    Ok(vec![sheet.table(&[(report::OURS, peer::NAME)])])
}
