//! Sending again what is over, because somebody asks for it.

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::webhook::{
    DeliveryKey, DeliveryLease, DeliveryState, GaveUp, Lane, WebhookDelivery,
};

use super::sample::{
    ARRIVED, again, answered, assert_nothing_due, assert_stale, complete, complete_calling_back,
    deliveries, delivery, due, endpoint, given_up, is_pending, one_due, one_due_anywhere, record,
    register, to_callback, to_endpoint,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, id};

async fn redeliver(fixture: &Fixture, key: DeliveryKey) -> bool {
    let outcome = fixture.webhooks().redeliver(&ada(), key).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    outcome.unwrap_or_default()
}

/// Sends the only delivery that is due and to be tried twice in vain; the lease of the third time.
async fn thrice(fixture: &Fixture) -> DeliveryLease {
    for _ in 0..2 {
        let lease = one_due_anywhere(fixture, 1).await.lease;
        record(fixture, &lease, &answered(500), &again(0)).await;
    }
    one_due(fixture, 1, Lane::Patient).await.lease
}

/// What is begun again is due at once, from the beginning, and keeps what it had.
async fn assert_begins_again(fixture: &Fixture, lease: DeliveryLease, before: &WebhookDelivery) {
    let waits = delivery(fixture, lease.key).await;
    assert!(is_pending(&waits), "{waits:?}");
    let expected = WebhookDelivery {
        state: waits.state,
        ..before.clone()
    };
    assert_eq!(waits, expected);
    assert_stale(&fixture.webhooks().give_up(&lease, GaveUp::Spent).await);
    let due = one_due_anywhere(fixture, 1).await;
    assert_eq!((due.lease.key, due.tried), (lease.key, 0));
    assert!(due.lease.token > lease.token);
    assert_stale(&fixture.webhooks().give_up(&lease, GaveUp::Spent).await);
    record(fixture, &due.lease, &answered(202), &ARRIVED).await;
    let after = delivery(fixture, lease.key).await;
    assert!(matches!(after.state, DeliveryState::Delivered { .. }));
    let mut attempts = before.attempts.clone();
    attempts.push(answered(202));
    assert_eq!(after.attempts, attempts);
    assert_nothing_due(fixture).await;
}

pub async fn what_arrived_is_begun_again(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let lease = thrice(fixture).await;
    record(fixture, &lease, &answered(200), &ARRIVED).await;
    let before = delivery(fixture, to_callback(1)).await;
    assert_eq!(before.attempts.len(), 3);
    assert!(redeliver(fixture, to_callback(1)).await);
    assert_begins_again(fixture, lease, &before).await;
}

pub async fn what_was_given_up_is_begun_again(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    for (number, &why) in (1..).zip(GaveUp::ALL) {
        complete(fixture, number).await;
        let lease = thrice(fixture).await;
        if number % 2 == 0 {
            record(fixture, &lease, &answered(500), &given_up(why)).await;
        } else {
            assert!(fixture.webhooks().give_up(&lease, why).await.is_ok());
        }
        assert_nothing_due(fixture).await;
        let before = delivery(fixture, to_endpoint(number, 1)).await;
        assert!(redeliver(fixture, to_endpoint(number, 1)).await);
        assert_begins_again(fixture, lease, &before).await;
    }
}

pub async fn what_waits_is_due_at_once(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let lease = one_due(fixture, 1, Lane::Prompt).await.lease;
    let later = again(100_000);
    record(fixture, &lease, &answered(500), &later).await;
    assert_nothing_due(fixture).await;
    assert!(redeliver(fixture, to_callback(1)).await);
    // Its schedule goes on where it was.
    let due = one_due(fixture, 1, Lane::Patient).await;
    assert_eq!(due.tried, 1);
    record(fixture, &due.lease, &answered(500), &later).await;
    assert_eq!(delivery(fixture, to_callback(1)).await.attempts.len(), 2);
}

pub async fn what_is_being_sent_is_left_alone(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let lease = one_due(fixture, 1, Lane::Prompt).await.lease;
    let before = delivery(fixture, to_callback(1)).await;
    assert!(redeliver(fixture, to_callback(1)).await);
    assert_eq!(delivery(fixture, to_callback(1)).await, before);
    assert_nothing_due(fixture).await;
    record(fixture, &lease, &answered(200), &ARRIVED).await;
    fixture.outside().pass(Duration::from_hours(1)).await;
    assert_nothing_due(fixture).await;
}

pub async fn one_delivery_is_begun_again_and_no_other(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    register(fixture, &endpoint(2)).await;
    complete_calling_back(fixture, 1).await;
    complete_calling_back(fixture, 2).await;
    for due in due(fixture, 1, Lane::Prompt).await {
        record(fixture, &due.lease, &answered(200), &ARRIVED).await;
    }
    for key in [to_endpoint(1, 2), to_callback(2)] {
        assert!(redeliver(fixture, key).await);
        let due = one_due_anywhere(fixture, 1).await;
        assert_eq!(due.lease.key, key);
        record(fixture, &due.lease, &answered(200), &ARRIVED).await;
    }
}

pub async fn what_is_unknown_is_not_begun_again(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    complete(fixture, 1).await;
    complete_calling_back(fixture, 2).await;
    for due in due(fixture, 1, Lane::Prompt).await {
        record(fixture, &due.lease, &answered(200), &ARRIVED).await;
    }
    for unknown in [to_callback(1), to_callback(3), to_endpoint(1, 2)] {
        assert!(!redeliver(fixture, unknown).await, "{unknown:?}");
    }
    let before = [
        deliveries(fixture, id(1)).await,
        deliveries(fixture, id(2)).await,
    ];
    for name in ["bob", "Ada", "ada ", ""] {
        for key in [to_endpoint(1, 1), to_callback(2)] {
            let owner = OwnerId::new(name);
            let outcome = fixture.webhooks().redeliver(&owner, key).await;
            assert_eq!(outcome.ok(), Some(false), "{name:?} {key:?}");
        }
    }
    let after = [
        deliveries(fixture, id(1)).await,
        deliveries(fixture, id(2)).await,
    ];
    assert_eq!(after, before);
    assert_nothing_due(fixture).await;
}
