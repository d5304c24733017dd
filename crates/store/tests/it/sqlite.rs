//! SQLite.

use response_store::Store;
use response_store::options::{Database, Options};
use response_testkit::store_suite::Fixture;

fn options(folder: &tempfile::TempDir) -> Options {
    Options {
        connections: 2,
        ..Options::new(Database::Sqlite(folder.path().join("response.db")))
    }
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(options(&folder)).await.unwrap();
    Fixture::keeping(store, folder)
}

response_testkit::store_suite!(fixture());
