//! Rows of webhooks that cannot be read: whoever asks for one is told, and nobody else is kept from anything.

use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::webhook::Lane;
use response_store::Store;
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{ada, id, worker};
use response_testkit::webhook_suite::sample::{
    ARRIVED, answered, calling_back, complete, endpoint, endpoint_id, register, run, to_endpoint,
};

use crate::deliveries::{due_claim, of, prompt};
use crate::stage::{Stage, on_both};

on_both!(
    a_damaged_endpoint_is_told_to_who_asks_for_it,
    a_damaged_delivery_is_told_to_who_asks_for_it,
    a_damaged_attempt_is_told_to_who_asks_for_it,
    a_damaged_delivery_keeps_nobody_from_sending_the_others,
    a_damaged_endpoint_keeps_no_response_from_its_end,
);

const ENDPOINTS: [&str; 8] = [
    "payload = 'fat'",
    "events = '[\"response.*\"'",
    "events = '[\"response.later\"]'",
    "disabled_at = created_at",
    "disabled_at = created_at, disabled_why = 'bored'",
    "previous_key_id = 'key-1'",
    "previous_until = created_at",
    "revision = -1",
];

const DELIVERIES: [&str; 7] = [
    "event = 'response.later'",
    "state = 'asleep'",
    "state = 'delivered', ended_at = NULL",
    "state = 'given_up', ended_at = created_at, why = NULL",
    "state = 'given_up', ended_at = created_at, why = 'bored'",
    "state = 'pending', due_at = NULL",
    "response_id = 'resp_', state = 'delivered', ended_at = created_at",
];

const ATTEMPTS: [&str; 6] = [
    "status = NULL",
    "status = NULL, fault = 'bored'",
    "status = 70000",
    "excerpt = NULL",
    "duration_us = -1",
    "retry_after = -1",
];

/// What cannot be read, which must be told of.
fn corrupt<T: std::fmt::Debug>(read: &Result<T, StoreError>, case: &str) -> String {
    let what = match read {
        Err(StoreError::Corrupt { what, .. }) => Some(what.clone()),
        _ => None,
    };
    assert!(what.is_some(), "{case}: {read:?}");
    what.unwrap_or_default()
}

fn fixture(store: &Store) -> Fixture {
    Fixture::new(store.clone()).telling(store.clone())
}

async fn a_damaged_endpoint_is_told_to_who_asks_for_it(stage: Stage) {
    let store = &stage.store;
    for (number, damage) in (1..).zip(ENDPOINTS) {
        register(&fixture(store), &endpoint(number)).await;
        let of = endpoint_id(number);
        let update = format!("UPDATE webhook_endpoints SET {damage} WHERE id = '{of}'");
        assert_eq!(stage.execute(&update).await, 1, "{damage}");
        let what = corrupt(&store.find(&ada(), of).await, damage);
        assert_eq!(what, format!("webhook_endpoints {of}"), "{damage}");
        corrupt(&store.page(&ada(), 1, None).await, damage);
        // Whoever does not ask for it reads on behind it.
        let behind = store.page(&ada(), 100, Some(of)).await;
        assert!(behind.unwrap().entries.is_empty(), "{damage}");
        assert!(store.remove(&ada(), of).await.unwrap(), "{damage}");
    }
}

async fn a_damaged_delivery_is_told_to_who_asks_for_it(stage: Stage) {
    let store = &stage.store;
    register(&fixture(store), &endpoint(1)).await;
    for (number, damage) in (1..).zip(DELIVERIES) {
        complete(&fixture(store), number).await;
        let response = id(number);
        let update =
            format!("UPDATE webhook_deliveries SET {damage} WHERE response_id = '{response}'");
        assert_eq!(stage.execute(&update).await, 1, "{damage}");
        let to = endpoint_id(1);
        let what = corrupt(&store.of_endpoint(&ada(), to, 10, None).await, damage);
        assert!(
            what.starts_with("webhook_deliveries resp_"),
            "{damage}: {what}"
        );
        stage.execute("DELETE FROM webhook_deliveries").await;
    }
}

async fn a_damaged_attempt_is_told_to_who_asks_for_it(stage: Stage) {
    let store = &stage.store;
    register(&fixture(store), &endpoint(1)).await;
    complete(&fixture(store), 1).await;
    let due = prompt(store, 1, 1).await.pop().unwrap();
    let taken = answered(200);
    let recorded = store.record(&due.lease, &taken, &ARRIVED);
    recorded.await.unwrap();
    stage
        .execute("CREATE TABLE kept AS SELECT * FROM webhook_attempts")
        .await;
    for damage in ATTEMPTS {
        let update = format!("UPDATE webhook_attempts SET {damage}");
        assert_eq!(stage.execute(&update).await, 1, "{damage}");
        let what = corrupt(&store.of_response(&ada(), id(1)).await, damage);
        let which = format!("webhook_deliveries {} {}", id(1), endpoint_id(1));
        assert_eq!(what, which, "{damage}");
        stage.execute("DELETE FROM webhook_attempts").await;
        stage
            .execute("INSERT INTO webhook_attempts SELECT * FROM kept")
            .await;
        assert_eq!(store.of_response(&ada(), id(1)).await.unwrap().len(), 1);
    }
}

async fn a_damaged_delivery_keeps_nobody_from_sending_the_others(stage: Stage) {
    let store = &stage.store;
    for number in [1, 2] {
        register(&fixture(store), &endpoint(number)).await;
    }
    complete(&fixture(store), 1).await;
    let broken = endpoint_id(1);
    let update = format!("UPDATE webhook_endpoints SET payload = 'fat' WHERE id = '{broken}'");
    assert_eq!(stage.execute(&update).await, 1);

    let claimed = prompt(store, 1, 10).await;
    let keys: Vec<_> = claimed.iter().map(|due| due.lease.key).collect();
    assert_eq!(keys, [to_endpoint(1, 2)]);
    // It is claimed as well, so it does not stand at the head all the time.
    assert_eq!(prompt(store, 1, 10).await, []);
    assert_eq!(store.give_back(worker(1)).await.unwrap(), 2);
    let claim = due_claim(1, Lane::Prompt, 1);
    let what = corrupt(&store.claim(&claim).await, "alone");
    assert!(what.contains(&broken.to_string()), "{what}");
    assert_eq!(of(&prompt(store, 1, 1).await), [id(1)]);
    // What was done about it is seen by the next claim.
    stage
        .execute("UPDATE webhook_endpoints SET payload = 'full'")
        .await;
    assert_eq!(store.give_back(worker(1)).await.unwrap(), 2);
    assert_eq!(prompt(store, 1, 10).await.len(), 2);
}

async fn a_damaged_endpoint_keeps_no_response_from_its_end(stage: Stage) {
    let store = &stage.store;
    for (number, damage) in (1..).zip(ENDPOINTS) {
        register(&fixture(store), &endpoint(number)).await;
        let of = endpoint_id(number);
        let update = format!("UPDATE webhook_endpoints SET {damage} WHERE id = '{of}'");
        assert_eq!(stage.execute(&update).await, 1, "{damage}");
    }
    let change = response_domain::status::Change::Complete;
    assert!(run(&fixture(store), &calling_back(1), change).await >= 1);
}
