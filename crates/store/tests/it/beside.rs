//! Chores beside a process that has the database.

use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::store::{ResponseStore, WorkerRegistry};
use response_store::options::{Migrate, Options, Share};
use response_store::{OpenError, Store};
use response_testkit::api_key_suite::sample::{all, brought, fresh, keep, later};
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{accepted, ada, completed, found, id, put, worker};
use tempfile::TempDir;

use crate::{postgres, sqlite};

fn shared(options: Options) -> Options {
    Options {
        share: Share::Beside,
        ..options
    }
}

async fn beside(folder: &TempDir) -> Store {
    Store::open(shared(sqlite::options(folder))).await.unwrap()
}

/// A process serves, and keys are made beside it.
async fn both_see_what_the_other_writes(serving: &Store, chore: &Store) {
    serving.beat(worker(1)).await.unwrap();
    put(serving, &accepted(1), Vec::new()).await;
    keep(chore, &fresh(1), 1).await;
    let seen = brought(serving, 1, later(0)).await;
    assert_eq!(seen, Some(fresh(1)));
    let listed = all(chore).await;
    assert_eq!(listed.first().unwrap().last_used_at, Some(later(0)));
    let revoked = chore.revoke_key(fresh(1).id, later(1)).await.unwrap();
    assert_eq!(all(serving).await, [revoked.unwrap()]);
}

#[tokio::test]
async fn keys_are_made_while_a_process_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let serving = sqlite::open(&folder).await;
    let chore = beside(&folder).await;
    both_see_what_the_other_writes(&serving, &chore).await;
    // Who serves is taken for alive, and its response for one that runs.
    let lost = serving.orphans(10).await.unwrap();
    assert_eq!(lost, []);
    chore.close().await;
    put(&serving, &completed(2), Vec::new()).await;
    found(&serving, id(2)).await;
}

#[tokio::test]
async fn keys_are_made_beside_a_process_on_a_server() {
    let database = TestDatabase::migrated().await;
    let serving = postgres::open(&database).await;
    let chore = Store::open(shared(postgres::options(&database)))
        .await
        .unwrap();
    both_see_what_the_other_writes(&serving, &chore).await;
    assert_eq!(serving.orphans(10).await.unwrap(), []);
}

#[tokio::test]
async fn a_chore_keeps_the_file_from_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let first = beside(&folder).await;
    let second = beside(&folder).await;
    keep(&first, &fresh(1), 1).await;
    assert_eq!(all(&second).await, [fresh(1)]);
    let serving = sqlite::open(&folder).await;
    assert_eq!(all(&serving).await, [fresh(1)]);
    // One that serves is still the only one.
    let another = Store::open(sqlite::options(&folder)).await;
    assert!(matches!(another, Err(OpenError::InUse { .. })));
}

#[tokio::test]
async fn a_chore_makes_the_schema_only_where_nobody_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let without = Options {
        migrate: Migrate::Never,
        ..sqlite::options(&folder)
    };
    let serving = Store::open(without).await.unwrap();
    let chore = beside(&folder).await;
    let missing = chore.readiness().await.schema;
    assert!(missing.is_err_and(|missing| missing.contains("m0001_responses")));
    drop(serving);
    let chore = beside(&folder).await;
    assert_eq!(chore.readiness().await.schema, Ok(()));
    assert_eq!(chore.find(&ada(), id(1)).await.unwrap(), None);
}
