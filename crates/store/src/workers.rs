//! Which processes are alive. On PostgreSQL a process says so every few seconds, by the database's own
//! clock and on a connection that nothing else uses; on SQLite only one process can hold the file, so
//! whoever is not this one is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use response_domain::id::WorkerId;
use response_domain::lease::Lease;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::StatusName;
use response_migrations::Migrator;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use tokio::time::Instant;

use crate::Store;
use crate::backend::Backend;
use crate::entity::response;
use crate::error::{from_orm, from_sqlx};
use crate::queue::lease;

/// One round trip says that a process is alive and asks what it holds. By the database's clock: on
/// PostgreSQL `now()` would be that of the transaction's start, which is the same here, and is not elsewhere.
const BEAT_POSTGRES: &str = "WITH beat AS (
        INSERT INTO workers (id, started_at, heartbeat_at)
        VALUES ($1, clock_timestamp(), clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp()
    )
    SELECT response_id, lease FROM response_jobs WHERE worker_id = $1";

const BEAT_SQLITE: &str = "INSERT INTO workers (id, started_at, heartbeat_at)
    VALUES ($1, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at";

const HELD_SQLITE: &str = "SELECT response_id, lease FROM response_jobs WHERE worker_id = $1";

const LEAVE: &str = "DELETE FROM workers WHERE id = $1";

/// What stays of processes that went without a word.
const FORGET_POSTGRES: &str =
    "DELETE FROM workers WHERE heartbeat_at < clock_timestamp() - interval '1 hour'";

const FORGET_SQLITE: &str = "DELETE FROM workers";

/// Nobody who lives has it; a process that was silent for this long does not.
const LOST_POSTGRES: &str = "NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = responses.worker_id
    AND w.heartbeat_at >= clock_timestamp() - interval '15 s')";

const LOST_SQLITE: &str = "NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = responses.worker_id)";

/// Credentials whose response waits and runs no more. Their end erases them; this is for what an operator
/// took out of the queue by hand.
const ERASE_SECRETS: &str = "DELETE FROM response_secrets
    WHERE NOT EXISTS (SELECT 1 FROM response_jobs j WHERE j.response_id = response_secrets.response_id)";

/// How often this process looks for such credentials.
const ERASE_EVERY: Duration = Duration::from_mins(1);

/// What is written over in the file stands in its log until that is written over as well.
const CUT_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// What this process does now and then for all.
#[derive(Debug, Default)]
pub(crate) struct Housekeeping {
    erased: Mutex<Option<Instant>>,
    /// Whether something was erased since the log of the file was cut.
    is_log_to_cut: AtomicBool,
}

impl Housekeeping {
    /// Whether it is time to look for credentials that were left; then it is not for a while.
    fn is_time_to_erase(&self) -> bool {
        let mut erased = self.erased.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = erased.is_none_or(|at| at.elapsed() >= ERASE_EVERY);
        if is_time {
            *erased = Some(Instant::now());
        }
        is_time
    }

    /// Something was erased, of which the log of the file may still tell.
    pub(crate) fn note_erased(&self) {
        self.is_log_to_cut.store(true, Ordering::Relaxed);
    }
}

impl Store {
    pub(crate) async fn record_beat(&self, worker: WorkerId) -> Result<Vec<Lease>, StoreError> {
        let key = worker.to_string();
        let held: Vec<(String, i64)> = match self.backend() {
            Backend::Sqlite(database) => {
                let writer = database.writer.get_sqlite_connection_pool();
                let beat = sqlx::query(BEAT_SQLITE).bind(&key).execute(writer).await;
                beat.map_err(from_sqlx)?;
                sqlx::query_as(HELD_SQLITE)
                    .bind(&key)
                    .fetch_all(database.readers.get_sqlite_connection_pool())
                    .await
            }
            Backend::Postgres(database) => {
                let beat = sqlx::query_as(BEAT_POSTGRES).bind(&key);
                database.beats.fetch(beat).await
            }
        }
        .map_err(from_sqlx)?;
        let leases = held.iter().map(|(id, token)| lease(id, worker, *token));
        leases.collect()
    }

    pub(crate) async fn forget_worker(&self, worker: WorkerId) -> Result<(), StoreError> {
        let key = worker.to_string();
        match self.backend() {
            Backend::Sqlite(database) => {
                let writer = database.writer.get_sqlite_connection_pool();
                let left = sqlx::query(LEAVE).bind(key).execute(writer).await;
                left.map(drop)
            }
            Backend::Postgres(database) => {
                let left = sqlx::query_as(LEAVE).bind(key);
                database.beats.fetch(left).await.map(none)
            }
        }
        .map_err(from_sqlx)
    }

    /// Forgets processes that went long ago, and erases credentials that nobody needs. What does not succeed
    /// is for the next time, and keeps nobody from anything.
    async fn keep_house(&self) {
        if let Err(error) = self.forget_and_erase().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what processes left behind could not be cleaned away"
            );
        }
    }

    async fn forget_and_erase(&self) -> Result<(), StoreError> {
        let is_time_to_erase = self.housekeeping().is_time_to_erase();
        match self.backend() {
            Backend::Sqlite(database) => {
                if is_time_to_erase {
                    let writer = database.writer.get_sqlite_connection_pool();
                    let erased = sqlx::query(ERASE_SECRETS).execute(writer).await;
                    erased.map_err(from_sqlx)?;
                    let is_log_to_cut = &self.housekeeping().is_log_to_cut;
                    if is_log_to_cut.swap(false, Ordering::Relaxed) {
                        let cut = sqlx::query_scalar(CUT_LOG).fetch_one(writer).await;
                        // Whoever reads for long is not waited for.
                        if !matches!(cut, Ok(0_i64)) {
                            self.housekeeping().note_erased();
                        }
                        cut.map_err(from_sqlx)?;
                    }
                }
            }
            Backend::Postgres(database) => {
                let forgotten = database.upkeep.fetch(sqlx::query_as(FORGET_POSTGRES)).await;
                forgotten.map(none).map_err(from_sqlx)?;
                if is_time_to_erase {
                    let erased = database.upkeep.fetch(sqlx::query_as(ERASE_SECRETS)).await;
                    erased.map(none).map_err(from_sqlx)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn find_orphans(
        &self,
        at_most: u16,
    ) -> Result<Vec<Arc<Response>>, StoreError> {
        self.keep_house().await;
        let lost = match self.backend() {
            Backend::Sqlite(_) => LOST_SQLITE,
            Backend::Postgres(_) => LOST_POSTGRES,
        };
        let connection = self.backend().reader();
        // The index of what is open is small.
        let rows = response::Entity::find()
            .filter(response::Column::EndedAt.is_null())
            .filter(response::Column::Status.eq(StatusName::InProgress.as_str()))
            .filter(response::Column::Background.eq(false))
            .filter(Expr::cust(lost))
            .order_by_asc(response::Column::CreatedAt)
            .order_by_asc(response::Column::Id)
            .limit(u64::from(at_most))
            .all(connection)
            .await
            .map_err(from_orm)?;
        self.with_executions(connection, rows).await
    }
}

/// A statement that returns no rows returned none.
fn none(_: Vec<()>) {}

/// On SQLite, at the start of the only process that can hold the file: the others are gone.
pub(crate) async fn forget_lost(backend: &Backend) -> Result<(), DbErr> {
    let Backend::Sqlite(database) = backend else {
        return Ok(());
    };
    // Without a schema there is nobody to forget.
    if Migrator::standing(&database.writer)
        .await?
        .missing
        .is_empty()
    {
        database.writer.execute_unprepared(FORGET_SQLITE).await?;
    }
    Ok(())
}
