//! Jobs as a commit would put them into the queue, written by hand so that their age can be chosen.

use std::num::NonZeroU32;
use std::time::Duration;

use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, Claimed, JobQueue};
use response_store::Store;
use response_store::options::Options;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{id, worker};
use sqlx::PgConnection;

use crate::postgres::options;

const JOBS: &str = "WITH jobs AS (
        SELECT * FROM UNNEST($1::text[], $2::float8[]) AS j(id, age)
    ), responses AS (
        INSERT INTO responses (
            id, owner, conversation_id, conversation_seen, status, background, model,
            created_at, queued_at, updated_at, turns, rounds, tool_calls, spec, progress
        )
        SELECT id, $3, id, 0, 'queued', true, 'jan', now(), now(), now(), 0, 0, 0, '', '' FROM jobs
    )
    INSERT INTO response_jobs (response_id, owner, queued_at, request_id, lease, attempt, losses)
    SELECT id, $3, clock_timestamp() - age * interval '1 second', 'req', 0, 0, 0 FROM jobs";

/// Queues responses of `owner`: each a number and how many seconds it has been waiting.
pub(crate) async fn queue_for(
    connection: &mut PgConnection,
    owner: &str,
    jobs: impl IntoIterator<Item = (u32, u32)>,
) {
    let jobs = jobs.into_iter();
    let (ids, ages): (Vec<String>, Vec<f64>) = jobs
        .map(|(number, age)| (id(number).to_string(), f64::from(age)))
        .unzip();
    sqlx::query(JOBS)
        .bind(ids)
        .bind(ages)
        .bind(owner)
        .execute(connection)
        .await
        .unwrap();
}

/// Queues responses of ada's.
pub(crate) async fn queue(
    connection: &mut PgConnection,
    jobs: impl IntoIterator<Item = (u32, u32)>,
) {
    queue_for(connection, "ada", jobs).await;
}

/// A claim of the process with this number.
pub(crate) fn claim(number: u32, at_most: u16) -> Claim {
    Claim {
        worker: worker(number),
        at_most,
        hold: Duration::from_mins(10),
        per_owner: None,
    }
}

/// The same, with so many running for each owner.
pub(crate) fn fair(number: u32, at_most: u16, per_owner: u32) -> Claim {
    Claim {
        per_owner: NonZeroU32::new(per_owner),
        ..claim(number, at_most)
    }
}

/// Claims for the process with this number, which signs its life.
pub(crate) async fn claimed(store: &Store, number: u32, at_most: u16) -> Vec<Claimed> {
    use response_domain::ports::store::WorkerRegistry;
    store.beat(worker(number)).await.unwrap();
    store.claim(&claim(number, at_most)).await.unwrap()
}

/// Claims the one that waits.
pub(crate) async fn one(store: &Store, number: u32) -> Claimed {
    let claimed = claimed(store, number, 1).await;
    claimed.into_iter().next().unwrap()
}

/// The responses that were claimed, in order.
pub(crate) fn ids(claimed: &[Claimed]) -> Vec<ResponseId> {
    claimed
        .iter()
        .map(|claimed| claimed.lease.response)
        .collect()
}

/// The responses of these numbers.
pub(crate) fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<ResponseId> {
    numbers.into_iter().map(id).collect()
}

/// A store with few connections, of which a test may open many.
pub(crate) async fn small(database: &TestDatabase) -> Store {
    let options = Options {
        connections: 2,
        ..options(database)
    };
    Store::open(options).await.unwrap()
}

/// Lets the process with this number have been silent for this many seconds.
pub(crate) async fn silence(connection: &mut PgConnection, number: u32, seconds: u32) {
    let silent = "UPDATE workers SET heartbeat_at = clock_timestamp() - $2 * interval '1 second'
        WHERE id = $1";
    let done = sqlx::query(silent)
        .bind(worker(number).to_string())
        .bind(f64::from(seconds))
        .execute(connection)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
}

/// A job as it stands in its table: who holds it, its token, its attempts and losses, and the status of its
/// response.
pub(crate) type JobRow = (Option<String>, i64, i32, i32, String);

/// The job of the response with this number.
pub(crate) async fn row(connection: &mut PgConnection, number: u32) -> JobRow {
    let row = "SELECT j.worker_id, j.lease, j.attempt, j.losses, r.status
        FROM response_jobs j JOIN responses r ON r.id = j.response_id WHERE j.response_id = $1";
    sqlx::query_as(row)
        .bind(id(number).to_string())
        .fetch_one(connection)
        .await
        .unwrap()
}

/// What a take-up would write: the response is in progress.
pub(crate) async fn start(connection: &mut PgConnection, lease: &Lease) {
    let start = "UPDATE responses SET status = 'in_progress' WHERE id = $1";
    sqlx::query(start)
        .bind(lease.response.to_string())
        .execute(connection)
        .await
        .unwrap();
}
