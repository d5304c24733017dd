//! Webhooks as both databases keep them: what is left, and what is not, when something is forgotten.

use std::time::Duration;

use response_domain::ports::store::ResponseStore;
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::status::Change;
use response_domain::webhook::{Disabled, Due, Effect, Endpoint, GaveUp, Lane, Outcome, Verdict};
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{ada, at, id};
use response_testkit::webhook_suite::sample::{
    ARRIVED, again, answered, calling_back, complete, complete_calling_back, endpoint, endpoint_id,
    given_up, known, register, run, to_callback, to_endpoint,
};

use crate::deliveries::{attempt, due_claim, prompt};
use crate::stage::{Stage, on_both};

on_both!(
    an_ending_writes_nothing_but_what_is_to_be_sent,
    all_deliveries_of_a_response_are_due_at_one_moment,
    a_deleted_response_leaves_no_delivery_and_no_attempt,
    an_endpoint_with_a_long_past_is_forgotten_whole,
    what_is_due_to_nobody_is_cleared_away,
    who_took_nothing_for_long_has_done_so_since_then,
    what_is_begun_again_waits_with_its_like,
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

async fn all_deliveries_of_a_response_are_due_at_one_moment(stage: Stage) {
    let fixture = &fixture(&stage);
    for number in 1..=50 {
        register(fixture, &endpoint(number)).await;
    }
    complete_calling_back(fixture, 1).await;
    assert_eq!(rows(&stage).await, [50, 51, 0]);
    let moments = "SELECT count(DISTINCT due_at) FROM webhook_deliveries";
    assert_eq!(stage.number(moments).await, 1);
    let first = prompt(&stage.store, 1, 2).await;
    let keys: Vec<_> = first.iter().map(|due| due.lease.key).collect();
    assert_eq!(keys, [to_callback(1), to_endpoint(1, 1)]);
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

/// 1,200 deliveries of responses that ended long ago for each endpoint, and an attempt of each.
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

async fn who_took_nothing_for_long_has_done_so_since_then(stage: Stage) {
    let fixture = &fixture(&stage);
    let since = Some(at(5));
    let failing = Endpoint {
        failing_since: since,
        ..endpoint(1)
    };
    register(fixture, &failing).await;
    for number in [1, 2] {
        complete(fixture, number).await;
    }
    let disable = Outcome {
        verdict: Verdict::GivenUp(GaveUp::Gone),
        effect: Effect::Disable(Disabled::Gone),
    };
    let outcomes = [again(60), disable];
    let claim = due_claim(1, Lane::Patient, 2);
    let claimed = stage.store.claim(&claim).await.unwrap();
    for (due, outcome) in claimed.iter().zip(outcomes) {
        let refused = attempt(due, 410);
        let recorded = stage.store.record(&due.lease, &refused, &outcome);
        recorded.await.unwrap();
        assert_eq!(known(fixture, 1).await.failing_since, since);
    }
    assert_eq!(claimed.len(), 2);
}

/// What becomes of a delivery, whether its endpoint fails afterwards, and in which lane it begins again.
async fn what_is_begun_again_waits_with_its_like(stage: Stage) {
    let fixture = &fixture(&stage);
    register(fixture, &endpoint(1)).await;
    let store = &stage.store;
    let spent = given_up(GaveUp::Spent);
    let cases = [
        (Some(ARRIVED), None, Lane::Prompt),
        (Some(spent.clone()), None, Lane::Patient),
        (Some(ARRIVED), Some(1), Lane::Prompt),
        // Put off, and so not over: it stays where it was put.
        (None, Some(1), Lane::Patient),
        (Some(spent), Some(1), Lane::Patient),
    ];
    for (number, (outcome, to, lane)) in (1..).zip(cases) {
        let response = complete_calling_back(fixture, number).await;
        let mut claimed = prompt(store, 1, 10).await;
        let patient = store.claim(&due_claim(1, Lane::Patient, 10)).await;
        claimed.extend(patient.unwrap());
        let is_this = |due: &&Due| due.lease.key.endpoint == to.map(endpoint_id);
        let due = claimed.iter().find(is_this).unwrap();
        if let Some(outcome) = &outcome {
            let status = attempt(due, 200);
            let recorded = store.record(&due.lease, &status, outcome);
            recorded.await.unwrap();
        } else {
            let hour = Duration::from_hours(1);
            store.postpone(&[due.lease], hour).await.unwrap();
        }
        let key = due.lease.key;
        assert!(store.redeliver(&ada(), key).await.unwrap());
        for other in [Lane::Patient, Lane::Prompt] {
            let claim = due_claim(1, other, 10);
            let again = store.claim(&claim).await.unwrap();
            let expected = if other == lane { vec![key] } else { Vec::new() };
            let keys: Vec<_> = again.iter().map(|due| due.lease.key).collect();
            assert_eq!(keys, expected, "{number}: {other:?}");
        }
        assert!(store.delete(&ada(), response.id).await.unwrap());
    }
}
