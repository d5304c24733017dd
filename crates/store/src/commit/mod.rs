//! A unit of work, written whole or not at all. What is written is the same on both databases; how it
//! becomes one write is not: PostgreSQL takes it as one statement, SQLite as a short transaction.

use response_domain::ports::store::StoreError;
use response_domain::work::UnitOfWork;

use crate::Store;
use crate::backend::Backend;
use crate::row::ResponseRow;

mod bound;
mod postgres;
mod sqlite;
mod together;

pub(crate) use together::Together;

impl Store {
    pub(crate) async fn write(&self, work: &UnitOfWork) -> Result<(), StoreError> {
        let row = ResponseRow::of(work).map_err(|error| StoreError::Failed(Box::new(error)))?;
        match self.backend() {
            Backend::Sqlite(database) => sqlite::commit(database, work, row).await,
            Backend::Postgres(database) => {
                postgres::commit(database, self.together(), work, row).await
            }
        }
    }
}
