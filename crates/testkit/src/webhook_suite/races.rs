//! What holds when several want the same at once.

use futures::future::join_all;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::Added;
use response_domain::status::Change;
use response_domain::webhook::{DeliveryState, Due, GaveUp, Lane, Outcome};
use tokio::task::yield_now;

use super::sample::{
    ARRIVED, PLENTY, again, answered, assert_stale, calling_back, cancel, claims, complete,
    complete_calling_back, deliveries, due, due_claim, ending, endpoint, endpoint_id, forget,
    given_up, known, one_due_anywhere, register, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, id, worker};

const PROCESSES: u32 = 8;
const ROUNDS: u32 = 10;

/// Lets the others get a little further, now less, now more.
async fn now_or_later(round: u32) {
    for _ in 0..round % 7 {
        yield_now().await;
    }
}

pub async fn of_many_endings_one_is_told(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    for number in 1..=ROUNDS {
        let response = calling_back(number);
        let (_, completing) = ending(fixture, &response, Change::Complete).await;
        let mut endings = vec![completing];
        endings.extend((1..PROCESSES).map(|_| cancel(&response).1));
        let commits = endings.into_iter().map(|work| fixture.store().commit(work));
        let mut made = Vec::new();
        for outcome in join_all(commits).await {
            match outcome {
                Ok(committed) => made.push(committed.deliveries),
                Err(error) => assert!(matches!(error, StoreError::Stale), "{error:?}"),
            }
        }
        assert_eq!(made, [2], "round {number}");
        assert_eq!(told(fixture, number).await.len(), 2);
        assert_eq!(due(fixture, 1, Lane::Prompt).await.len(), 2);
    }
}

pub async fn of_many_changes_one_is_kept(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    for round in 1..=ROUNDS {
        let before = known(fixture, 1).await;
        let changes: Vec<_> = (0..PROCESSES)
            .map(|process| {
                let mut change = before.clone();
                change.spec.name = format!("{round} by {process}").into();
                change
            })
            .collect();
        let outcomes = join_all(changes.iter().map(|it| fixture.webhooks().replace(it))).await;
        let kept: Vec<_> = changes.iter().zip(&outcomes).collect();
        let after = known(fixture, 1).await;
        assert_eq!(after.revision, round);
        for (change, outcome) in kept {
            match outcome {
                Ok(()) => assert_eq!(change.spec, after.spec),
                stale => assert_stale(stale),
            }
        }
        assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
    }
}

pub async fn of_many_records_one_is_kept(fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    for number in 1..=ROUNDS {
        complete(fixture, number).await;
        let lease = one_due_anywhere(fixture, 1).await.lease;
        let outcomes: [Outcome; 3] = [ARRIVED, again(600), given_up(GaveUp::Spent)];
        let attempt = answered(200);
        let records = outcomes
            .iter()
            .cycle()
            .take(9)
            .map(|outcome| fixture.webhooks().record(&lease, &attempt, outcome));
        let recorded = join_all(records).await;
        assert_eq!(recorded.iter().filter(|it| it.is_ok()).count(), 1);
        for refused in recorded.iter().filter(|it| it.is_err()) {
            assert_stale(refused);
        }
        assert_eq!(deliveries(fixture, id(number)).await[0].attempts.len(), 1);
    }
}

/// How one delivery of the next test ends.
fn outcome_of(due: &Due, number: usize) -> Outcome {
    match (due.lease.key.endpoint, number % 3) {
        (None, _) | (_, 0) => ARRIVED,
        (_, 1) => again(600),
        _ => given_up(GaveUp::Spent),
    }
}

pub async fn attempts_that_end_at_once_are_all_recorded(fixture: &Fixture) {
    for number in 1..=3 {
        register(fixture, &endpoint(number)).await;
    }
    for number in 1..=12 {
        complete_calling_back(fixture, number).await;
    }
    let claimed = due(fixture, 1, Lane::Prompt).await;
    assert_eq!(claimed.len(), 48);
    // More of them come up in the meantime, and others look for what is due.
    let endings = async {
        for number in 13..=20 {
            complete_calling_back(fixture, number).await;
        }
    };
    let attempt = answered(500);
    let attempt = &attempt;
    let records = claimed.iter().enumerate().map(|(number, due)| async move {
        let outcome = outcome_of(due, number);
        fixture
            .webhooks()
            .record(&due.lease, attempt, &outcome)
            .await
    });
    let looks = (2..=PROCESSES).map(|process| async move {
        let mut found = 0;
        for round in 0..ROUNDS {
            now_or_later(process + round).await;
            for &lane in Lane::ALL {
                found += claims(fixture, due_claim(process, lane)).await.len();
            }
        }
        found
    });
    let (recorded, found, ()) = futures::join!(join_all(records), join_all(looks), endings);
    for outcome in &recorded {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    let mut rest = 0;
    for &lane in Lane::ALL {
        rest += due(fixture, 1, lane).await.len();
    }
    // Every delivery was found by one, and none was lost.
    assert_eq!(found.iter().sum::<usize>() + rest, 32);
    for number in 1..=12 {
        let deliveries = deliveries(fixture, id(number)).await;
        assert!(deliveries.iter().all(|it| it.attempts.len() == 1));
    }
}

pub async fn what_was_lost_is_rescued_once(fixture: &Fixture) {
    for number in 1..=12 {
        complete_calling_back(fixture, number).await;
    }
    for round in 0..3 {
        let process = 20 + round;
        assert!(fixture.store().beat(worker(process)).await.is_ok());
        assert_eq!(due(fixture, process, Lane::Prompt).await.len(), 12);
        fixture.outside().lose(worker(process)).await;
        let rescues = (0..PROCESSES).map(|_| fixture.webhooks().rescue());
        let mut count = 0;
        for outcome in join_all(rescues).await {
            assert!(outcome.is_ok(), "{outcome:?}");
            count += outcome.unwrap_or_default();
        }
        assert_eq!(count, 12, "round {round}");
    }
}

pub async fn of_a_record_and_a_rescue_one_wins(fixture: &Fixture) {
    for number in 1..=ROUNDS {
        complete_calling_back(fixture, number).await;
        // Whoever never gave a sign of life is gone.
        let lease = one_due_anywhere(fixture, 30).await.lease;
        let attempt = answered(200);
        let record = async {
            now_or_later(number).await;
            fixture.webhooks().record(&lease, &attempt, &ARRIVED).await
        };
        let (recorded, rescued) = futures::join!(record, fixture.webhooks().rescue());
        assert!(rescued.is_ok(), "{rescued:?}");
        let shown = deliveries(fixture, id(number)).await;
        let arrived = matches!(shown[0].state, DeliveryState::Delivered { .. });
        assert_eq!(recorded.is_ok(), arrived, "{recorded:?}");
        assert_eq!(shown[0].attempts.len(), usize::from(arrived));
        if !arrived {
            assert_stale(&recorded);
            assert_eq!(rescued.ok(), Some(1));
            let lease = one_due_anywhere(fixture, 1).await.lease;
            let recorded = fixture.webhooks().record(&lease, &attempt, &ARRIVED).await;
            assert!(recorded.is_ok(), "{recorded:?}");
        }
    }
}

pub async fn an_endpoint_that_is_removed_meanwhile_is_sent_nothing(fixture: &Fixture) {
    for number in 1..=ROUNDS {
        register(fixture, &endpoint(1)).await;
        let (_, work) = ending(fixture, &calling_back(number), Change::Complete).await;
        let removal = async {
            now_or_later(number).await;
            forget(fixture, 1).await;
        };
        let (committed, ()) = futures::join!(fixture.store().commit(work), removal);
        assert!(committed.is_ok(), "{committed:?}");
        let due = one_due_anywhere(fixture, 1).await;
        assert_eq!(due.lease.key.endpoint, None);
        assert_eq!(told(fixture, number).await.len(), 1);
    }
}

pub async fn many_at_once_register_no_more_than_allowed(fixture: &Fixture) {
    let all: Vec<_> = (1..=PROCESSES * 2).map(endpoint).collect();
    let doors = fixture.webhooks();
    let mut kept = 0;
    for outcome in join_all(all.iter().map(|it| doors.add(it, 5))).await {
        assert!(outcome.is_ok(), "{outcome:?}");
        kept += usize::from(outcome.is_ok_and(|added| added == Added::Kept));
    }
    let page = doors.page(&ada(), 100, None).await.ok();
    assert_eq!((kept, page.map(|page| page.entries.len())), (5, Some(5)));
    for number in 1..=PROCESSES * 2 {
        let known = doors.remove(&ada(), endpoint_id(number)).await;
        assert!(known.is_ok(), "{known:?}");
    }
    assert_eq!(
        doors.add(&endpoint(1), PLENTY).await.ok(),
        Some(Added::Kept)
    );
}
