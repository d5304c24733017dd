//! PostgreSQL keeps the promises of the port.

use std::sync::Arc;

use response_store::Store;
use response_store::options::Options;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::outside::PostgresDatabase;

pub(crate) fn options(database: &TestDatabase) -> Options {
    Options {
        connections: 8,
        ..Options::new(database.url().parse().unwrap())
    }
}

pub(crate) async fn open(database: &TestDatabase) -> Store {
    Store::open(options(database)).await.unwrap()
}

async fn fixture() -> Fixture {
    let database = Arc::new(TestDatabase::migrated().await);
    let store = open(&database).await;
    Fixture::new(store.clone())
        .telling(store.clone())
        .conversing(store.clone())
        .admitting(store)
        .within(PostgresDatabase(database))
}

response_testkit::store_suite!(fixture());
response_testkit::queue_suite!(fixture());
response_testkit::webhook_suite!(fixture());
response_testkit::conversation_suite!(fixture());
response_testkit::idempotency_suite!(fixture());
response_testkit::api_key_suite!(fixture());
response_testkit::retention_suite!(fixture());
