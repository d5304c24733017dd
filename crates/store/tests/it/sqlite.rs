//! SQLite keeps the promises of the port.

use response_store::Store;
use response_store::options::{Database, Options};
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::outside::SqliteFile;
use tempfile::TempDir;

pub(crate) fn options(folder: &TempDir) -> Options {
    Options {
        connections: 2,
        ..Options::new(Database::Sqlite(folder.path().join("response.db")))
    }
}

pub(crate) async fn open(folder: &TempDir) -> Store {
    Store::open(options(folder)).await.unwrap()
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let file = SqliteFile(folder.path().join("response.db"));
    Fixture::keeping(store.clone(), folder)
        .telling(store.clone())
        .conversing(store.clone())
        .admitting(store)
        .within(file)
}

response_testkit::store_suite!(fixture());
response_testkit::queue_suite!(fixture());
response_testkit::webhook_suite!(fixture());
response_testkit::conversation_suite!(fixture());
response_testkit::idempotency_suite!(fixture());
response_testkit::api_key_suite!(fixture());
response_testkit::retention_suite!(fixture());
