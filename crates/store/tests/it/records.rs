//! Records as the first version wrote them: this release reads them, and writes the same.
//!
//! A new version of a record gets a file of its own beside these; these stay as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use response_domain::execution::Execution;
use response_domain::id::ExecutionId;
use response_domain::item::Item;
use response_domain::ports::store::ResponseStore;
use response_domain::response::Response;
use response_domain::status::Change;
use response_testkit::store_suite::full::{every_state, first_bodies, first_spec, full_progress};
use response_testkit::store_suite::sample::{
    ada, asked, call, changed, completed, found, item, put, with_calls,
};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::sqlite::open;

/// Each record by its name.
type Records = BTreeMap<String, String>;

/// What the records are of.
fn written() -> (Response, Response, Vec<Arc<Item>>) {
    let small = completed(1);
    let mut full = asked(2, first_spec());
    full.progress = full_progress();
    let calls: Vec<Arc<Execution>> = (0..)
        .zip(every_state())
        .map(|(ordinal, state)| call(&full, ordinal, state))
        .collect();
    assert_eq!(
        calls.first().map(|call| call.id),
        Some(ExecutionId::new(full.id.raw(), 0))
    );
    let full = changed(with_calls(full, &calls), Change::Complete);
    let bodies = (0..).zip(first_bodies());
    let items = bodies
        .map(|(ordinal, body)| item(&full, ordinal, body))
        .collect();
    (small, full, items)
}

fn recorded() -> Records {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/records/v1.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

async fn beside(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.path().join("response.db"));
    options.connect().await.unwrap()
}

/// The statements that read each kind of record, with the name of each.
const READ: [&str; 3] = [
    "SELECT substr(id, -1) || ' spec' AS name, spec AS record FROM responses
     UNION ALL SELECT substr(id, -1) || ' progress', progress FROM responses",
    "SELECT 'item ' || ordinal || ' ' || kind AS name, body AS record FROM conversation_items",
    "SELECT 'call ' || ordinal || ' ' || status AS name, body AS record FROM tool_executions",
];

async fn records(folder: &TempDir) -> Records {
    let mut connection = beside(folder).await;
    let mut records = Records::new();
    for read in READ {
        let rows: Vec<(String, String)> = sqlx::query_as(read)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for (name, record) in rows {
            records.insert(name, record);
        }
    }
    records
}

#[tokio::test]
async fn this_release_writes_what_the_first_version_did() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let (small, full, items) = written();
    put(&store, &small, Vec::new()).await;
    put(&store, &full, items).await;
    let written = records(&folder).await;
    let recorded = recorded();
    for (name, record) in &written {
        assert_eq!(Some(record), recorded.get(name), "{name}");
    }
    assert_eq!(written.len(), recorded.len());
}

#[tokio::test]
async fn this_release_reads_what_the_first_version_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let (small, full, items) = written();
    // The rows are of other responses; only the records are those of the first version.
    put(&store, &small, Vec::new()).await;
    let empty = items
        .iter()
        .map(|known| item(&full, known.id.ordinal, first_bodies().swap_remove(3)));
    put(&store, &full, empty.collect()).await;
    let mut connection = beside(&folder).await;
    for (name, record) in recorded() {
        let mut words = name.split(' ');
        let (kind, column) = (words.next().unwrap(), words.next().unwrap());
        let update = match (kind, column) {
            ("item", _) => "UPDATE conversation_items SET body = $1 WHERE ordinal = $2",
            ("call", _) => "UPDATE tool_executions SET body = $1 WHERE ordinal = $2",
            (_, "spec") => "UPDATE responses SET spec = $1 WHERE substr(id, -1) = $2",
            _ => "UPDATE responses SET progress = $1 WHERE substr(id, -1) = $2",
        };
        let which = if kind == "item" || kind == "call" {
            column
        } else {
            kind
        };
        let done = sqlx::query(update)
            .bind(record)
            .bind(which)
            .execute(&mut connection)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1, "{name}");
    }
    assert_eq!(*found(&store, small.id).await, small);
    assert_eq!(*found(&store, full.id).await, full);
    assert_eq!(store.items(&ada(), full.id).await.unwrap(), items);
}
