//! Everything that a database holds, whatever its tables are called.

use std::collections::BTreeMap;
use std::path::Path;

use response_testkit::postgres::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::marks::Marks;

/// Every column of every table, as bytes: where it stands and what it holds.
pub(super) async fn of_postgres(database: &TestDatabase) -> Vec<(String, Vec<u8>)> {
    let mut sql = database.connect().await;
    let columns: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT table_schema::text, table_name::text, column_name::text, data_type::text
         FROM information_schema.columns
         WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert!(columns.len() > 40, "{columns:?}");
    let mut held = Vec::new();
    for (schema, table, column, kind) in columns {
        let bytes = match kind.as_str() {
            "bytea" => format!("\"{column}\""),
            // An element of an array is quoted when it has to be, which changes no mark.
            _ => format!("convert_to(\"{column}\"::text, 'UTF8')"),
        };
        let all =
            format!("SELECT {bytes} FROM \"{schema}\".\"{table}\" WHERE \"{column}\" IS NOT NULL");
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(AssertSqlSafe(all))
            .fetch_all(&mut sql)
            .await
            .unwrap();
        let all: Vec<u8> = rows
            .into_iter()
            .flat_map(|(bytes,)| [bytes, vec![b'\n']].concat())
            .collect();
        held.push((format!("{schema}.{table}.{column}"), all));
    }
    held
}

/// The bytes of every file of a folder, and of those below it.
pub(super) fn of_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut held = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            held.extend(of_files(&path));
        } else {
            held.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    held
}

/// No mark stands in any of them.
pub(super) fn have_none(held: &[(String, Vec<u8>)], marks: &Marks) {
    assert!(!held.is_empty());
    for (place, bytes) in held {
        marks.are_not_in(place, bytes);
    }
}

/// What each table holds, as a digest of all its rows, and how many they are.
pub(super) type Held = BTreeMap<String, (i64, String)>;

/// What says that a process is alive changes by itself.
const ALIVE: &str = "workers";

pub(super) async fn held_by_postgres(sql: &mut PgConnection) -> Held {
    let tables: Vec<(String,)> = sqlx::query_as(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'
         AND table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut *sql)
    .await
    .unwrap();
    let mut held = Held::new();
    for (table,) in tables {
        let digest = format!(
            "SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \"{table}\" t"
        );
        let found: (i64, String) = sqlx::query_as(AssertSqlSafe(digest))
            .fetch_one(&mut *sql)
            .await
            .unwrap();
        held.insert(table, found);
    }
    unless_alive(held)
}

pub(super) async fn held_by_sqlite(folder: &Path) -> Held {
    let url = format!("sqlite://{}?mode=ro", folder.join("responses.db").display());
    let mut sql = SqliteConnection::connect(&url).await.unwrap();
    let tables: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'table'")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    let mut held = Held::new();
    for (table,) in tables {
        let columns: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT name FROM pragma_table_info('{table}')"
        )))
        .fetch_all(&mut sql)
        .await
        .unwrap();
        let columns: Vec<String> = columns
            .iter()
            .map(|(name,)| format!("quote(\"{name}\")"))
            .collect();
        let all = format!(
            "SELECT {} FROM \"{table}\" ORDER BY 1",
            columns.join(" || '|' || ")
        );
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(all))
            .fetch_all(&mut sql)
            .await
            .unwrap();
        let text: Vec<String> = rows.into_iter().map(|(row,)| row).collect();
        let count = i64::try_from(text.len()).unwrap();
        held.insert(table, (count, text.join("\n")));
    }
    unless_alive(held)
}

fn unless_alive(mut held: Held) -> Held {
    assert!(
        held.contains_key("responses") && held.len() > 8,
        "{:?}",
        held.keys()
    );
    if let Some((_, digest)) = held.get_mut(ALIVE) {
        digest.clear();
    }
    held
}
