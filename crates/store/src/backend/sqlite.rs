//! SQLite: one file, one process, one writer at a time. A lock beside the file keeps a second process
//! away; without it, the two would take each other's responses for lost ones. A chore that leaves responses
//! alone goes without.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, SqlxSqliteConnector};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::options::Share;
use crate::{OpenError, Options};

/// How long a write waits for those before it.
const IN_LINE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(crate) writer: DatabaseConnection,
    pub(crate) readers: DatabaseConnection,
    /// Held until the last of the store is gone; nobody's when the file is shared.
    _lock: Option<File>,
}

impl Sqlite {
    pub(crate) async fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let file = |source| OpenError::File {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder).map_err(file)?;
        }
        let lock = match options.share {
            Share::Alone => Some(claim(path)?.ok_or_else(|| OpenError::InUse {
                path: path.to_owned(),
            })?),
            Share::Beside => None,
        };
        // SQLite gives its other files the rights of the first.
        drop(private(path).map_err(file)?);
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(options.lock_timeout)
            // What is deleted is written over.
            .pragma("secure_delete", "on")
            // A log that grew behind a slow reader shrinks again.
            .pragma("journal_size_limit", "67108864")
            .disable_statement_logging();
        let readers = connect.clone().pragma("query_only", "on");
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(options.connect_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        let failed = |source| OpenError::Connect {
            address: path.display().to_string(),
            source,
        };
        // The writer comes first: it makes the file what the readers expect.
        let writer = pool
            .clone()
            .max_connections(1)
            // Writes wait for each other here; a long line is no sign that the database is away.
            .acquire_timeout(IN_LINE)
            .after_release(|connection, _| Box::pin(is_clean(connection)))
            .connect_with(connect)
            .await
            .map_err(failed)?;
        let readers = pool
            .max_connections(options.connections.max(1))
            .connect_with(readers)
            .await
            .map_err(failed)?;
        Ok(Self {
            writer: orm(writer),
            readers: orm(readers),
            _lock: lock,
        })
    }

    /// Begins a transaction that writes; the next one waits until it ends.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, DbErr> {
        super::begin(&self.writer).await
    }

    pub(crate) async fn close(&self) {
        self.readers.get_sqlite_connection_pool().close().await;
        self.writer.get_sqlite_connection_pool().close().await;
    }
}

/// Whether the writer may be used again. When a write finds no room SQLite rolls the transaction back by
/// itself, the driver's own rollback then fails, and the driver goes on as if it were inside: everything
/// later would be written into a transaction that never ends.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The rollback of a dropped transaction is under way; this comes after it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn orm(pool: SqlitePool) -> DatabaseConnection {
    SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
}

/// The lock that keeps the file for one process, until it is dropped; `None` when another has it.
pub(crate) fn claim(path: &Path) -> Result<Option<File>, OpenError> {
    let file = |source| OpenError::File {
        path: path.to_owned(),
        source,
    };
    let lock = private(&beside(path, ".lock")).map_err(file)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(file(source)),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a file to write, made if it is not there, that only this user may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::options::Database;

    async fn count(database: &Sqlite) -> i64 {
        let pool = database.readers.get_sqlite_connection_pool();
        sqlx::query_scalar("SELECT count(*) FROM written")
            .fetch_one(pool)
            .await
            .unwrap()
    }

    async fn write(database: &Sqlite) -> Result<(), DbErr> {
        let transaction = database.begin_write().await?;
        transaction
            .execute_unprepared("INSERT INTO written VALUES (1)")
            .await?;
        transaction.commit().await
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_by_itself_costs_no_later_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("responses.db");
        let options = Options::new(Database::Sqlite(path.clone()));
        let database = Sqlite::open(&path, &options).await.unwrap();
        let schema = "CREATE TABLE written (number INTEGER)";
        database.writer.execute_unprepared(schema).await.unwrap();
        // What SQLite does by itself when the disk is full.
        let transaction = database.begin_write().await.unwrap();
        transaction.execute_unprepared("ROLLBACK").await.unwrap();
        drop(transaction);
        // The next write meets the full disk as well, and gives up.
        drop(database.begin_write().await.unwrap());
        for _ in 0..3 {
            write(&database).await.unwrap();
        }
        assert_eq!(
            count(&database).await,
            3,
            "what was answered is there for others"
        );
    }
}
