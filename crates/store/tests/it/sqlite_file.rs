//! The file: who may open it, who may read it, and what survives in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use futures::future::join_all;
use response_domain::ports::store::{ResponseStore, StoreError, WorkerRegistry};
use response_domain::work::Guard;
use response_store::options::{Database, Options};
use response_store::{OpenError, Store};
use response_testkit::store_suite::sample::{
    accepted, ada, alone, completed, first, found, id, put, talk, worker,
};

use crate::sqlite::{open, options};

#[tokio::test]
async fn a_second_process_is_refused_and_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let refused = Store::open(options(&folder)).await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("response.db"), "{refused}");
    // Not for the life of the process, but of the store.
    drop(store);
    open(&folder).await;
}

#[tokio::test]
async fn of_many_starts_at_once_one_gets_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let outcomes = join_all((0..8).map(|_| Store::open(options(&folder)))).await;
    let opened = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let refused =
        |outcome: &&Result<Store, OpenError>| matches!(outcome, Err(OpenError::InUse { .. }));
    assert_eq!(
        (opened, outcomes.iter().filter(refused).count()),
        (1, 7),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/down/response.db");
    let store = Store::open(Options::new(Database::Sqlite(path.clone())))
        .await
        .unwrap();
    put(&store, &completed(1), Vec::new()).await;
    let mut files = 0;
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        files += 1;
    }
    assert!(files >= 3, "the database, its log and the lock");
}

#[tokio::test]
async fn what_is_written_is_there_after_a_restart_and_its_process_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let (ended, running) = (completed(1), accepted(2));
    put(&store, &ended, talk(&ended)).await;
    put(&store, &running, Vec::new()).await;
    store.beat(worker(1)).await.unwrap();
    assert_eq!(store.orphans(10).await.unwrap(), []);
    store.close().await;
    drop(store);

    let store = open(&folder).await;
    assert_eq!(*found(&store, ended.id).await, ended);
    assert_eq!(store.items(&ada(), ended.id).await.unwrap(), talk(&ended));
    // The new process is another one, and the old one can be nowhere.
    store.beat(worker(2)).await.unwrap();
    let orphans = store.orphans(10).await.unwrap();
    assert_eq!(
        orphans.iter().map(|orphan| orphan.id).collect::<Vec<_>>(),
        [running.id]
    );
}

#[tokio::test]
async fn many_writes_at_once_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let responses: Vec<_> = (1..=64).map(completed).collect();
    let writes = responses
        .iter()
        .map(|response| store.commit(first(response, talk(response))));
    for written in join_all(writes).await {
        written.unwrap();
    }
    for response in &responses {
        assert_eq!(*found(&store, response.id).await, *response);
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    // A folder stands where the file should.
    let path = folder.path().join("response.db");
    fs::create_dir(&path).unwrap();
    let error = Store::open(options(&folder)).await.unwrap_err();
    assert!(error.to_string().contains("response.db"), "{error}");

    fs::remove_dir(&path).unwrap();
    fs::write(&path, "this is no database, whatever its name says").unwrap();
    let error = Store::open(options(&folder)).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Connect { .. } | OpenError::Migrate(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_closed_store_is_not_available() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    store.close().await;
    let read = store.find(&ada(), id(1)).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    let written = store
        .commit(alone(Guard::New(worker(1)), &completed(1)))
        .await;
    assert!(
        matches!(written, Err(StoreError::Unavailable(_))),
        "{written:?}"
    );
    assert!(store.readiness().await.reachable.is_err());
}
