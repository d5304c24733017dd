//! What becomes of a delivery.

use std::time::Duration;

use response_domain::webhook::{
    Answer, Attempt, DeliveryState, Due, EXCERPT, Effect, GaveUp, Lane, Outcome, SendFault, Verdict,
};

use super::sample::{
    ARRIVED, again, answered, assert_nothing_due, claims, complete, complete_calling_back,
    delivery, due, due_claim, endpoint, given_up, keys, one_due, record, register, to_callback,
    to_endpoint, unanswered,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{at, worker};

const A_DAY: Duration = Duration::from_hours(24);

pub async fn what_arrived_is_not_sent_again(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let before = delivery(fixture, to_callback(1)).await;
    let DeliveryState::Pending { due } = before.state else {
        panic!("it waits: {before:?}")
    };
    let lease = one_due(fixture, 1, Lane::Prompt).await.lease;
    record(fixture, &lease, &answered(204), &ARRIVED).await;
    let after = delivery(fixture, to_callback(1)).await;
    let DeliveryState::Delivered { at } = after.state else {
        panic!("it arrived: {after:?}")
    };
    assert!(at >= due, "{at:?}, due {due:?}");
    assert_eq!(after.attempts, [answered(204)]);
    assert_eq!((after.event, after.created), (before.event, before.created));
    fixture.outside().pass(A_DAY).await;
    assert_nothing_due(fixture).await;
}

pub async fn what_is_to_be_tried_again_waits_in_the_patient_lane(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let mut lease = one_due(fixture, 1, Lane::Prompt).await.lease;
    for tried in 1..=4 {
        record(fixture, &lease, &answered(500), &again(60)).await;
        let shown = delivery(fixture, to_callback(1)).await;
        assert!(matches!(shown.state, DeliveryState::Pending { .. }));
        assert_eq!(shown.attempts.len(), usize::from(tried));
        fixture.outside().pass(Duration::from_secs(40)).await;
        assert_nothing_due(fixture).await;
        fixture.outside().pass(Duration::from_secs(20)).await;
        assert_eq!(claims(fixture, due_claim(1, Lane::Prompt)).await, []);
        let due = one_due(fixture, 1, Lane::Patient).await;
        assert_eq!((due.lease.key, due.tried), (to_callback(1), tried));
        lease = due.lease;
    }
}

pub async fn several_are_given_up_at_once_but_for_those_that_somebody_else_has(fixture: &Fixture) {
    for number in 1..=3 {
        complete_calling_back(fixture, number).await;
    }
    let before = due(fixture, 1, Lane::Prompt).await;
    assert_eq!(before.len(), 3);
    assert!(fixture.webhooks().give_back(worker(1)).await.is_ok());
    let again = due(fixture, 2, Lane::Prompt).await;
    let of = |all: &[Due], number| -> Vec<_> {
        let these = all
            .iter()
            .filter(|due| due.lease.key == to_callback(number));
        these.map(|due| due.lease).collect()
    };
    let leases = [of(&again, 1), of(&before, 2), of(&again, 3)].concat();
    assert_eq!(leases.len(), 3);
    let why = GaveUp::EndpointDisabled;
    let given_up = fixture.webhooks().give_up_all(&leases, why).await;
    assert!(given_up.is_ok(), "{given_up:?}");
    for (number, is_over) in [(1, true), (2, false), (3, true)] {
        let shown = delivery(fixture, to_callback(number)).await;
        let over = matches!(shown.state, DeliveryState::GivenUp { why: told, .. } if told == why);
        assert_eq!(over, is_over, "{shown:?}");
        assert_eq!(shown.attempts, []);
    }
}

pub async fn what_is_given_up_is_not_sent_any_more(fixture: &Fixture) {
    for (number, &why) in (1..).zip(GaveUp::ALL) {
        complete_calling_back(fixture, number).await;
        let lease = one_due(fixture, 1, Lane::Prompt).await.lease;
        if number % 2 == 0 {
            record(fixture, &lease, &answered(500), &given_up(why)).await;
        } else {
            let outcome = fixture.webhooks().give_up(&lease, why).await;
            assert!(outcome.is_ok(), "{outcome:?}");
        }
        let shown = delivery(fixture, to_callback(number)).await;
        let DeliveryState::GivenUp { why: told, .. } = shown.state else {
            panic!("it is given up: {shown:?}")
        };
        assert_eq!(told, why);
        // Only what was tried has an attempt.
        let attempts = if number % 2 == 0 {
            vec![answered(500)]
        } else {
            Vec::new()
        };
        assert_eq!(shown.attempts, attempts);
        fixture.outside().pass(A_DAY).await;
        assert_nothing_due(fixture).await;
    }
}

pub async fn each_delivery_goes_its_own_way(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    register(fixture, &endpoint(2)).await;
    complete_calling_back(fixture, 1).await;
    complete(fixture, 2).await;
    let claimed = due(fixture, 1, Lane::Prompt).await;
    let expected = [
        to_callback(1),
        to_endpoint(1, 1),
        to_endpoint(1, 2),
        to_endpoint(2, 1),
        to_endpoint(2, 2),
    ];
    assert_eq!(keys(&claimed), expected);
    record(fixture, &claimed[0].lease, &answered(500), &again(60)).await;
    record(fixture, &claimed[1].lease, &answered(200), &ARRIVED).await;
    let spent = given_up(GaveUp::Spent);
    record(fixture, &claimed[4].lease, &answered(404), &spent).await;
    let mut stands = Vec::new();
    for key in expected {
        let shown = delivery(fixture, key).await;
        let word = match shown.state {
            DeliveryState::Pending { .. } => "pending",
            DeliveryState::Delivered { .. } => "delivered",
            DeliveryState::GivenUp { .. } => "given up",
        };
        stands.push((word, shown.attempts.len()));
    }
    let pending = ("pending", 0);
    let expected = [
        ("pending", 1),
        ("delivered", 1),
        pending,
        pending,
        ("given up", 1),
    ];
    assert_eq!(stands, expected);
}

/// An attempt that was answered so.
fn answer(status: u16, retry_after: Option<u64>, excerpt: &str) -> Attempt {
    Attempt {
        answer: Ok(Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            excerpt: excerpt.into(),
        }),
        ..answered(0)
    }
}

pub async fn every_attempt_reads_back(fixture: &Fixture) {
    let long = "größe ".repeat(EXCERPT / 8);
    let mut attempts = vec![
        answer(200, None, ""),
        answer(301, None, "<html>'\"\\ %s $1 {}</html>"),
        answer(429, Some(0), "\u{FFFD}\u{FFFD}0 \u{1F600} \u{10FFFF}"),
        answer(503, Some(86_400), &long),
        answer(999, Some(4_000_000_000), "x"),
    ];
    attempts.extend(SendFault::ALL.iter().map(|fault| unanswered(*fault)));
    for (number, attempt) in (0_u16..).zip(&mut attempts) {
        attempt.at = at(i64::from(number) * 1_000_001);
        attempt.duration = Duration::from_micros(u64::from(number) * 1_000_003);
        attempt.url = format!("https://receiver.test/größe/{number}?a=b%20c#d").into();
    }
    complete_calling_back(fixture, 1).await;
    for (number, attempt) in (0..).zip(&attempts) {
        let lane = if number == 0 {
            Lane::Prompt
        } else {
            Lane::Patient
        };
        let lease = one_due(fixture, 1, lane).await.lease;
        record(fixture, &lease, attempt, &again(0)).await;
    }
    assert_eq!(delivery(fixture, to_callback(1)).await.attempts, attempts);
}

pub async fn a_pause_may_be_long(fixture: &Fixture) {
    complete_calling_back(fixture, 1).await;
    let lease = one_due(fixture, 1, Lane::Prompt).await.lease;
    let outcome = Outcome {
        verdict: Verdict::Again(A_DAY),
        effect: Effect::Fails,
    };
    record(fixture, &lease, &answered(500), &outcome).await;
    fixture.outside().pass(A_DAY.mul_f64(0.9)).await;
    assert_nothing_due(fixture).await;
    fixture.outside().pass(A_DAY.mul_f64(0.1)).await;
    one_due(fixture, 1, Lane::Patient).await;
}
