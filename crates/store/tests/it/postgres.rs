//! PostgreSQL keeps the promises of the port.

use response_store::Store;
use response_store::options::Options;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::Fixture;

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
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    Fixture::keeping(store, database)
}

response_testkit::store_suite!(fixture());
