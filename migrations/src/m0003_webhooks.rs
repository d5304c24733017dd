//! Registered webhook endpoints, what is to be sent to whom, and every attempt to do so.
//!
//! A delivery stays after it arrived, as the record that its owner reads; only those that are still to be
//! sent stand in the index that is searched for them. There are no foreign keys, for the reason that the
//! first migration gives.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::column::{Columns, bytes, large, moment, number, required, text};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_webhooks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns(manager.get_database_backend());
        manager.create_table(endpoints(columns)).await?;
        manager.create_table(deliveries(columns)).await?;
        manager.create_table(attempts(columns)).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        if columns.0 == DbBackend::Postgres {
            let connection = manager.get_connection();
            connection.execute_unprepared(COMPRESSION).await?;
            connection.execute_unprepared(UPKEEP).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "webhook_attempts",
            "webhook_deliveries",
            "webhook_endpoints",
        ] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

/// See the first migration.
const COMPRESSION: &str = "DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE webhook_attempts ALTER COLUMN excerpt SET COMPRESSION lz4;
    END IF;
END $$";

/// Each delivery changes a few times in its first second: see the jobs of the second migration.
const UPKEEP: &str = "ALTER TABLE webhook_deliveries SET (
    fillfactor = 80, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000
)";

fn endpoints(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("webhook_endpoints")
        .col(required(columns.key("id")).primary_key())
        .col(required(columns.key("owner")))
        .col(required(text("name")))
        .col(required(text("url")))
        // JSON: a list of patterns.
        .col(required(text("events")))
        // `full` or `thin`.
        .col(required(text("payload")))
        // Since when and why it is sent nothing; none while it is.
        .col(moment("disabled_at"))
        .col(text("disabled_why"))
        // The secret, sealed, and the end of its text.
        .col(required(text("key_id")))
        .col(required(bytes("sealed")))
        .col(required(text("hint")))
        // The secret before it, as long as it signs too.
        .col(text("previous_key_id"))
        .col(bytes("previous_sealed"))
        .col(moment("previous_until"))
        // Since when it has taken nothing; none when it took the last.
        .col(moment("failing_since"))
        .col(required(moment("created_at")))
        .col(required(moment("updated_at")))
        // Grows with each change.
        .col(required(number("revision")))
        .take()
}

fn deliveries(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("webhook_deliveries")
        .col(required(columns.key("response_id")))
        // Empty for the address of the request itself.
        .col(required(columns.key("endpoint_id")))
        .col(required(columns.key("owner")))
        // What is told, in the words of the payload.
        .col(required(text("event")))
        // The address of the request; none for an endpoint, which has its own.
        .col(text("callback_url"))
        // When the response ended.
        .col(required(moment("created_at")))
        // `pending`, `delivered` or `given_up`, since when, and why.
        .col(required(text("state")))
        .col(moment("ended_at"))
        .col(text("why"))
        // When it is to be tried; while it is claimed, when that claim is over. By the clock of the
        // database. None when it is not pending.
        .col(moment("due_at"))
        // 0 prompt, 1 patient.
        .col(required(number("lane")))
        // Attempts since it was last begun.
        .col(required(number("tried")))
        // All its attempts.
        .col(required(number("attempts")))
        // The process that sends it; none while it waits.
        .col(columns.key("worker_id"))
        // The token of the latest claim; only ever grows.
        .col(required(large("lease")))
        .primary_key(Index::create().col("response_id").col("endpoint_id"))
        .take()
}

fn attempts(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("webhook_attempts")
        .col(required(columns.key("response_id")))
        .col(required(columns.key("endpoint_id")))
        // From 1.
        .col(required(number("number")))
        .col(required(moment("at")))
        .col(required(text("url")))
        .col(required(large("duration_us")))
        // The HTTP status, and the beginning of the answer.
        .col(number("status"))
        .col(text("excerpt"))
        // Seconds that the receiver asked to be left alone.
        .col(large("retry_after"))
        // Why there was no answer.
        .col(text("fault"))
        .primary_key(
            Index::create()
                .col("response_id")
                .col("endpoint_id")
                .col("number"),
        )
        .take()
}

fn indexes() -> [IndexCreateStatement; 5] {
    [
        // The endpoints of an owner, newest last.
        Index::create()
            .name("webhook_endpoints_of_owner")
            .table("webhook_endpoints")
            .col("owner")
            .col("id")
            .take(),
        // What is to be sent, in the order in which it is taken.
        Index::create()
            .name("webhook_deliveries_due")
            .table("webhook_deliveries")
            .col("lane")
            .col("due_at")
            .col("response_id")
            .col("endpoint_id")
            .cond_where(Expr::col("due_at").is_not_null())
            .take(),
        // What is being sent, by process.
        Index::create()
            .name("webhook_deliveries_claimed")
            .table("webhook_deliveries")
            .col("worker_id")
            .cond_where(Expr::col("worker_id").is_not_null())
            .take(),
        // What was sent to an endpoint.
        Index::create()
            .name("webhook_deliveries_of_endpoint")
            .table("webhook_deliveries")
            .col("endpoint_id")
            .col("response_id")
            .cond_where(Expr::col("endpoint_id").ne(""))
            .take(),
        // What waits for an endpoint that stops answering.
        Index::create()
            .name("webhook_deliveries_waiting")
            .table("webhook_deliveries")
            .col("endpoint_id")
            .cond_where(
                Expr::col("endpoint_id")
                    .ne("")
                    .and(Expr::col("lane").eq(0))
                    .and(Expr::col("due_at").is_not_null())
                    .and(Expr::col("worker_id").is_null()),
            )
            .take(),
    ]
}
