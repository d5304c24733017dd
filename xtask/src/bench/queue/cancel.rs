//! From a cancel to the model's connection closed: the cancel goes to the API, and the run is in another
//! process.

use std::time::Duration;

use response_devstack::model::Model;
use tokio::time::{Instant, sleep, timeout};

use super::super::figures::ratio;
use super::super::load::quantile;
use super::super::ours::{self, Ours};
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::super::{BenchError, load};
use super::stage::Stage;
use super::{Plan, report};
use crate::error::ChoreError;
use crate::wire::{self, Wire};

const HEADINGS: &[Heading] = &[
    ("p50 ms", 2),
    ("p99 ms", 2),
    ("until answered p50 ms", 2),
    ("until answered p99 ms", 2),
];
/// How many in each second of a round.
const PER_SECOND: u64 = 8;
/// The longest that anything may take.
const LONGEST: Duration = Duration::from_secs(30);
/// How long a run streams before it is cancelled.
const RUNNING: Duration = Duration::from_millis(70);

/// Cancels some, round by round.
pub(super) async fn measure(stage: &mut Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new("From a cancel to the model's connection closed", HEADINGS);
    for _ in 0..plan.rounds {
        let worker = stage.ours.work().await?;
        let count = PER_SECOND * plan.span.as_secs();
        let figures = cancel(&stage.ours, &stage.model, count).await;
        drop(worker);
        stage.ours.clear()?;
        let failed = |error: BenchError| error.of(report::OURS, "cancelling");
        sheet.note(report::OURS, figures.map_err(failed)?);
    }
    Ok(vec![sheet.table(&[])])
}

async fn cancel(ours: &Ours, model: &Model, count: u64) -> Result<Vec<Option<f64>>, BenchError> {
    let create = ours::queued("bench-slow").request;
    let mut wire = Wire::connect(ours.address).await?;
    let (mut closed, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let before = model.ledger().traffic();
        let created = ours::created(ours::ask(&mut wire, &create).await?)?;
        let asked = model.ledger().until(|now| now.started > before.started);
        let _asked = timeout(LONGEST, asked).await?;
        sleep(RUNNING).await;
        let request = wire::post(&format!("/v1/responses/{created}/cancel"), "");
        let begun = Instant::now();
        let cancel = async {
            let answer = ours::ask(&mut wire, &request).await;
            answer.map(|answer| (answer, load::microseconds(begun)))
        };
        let close = async {
            let gone = model.ledger().until(|now| now.abandoned > before.abandoned);
            let _gone = timeout(LONGEST, gone).await?;
            Ok::<_, BenchError>(load::microseconds(begun))
        };
        let (answer, close) = tokio::join!(cancel, close);
        let ((status, body), answer) = answer?;
        expect(status, &body, 200, "\"status\":\"cancelled\"")?;
        answered.push(answer);
        closed.push(close?);
    }
    closed.sort_unstable();
    answered.sort_unstable();
    let of = |sorted: &[u64], percent| Some(ratio(quantile(sorted, percent)?, 1000));
    Ok(vec![
        of(&closed, 50),
        of(&closed, 99),
        of(&answered, 50),
        of(&answered, 99),
    ])
}

fn expect(status: u16, body: &[u8], wanted: u16, part: &str) -> Result<(), BenchError> {
    let text = String::from_utf8_lossy(body).into_owned();
    if status == wanted && text.contains(part) {
        return Ok(());
    }
    let deltas = 0;
    Err(BenchError::Wrong {
        status,
        deltas,
        text,
    })
}
