//! The outbox on PostgreSQL: each delivery to one process, the oldest first, and cheap whatever else there is.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use response_domain::ports::store::ResponseStore;
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::webhook::{Due, Lane};
use response_domain::work::Guard;
use response_store::Store;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{ada, alone, completed, worker};
use response_testkit::webhook_suite::sample::{PLENTY, again, endpoint, to_callback};
use sqlx::{Connection, Executor};

use crate::deliveries::{NO_UPKEEP, attempt, due_claim, of, prompt, read, wait_for};
use crate::jobs::{numbered, small};
use crate::postgres::open;

/// Claims until nothing is due.
async fn drain(store: &Store, number: u32, at_most: u16) -> Vec<Due> {
    let mut all = Vec::new();
    loop {
        let claimed = prompt(store, number, at_most).await;
        if claimed.is_empty() {
            return all;
        }
        assert!(claimed.len() <= usize::from(at_most));
        all.extend(claimed);
    }
}

#[tokio::test]
async fn many_claimers_get_each_delivery_once_and_the_oldest_first() {
    for (claimers, due, at_most) in [(32, 1, 4), (2, 2_000, 7), (32, 2_000, 3)] {
        let database = TestDatabase::migrated().await;
        let mut connection = database.connect().await;
        // The highest number has been due longest.
        let ages = (1..=due).map(|number| (number, number));
        wait_for(&mut connection, None, ages).await;
        let mut stores = Vec::new();
        for _ in 0..8 {
            stores.push(small(&database).await);
        }
        let claims = (1..=claimers)
            .zip(stores.iter().cycle())
            .map(|(number, store)| drain(store, number, at_most));
        let all = join_all(claims).await;
        for claimed in &all {
            let ids = of(claimed);
            assert!(
                ids.is_sorted_by(|one, next| one > next),
                "{claimers} × {due}: {ids:?}"
            );
        }
        let taken: Vec<_> = all.iter().flat_map(|claimed| of(claimed)).collect();
        let different: HashSet<_> = taken.iter().copied().collect();
        let expected: HashSet<_> = numbered(1..=due).into_iter().collect();
        assert_eq!(taken.len(), different.len(), "{claimers} × {due}");
        assert!(different == expected, "{claimers} × {due}");
        assert!(all.iter().flatten().all(|due| due.lease.token == 1));
        join_all(stores.iter().map(Store::close)).await;
    }
}

#[tokio::test]
async fn a_claim_takes_the_oldest_that_nobody_else_is_claiming() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    wait_for(&mut connection, None, [(1, 10), (2, 30), (3, 20)]).await;
    let store = open(&database).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; SELECT 1 FROM webhook_deliveries ORDER BY due_at LIMIT 1 FOR UPDATE")
        .await
        .unwrap();
    assert_eq!(of(&prompt(&store, 1, 1).await), numbered([3]));
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(of(&prompt(&store, 1, 5).await), numbered([2, 1]));
    assert_eq!(prompt(&store, 1, 5).await, []);
}

#[tokio::test]
async fn claims_do_not_read_what_was_sent_before_while_an_old_snapshot_is_held() {
    const DEAD: u32 = 20_000;
    const CLAIMS: u32 = 40;
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    connection.execute(NO_UPKEEP).await.unwrap();
    let before = (1..=DEAD).map(|number| (number, 3_600));
    wait_for(&mut connection, None, before).await;
    let mut holder = database.connect().await;
    holder
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM webhook_deliveries LIMIT 1")
        .await
        .unwrap();
    connection
        .execute("UPDATE webhook_deliveries SET state = 'delivered', due_at = NULL")
        .await
        .unwrap();
    let now = (1..=CLAIMS).map(|number| (DEAD + number, 10));
    wait_for(&mut connection, None, now).await;

    let before = read(&mut connection, "webhook_deliveries_due").await;
    let store = small(&database).await;
    for number in 1..=CLAIMS {
        let claimed = prompt(&store, 1, 1).await;
        assert_eq!(of(&claimed), numbered([DEAD + number]));
    }
    store.close().await;
    drop(store);
    let read = read(&mut connection, "webhook_deliveries_due").await - before;
    // Everything is looked at by the first claim, and every five seconds.
    let dead = i64::from(DEAD);
    assert!(
        read >= dead,
        "the dead entries were not there to be read: {read}"
    );
    assert!(read < 4 * dead, "{CLAIMS} claims read {read} entries");
    holder.close().await.unwrap();
}

#[tokio::test]
async fn what_waits_for_who_takes_nothing_is_moved_a_part_at_a_time() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = open(&database).await;
    store.add(&endpoint(1), PLENTY).await.unwrap();
    let all = (1..=2_500).map(|number| (number, 3_600));
    wait_for(&mut connection, Some(1), all).await;
    let patient = async || {
        let waiting =
            "SELECT count(*) FROM webhook_deliveries WHERE lane = 1 AND worker_id IS NULL";
        let waiting: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&mut database.connect().await)
            .await
            .unwrap();
        waiting
    };
    for moved in [1_001, 2_002, 2_500, 2_500] {
        let Some(due) = prompt(&store, 1, 1).await.pop() else {
            break;
        };
        let refused = attempt(&due, 500);
        store
            .record(&due.lease, &refused, &again(60))
            .await
            .unwrap();
        assert_eq!(patient().await, moved);
    }
    assert_eq!(prompt(&store, 1, 1).await, []);
    let failing: i64 = sqlx::query_scalar("SELECT count(failing_since) FROM webhook_endpoints")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(failing, 1);
}

/// A claim of this lane for as many as it can get.
async fn patient(store: &Store, at_most: u16) -> Vec<Due> {
    let claim = due_claim(1, Lane::Patient, at_most);
    store.claim(&claim).await.unwrap()
}

#[tokio::test]
async fn what_is_moved_is_found_at_its_old_place_by_the_next_claim() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = open(&database).await;
    store.add(&endpoint(1), PLENTY).await.unwrap();
    wait_for(&mut connection, None, [(1, 5), (2, 4)]).await;
    let patient_ones = "UPDATE webhook_deliveries SET lane = 1";
    connection.execute(patient_ones).await.unwrap();
    wait_for(&mut connection, Some(1), [(3, 7_200), (4, 3_600)]).await;
    assert_eq!(of(&patient(&store, 1).await), numbered([1]));
    let due = prompt(&store, 1, 1).await.pop().unwrap();
    let refused = attempt(&due, 500);
    store
        .record(&due.lease, &refused, &again(60))
        .await
        .unwrap();
    assert_eq!(of(&patient(&store, 1).await), numbered([4]));
    assert_eq!(of(&patient(&store, 1).await), numbered([2]));
}

#[tokio::test]
async fn what_nobody_told_of_is_found_after_five_seconds() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = open(&database).await;
    wait_for(&mut connection, None, [(1, 5), (2, 4)]).await;
    assert_eq!(of(&prompt(&store, 1, 1).await), numbered([1]));
    // As if its transaction had taken an hour.
    wait_for(&mut connection, None, [(3, 3_600)]).await;
    assert_eq!(of(&prompt(&store, 1, 1).await), numbered([2]));
    assert_eq!(prompt(&store, 1, 1).await, []);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    assert_eq!(of(&prompt(&store, 1, 1).await), numbered([3]));
}

#[tokio::test]
async fn claims_of_webhooks_wait_neither_for_requests_nor_for_claims_of_jobs() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    wait_for(&mut connection, None, [(1, 1)]).await;
    let store = small(&database).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; LOCK TABLE response_jobs, responses")
        .await
        .unwrap();
    let job = crate::jobs::claim(1, 1);
    let jobs = response_domain::ports::queue::JobQueue::claim(&store, &job);
    let requests = (1..=4).map(|number| put(&store, number));
    tokio::select! {
        biased;
        claimed = jobs => panic!("the table is locked: {claimed:?}"),
        _ = join_all(requests) => panic!("the table is locked"),
        claimed = prompt(&store, 1, 1) => assert_eq!(of(&claimed), numbered([1])),
    }
    other.close().await.unwrap();
}

async fn put(store: &Store, number: u32) {
    let response = completed(number);
    let work = alone(Guard::New(worker(1)), &response);
    ResponseStore::commit(store, work).await.unwrap();
}

#[tokio::test]
async fn what_was_due_already_keeps_its_place() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = open(&database).await;
    wait_for(&mut connection, None, [(1, 100), (2, 50)]).await;
    // The claim of the first is over, and nothing was recorded.
    assert_eq!(of(&prompt(&store, 1, 1).await), numbered([1]));
    let over = "UPDATE webhook_deliveries SET due_at = clock_timestamp() - interval '90 s'
        WHERE worker_id IS NOT NULL";
    connection.execute(over).await.unwrap();
    assert_eq!(store.give_back(worker(1)).await.unwrap(), 1);
    assert!(store.redeliver(&ada(), to_callback(1)).await.unwrap());
    assert_eq!(of(&prompt(&store, 1, 2).await), numbered([1, 2]));
}
