//! From ended to received, one at a time and with nothing else to do.

use std::time::Duration;

use response_devstack::receiver::Secret;
use tokio::time::sleep;

use super::super::BenchError;
use super::super::load::{self, Exchange};
use super::super::ours;
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::Plan;
use super::stage::{OURS, Stage};
use super::times::Times;
use crate::error::ChoreError;
use crate::wire::Wire;

const HEADINGS: &[Heading] = &[
    ("p50 ms", 2),
    ("p99 ms", 2),
    ("max ms", 2),
    ("until signed p50 ms", 2),
];
/// How many in each second of a round.
const PER_SECOND: u64 = 12;
const ADDRESS: &str = "the address of a request, signed";
const ENDPOINT: &str = "an endpoint, secret unsealed, signed";

/// Has each told some, round by round in turn.
pub(super) async fn measure(stage: &Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new("From ended to received, nothing else to do", HEADINGS);
    let count = PER_SECOND * plan.span.as_secs();
    for _ in 0..plan.rounds {
        let url = format!("{}told", stage.receiver.url());
        let told = ours::told(&url);
        sheet.note(ADDRESS, times(stage, &told, count).await?.figures());
        stage
            .receiver
            .trust(Secret::new(stage.register(&url).await?));
        let told = ours::queued("bench-plain");
        sheet.note(ENDPOINT, times(stage, &told, count).await?.figures());
    }
    Ok(vec![sheet.table(&[])])
}

async fn times(stage: &Stage, exchange: &Exchange, count: u64) -> Result<Times, ChoreError> {
    let worker = stage.ours.work().await?;
    // What a worker does first is no part of this.
    sleep(Duration::from_millis(300)).await;
    stage.receiver.take();
    let failed = |error: BenchError| error.of(OURS, "ending one");
    let mut wire = Wire::connect(stage.ours.address)
        .await
        .map_err(|error| failed(error.into()))?;
    let mut ids = Vec::new();
    for at in 0..count {
        let answer = ours::ask(&mut wire, &exchange.request).await;
        let id = answer.and_then(ours::created).map_err(failed)?;
        ids.push(id);
        load::pause(at).await;
    }
    let times = Times::of(stage, "/told", &ids).await?;
    drop(worker);
    stage.ours.clear()?;
    Ok(times)
}
