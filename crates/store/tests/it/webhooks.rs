//! Webhooks as both databases keep them: what is left, and what is not, when something is forgotten.

use response_domain::ports::store::ResponseStore;
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::status::Change;
use response_domain::webhook::Lane;
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{ada, id};
use response_testkit::webhook_suite::sample::{
    ARRIVED, again, answered, calling_back, complete_calling_back, endpoint, endpoint_id, register,
    run, to_callback, to_endpoint,
};

use crate::deliveries::{attempt, due_claim, prompt};
use crate::stage::{Stage, on_both};

on_both!(
    an_ending_writes_nothing_but_what_is_to_be_sent,
    a_deleted_response_leaves_no_delivery_and_no_attempt,
    an_endpoint_with_a_long_past_is_forgotten_whole,
    what_is_due_to_nobody_is_cleared_away,
);

/// Endpoints, deliveries, attempts.
async fn rows(stage: &Stage) -> [i64; 3] {
    let mut rows = [0; 3];
    let tables = [
        "webhook_endpoints",
        "webhook_deliveries",
        "webhook_attempts",
    ];
    for (rows, table) in rows.iter_mut().zip(tables) {
        *rows = stage.count(table).await;
    }
    rows
}

fn fixture(stage: &Stage) -> Fixture {
    let store = stage.store.clone();
    Fixture::new(store.clone()).telling(store)
}

async fn an_ending_writes_nothing_but_what_is_to_be_sent(stage: Stage) {
    let fixture = &fixture(&stage);
    let silent = response_testkit::queue_suite::sample::queued(1);
    assert_eq!(run(fixture, &silent, Change::Complete).await, 0);
    assert_eq!(rows(&stage).await, [0, 0, 0]);
    assert_eq!(run(fixture, &calling_back(2), Change::Complete).await, 1);
    assert_eq!(rows(&stage).await, [0, 1, 0]);
}

async fn a_deleted_response_leaves_no_delivery_and_no_attempt(stage: Stage) {
    let fixture = &fixture(&stage);
    register(fixture, &endpoint(1)).await;
    for number in [1, 2] {
        complete_calling_back(fixture, number).await;
    }
    for due in prompt(&stage.store, 1, 10).await {
        let taken = answered(200);
        let recorded = stage.store.record(&due.lease, &taken, &ARRIVED);
        recorded.await.unwrap();
    }
    assert_eq!(rows(&stage).await, [1, 4, 4]);
    assert!(stage.store.delete(&ada(), id(1)).await.unwrap());
    assert_eq!(rows(&stage).await, [1, 2, 2]);
    let kept = stage.store.of_response(&ada(), id(2)).await.unwrap();
    let keys: Vec<_> = kept.iter().map(|it| it.key).collect();
    assert_eq!(keys, [to_callback(2), to_endpoint(2, 1)]);
}

/// As many rows as `$n` says, of responses that ended long ago, for the endpoint that is there.
const PAST: [&str; 2] = [
    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1200)
    INSERT INTO webhook_deliveries (
        response_id, endpoint_id, owner, event, created_at, state, ended_at, lane, tried, attempts, lease
    )
    SELECT 'resp_' || n, e.id, e.owner, 'response.completed', e.created_at, 'delivered', e.created_at,
        0, 1, 1, 1
    FROM webhook_endpoints e, n",
    "INSERT INTO webhook_attempts (response_id, endpoint_id, number, at, url, duration_us, fault)
    SELECT d.response_id, d.endpoint_id, 1, d.created_at, 'http://a', 1, 'timed_out'
    FROM webhook_deliveries d",
];

async fn an_endpoint_with_a_long_past_is_forgotten_whole(stage: Stage) {
    let fixture = &fixture(&stage);
    for number in [1, 2] {
        register(fixture, &endpoint(number)).await;
    }
    for sql in PAST {
        assert_eq!(stage.execute(sql).await, 2_400);
    }
    complete_calling_back(fixture, 1).await;
    assert_eq!(rows(&stage).await, [2, 2_403, 2_400]);
    let bob = response_domain::caller::OwnerId::new("bob");
    let gone = endpoint_id(1);
    assert!(!stage.store.remove(&bob, gone).await.unwrap());
    assert_eq!(rows(&stage).await, [2, 2_403, 2_400]);
    assert!(stage.store.remove(&ada(), gone).await.unwrap());
    assert_eq!(rows(&stage).await, [1, 1_202, 1_200]);
    assert!(!stage.store.remove(&ada(), gone).await.unwrap());
    let left = stage.number("SELECT count(DISTINCT endpoint_id) FROM webhook_attempts");
    assert_eq!(left.await, 1);
}

async fn what_is_due_to_nobody_is_cleared_away(stage: Stage) {
    let fixture = &fixture(&stage);
    for number in [1, 2] {
        register(fixture, &endpoint(number)).await;
    }
    complete_calling_back(fixture, 1).await;
    // As when the response ended at the moment at which the endpoint was forgotten.
    let gone = endpoint_id(1);
    let forgotten = format!("DELETE FROM webhook_endpoints WHERE id = '{gone}'");
    assert_eq!(stage.execute(&forgotten).await, 1);
    let shown = stage.store.of_response(&ada(), id(1)).await.unwrap();
    assert_eq!(shown.len(), 2, "nobody can say where it goes");
    let claimed = prompt(&stage.store, 1, 10).await;
    let keys: Vec<_> = claimed.iter().map(|due| due.lease.key).collect();
    assert_eq!(keys, [to_callback(1), to_endpoint(1, 2)]);
    assert_eq!(rows(&stage).await, [1, 2, 0]);
    // A claim that finds nothing else finds nothing.
    let due = claimed.last().unwrap();
    let (refused, at_once) = (attempt(due, 500), again(0));
    let recorded = stage.store.record(&due.lease, &refused, &at_once);
    recorded.await.unwrap();
    stage.execute("DELETE FROM webhook_endpoints").await;
    let patient = stage.store.claim(&due_claim(1, Lane::Patient, 10)).await;
    assert_eq!(patient.unwrap(), []);
    assert_eq!(rows(&stage).await, [0, 1, 0]);
}
