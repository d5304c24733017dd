//! What being told costs a run: the same runs, with nobody to tell, with an address in each request, and
//! with an endpoint.

use std::time::Duration;

use tokio::time::sleep;

use super::super::figures::ratio;
use super::super::load::Exchange;
use super::super::ours::{self, Ours};
use super::super::sample::{self, Sample};
use super::super::sheet::{Heading, Sheet};
use super::super::statement_log::{self, Log};
use super::super::table::Table;
use super::Plan;
use super::sink::Sink;
use super::stage::Stage;
use crate::error::ChoreError;

const HEADINGS: &[Heading] = &[
    ("runs/s", 0),
    ("worker CPU ms/run", 3),
    ("Postgres CPU ms/run", 3),
    ("commits/run", 2),
    ("WAL KiB/run", 2),
    ("told/s", 0),
];
/// How long a worker works before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);
/// About as many as nobody ends in a second.
const PER_SECOND: u64 = 1_500;
/// How many runs are looked at one statement at a time.
const LOGGED: u64 = 2_000;
const PAUSE: Duration = Duration::from_millis(100);
/// The longest that those may take, in pauses.
const LONGEST: usize = 600;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nobody,
    Address,
    Endpoint,
}

impl Told {
    const ALL: [Self; 3] = [Self::Nobody, Self::Address, Self::Endpoint];

    const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody is told",
            Self::Address => "the address of each request is told",
            Self::Endpoint => "an endpoint is told",
        }
    }

    async fn exchange(self, stage: &Stage, sink: &Sink) -> Result<Exchange, ChoreError> {
        if self == Self::Endpoint {
            stage.register(&sink.url()).await?;
        }
        Ok(match self {
            Self::Nobody | Self::Endpoint => ours::queued("bench-plain"),
            Self::Address => ours::told(&sink.url()),
        })
    }
}

/// Has all end runs, round by round in turn, and looks at the statements of some.
pub(super) async fn measure(stage: &Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new("Runs that do nothing, 8 slots", HEADINGS);
    for _ in 0..plan.rounds {
        for told in Told::ALL {
            sheet.note(told.name(), round(stage, told, plan.span).await?);
            stage.ours.clear()?;
        }
    }
    let against = [
        (Told::Address.name(), Told::Nobody.name()),
        (Told::Endpoint.name(), Told::Nobody.name()),
    ];
    let mut tables = vec![sheet.table(&against)];
    for told in Told::ALL {
        tables.push(statements(stage, told).await?);
        stage.ours.clear()?;
    }
    Ok(tables)
}

async fn round(stage: &Stage, told: Told, span: Duration) -> Result<Vec<Option<f64>>, ChoreError> {
    let sink = Sink::open()?;
    let ours = &stage.ours;
    let count = PER_SECOND * (span + WARM_UP).as_secs().max(1);
    let exchange = told.exchange(stage, &sink).await?;
    ours.fill_with(exchange, count).await?;
    ours.analyze()?;
    stage.postgres.settle()?;
    let worker = ours.work().await?;
    let look = || {
        Sample::take(
            ours.database(),
            Ours::table(),
            worker.program,
            &stage.postgres,
        )
    };
    sleep(WARM_UP).await;
    let (before, received) = (look()?, sink.received());
    sleep(span).await;
    let between = look()?.since(&before);
    let received = sink.received() - received;
    if between.left == 0 {
        return Err(ChoreError::Refused(
            "all that was queued has run".to_owned(),
        ));
    }
    let mut figures = between.figures();
    figures.push(Some(ratio(received, 1) / span.as_secs_f64()));
    Ok(figures)
}

/// The statements of one run, told and recorded.
async fn statements(stage: &Stage, told: Told) -> Result<Table, ChoreError> {
    let sink = Sink::open()?;
    let ours = &stage.ours;
    let exchange = told.exchange(stage, &sink).await?;
    ours.fill_with(exchange, LOGGED).await?;
    ours.analyze()?;
    let log = Log::of(ours.database())?;
    let worker = ours.work().await?;
    for table in [Ours::table(), OPEN] {
        let mut looks = 0..LONGEST;
        while sample::left(ours.database(), table)? > 0 {
            if looks.next().is_none() {
                return Err(ChoreError::Refused(format!(
                    "{table} does not become empty"
                )));
            }
            sleep(PAUSE).await;
        }
    }
    drop(worker);
    Ok(statement_log::table(told.name(), &log.end()?, LOGGED))
}

/// The deliveries that are still to arrive, as a table.
pub(super) const OPEN: &str = "webhook_deliveries where due_at is not null";
