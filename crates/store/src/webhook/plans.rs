//! How SQLite goes about webhooks: by an index, and in its order.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{claim, endpoints, hold, read, record};
use crate::Store;
use crate::options::{Database, Options};

/// The steps of a statement.
async fn plan(store: &Store, sql: &str) -> Vec<String> {
    let explain = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
    let connection = store.backend().reader();
    let steps = connection.query_all_raw(explain).await.unwrap();
    let detail = |step: &sea_orm::QueryResult| step.try_get("", "detail").unwrap();
    steps.iter().map(detail).collect()
}

#[tokio::test]
async fn every_statement_of_sqlite_goes_by_an_index() {
    const KEY: &str = "sqlite_autoindex_webhook_deliveries_1";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("response.db");
    let store = Store::open(Options::new(Database::Sqlite(path)))
        .await
        .unwrap();
    for (sql, index) in [
        (claim::DUE_SQLITE, "webhook_deliveries_due"),
        (claim::CLAIM_SQLITE, KEY),
        (record::TRIED_SQLITE, KEY),
        (record::MOVE_SQLITE, "webhook_deliveries_waiting"),
        (hold::RESCUE_SQLITE, "webhook_deliveries_claimed"),
        (read::OF_RESPONSE, KEY),
        (read::OF_ENDPOINT, "webhook_deliveries_of_endpoint"),
        (endpoints::FIND, "sqlite_autoindex_webhook_endpoints_1"),
        (endpoints::PAGE, "webhook_endpoints_of_owner"),
        (endpoints::NEXT_SQLITE, "webhook_deliveries_of_endpoint"),
        (endpoints::FORGET_ATTEMPTS, "webhook_deliveries_of_endpoint"),
        (
            endpoints::FORGET_DELIVERIES,
            "webhook_deliveries_of_endpoint",
        ),
        (crate::commit::TELL, "webhook_endpoints_of_owner"),
    ] {
        let steps = plan(&store, sql).await;
        let names = |step: &String| step.contains(&format!("INDEX {index}"));
        assert!(steps.iter().any(names), "{sql}\n{steps:#?}");
        let reads_all = |step: &String| step.starts_with("SCAN") && step.contains("webhook");
        assert!(!steps.iter().any(reads_all), "{sql}\n{steps:#?}");
        let sorts = |step: &String| step.contains("TEMP B-TREE FOR ORDER BY");
        assert!(!steps.iter().any(sorts), "{sql}\n{steps:#?}");
    }
    let steps = plan(&store, read::DEPTH_SQLITE).await;
    assert!(steps[0].contains("webhook_deliveries_due"), "{steps:?}");
}
