//! What the databases complain about, as what a caller can do about it.

use std::error::Error;
use std::fmt::Display;

use response_domain::ports::store::StoreError;
use sea_orm::{DbErr, RuntimeErr};

/// An error of sqlx as the port tells it.
pub(crate) fn from_sqlx(error: sqlx::Error) -> StoreError {
    if may_pass(&error) {
        StoreError::Unavailable(Box::new(error))
    } else {
        StoreError::Failed(Box::new(error))
    }
}

/// An error of sea-orm as the port tells it.
pub(crate) fn from_orm(error: DbErr) -> StoreError {
    let unavailable = match &error {
        // No connection, whatever the reason: the statement itself was not judged.
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            may_pass(inner)
        }
        _ => false,
    };
    if unavailable {
        StoreError::Unavailable(Box::new(error))
    } else {
        StoreError::Failed(Box::new(error))
    }
}

/// A row that cannot be read.
pub(crate) fn corrupt(
    table: &str,
    id: impl Display,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> StoreError {
    StoreError::Corrupt {
        what: format!("{table} {id}"),
        source: source.into(),
    }
}

/// Whether the same statement may succeed later.
pub(crate) fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        // What stands between breaks off in the middle of the talk.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code_may_pass(&code)),
        _ => false,
    }
}

/// SQLSTATE classes and codes of PostgreSQL, and result codes of SQLite, that name a condition of the
/// server rather than a fault of the statement.
fn code_may_pass(code: &str) -> bool {
    // 28 and 3D000: who may connect, and to what; 55000: the database takes no connections now.
    const POSTGRES_CLASSES: [&str; 5] = ["08", "28", "53", "57", "58"];
    const POSTGRES: [&str; 6] = ["25006", "3D000", "40001", "40P01", "55000", "55P03"];
    // Busy, locked, read-only, I/O, full, cannot open.
    const SQLITE: [i32; 6] = [5, 6, 8, 10, 13, 14];
    if code.len() == 5 && !code.starts_with('-') {
        return POSTGRES.contains(&code)
            || POSTGRES_CLASSES.iter().any(|class| code.starts_with(class));
    }
    // An extended code carries the plain one in its low byte.
    code.parse::<i32>()
        .is_ok_and(|code| SQLITE.contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_the_server_pass_and_faults_of_the_statement_do_not() {
        let passing = [
            "57014", "55P03", "57P01", "08006", "53300", "40P01", "28000", "3D000", "55000", "5",
            "261", "13", "778",
        ];
        for code in passing {
            assert!(code_may_pass(code), "{code}");
        }
        for code in ["23505", "42P01", "22P05", "1555", "2067", "1", "19", ""] {
            assert!(!code_may_pass(code), "{code}");
        }
    }
}
