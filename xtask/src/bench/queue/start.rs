//! From queued to started, one at a time and with nothing else to do: what a notification and a claim take.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::figures::ratio;
use super::super::load::quantile;
use super::super::ours::{self, Ours};
use super::super::sheet::{Heading, Sheet};
use super::super::table::Table;
use super::super::{BenchError, load};
use super::peer::{self, Peer, PeerWorker, Setup};
use super::stage::Stage;
use super::{Plan, report};
use crate::error::ChoreError;
use crate::wire::Wire;

const HEADINGS: &[Heading] = &[("p50 ms", 2), ("p99 ms", 2), ("until queued p50 ms", 2)];
/// How many in each second of a round.
const PER_SECOND: u64 = 15;
/// The longest that one may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Microseconds from asking to started, and from asking to queued, of all that were asked.
#[derive(Debug, Default)]
struct Times {
    started: Vec<u64>,
    queued: Vec<u64>,
}

impl Times {
    fn figures(mut self) -> Vec<Option<f64>> {
        self.started.sort_unstable();
        self.queued.sort_unstable();
        let of = |sorted: &[u64], percent| Some(ratio(quantile(sorted, percent)?, 1000));
        vec![
            of(&self.started, 50),
            of(&self.started, 99),
            of(&self.queued, 50),
        ]
    }
}

/// Has each start some, round by round in turn.
pub(super) async fn measure(stage: &mut Stage, plan: &Plan) -> Result<Vec<Table>, ChoreError> {
    let mut sheet = Sheet::new("From asked for to started, nothing else to do", HEADINGS);
    let count = PER_SECOND * plan.span.as_secs();
    for _ in 0..plan.rounds {
        let worker = stage.ours.work().await?;
        // The first poll of a worker is its first claim; this is about one that has nothing to do.
        sleep(Duration::from_millis(300)).await;
        let times = of_ours(&stage.ours, &stage.model, count).await;
        drop(worker);
        stage.ours.clear()?;
        let failed = |error: BenchError| error.of(report::OURS, "starting one");
        sheet.note(report::OURS, times.map_err(failed)?.figures());
        let Some(peer) = &mut stage.peer else {
            continue;
        };
        for (name, setup) in [
            (peer::NAME, Setup::Default),
            (report::BATCHED, Setup::Batched),
        ] {
            let mut worker = peer.work(setup).await?;
            sleep(Duration::from_millis(300)).await;
            let times = of_peer(peer, &mut worker, count).await?;
            worker.stop().await?;
            peer.clear()?;
            sheet.note(name, times.figures());
        }
    }
    let against = [(report::OURS, peer::NAME), (report::OURS, report::BATCHED)];
    Ok(vec![sheet.table(&against)])
}

async fn of_ours(
    ours: &Ours,
    model: &response_devstack::model::Model,
    count: u64,
) -> Result<Times, BenchError> {
    let request = ours::queued("bench-plain").request;
    let mut wire = Wire::connect(ours.address).await?;
    let mut times = Times::default();
    for at in 0..count {
        let before = model.ledger().traffic().started;
        let begun = Instant::now();
        let queue = async {
            let answer = ours::ask(&mut wire, &request).await;
            answer.map(|answer| (answer, load::microseconds(begun)))
        };
        let start = async {
            let asked = model.ledger().until(|traffic| traffic.started > before);
            let _now = timeout(LONGEST, asked).await?;
            Ok::<_, BenchError>(load::microseconds(begun))
        };
        let (queued, started) = tokio::join!(queue, start);
        let (answer, queued) = queued?;
        ours::created(answer)?;
        times.queued.push(queued);
        times.started.push(started?);
        load::pause(at).await;
    }
    Ok(times)
}

async fn of_peer(
    peer: &mut Peer,
    worker: &mut PeerWorker,
    count: u64,
) -> Result<Times, ChoreError> {
    let mut times = Times::default();
    for at in 0..count {
        let (asked, added) = peer.one().await?;
        let started = worker.started().await?;
        times.queued.push((added - asked) / 1000);
        times.started.push(started.saturating_sub(asked) / 1000);
        load::pause(at).await;
    }
    Ok(times)
}
