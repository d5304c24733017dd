//! Statements that write, in the words of both databases: they differ in how the clock is asked, and in
//! that on SQLite nobody writes beside one who writes.

use response_domain::ports::store::StoreError;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use crate::Store;
use crate::backend::Backend;
use crate::commit::Bound;
use crate::error::{from_orm, from_sqlx};
use crate::row::{Sink, Values};

/// A statement that is its own transaction, with the same parameters for both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Both {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Both {
    /// In the words of this database.
    pub(crate) fn of(self, backend: &Backend) -> &'static str {
        match backend {
            Backend::Sqlite(_) => self.sqlite,
            Backend::Postgres(_) => self.postgres,
        }
    }

    /// One that asks no clock.
    pub(crate) const fn same(words: &'static str) -> Self {
        Self {
            sqlite: words,
            postgres: words,
        }
    }
}

/// The statement that `$words` makes with the words of a database.
macro_rules! both {
    ($words:ident) => {
        crate::both::Both {
            sqlite: $words!(sqlite),
            postgres: $words!(postgres),
        }
    };
}

/// The clock of the database.
macro_rules! clock {
    (sqlite) => {
        $crate::statement::now_sqlite!()
    };
    (postgres) => {
        "clock_timestamp()"
    };
}

/// So many microseconds from now.
macro_rules! later {
    (sqlite, $micros:literal) => {
        $crate::statement::later_sqlite!($micros)
    };
    (postgres, $micros:literal) => {
        concat!(
            "clock_timestamp() + ",
            $micros,
            " * interval '1 microsecond'"
        )
    };
}

pub(crate) use {both, clock, later};

impl Store {
    /// Runs a statement; answers how many rows it wrote or returned.
    pub(crate) async fn write_rows(
        &self,
        statement: Both,
        give: impl FnOnce(&mut dyn Sink),
    ) -> Result<u64, StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => {
                let mut values = Values::default();
                give(&mut values);
                let statement = sqlite(statement.sqlite, values);
                let done = database.writer.execute_raw(statement).await;
                Ok(done.map_err(from_orm)?.rows_affected())
            }
            Backend::Postgres(database) => {
                let mut bound = Bound::default();
                give(&mut bound);
                let arguments = bound.finish().map_err(StoreError::Failed)?;
                let done = database.writers.execute(statement.postgres, arguments);
                done.await.map_err(from_sqlx)
            }
        }
    }

    /// The same for a statement of which both databases know the words; answers the rows it returned.
    pub(crate) async fn returned(
        &self,
        statement: &'static str,
        give: impl FnOnce(&mut dyn Sink),
    ) -> Result<Vec<QueryResult>, StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => {
                let mut values = Values::default();
                give(&mut values);
                let statement = sqlite(statement, values);
                let rows = database.writer.query_all_raw(statement).await;
                rows.map_err(from_orm)
            }
            Backend::Postgres(database) => {
                let mut bound = Bound::default();
                give(&mut bound);
                let arguments = bound.finish().map_err(StoreError::Failed)?;
                let rows = database.writers.rows(statement, arguments).await;
                rows.map_err(from_sqlx)
            }
        }
    }

    /// What a question finds that both databases read, where every write is seen.
    pub(crate) async fn rows(
        &self,
        question: &str,
        give: impl FnOnce(&mut dyn Sink),
    ) -> Result<Vec<QueryResult>, StoreError> {
        let mut values = Values::default();
        give(&mut values);
        let connection = self.backend().reader();
        let backend = connection.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, question, values.0);
        connection.query_all_raw(statement).await.map_err(from_orm)
    }
}

/// A statement for SQLite.
pub(crate) fn sqlite(sql: &str, values: Values) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values.0)
}
