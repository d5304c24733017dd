//! The queue of background responses, the log of what they told, and the sealed credentials of their
//! callers.
//!
//! A job exists only while its response waits or runs, so the queue stays small however much was done;
//! what is looked up by a client stays with the response. There are no foreign keys, for the reason that
//! the first migration gives.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::column::{Columns, bytes, large, moment, number, required, text};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_queue"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns(manager.get_database_backend());
        for column in [checkpoint(), logged()] {
            let table = Table::alter().table("responses").add_column(column).take();
            manager.alter_table(table).await?;
        }
        manager.create_table(jobs(columns)).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager.create_table(events(columns)).await?;
        manager.create_table(secrets(columns)).await?;
        if columns.0 == DbBackend::Postgres {
            let connection = manager.get_connection();
            connection.execute_unprepared(COMPRESSION).await?;
            connection.execute_unprepared(UPKEEP).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["response_secrets", "response_events", "response_jobs"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        for column in ["logged", "checkpoint"] {
            let table = Table::alter().table("responses").drop_column(column).take();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}

/// See the first migration.
const COMPRESSION: &str = "DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE responses ALTER COLUMN checkpoint SET COMPRESSION lz4;
        ALTER TABLE response_events ALTER COLUMN body SET COMPRESSION lz4;
    END IF;
END $$";

/// Jobs come and go all the time: room in the page for the versions of a row, and a vacuum that does not
/// wait for a share of the table.
const UPKEEP: &str = "ALTER TABLE response_jobs SET (
    fillfactor = 70, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
)";

/// JSON: from where a later process goes on with a background run; see the records of the store.
fn checkpoint() -> ColumnDef {
    text("checkpoint")
}

/// How many events the log held when the checkpoint was written.
fn logged() -> ColumnDef {
    required(large("logged")).default(0).take()
}

fn jobs(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("response_jobs")
        .col(required(columns.key("response_id")).primary_key())
        .col(required(columns.key("owner")))
        // By the clock of the database, like all times of this table.
        .col(required(moment("queued_at")))
        .col(required(text("request_id")))
        // The process that works on it; none while it waits.
        .col(columns.key("worker_id"))
        // The token of the latest lease; only ever grows.
        .col(required(large("lease")))
        // Claims, but for those that were handed back.
        .col(required(number("attempt")))
        // How often its process was lost.
        .col(required(number("losses")))
        .col(moment("claimed_at"))
        // The end of the time it is given, set by the first claim.
        .col(moment("deadline_at"))
        .take()
}

fn indexes() -> [IndexCreateStatement; 2] {
    [
        // What waits, in the order in which it is taken.
        Index::create()
            .name("response_jobs_waiting")
            .table("response_jobs")
            .col("queued_at")
            .col("response_id")
            .cond_where(Expr::col("worker_id").is_null())
            .take(),
        // What runs, by process.
        Index::create()
            .name("response_jobs_running")
            .table("response_jobs")
            .col("worker_id")
            .cond_where(Expr::col("worker_id").is_not_null())
            .take(),
    ]
}

fn events(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("response_events")
        .col(required(columns.key("response_id")))
        // The number of the first event in this row, from 0.
        .col(required(large("number")))
        // How many events the row holds.
        .col(required(number("length")))
        .col(required(moment("at")))
        // JSON; see the records of the store.
        .col(required(text("body")))
        .primary_key(Index::create().col("response_id").col("number"))
        .take()
}

fn secrets(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("response_secrets")
        .col(required(columns.key("response_id")).primary_key())
        // Which key of the vault opens it.
        .col(required(text("key_id")))
        .col(required(bytes("sealed")))
        .take()
}
