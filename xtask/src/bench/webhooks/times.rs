//! From the end of a response to its receipt: when it ended is read where the service wrote it, when it came
//! is what the receiver saw. Both ask the clock of this machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use response_devstack::receiver::{Received, Signature};
use tokio::time::{sleep, timeout};

use super::super::BenchError;
use super::super::figures::ratio;
use super::super::load::quantile;
use super::stage::{OURS, Stage};
use crate::db;
use crate::error::ChoreError;

/// The longest that a delivery may take.
const LONGEST: Duration = Duration::from_mins(1);
/// Until what came first is recorded too.
const RECORDING: Duration = Duration::from_millis(500);

/// Microseconds of each delivery, sorted.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// From the end to the moment at which it was signed, before it is sent.
    signed: Vec<u64>,
    /// From the end to the receipt.
    received: Vec<u64>,
}

impl Times {
    /// Waits until the first delivery of each of these came to a path, and looks when.
    pub(super) async fn of(stage: &Stage, path: &str, ids: &[String]) -> Result<Self, ChoreError> {
        let came = |received: &[Arc<Received>]| first_of_each(received, path).len() >= ids.len();
        let failed = |error: BenchError| error.of(OURS, "delivering");
        let received = timeout(LONGEST, stage.receiver.until(came)).await;
        let received = received.map_err(BenchError::Late).map_err(failed)?;
        if let Some(bad) = received
            .iter()
            .find(|it| it.signature != Signature::Verified)
        {
            return Err(ChoreError::Refused(format!(
                "not signed as it should be: {bad}"
            )));
        }
        sleep(RECORDING).await;
        let first = first_of_each(&received, path);
        let recorded = recorded(stage.ours.database())?;
        let mut times = Self::default();
        for id in ids {
            let (Some(received), Some((ended, signed))) = (first.get(id), recorded.get(id)) else {
                return Err(ChoreError::Refused(format!(
                    "{id} was not told and recorded"
                )));
            };
            times.signed.push(signed.saturating_sub(*ended));
            times.received.push(received.saturating_sub(*ended));
        }
        times.signed.sort_unstable();
        times.received.sort_unstable();
        Ok(times)
    }

    /// Milliseconds until received p50, p99 and at most, and until signed p50.
    pub(super) fn figures(&self) -> Vec<Option<f64>> {
        let of = |sorted: &[u64], percent| Some(ratio(quantile(sorted, percent)?, 1000));
        vec![
            of(&self.received, 50),
            of(&self.received, 99),
            of(&self.received, 100),
            of(&self.signed, 50),
        ]
    }
}

/// When each response was first told of at a path, by its id, in microseconds since 1970.
fn first_of_each(received: &[Arc<Received>], path: &str) -> HashMap<String, u64> {
    let mut first = HashMap::new();
    for one in received.iter().filter(|one| one.seen.path == path) {
        let at = one.at.duration_since(SystemTime::UNIX_EPOCH);
        let at = u64::try_from(at.unwrap_or_default().as_micros()).unwrap_or(u64::MAX);
        first.entry(one.response()).or_insert(at);
    }
    first
}

/// When each response ended and when its first attempt to a delivery that arrived was signed.
fn recorded(database: &str) -> Result<HashMap<String, (u64, u64)>, ChoreError> {
    let answer = db::ask(
        database,
        "select r.id, (extract(epoch from r.ended_at) * 1000000)::bigint,
            (extract(epoch from min(a.at)) * 1000000)::bigint
        from responses r join webhook_attempts a on a.response_id = r.id
        where a.status = 200 group by r.id",
    )?;
    let row = |line: &str| {
        let mut cells = line.split('|');
        let id = cells.next()?.to_owned();
        Some((
            id,
            (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?),
        ))
    };
    Ok(answer.lines().filter_map(row).collect())
}
