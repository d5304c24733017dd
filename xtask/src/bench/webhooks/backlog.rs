//! Deliveries a second, when very many are due: to one address, and to many.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::figures::ratio;
use super::super::postgres::Postgres;
use super::super::sample::Sample;
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::endings::OPEN;
use super::sink::Sink;
use super::stage::Stage;
use super::{Plan, copies};
use crate::db;
use crate::error::ChoreError;

const HEADINGS: &[Heading] = &[
    ("deliveries/s", 0),
    ("worker CPU ms/delivery", 3),
    ("Postgres CPU ms/delivery", 3),
    ("commits/delivery", 2),
    ("WAL KiB/delivery", 2),
    ("connections/delivery", 2),
    ("sender MB", 1),
];
/// How many are due.
const DUE: u64 = 20_000;
const PAUSE: Duration = Duration::from_millis(100);
/// The longest that they may take.
const LONGEST: Duration = Duration::from_mins(2);
const ONE: &str = "to one address";
const MANY: &str = "to 200 addresses";

/// Has a worker begin with a backlog, round by round in turn.
pub(super) async fn measure(stage: &Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new(
        "20,000 deliveries that are due, to a fast receiver",
        HEADINGS,
    );
    for _ in 0..plan.rounds {
        for (name, addresses) in [(ONE, 1), (MANY, 200)] {
            sheet.note(name, round(stage, addresses).await?);
            stage.ours.clear()?;
        }
    }
    Ok(vec![sheet.table(&[(ONE, MANY)])])
}

/// From the first that came to the last that was recorded.
async fn round(stage: &Stage, addresses: u64) -> Result<Vec<Option<f64>>, ChoreError> {
    let sink = Sink::open()?;
    let database = stage.ours.database();
    copies::make(stage, DUE).await?;
    db::ask(database, &copies::due((1, DUE), &sink.sql(addresses), "0"))?;
    Postgres::analyze(database)?;
    stage.postgres.settle()?;
    let worker = stage.ours.work().await?;
    let look = || Sample::take(database, OPEN, worker.program, &stage.postgres);
    let before = look()?;
    let until = Instant::now() + LONGEST;
    let mut memory = 0;
    let between = loop {
        sleep(PAUSE).await;
        memory = worker.program.memory()?.max(memory);
        let between = look()?.since(&before);
        if between.left == 0 {
            break between;
        }
        if Instant::now() > until {
            return Err(ChoreError::Refused(format!(
                "{} of {DUE} deliveries are still to arrive",
                between.left
            )));
        }
    };
    let mut figures = between.figures();
    figures.push(Some(ratio(sink.connections(), sink.received())));
    figures.push(Some(ratio(memory, 1_000_000)));
    Ok(figures)
}
