//! How PostgreSQL goes about webhooks: what is looked for by its key is found by its key, however few there
//! were when that was planned, and however many there are of others.

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::status::Change;
use response_domain::webhook::{Endpoint, GaveUp};
use response_store::Store;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::ada;
use response_testkit::webhook_suite::sample::{
    ARRIVED, PLENTY, again, calling_back, endpoint, endpoint_id, run,
};
use sqlx::{Executor, PgConnection};

use crate::deliveries::{NO_UPKEEP, attempt, crowd, prompt, read, wait_for};
use crate::jobs::small;

/// Deliveries by turns to whoever asked and to an endpoint, all due before those that follow.
async fn both_kinds(connection: &mut PgConnection, numbers: std::ops::RangeInclusive<u32>) {
    let ages = numbers.map(|number| (number, 30_000 - number));
    let (callbacks, to_endpoint): (Vec<_>, Vec<_>) = ages.partition(|(number, _)| number % 2 == 1);
    wait_for(connection, None, callbacks).await;
    wait_for(connection, Some(1), to_endpoint).await;
}

/// What a process and an owner do with a few deliveries.
async fn work(store: &Store) {
    // A statement is planned for good at its sixth time.
    for _ in 0..8 {
        let claimed = prompt(store, 1, 6).await;
        let [callback, one, third, fourth, fifth, sixth] = claimed.as_slice() else {
            unreachable!("six are due: {claimed:?}")
        };
        let (taken, refused) = (attempt(one, 200), attempt(callback, 500));
        let failed = again(3_600);
        store.record(&one.lease, &taken, &ARRIVED).await.unwrap();
        store
            .record(&callback.lease, &refused, &failed)
            .await
            .unwrap();
        let leases = [third.lease, fourth.lease];
        store
            .postpone(&leases, Duration::from_hours(1))
            .await
            .unwrap();
        let key = one.lease.key;
        let shown = store.of_response(&ada(), key.response).await.unwrap();
        assert_eq!(shown.len(), 1);
        let page = store.of_endpoint(&ada(), endpoint_id(1), 10, None).await;
        assert_eq!(page.unwrap().entries.len(), 10);
        assert!(store.redeliver(&ada(), key).await.unwrap());
        for spent in [fifth, sixth] {
            store.give_up(&spent.lease, GaveUp::Spent).await.unwrap();
        }
    }
}

#[tokio::test]
async fn nothing_that_is_done_with_one_delivery_reads_the_others() {
    const FEW: u32 = 120;
    const MANY: u32 = 20_000;
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    connection.execute(NO_UPKEEP).await.unwrap();
    let store = small(&database).await;
    store.add(&endpoint(1), PLENTY).await.unwrap();
    both_kinds(&mut connection, 1..=FEW).await;
    // There are so few that a server would rather read all of them.
    connection
        .execute("ANALYZE webhook_deliveries; ANALYZE webhook_endpoints; ANALYZE webhook_attempts")
        .await
        .unwrap();
    work(&store).await;
    // There are many, of which it has heard nothing.
    both_kinds(&mut connection, FEW + 1..=FEW + MANY).await;
    work(&store).await;
    store.close().await;
    drop(store);
    for what in [
        "webhook_deliveries",
        "webhook_attempts",
        "webhook_deliveries_pkey",
        "webhook_deliveries_due",
        "webhook_deliveries_claimed",
        "webhook_deliveries_of_endpoint",
        "webhook_deliveries_waiting",
    ] {
        let read = read(&mut connection, what).await;
        assert!(read < i64::from(MANY) / 2, "{what}: {read} were read");
    }
}

/// Of the owner who asked for it and of nobody else: none of them, one, and a page of many.
#[tokio::test]
async fn only_the_endpoints_of_an_owner_are_looked_at() {
    const ENDINGS: u32 = 8;
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let without = "ALTER TABLE webhook_endpoints SET (autovacuum_enabled = off)";
    connection.execute(without).await.unwrap();
    let bob = Endpoint {
        owner: OwnerId::new("bob"),
        ..endpoint(1)
    };
    let store = small(&database).await;
    store.add(&bob, PLENTY).await.unwrap();
    store.close().await;
    drop(store);
    connection
        .execute("ANALYZE webhook_endpoints")
        .await
        .unwrap();
    crowd(&mut connection, 400, 50).await;
    let looked = read(&mut connection, "webhook_endpoints_of_owner").await;
    let whole = read(&mut connection, "webhook_endpoints").await;

    let store = small(&database).await;
    let fixture = Fixture::new(store.clone()).telling(store.clone());
    for number in 1..=ENDINGS {
        let response = calling_back(number);
        assert_eq!(run(&fixture, &response, Change::Complete).await, 1);
    }
    let page = store.page(&OwnerId::new("owner7"), 10, None).await.unwrap();
    assert_eq!(page.entries.len(), 10);
    drop(fixture);
    store.close().await;
    drop(store);
    let looked = read(&mut connection, "webhook_endpoints_of_owner").await - looked;
    assert_eq!(
        looked, 11,
        "what an owner without endpoints ends finds none"
    );
    assert_eq!(read(&mut connection, "webhook_endpoints").await, whole);
    let probes = "SELECT idx_scan FROM pg_stat_user_indexes
        WHERE indexrelname = 'webhook_endpoints_of_owner'";
    let probes: i64 = sqlx::query_scalar(probes)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    // Besides, somebody counted before one was added.
    assert_eq!(probes, i64::from(ENDINGS) + 2);
}
