//! The two databases: how they are connected to, who reads and who writes, and how a write begins.

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

pub(crate) mod lanes;
mod postgres;
mod sqlite;

pub(crate) use postgres::{Postgres, Replica};
pub(crate) use sqlite::{Sqlite, claim};

/// One of the two databases.
#[derive(Debug)]
pub(crate) enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

impl Backend {
    /// Where reads go that must see every write.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        match self {
            Self::Sqlite(database) => &database.readers,
            Self::Postgres(database) => &database.primary,
        }
    }

    /// The replica, when there is one.
    pub(crate) fn replica(&self) -> Option<&Replica> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(database) => database.replica.as_ref(),
        }
    }

    /// Begins a transaction that writes. There is no other way to one.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, DbErr> {
        match self {
            Self::Sqlite(database) => database.begin_write().await,
            Self::Postgres(database) => begin(&database.primary).await,
        }
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }
}

/// A transaction that is a writing one from its beginning: on SQLite one that reads first could not
/// write any more once another had written.
async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    connection
        .begin_with_options(TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        })
        .await
}
