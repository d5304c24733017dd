//! A unit of work, written whole or not at all. What is written is the same on both databases; how it
//! becomes one write is not: PostgreSQL takes it as one statement, SQLite as a short transaction.

use response_domain::ports::store::StoreError;
use response_domain::work::{Committed, Guard, UnitOfWork};

use crate::Store;
use crate::backend::Backend;
use crate::row::{Background, ResponseRow, Unwritable};

mod again;
mod background;
mod bound;
mod keyed;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod together;

pub(crate) use bound::Bound;
pub(crate) use together::Together;

#[cfg(test)]
pub(crate) use sqlite::TELL;

impl Store {
    pub(crate) async fn write(&self, work: &UnitOfWork) -> Result<Committed, StoreError> {
        let row = ResponseRow::of(work).map_err(unwritable)?;
        let beside = Background::of(work).map_err(unwritable)?;
        let written = match self.backend() {
            Backend::Sqlite(database) => {
                sqlite::commit(database, work, &row, beside.as_ref()).await
            }
            Backend::Postgres(database) => {
                postgres::commit(database, self.together(), work, row, beside).await
            }
        };
        match written {
            // The answer to the same write may have been lost.
            Err(StoreError::Stale) if matches!(work.guard, Guard::Leased(_)) => {
                self.is_written(work).await?;
                // How many there were is not known any more; whoever is told of one looks.
                Ok(Committed {
                    deliveries: u32::from(work.notice().is_some()),
                })
            }
            written => written,
        }
    }
}

/// What a write brought about that made so many deliveries.
fn committed(deliveries: u64) -> Committed {
    Committed {
        deliveries: u32::try_from(deliveries).unwrap_or(u32::MAX),
    }
}

pub(crate) fn unwritable(fault: Unwritable) -> StoreError {
    StoreError::Failed(Box::new(fault))
}
