//! The queue on SQLite: one process has the file, so its writes follow each other and nothing is claimed
//! twice. The same statements serve as the rest of the queue: whoever is not this process is gone.

use response_domain::id::{ResponseId, WorkerId};
use response_domain::lease::Lease;
use response_domain::ports::queue::Claim;
use response_domain::ports::store::StoreError;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, Value,
};
use sqlx::SqlitePool;

use super::{ClaimedRow, DepthRow, RescuedRow, hold, token};
use crate::backend::Sqlite;
use crate::error::{from_orm, from_sqlx};
use crate::statement::{later_sqlite, micros_between_sqlite};

/// The clock of the database, in the form in which all moments are kept.
macro_rules! now {
    ($($shift:literal)?) => {
        concat!("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'" $(, ", ", $shift)?, ")")
    };
}

macro_rules! claim {
    ($besides:literal) => {
        concat!(
            "UPDATE response_jobs SET
                worker_id = $1, lease = lease + 1, attempt = attempt + 1, claimed_at = ",
            now!(),
            ", deadline_at = COALESCE(deadline_at, ",
            later_sqlite!("$3"),
            ") WHERE worker_id IS NULL AND response_id IN (
                SELECT response_id FROM response_jobs WHERE worker_id IS NULL",
            $besides,
            " ORDER BY queued_at, response_id LIMIT $2
            ) RETURNING response_id, lease, attempt, ",
            micros_between_sqlite!("'now'", "deadline_at"),
            ", queued_at"
        )
    };
}

const CLAIM: &str = claim!("");

const CLAIM_FAIRLY: &str = claim!(
    " AND owner NOT IN (
        SELECT owner FROM response_jobs WHERE worker_id IS NOT NULL
        GROUP BY owner HAVING count(*) >= $4
    )"
);

const HAND_BACK: &str = "UPDATE response_jobs SET
        worker_id = NULL, lease = lease + 1, attempt = MAX(attempt - 1, 0), claimed_at = NULL
    WHERE response_id = $1 AND worker_id = $2 AND lease = $3";

const QUEUED: &str = "UPDATE responses SET status = 'queued' WHERE id = $1 AND ended_at IS NULL";

const SEIZE: &str = concat!(
    "UPDATE response_jobs SET worker_id = $2, lease = lease + 1, claimed_at = ",
    now!(),
    " WHERE response_id = $1"
);

const RESCUE: &str = concat!(
    "UPDATE response_jobs SET
        losses = losses + 1, lease = lease + 1,
        worker_id = CASE WHEN losses + 1 >= $2 THEN $1 END,
        claimed_at = CASE WHEN losses + 1 >= $2 THEN ",
    now!(),
    " END WHERE response_id IN (
        SELECT j.response_id FROM response_jobs j
        WHERE j.worker_id IS NOT NULL AND (
            NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = j.worker_id)
            OR MAX(j.deadline_at, COALESCE(j.claimed_at, '')) < ",
    now!("'-10 seconds'"),
    ") ORDER BY j.queued_at, j.response_id LIMIT $3
    ) RETURNING response_id, lease, worker_id IS NOT NULL"
);

const DEPTH: &str = concat!(
    "SELECT count(*) FILTER (WHERE worker_id IS NULL),
        count(*) FILTER (WHERE worker_id IS NOT NULL), ",
    micros_between_sqlite!("min(queued_at) FILTER (WHERE worker_id IS NULL)", "'now'"),
    " FROM response_jobs"
);

const WAITING_OF: &str = "SELECT count(*) FROM (
        SELECT 1 FROM responses
        WHERE owner = $1 AND ended_at IS NULL AND status = 'queued' AND background LIMIT $2
    )";

/// As a claim answers it: with the moment at which each was queued.
type Taken = (String, i64, i32, i64, String);

fn pool(connection: &DatabaseConnection) -> &SqlitePool {
    connection.get_sqlite_connection_pool()
}

pub(super) async fn claim(database: &Sqlite, claim: &Claim) -> Result<Vec<ClaimedRow>, StoreError> {
    let writer = pool(&database.writer);
    let worker = claim.worker.to_string();
    let mut taken: Vec<Taken> = Vec::new();
    if let Some(per_owner) = claim.per_owner {
        while taken.len() < usize::from(claim.at_most) {
            let one = sqlx::query_as(CLAIM_FAIRLY)
                .bind(&worker)
                .bind(1)
                .bind(hold(claim))
                .bind(per_owner.get())
                .fetch_optional(writer)
                .await;
            match one {
                Ok(Some(one)) => taken.push(one),
                Ok(None) => break,
                Err(error) if taken.is_empty() => return Err(from_sqlx(error)),
                // What was claimed is to be worked on; the next claim tells what is wrong.
                Err(_later) => break,
            }
        }
    } else {
        taken = sqlx::query_as(CLAIM)
            .bind(&worker)
            .bind(claim.at_most)
            .bind(hold(claim))
            .fetch_all(writer)
            .await
            .map_err(from_sqlx)?;
        // Rows that were written come in any order.
        taken.sort_by(|one, other| (&one.4, &one.0).cmp(&(&other.4, &other.0)));
    }
    let without_moment = |(id, lease, attempt, left, _): Taken| (id, lease, attempt, left);
    Ok(taken.into_iter().map(without_moment).collect())
}

pub(super) async fn hand_back(database: &Sqlite, lease: &Lease) -> Result<(), StoreError> {
    let transaction = database.begin_write().await.map_err(from_orm)?;
    let id = lease.response.to_string();
    let values = [
        id.as_str().into(),
        lease.worker.to_string().into(),
        token(lease).into(),
    ];
    let job = transaction
        .execute_raw(statement(HAND_BACK, values))
        .await
        .map_err(from_orm)?;
    if job.rows_affected() > 0 {
        wait_again(&transaction, &id).await?;
    }
    transaction.commit().await.map_err(from_orm)
}

pub(super) async fn seize(
    database: &Sqlite,
    worker: WorkerId,
    id: ResponseId,
) -> Result<(), StoreError> {
    let done = sqlx::query(SEIZE)
        .bind(id.to_string())
        .bind(worker.to_string())
        .execute(pool(&database.writer))
        .await;
    done.map(drop).map_err(from_sqlx)
}

pub(super) async fn rescue(
    database: &Sqlite,
    worker: WorkerId,
    attempts: u16,
    at_most: u16,
) -> Result<Vec<RescuedRow>, StoreError> {
    let transaction = database.begin_write().await.map_err(from_orm)?;
    let values = [
        worker.to_string().into(),
        i32::from(attempts).into(),
        i32::from(at_most).into(),
    ];
    let taken = transaction
        .query_all_raw(statement(RESCUE, values))
        .await
        .map_err(from_orm)?;
    let mut rows: Vec<RescuedRow> = Vec::with_capacity(taken.len());
    for row in &taken {
        rows.push(row.try_get_many_by_index().map_err(from_orm)?);
    }
    for (id, ..) in rows.iter().filter(|(_, _, is_spent)| !is_spent) {
        wait_again(&transaction, id).await?;
    }
    transaction.commit().await.map_err(from_orm)?;
    Ok(rows)
}

async fn wait_again(transaction: &DatabaseTransaction, id: &str) -> Result<(), StoreError> {
    transaction
        .execute_raw(statement(QUEUED, [id.into()]))
        .await
        .map(|_| ())
        .map_err(from_orm)
}

fn statement<const N: usize>(text: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, text, values)
}

pub(super) async fn depth(database: &Sqlite) -> Result<DepthRow, StoreError> {
    sqlx::query_as(DEPTH)
        .fetch_one(pool(&database.readers))
        .await
        .map_err(from_sqlx)
}

pub(super) async fn waiting_of(
    database: &Sqlite,
    owner: &str,
    at_most: u32,
) -> Result<i64, StoreError> {
    sqlx::query_scalar(WAITING_OF)
        .bind(owner)
        .bind(at_most)
        .fetch_one(pool(&database.readers))
        .await
        .map_err(from_sqlx)
}
