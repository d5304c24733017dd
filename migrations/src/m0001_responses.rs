//! Responses, their items and tool executions, and the processes that run them.
//!
//! There are no foreign keys: every write of an item would lock the row of its response once more. A
//! conversation has no row of its own; it is what the responses that name it say.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::column::{Columns, flag, large, moment, number, required, text};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_responses"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns(manager.get_database_backend());
        manager.create_table(responses(columns)).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager.create_table(items(columns)).await?;
        manager.create_table(executions(columns)).await?;
        manager.create_table(workers(columns)).await?;
        if columns.0 == DbBackend::Postgres {
            let connection = manager.get_connection();
            connection.execute_unprepared(COMPRESSION).await?;
            connection.execute_unprepared(ROOM_IN_PAGES).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

const TABLES: [&str; 4] = [
    "workers",
    "tool_executions",
    "conversation_items",
    "responses",
];

/// Long values are packed with lz4 where the server has it: it costs a fraction of the default's time.
const COMPRESSION: &str = "DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE responses ALTER COLUMN spec SET COMPRESSION lz4, ALTER COLUMN progress SET COMPRESSION lz4;
        ALTER TABLE conversation_items ALTER COLUMN body SET COMPRESSION lz4;
        ALTER TABLE tool_executions ALTER COLUMN body SET COMPRESSION lz4;
    END IF;
END $$";

/// A heartbeat rewrites its row every few seconds; with room in the page it stays where it is.
const ROOM_IN_PAGES: &str = "ALTER TABLE workers SET (fillfactor = 50)";

fn responses(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("responses")
        .col(required(columns.key("id")).primary_key())
        .col(required(columns.key("owner")))
        .col(required(columns.key("conversation_id")))
        // Its place among the responses that were appended to the conversation, from 1.
        .col(number("conversation_position"))
        // How many had been appended when it attached to the conversation.
        .col(required(number("conversation_seen")))
        .col(columns.key("previous_response_id"))
        // The process that runs it, while one does.
        .col(columns.key("worker_id"))
        .col(required(text("status")))
        .col(text("incomplete_reason"))
        .col(text("error_code"))
        .col(text("error_message"))
        .col(required(flag("background")))
        .col(required(text("model")))
        .col(required(moment("created_at")))
        .col(moment("queued_at"))
        .col(moment("started_at"))
        .col(moment("ended_at"))
        .col(required(moment("updated_at")))
        .col(moment("deleted_at"))
        .col(required(number("turns")))
        .col(required(number("rounds")))
        .col(required(number("tool_calls")))
        .col(large("prompt_tokens"))
        .col(large("completion_tokens"))
        // JSON; see the records of the store.
        .col(required(text("spec")))
        .col(required(text("progress")))
        .take()
}

fn indexes() -> [IndexCreateStatement; 3] {
    [
        // The list of an owner, newest first.
        Index::create()
            .name("responses_listed")
            .table("responses")
            .col("owner")
            .col("created_at")
            .col("id")
            .cond_where(Expr::col("deleted_at").is_null())
            .take(),
        // What runs or waits, of any owner: small at all times, and a response that is written only
        // when it has ended never enters it.
        Index::create()
            .name("responses_open")
            .table("responses")
            .col("owner")
            .col("created_at")
            .col("id")
            .cond_where(Expr::col("ended_at").is_null())
            .take(),
        // The responses of a conversation in the order in which they were appended. That no two share a
        // place keeps what a response saw exact.
        Index::create()
            .name("responses_appended")
            .table("responses")
            .col("conversation_id")
            .col("conversation_position")
            .unique()
            .take(),
    ]
}

fn items(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("conversation_items")
        .col(required(columns.key("response_id")))
        .col(required(number("ordinal")))
        .col(required(number("turn")))
        .col(required(text("kind")))
        .col(required(text("status")))
        .col(required(text("body")))
        .primary_key(Index::create().col("response_id").col("ordinal"))
        .take()
}

fn executions(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("tool_executions")
        .col(required(columns.key("response_id")))
        .col(required(number("ordinal")))
        .col(required(text("tool")))
        .col(text("server"))
        .col(required(text("status")))
        .col(required(number("turn")))
        .col(required(number("depth")))
        .col(required(moment("started_at")))
        .col(large("duration_us"))
        .col(required(text("body")))
        .primary_key(Index::create().col("response_id").col("ordinal"))
        .take()
}

fn workers(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("workers")
        .col(required(columns.key("id")).primary_key())
        .col(required(moment("started_at")))
        .col(required(moment("heartbeat_at")))
        .take()
}
