//! What stands in a database, whichever tables it has: how many rows, and where a text is. It is read past the
//! store, also beside a process that has it, and asks the database for its tables, so that a new one is looked
//! at as well. What migrations were applied is left out.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot look at its database has failed; the message says why"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// How many rows each table has, by its name.
pub type Counts = BTreeMap<String, i64>;

const TABLES_OF_FILE: &str = "SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> 'seaql_migrations'";

const TABLES_OF_SERVER: &str = "SELECT table_name::text FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name <> 'seaql_migrations'";

const COLUMNS_OF_SERVER: &str = "SELECT table_name::text, column_name::text, data_type = 'bytea'
    FROM information_schema.columns WHERE table_schema = current_schema()
    ORDER BY table_name, ordinal_position";

/// How many rows each table of this SQLite file has.
///
/// # Panics
/// When it cannot be read.
pub async fn rows_of_file(path: &Path) -> Counts {
    let mut connection = file(path).await;
    let tables: Vec<String> = sqlx::query_scalar(TABLES_OF_FILE)
        .fetch_all(&mut connection)
        .await
        .expect("a file tells its tables");
    let mut counts = Counts::new();
    for table in tables {
        let count = sqlx::query_scalar(AssertSqlSafe(count(&table)))
            .fetch_one(&mut connection)
            .await
            .expect("a table tells its rows");
        counts.insert(table, count);
    }
    connection.close().await.expect("a file can be closed");
    counts
}

/// How many rows each table of this PostgreSQL database has.
///
/// # Panics
/// When it cannot be read.
pub async fn rows_of_server(url: &str) -> Counts {
    let mut connection = server(url).await;
    let tables: Vec<String> = sqlx::query_scalar(TABLES_OF_SERVER)
        .fetch_all(&mut connection)
        .await
        .expect("a database tells its tables");
    let mut counts = Counts::new();
    for table in tables {
        let count = sqlx::query_scalar(AssertSqlSafe(count(&table)))
            .fetch_one(&mut connection)
            .await
            .expect("a table tells its rows");
        counts.insert(table, count);
    }
    counts
}

/// The tables with rows, of these.
pub fn not_empty(counts: &Counts) -> Vec<&str> {
    let filled = counts.iter().filter(|(_, count)| **count > 0);
    filled.map(|(table, _)| table.as_str()).collect()
}

/// The columns of this PostgreSQL database, each with its table, in which this text stands anywhere.
///
/// # Panics
/// When it cannot be read.
pub async fn columns_with(url: &str, text: &str) -> Vec<String> {
    let mut connection = server(url).await;
    let columns: Vec<(String, String, bool)> = sqlx::query_as(COLUMNS_OF_SERVER)
        .fetch_all(&mut connection)
        .await
        .expect("a database tells its columns");
    assert!(!columns.is_empty(), "a database without columns");
    let mut found = Vec::new();
    for (table, column, is_bytes) in columns {
        let place = if is_bytes {
            format!("position(convert_to($1, 'UTF8') IN \"{column}\")")
        } else {
            format!("position($1 IN \"{column}\"::text)")
        };
        let question = format!("SELECT EXISTS (SELECT FROM \"{table}\" WHERE {place} > 0)");
        let is_there: bool = sqlx::query_scalar(AssertSqlSafe(question))
            .bind(text)
            .fetch_one(&mut connection)
            .await
            .expect("a column can be searched");
        if is_there {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// Which of the files that this SQLite database consists of hold these bytes anywhere.
///
/// # Panics
/// When they cannot be read.
pub fn files_with(path: &Path, text: &str) -> Vec<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    };
    let files = [path.to_owned(), beside("-wal"), beside("-journal")];
    let there = files.into_iter().filter(|file| file.exists());
    let holds = |file: &PathBuf| {
        let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut windows = bytes.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    there.filter(holds).collect()
}

fn count(table: &str) -> String {
    format!("SELECT count(*) FROM \"{table}\"")
}

async fn file(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    options.connect().await.expect("a file can be opened")
}

async fn server(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("the URL of a test database");
    let connected = PgConnection::connect_with(&options).await;
    connected.expect("a test database can be connected to")
}
