//! PostgreSQL.

use response_store::Store;
use response_store::options::Options;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::Fixture;

fn options(database: &TestDatabase) -> Options {
    Options {
        connections: 8,
        ..Options::new(database.url().parse().unwrap())
    }
}

async fn fixture() -> Fixture {
    let database = TestDatabase::migrated().await;
    let store = Store::open(options(&database)).await.unwrap();
    Fixture::keeping(store, database)
}

response_testkit::store_suite!(fixture());
