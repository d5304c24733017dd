//! Who waits for whom: one address that answers is told every 100 ms, while others of the same owner are
//! dead. Each of a thousand dead addresses has a delivery due at once and one more every ten seconds; each
//! dead endpoint, of which an owner can have 99 beside one that answers, has all that the live one has.

use std::time::Duration;

use response_devstack::receiver::Secret;
use tokio::time::{Instant, interval, sleep};

use super::super::BenchError;
use super::super::load::Exchange;
use super::super::ours;
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::graves::{Death, Graves};
use super::observed::Observed;
use super::stage::{OURS, Stage};
use super::times::Times;
use super::{Plan, copies};
use crate::db;
use crate::error::ChoreError;
use crate::say;
use crate::wire::Wire;

const HEADINGS: &[Heading] = &[
    ("p50 ms", 2),
    ("p99 ms", 2),
    ("max ms", 2),
    ("until signed p50 ms", 2),
    ("sender MB", 1),
    ("sender files", 0),
    ("attempts at the dead", 0),
];
/// How many addresses are dead.
const ADDRESSES: u64 = 1000;
/// After which time each is told once more.
const AGAIN: Duration = Duration::from_secs(10);
/// As many endpoints as an owner can have, but for one.
const ENDPOINTS: u64 = 99;
/// Between two for the live one.
const PAUSE: Duration = Duration::from_millis(100);
/// By how much it is longer than other measurements: addresses that never answer are known for it only after
/// ten seconds.
const LONGER: u32 = 8;

/// Who is dead beside the live one.
#[derive(Debug, Clone, Copy)]
enum Dead {
    Nobody,
    All(Death),
}

/// What is told, and to whom.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Addresses,
    Endpoints,
}

const CASES: [(&str, Kind, Dead); 6] = [
    ("address", Kind::Addresses, Dead::Nobody),
    (
        "address, 1,000 dead: refused",
        Kind::Addresses,
        Dead::All(Death::Refuses),
    ),
    (
        "address, 1,000 dead: no answer",
        Kind::Addresses,
        Dead::All(Death::NeverAnswers),
    ),
    ("endpoint", Kind::Endpoints, Dead::Nobody),
    (
        "endpoint, 99 dead: refused",
        Kind::Endpoints,
        Dead::All(Death::Refuses),
    ),
    (
        "endpoint, 99 dead: no answer",
        Kind::Endpoints,
        Dead::All(Death::NeverAnswers),
    ),
];

/// Has the live one told in each case, round by round in turn.
pub(super) async fn measure(stage: &Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new(
        "From ended to received, every 100 ms, others dead",
        HEADINGS,
    );
    for _ in 0..plan.rounds {
        for (name, kind, dead) in CASES {
            say::note(name);
            sheet.note(name, case(stage, kind, dead, plan.span * LONGER).await?);
            stage.ours.clear()?;
        }
    }
    Ok(vec![sheet.table(&[])])
}

async fn case(
    stage: &Stage,
    kind: Kind,
    dead: Dead,
    span: Duration,
) -> Result<Vec<Option<f64>>, ChoreError> {
    let graves = match dead {
        Dead::Nobody => None,
        Dead::All(death) => Some(Graves::open(death).await?),
    };
    let url = format!("{}live", stage.receiver.url());
    if let (Kind::Addresses, Some(_)) = (kind, &graves) {
        copies::make(stage, ADDRESSES + again(span)).await?;
    }
    let exchange = match kind {
        Kind::Addresses => ours::told(&url),
        Kind::Endpoints => {
            stage
                .receiver
                .trust(Secret::new(stage.register(&url).await?));
            ours::queued("bench-plain")
        }
    };
    let worker = stage.ours.work().await?;
    // The live one is known before the others die.
    let mut ids = tell(stage, &exchange, Duration::from_secs(1)).await?;
    stage.receiver.take();
    ids.clear();
    if let Some(graves) = &graves {
        bury(stage, kind, graves, span).await?;
    }
    let observed = Observed::from_now(worker.program);
    ids.extend(tell(stage, &exchange, span).await?);
    let times = Times::of(stage, "/live", &ids).await?;
    let mut figures = times.figures();
    figures.extend(observed.figures());
    let count = "select count(*) from webhook_attempts where status is null";
    let attempts = db::ask(stage.ours.database(), count)?;
    figures.push(attempts.parse().ok());
    Ok(figures)
}

/// How many more are due to the dead in a time.
fn again(span: Duration) -> u64 {
    ADDRESSES * span.as_secs() / AGAIN.as_secs()
}

async fn bury(
    stage: &Stage,
    kind: Kind,
    graves: &Graves,
    span: Duration,
) -> Result<(), ChoreError> {
    match kind {
        Kind::Addresses => {
            let (url, last) = (graves.sql(ADDRESSES), ADDRESSES + again(span));
            let apart = AGAIN.as_micros() / u128::from(ADDRESSES);
            let later = format!("(n - {ADDRESSES}) * {apart}");
            let database = stage.ours.database();
            db::ask(database, &copies::due((1, ADDRESSES), &url, "0"))?;
            db::ask(database, &copies::due((ADDRESSES + 1, last), &url, &later))?;
        }
        Kind::Endpoints => {
            for number in 1..=ENDPOINTS {
                let url = format!("http://{}/dead", graves.address(number));
                stage.register(&url).await?;
            }
        }
    }
    Ok(())
}

/// Ends one response every 100 ms, whether the one before has arrived or not.
async fn tell(
    stage: &Stage,
    exchange: &Exchange,
    span: Duration,
) -> Result<Vec<String>, ChoreError> {
    let tell = async {
        let mut wire = Wire::connect(stage.ours.address).await?;
        let mut ids = Vec::new();
        let mut beats = interval(PAUSE);
        let until = Instant::now() + span;
        while Instant::now() < until {
            beats.tick().await;
            ids.push(ours::created(
                ours::ask(&mut wire, &exchange.request).await?,
            )?);
        }
        sleep(PAUSE).await;
        Ok(ids)
    };
    let failed = |error: BenchError| error.of(OURS, "ending one every 100 ms");
    tell.await.map_err(failed)
}
