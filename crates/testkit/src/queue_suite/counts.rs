//! How much waits and runs.

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::ports::queue::Depth;
use response_domain::status::Change;
use response_domain::work::Guard;

use super::sample::{claim_one, end, enqueue, entry, job_of, queued, queued_by, standing, start};
use crate::store_suite::sample::{accepted, ada, changed, id, put, worker, write};
use crate::store_suite::{Fixture, Subject};

async fn depth(store: &dyn Subject) -> Depth {
    let depth = store.depth().await;
    assert!(depth.is_ok(), "{depth:?}");
    depth.unwrap_or_default()
}

/// How many wait, how many run, and for how many seconds the oldest has been waiting.
async fn assert_depth(store: &dyn Subject, waiting: u64, running: u64, oldest: Option<u64>) {
    let depth = depth(store).await;
    assert_eq!((depth.waiting, depth.running), (waiting, running));
    let waited = depth.oldest.map(|oldest| oldest.as_secs());
    let fits = match (waited, oldest) {
        (None, None) => true,
        (Some(waited), Some(least)) => (least..least + 5).contains(&waited),
        (None, Some(_)) | (Some(_), None) => false,
    };
    assert!(fits, "{depth:?}, not {oldest:?}");
}

pub async fn the_length_of_the_queue_is_told(fixture: &Fixture) {
    let store = fixture.store();
    put(store, &accepted(9), Vec::new()).await;
    assert_depth(store, 0, 0, None).await;
    enqueue(store, 1).await;
    fixture.outside().pass(Duration::from_secs(20)).await;
    enqueue(store, 2).await;
    assert_depth(store, 2, 0, Some(20)).await;
    fixture.outside().pass(Duration::from_secs(10)).await;
    assert_depth(store, 2, 0, Some(30)).await;
    let lease = claim_one(store, 1).await.lease;
    assert_depth(store, 1, 1, Some(10)).await;
    assert!(store.hand_back(&lease).await.is_ok());
    assert_depth(store, 2, 0, Some(30)).await;
    let first = claim_one(store, 1).await.lease;
    claim_one(store, 1).await;
    assert_depth(store, 0, 2, None).await;
    let ended = changed(changed(queued(1), Change::Start), Change::Complete);
    write(store, end(first, &ended, 1)).await;
    assert_depth(store, 0, 1, None).await;
    assert!(store.rescue(worker(2), 3, 10).await.is_ok());
    assert_depth(store, 1, 0, Some(10)).await;
}

async fn waiting_of(store: &dyn Subject, owner: &OwnerId, at_most: u32) -> Option<u32> {
    store.waiting_of(owner, at_most).await.ok()
}

pub async fn what_an_owner_has_waiting_is_counted(fixture: &Fixture) {
    let store = fixture.store();
    let bob = OwnerId::new("bob");
    assert_eq!(waiting_of(store, &ada(), 10).await, Some(0));
    for number in 1..=4 {
        enqueue(store, number).await;
    }
    put(store, &accepted(9), Vec::new()).await;
    write(store, entry(&queued_by(5, &bob), job_of(5))).await;
    assert_eq!(waiting_of(store, &ada(), 10).await, Some(4));
    assert_eq!(waiting_of(store, &ada(), 3).await, Some(3));
    assert_eq!(waiting_of(store, &bob, 10).await, Some(1));
    // What runs and what has ended does not wait; what went back does.
    let lease = claim_one(store, 1).await.lease;
    write(store, start(lease, &changed(queued(1), Change::Start))).await;
    assert_eq!(waiting_of(store, &ada(), 10).await, Some(3));
    let cancelled = changed(queued(4), Change::Cancel);
    let work = standing(store, id(4))
        .await
        .end(cancelled, &[], Guard::Open);
    write(store, work).await;
    assert_eq!(waiting_of(store, &ada(), 10).await, Some(2));
    assert!(store.hand_back(&lease).await.is_ok());
    assert_eq!(waiting_of(store, &ada(), 10).await, Some(3));
}
