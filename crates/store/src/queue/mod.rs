//! The queue: claiming what waits, giving it back, and taking it from processes that are gone. What puts a
//! response into the queue, and takes it out at its end, is part of a commit.
//!
//! All times are by the clock of the database. Whatever touches a job and its response locks the job first,
//! and a claim is alone in its transaction: `FOR UPDATE SKIP LOCKED` keeps locks on rows that it then leaves
//! out, so a claim that did more could meet another in a deadlock.

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::id::{ResponseId, WorkerId};
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, Claimed, Depth, Rescue};
use response_domain::ports::store::StoreError;

use crate::Store;
use crate::backend::Backend;
use crate::error::corrupt;
use crate::{plain, restore};

mod low_water;
mod postgres;
mod sqlite;

pub(crate) use low_water::LowWater;

/// A job that was claimed: its response, the token, the number of the attempt, and the microseconds left.
type ClaimedRow = (String, i64, i32, i64);

/// A job that was taken from its process: its response, the token, and whether the rescuer holds it.
type RescuedRow = (String, i64, bool);

/// How many wait and run, and for how many microseconds the oldest has been waiting.
type DepthRow = (i64, i64, Option<i64>);

impl Store {
    pub(crate) async fn claim_jobs(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        if claim.at_most == 0 {
            return Ok(Vec::new());
        }
        let rows = match self.backend() {
            Backend::Sqlite(database) => sqlite::claim(database, claim).await?,
            Backend::Postgres(database) => postgres::claim(database, claim).await?,
        };
        rows.iter().map(|row| claimed(claim.worker, row)).collect()
    }

    pub(crate) async fn hand_back_job(&self, lease: &Lease) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => sqlite::hand_back(database, lease).await,
            Backend::Postgres(database) => {
                postgres::hand_back(database, lease).await?;
                self.wake().say_that_old_ones_wait(&database.low_water);
                Ok(())
            }
        }
    }

    pub(crate) async fn seize_job(
        &self,
        worker: WorkerId,
        id: ResponseId,
    ) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => sqlite::seize(database, worker, id).await,
            Backend::Postgres(database) => postgres::seize(database, worker, id).await,
        }
    }

    pub(crate) async fn rescue_jobs(
        &self,
        worker: WorkerId,
        attempts: u16,
        at_most: u16,
    ) -> Result<Rescue, StoreError> {
        let rows = match self.backend() {
            Backend::Sqlite(database) => {
                sqlite::rescue(database, worker, attempts, at_most).await?
            }
            Backend::Postgres(database) => {
                let rows = postgres::rescue(database, worker, attempts, at_most).await?;
                if rows.iter().any(|(_, _, is_spent)| !is_spent) {
                    self.wake().say_that_old_ones_wait(&database.low_water);
                }
                rows
            }
        };
        let mut rescue = Rescue::default();
        for (id, token, is_spent) in rows {
            let lease = lease(&id, worker, token)?;
            if is_spent {
                rescue.spent.push(lease);
            } else {
                rescue.again.push(lease.response);
            }
        }
        Ok(rescue)
    }

    pub(crate) async fn depth_of_queue(&self) -> Result<Depth, StoreError> {
        let (waiting, running, oldest) = match self.backend() {
            Backend::Sqlite(database) => sqlite::depth(database).await?,
            Backend::Postgres(database) => postgres::depth(database).await?,
        };
        Ok(Depth {
            waiting: waiting.unsigned_abs(),
            running: running.unsigned_abs(),
            oldest: oldest.map(micros),
        })
    }

    pub(crate) async fn count_waiting(
        &self,
        owner: &OwnerId,
        at_most: u32,
    ) -> Result<u32, StoreError> {
        let owner = plain::write(owner.as_str());
        let counted = match self.backend() {
            Backend::Sqlite(database) => sqlite::waiting_of(database, &owner, at_most).await?,
            Backend::Postgres(database) => postgres::waiting_of(database, &owner, at_most).await?,
        };
        Ok(u32::try_from(counted).unwrap_or(at_most))
    }
}

/// The lease that a row tells of.
pub(crate) fn lease(id: &str, worker: WorkerId, token: i64) -> Result<Lease, StoreError> {
    let response: ResponseId =
        restore::id(id).map_err(|error| corrupt("response_jobs", id, error))?;
    Ok(Lease {
        response,
        worker,
        token: token.unsigned_abs(),
    })
}

fn claimed(worker: WorkerId, row: &ClaimedRow) -> Result<Claimed, StoreError> {
    let (id, token, attempt, left) = row;
    Ok(Claimed {
        lease: lease(id, worker, *token)?,
        left: micros(*left),
        attempt: u16::try_from(*attempt).unwrap_or(u16::MAX),
    })
}

/// What was due before is due at once.
fn micros(number: i64) -> Duration {
    Duration::from_micros(u64::try_from(number).unwrap_or(0))
}

/// The token as its column holds it.
pub(crate) fn token(lease: &Lease) -> i64 {
    i64::try_from(lease.token).unwrap_or(i64::MAX)
}

/// The time a response is given, in microseconds; nothing is given more than a year.
fn hold(claim: &Claim) -> i64 {
    const LONGEST: Duration = Duration::from_hours(366 * 24);
    i64::try_from(claim.hold.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}
