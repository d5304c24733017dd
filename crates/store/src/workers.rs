//! Which processes are alive. On PostgreSQL a process says so every few seconds, by the database's own
//! clock and on a connection that nothing else uses; on SQLite only one process can hold the file, so
//! whoever is not this one is gone.

use std::sync::Arc;

use response_domain::id::WorkerId;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::StatusName;
use response_migrations::Migrator;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};

use crate::Store;
use crate::backend::Backend;
use crate::entity::response;
use crate::error::from_orm;

/// The database's clock. On PostgreSQL `now()` would be that of the transaction's start, which is the same
/// here, and is not elsewhere.
const BEAT_POSTGRES: &str = "INSERT INTO workers (id, started_at, heartbeat_at)
    VALUES ($1, clock_timestamp(), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp()";

const BEAT_SQLITE: &str = "INSERT INTO workers (id, started_at, heartbeat_at)
    VALUES ($1, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at";

const LEAVE: &str = "DELETE FROM workers WHERE id = $1";

/// What stays of processes that went without a word.
const FORGET_POSTGRES: &str =
    "DELETE FROM workers WHERE heartbeat_at < clock_timestamp() - interval '1 hour'";

const FORGET_SQLITE: &str = "DELETE FROM workers";

/// Nobody who lives has it; a process that was silent for this long does not.
const LOST_POSTGRES: &str = "NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = responses.worker_id
    AND w.heartbeat_at >= clock_timestamp() - interval '15 s')";

const LOST_SQLITE: &str = "NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = responses.worker_id)";

impl Store {
    pub(crate) async fn record_beat(&self, worker: WorkerId) -> Result<(), StoreError> {
        let text = match self.backend() {
            Backend::Sqlite(_) => BEAT_SQLITE,
            Backend::Postgres(_) => BEAT_POSTGRES,
        };
        self.tell_of(worker, text).await
    }

    pub(crate) async fn forget_worker(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.tell_of(worker, LEAVE).await
    }

    async fn tell_of(&self, worker: WorkerId, text: &'static str) -> Result<(), StoreError> {
        let connection = self.backend().beats();
        let values = [worker.to_string().into()];
        let backend = connection.get_database_backend();
        connection
            .execute_raw(Statement::from_sql_and_values(backend, text, values))
            .await
            .map_err(from_orm)?;
        Ok(())
    }

    pub(crate) async fn find_orphans(
        &self,
        at_most: u16,
    ) -> Result<Vec<Arc<Response>>, StoreError> {
        let lost = match self.backend() {
            Backend::Sqlite(_) => LOST_SQLITE,
            Backend::Postgres(database) => {
                let forgotten = database.beats.execute_unprepared(FORGET_POSTGRES).await;
                forgotten.map_err(from_orm)?;
                LOST_POSTGRES
            }
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
