//! Conversations that their owner made, described or closed, what was taken out of one, and keys by which a
//! caller marks a request.
//!
//! Most conversations come into being with a response and have no row here. There are no foreign keys, for
//! the reason that the first migration gives.

use sea_orm_migration::prelude::*;

use crate::column::{Columns, bytes, moment, number, required, text};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_conversations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns(manager.get_database_backend());
        manager.create_table(conversations(columns)).await?;
        manager.create_table(keys(columns)).await?;
        manager.create_index(keys_by_age()).await?;
        let table = Table::alter()
            .table("conversation_items")
            .add_column(removed())
            .take();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("conversation_items")
            .drop_column("removed_position")
            .take();
        manager.alter_table(table).await?;
        for table in ["idempotency_keys", "conversations"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

fn conversations(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("conversations")
        .col(required(columns.key("id")).primary_key())
        .col(required(columns.key("owner")))
        .col(required(moment("created_at")))
        // JSON: the owner's own object, as it came.
        .col(required(text("metadata")))
        // Since when nothing can be attached to it.
        .col(moment("closed_at"))
        .take()
}

/// The place that an item took by leaving its conversation: who attached to it before that place still sees
/// the item.
fn removed() -> ColumnDef {
    number("removed_position")
}

fn keys(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(required(columns.key("owner")))
        .col(required(columns.key("key")))
        // A digest of what was asked.
        .col(required(bytes("fingerprint")))
        // What came of it.
        .col(required(columns.key("response_id")))
        // By the clock of the database.
        .col(required(moment("created_at")))
        .primary_key(Index::create().col("owner").col("key"))
        .take()
}

/// The oldest first, to forget them.
fn keys_by_age() -> IndexCreateStatement {
    Index::create()
        .name("idempotency_keys_by_age")
        .table("idempotency_keys")
        .col("created_at")
        .take()
}
