//! Keys that this service gives out. Of each only a digest is kept.

use sea_orm_migration::prelude::*;

use crate::column::{Columns, bytes, moment, required, text};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_api_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns(manager.get_database_backend());
        manager.create_table(keys(columns)).await?;
        manager.create_index(by_digest()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("api_keys").take())
            .await
    }
}

fn keys(columns: Columns) -> TableCreateStatement {
    Table::create()
        .table("api_keys")
        .col(required(columns.key("id")).primary_key())
        .col(required(columns.key("owner")))
        // The SHA-256 of its text.
        .col(required(bytes("digest")))
        .col(text("label"))
        .col(required(moment("created_at")))
        .col(moment("expires_at"))
        .col(moment("revoked_at"))
        // As exact as a minute.
        .col(moment("last_used_at"))
        .take()
}

fn by_digest() -> IndexCreateStatement {
    Index::create()
        .name("api_keys_digest")
        .table("api_keys")
        .col("digest")
        .unique()
        .take()
}
