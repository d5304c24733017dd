//! A replica that lags: what may be read from it, and what may not.

use std::time::Duration;

use response_domain::page::{More, Page};
use response_domain::ports::store::ResponseStore;
use response_domain::response::Response;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, StatusName};
use response_domain::work::Guard;
use response_store::Store;
use response_store::options::{Database, Options};
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{
    accepted, ada, alone, asked, changed, completed, everything, found, id, put, spec, worker,
    write,
};

use tokio::time::Instant;

use crate::postgres::{open, options};

/// A store that reads from another database, as from a replica that got stuck.
async fn with_replica(primary: &TestDatabase, replica: &str) -> Store {
    let database: Database = primary.url().parse().unwrap();
    Store::open(Options {
        database: database.with_replica(replica).unwrap(),
        ..options(primary)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_ended_is_read_from_the_replica_and_the_rest_from_the_primary() {
    let (primary, replica) = (
        TestDatabase::migrated().await,
        TestDatabase::migrated().await,
    );
    let store = with_replica(&primary, &replica.url()).await;
    let stuck = open(&replica).await;
    // The copy on the replica has another model, to tell the two apart.
    let mut copy = completed(1);
    copy.times.started = None;
    put(&stuck, &copy, Vec::new()).await;
    put(&store, &completed(1), Vec::new()).await;
    assert_eq!(*found(&store, id(1)).await, copy);

    // It has not ended there.
    put(&stuck, &accepted(2), Vec::new()).await;
    put(&store, &accepted(2), Vec::new()).await;
    let ended = changed(accepted(2), Change::Complete);
    write(&store, alone(Guard::Held(worker(1)), &ended)).await;
    assert_eq!(*found(&store, id(2)).await, ended);

    // It is not there at all.
    put(&store, &completed(3), Vec::new()).await;
    assert_eq!(*found(&store, id(3)).await, completed(3));

    let page = store.page(&ada(), &everything(10)).await.unwrap();
    let listed: Vec<_> = page.entries.iter().map(|entry| entry.id).collect();
    assert_eq!((listed, page.more), (vec![id(2), id(1)], More::Nothing));
}

#[tokio::test]
async fn what_this_process_deleted_is_gone_although_the_replica_has_it() {
    let (primary, replica) = (
        TestDatabase::migrated().await,
        TestDatabase::migrated().await,
    );
    let store = with_replica(&primary, &replica.url()).await;
    let stuck = open(&replica).await;
    for number in 1..=2 {
        put(&stuck, &completed(number), Vec::new()).await;
        put(&store, &completed(number), Vec::new()).await;
    }
    assert!(store.delete(&ada(), id(1)).await.unwrap());
    assert_eq!(store.find(&ada(), id(1)).await.unwrap(), None);
    let page = store.page(&ada(), &everything(10)).await.unwrap();
    assert_eq!(
        page.entries
            .iter()
            .map(|entry| entry.id)
            .collect::<Vec<_>>(),
        [id(2)]
    );
}

#[tokio::test]
async fn a_replica_that_is_away_is_done_without() {
    let primary = TestDatabase::migrated().await;
    let store = with_replica(&primary, "postgres://127.0.0.1:1/nowhere").await;
    put(&store, &completed(1), Vec::new()).await;
    assert_eq!(*found(&store, id(1)).await, completed(1));
    // It was waited for once; then it is left alone for a while.
    let begin = Instant::now();
    for _ in 0..10 {
        let page = store.page(&ada(), &everything(10)).await.unwrap();
        assert_eq!(page.entries.len(), 1);
    }
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_page_after_what_the_replica_has_not_yet_comes_from_the_primary() {
    let (primary, replica) = (
        TestDatabase::migrated().await,
        TestDatabase::migrated().await,
    );
    let store = with_replica(&primary, &replica.url()).await;
    for number in 1..=2 {
        put(&store, &completed(number), Vec::new()).await;
    }
    let mut page = everything(10);
    page.after = Some(id(2));
    let listed = store.page(&ada(), &page).await.unwrap();
    assert_eq!(
        listed
            .entries
            .iter()
            .map(|entry| entry.id)
            .collect::<Vec<_>>(),
        [id(1)]
    );
}

#[tokio::test]
async fn what_waits_or_runs_in_the_background_is_never_read_from_the_replica() {
    let (primary, replica) = (
        TestDatabase::migrated().await,
        TestDatabase::migrated().await,
    );
    let store = with_replica(&primary, &replica.url()).await;
    let stuck = open(&replica).await;
    let delivery = Delivery::Background;
    let waiting = |number| asked(number, ResponseSpec { delivery, ..spec() });
    // On the replica both still wait; one of them has been taken up and one has ended.
    for number in 1..=2 {
        put(&stuck, &waiting(number), Vec::new()).await;
    }
    let started = changed(waiting(1), Change::Start);
    let ended = changed(changed(waiting(2), Change::Start), Change::Complete);
    put(&store, &started, Vec::new()).await;
    put(&store, &ended, Vec::new()).await;
    assert_eq!(*found(&store, id(1)).await, started);
    assert_eq!(*found(&store, id(2)).await, ended);
    let list = async |status| {
        let page = Page {
            status,
            ..everything(10)
        };
        let listed = store.page(&ada(), &page).await.unwrap().entries;
        let listed = listed.iter().map(|entry| Response::clone(entry));
        listed.collect::<Vec<_>>()
    };
    assert_eq!(list(None).await, [ended.clone(), started.clone()]);
    assert_eq!(list(Some(StatusName::InProgress)).await, [started]);
    assert_eq!(list(Some(StatusName::Queued)).await, []);
}
