//! The queue on PostgreSQL. Each statement is its own transaction, on a connection that requests cannot take.

use chrono::{DateTime, Utc};
use response_domain::id::{ResponseId, WorkerId};
use response_domain::lease::Lease;
use response_domain::ports::queue::Claim;
use response_domain::ports::store::StoreError;

use super::{ClaimedRow, DepthRow, RescuedRow, hold, token};
use crate::backend::Postgres;
use crate::error::from_sqlx;

/// A claim of the oldest that wait, none further back than `$3` where that is given, and only such as
/// `$besides` allows. A row that another took between the two parts is left alone; that it waits is asked in
/// other words the second time, or it would be looked for in the index of what waits, which does not begin
/// with the id. The first claim sets the deadline. The rows that were written come in any order.
macro_rules! claim {
    ($besides:literal) => {
        concat!(
            "WITH taken AS (
                UPDATE response_jobs j SET
                    worker_id = $1, lease = j.lease + 1, attempt = j.attempt + 1,
                    claimed_at = clock_timestamp(),
                    deadline_at = COALESCE(
                        j.deadline_at, clock_timestamp() + $4 * interval '1 microsecond'
                    )
                WHERE COALESCE(j.worker_id, '') = '' AND j.response_id = ANY (ARRAY(
                    SELECT response_id FROM response_jobs
                    WHERE worker_id IS NULL AND queued_at >= COALESCE($3, '-infinity'::timestamptz)",
            $besides,
            " ORDER BY queued_at, response_id LIMIT $2 FOR UPDATE SKIP LOCKED
                ))
                RETURNING j.response_id, j.lease, j.attempt, j.deadline_at, j.queued_at
            )
            SELECT response_id, lease, attempt,
                CAST(EXTRACT(EPOCH FROM deadline_at - clock_timestamp()) * 1000000 AS int8), queued_at
            FROM taken ORDER BY queued_at, response_id"
        )
    };
}

const CLAIM: &str = claim!("");

/// The same, without the responses of owners that have as many running as they may.
const CLAIM_FAIRLY: &str = claim!(
    " AND owner NOT IN (
        SELECT owner FROM response_jobs WHERE worker_id IS NOT NULL
        GROUP BY owner HAVING count(*) >= $5
    )"
);

/// The response is written after its job, whose row it reads.
const HAND_BACK: &str = "WITH job AS (
        UPDATE response_jobs SET
            worker_id = NULL, lease = lease + 1, attempt = GREATEST(attempt - 1, 0), claimed_at = NULL
        WHERE response_id = $1 AND worker_id = $2 AND lease = $3
        RETURNING response_id
    )
    UPDATE responses r SET status = 'queued' FROM job
    WHERE r.id = job.response_id AND r.ended_at IS NULL";

const SEIZE: &str = "UPDATE response_jobs SET
        worker_id = $2, lease = lease + 1, claimed_at = clock_timestamp()
    WHERE response_id = $1";

/// Whoever claims a response that is past its time has a moment to end it.
const RESCUE: &str = "WITH lost AS (
        SELECT j.response_id, j.losses + 1 >= $2 AS is_spent
        FROM response_jobs j LEFT JOIN workers w ON w.id = j.worker_id
        WHERE j.worker_id IS NOT NULL AND (
            w.id IS NULL
            OR w.heartbeat_at < clock_timestamp() - interval '15 s'
            OR GREATEST(j.deadline_at, j.claimed_at) < clock_timestamp() - interval '10 s'
        )
        ORDER BY j.queued_at, j.response_id LIMIT $3 FOR UPDATE OF j SKIP LOCKED
    ), taken AS (
        UPDATE response_jobs j SET
            losses = j.losses + 1, lease = j.lease + 1,
            worker_id = CASE WHEN lost.is_spent THEN $1 END,
            claimed_at = CASE WHEN lost.is_spent THEN clock_timestamp() END
        FROM lost WHERE j.response_id = lost.response_id AND j.worker_id IS NOT NULL
        RETURNING j.response_id, j.lease, lost.is_spent
    ), again AS (
        UPDATE responses r SET status = 'queued' FROM taken
        WHERE r.id = taken.response_id AND NOT taken.is_spent AND r.ended_at IS NULL
    )
    SELECT response_id, lease, is_spent FROM taken";

const DEPTH: &str = "SELECT count(*) FILTER (WHERE worker_id IS NULL),
        count(*) FILTER (WHERE worker_id IS NOT NULL),
        CAST(EXTRACT(EPOCH FROM clock_timestamp() - min(queued_at) FILTER (WHERE worker_id IS NULL))
            * 1000000 AS int8)
    FROM response_jobs";

/// The index of what is open begins with the owner.
const WAITING_OF: &str = "SELECT count(*) FROM (
        SELECT FROM responses
        WHERE owner = $1 AND ended_at IS NULL AND status = 'queued' AND background LIMIT $2
    ) AS waiting";

/// As a claim answers it: with the moment at which each was queued.
type Taken = (String, i64, i32, i64, DateTime<Utc>);

pub(super) async fn claim(
    database: &Postgres,
    claim: &Claim,
) -> Result<Vec<ClaimedRow>, StoreError> {
    let Some(per_owner) = claim.per_owner else {
        let look = database.low_water.next();
        let query = sqlx::query_as(CLAIM)
            .bind(claim.worker.to_string())
            .bind(i64::from(claim.at_most))
            .bind(look.from)
            .bind(hold(claim));
        let taken: Vec<Taken> = database.claims.fetch(query).await.map_err(from_sqlx)?;
        let oldest = taken.first().map(|&(.., queued_at)| queued_at);
        database.low_water.note(look, oldest);
        return Ok(taken.into_iter().map(without_moment).collect());
    };
    let mut rows = Vec::new();
    // One a statement, because each counts towards the limit of the next. What an owner at the limit has
    // waiting was passed over and may be old, so nothing is known of a low-water mark.
    while rows.len() < usize::from(claim.at_most) {
        let query = sqlx::query_as(CLAIM_FAIRLY)
            .bind(claim.worker.to_string())
            .bind(1_i64)
            .bind(None::<DateTime<Utc>>)
            .bind(hold(claim))
            .bind(i64::from(per_owner.get()));
        let taken: Vec<Taken> = match database.claims.fetch(query).await {
            Ok(taken) => taken,
            Err(error) if rows.is_empty() => return Err(from_sqlx(error)),
            // What was claimed is to be worked on; the next claim tells what is wrong.
            Err(_later) => break,
        };
        if taken.is_empty() {
            break;
        }
        rows.extend(taken.into_iter().map(without_moment));
    }
    Ok(rows)
}

fn without_moment((id, lease, attempt, left, _queued_at): Taken) -> ClaimedRow {
    (id, lease, attempt, left)
}

pub(super) async fn hand_back(database: &Postgres, lease: &Lease) -> Result<(), StoreError> {
    let query = sqlx::query_as(HAND_BACK)
        .bind(lease.response.to_string())
        .bind(lease.worker.to_string())
        .bind(token(lease));
    let nothing: Result<Vec<()>, _> = database.writers.fetch(query).await;
    nothing.map(drop).map_err(from_sqlx)
}

pub(super) async fn seize(
    database: &Postgres,
    worker: WorkerId,
    id: ResponseId,
) -> Result<(), StoreError> {
    let query = sqlx::query_as(SEIZE)
        .bind(id.to_string())
        .bind(worker.to_string());
    let nothing: Result<Vec<()>, _> = database.writers.fetch(query).await;
    nothing.map(drop).map_err(from_sqlx)
}

pub(super) async fn rescue(
    database: &Postgres,
    worker: WorkerId,
    attempts: u16,
    at_most: u16,
) -> Result<Vec<RescuedRow>, StoreError> {
    let query = sqlx::query_as(RESCUE)
        .bind(worker.to_string())
        .bind(i32::from(attempts))
        .bind(i64::from(at_most));
    database.upkeep.fetch(query).await.map_err(from_sqlx)
}

pub(super) async fn depth(database: &Postgres) -> Result<DepthRow, StoreError> {
    let rows: Vec<DepthRow> = database
        .upkeep
        .fetch(sqlx::query_as(DEPTH))
        .await
        .map_err(from_sqlx)?;
    Ok(rows.into_iter().next().unwrap_or_default())
}

pub(super) async fn waiting_of(
    database: &Postgres,
    owner: &str,
    at_most: u32,
) -> Result<i64, StoreError> {
    let query = sqlx::query_as(WAITING_OF)
        .bind(owner)
        .bind(i64::from(at_most));
    let rows: Vec<(i64,)> = database.writers.fetch(query).await.map_err(from_sqlx)?;
    Ok(rows.first().map_or(0, |&(counted,)| counted))
}
