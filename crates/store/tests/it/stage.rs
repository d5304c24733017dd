//! A store on either database, with a way to look at its rows past it.

use std::any::Any;

use response_store::Store;
use response_testkit::postgres::TestDatabase;
use response_testkit::tables::{self, Counts};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::{postgres, sqlite};

/// A store and its rows.
pub(crate) struct Stage {
    pub(crate) store: Store,
    database: Database,
    _keep: Box<dyn Any>,
}

enum Database {
    Sqlite(SqliteConnectOptions),
    Postgres(TestDatabase),
}

impl Stage {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("response.db");
        Self {
            store: sqlite::open(&folder).await,
            database: Database::Sqlite(
                SqliteConnectOptions::new()
                    .filename(path)
                    .pragma("secure_delete", "on"),
            ),
            _keep: Box::new(folder),
        }
    }

    pub(crate) async fn postgres() -> Self {
        let database = TestDatabase::migrated().await;
        Self {
            store: postgres::open(&database).await,
            database: Database::Postgres(database),
            _keep: Box::new(()),
        }
    }

    /// Which of the two it is.
    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.database, Database::Sqlite(_))
    }

    /// The number that a question is answered with.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.database {
            Database::Sqlite(options) => {
                let mut connection = options.connect().await.unwrap();
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
            Database::Postgres(database) => {
                let mut connection = database.connect().await;
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
        }
    }

    /// How many rows each table has.
    pub(crate) async fn counts(&self) -> Counts {
        match &self.database {
            Database::Sqlite(options) => tables::rows_of_file(options.get_filename()).await,
            Database::Postgres(database) => tables::rows_of_server(&database.url()).await,
        }
    }

    /// Where this text stands: in which files, or in which columns.
    pub(crate) async fn places_of(&self, text: &str) -> Vec<String> {
        match &self.database {
            Database::Sqlite(options) => tables::files_with(options.get_filename(), text)
                .iter()
                .map(|file| file.display().to_string())
                .collect(),
            Database::Postgres(database) => tables::columns_with(&database.url(), text).await,
        }
    }

    /// Writes what stands in the log of the file into the file itself.
    pub(crate) async fn checkpoint(&self) {
        if self.is_sqlite() {
            let busy = self.number("PRAGMA wal_checkpoint(TRUNCATE)").await;
            assert_eq!(busy, 0);
        }
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    /// Changes rows; answers how many.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.database {
            Database::Sqlite(options) => {
                let mut connection = options.connect().await.unwrap();
                connection.execute(sql).await.unwrap().rows_affected()
            }
            Database::Postgres(database) => {
                let mut connection = database.connect().await;
                connection.execute(sql).await.unwrap().rows_affected()
            }
        }
    }
}

/// Each test on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::stage::Stage::sqlite().await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::stage::Stage::postgres().await).await;
            })*
        }
    };
}

pub(crate) use on_both;
