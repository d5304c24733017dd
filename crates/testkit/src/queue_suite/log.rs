//! The log of what a response told.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::execution::ExecutionState;
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::Role;
use response_domain::lease::Lease;
use response_domain::response::Response;
use response_domain::status::Change;
use response_domain::work::UnitOfWork;

use super::sample::{
    assert_reads, checkpoint, claim_one, deltas, end, log, log_from, more, recorded, running,
    standing, start, step, tell, untold, whole,
};
use crate::store_suite::sample::{
    accepted, ada, at, call, changed, id, item, put, refused, said, with_calls, write,
};
use crate::store_suite::{Fixture, Subject};

/// A running response whose log holds `Created`, `Started` and deltas, up to this number.
async fn telling(store: &dyn Subject, windows: &[u64]) -> (Response, Lease, Vec<Event>) {
    let (response, lease) = running(store, 1, 1).await;
    write(store, start(lease, &response)).await;
    let shared = Arc::new(response.clone());
    let mut told = vec![Event::Created(Arc::clone(&shared)), Event::Started(shared)];
    for length in windows {
        let from = u64::try_from(told.len()).unwrap_or(u64::MAX);
        let events = deltas(&response, from..from + length);
        told.extend(events.clone());
        tell(store, &lease, &more(from, events)).await;
    }
    (response, lease, told)
}

pub async fn numbers_follow_each_other_whoever_adds(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease, mut told) = telling(store, &[3, 1, 7]).await;
    let mut add = |range: std::ops::Range<u64>| {
        let events = deltas(&response, range);
        told.extend(events.clone());
        events
    };
    write(store, step(lease, &response, 13, add(13..15))).await;
    tell(store, &lease, &more(15, add(15..16))).await;
    assert!(store.hand_back(&lease).await.is_ok());
    let lease = claim_one(store, 2).await.lease;
    tell(store, &lease, &more(16, add(16..20))).await;
    let ended = changed(response.clone(), Change::Fail(failure()));
    write(store, end(lease, &ended, 20)).await;
    told.push(Event::Ended(Arc::new(ended.clone())));
    assert_reads(&log(store, response.id).await, &told, &ended);
    assert_eq!(standing(store, response.id).await.next, 21);
}

fn failure() -> Failure {
    Failure::new(FailureCode::ModelError, "the model failed")
}

pub async fn a_log_is_read_from_any_number_on(fixture: &Fixture) {
    let store = fixture.store();
    let (response, _, told) = telling(store, &[5, 4, 1]).await;
    for from in 0..told.len() {
        let first = u64::try_from(from).unwrap_or(u64::MAX);
        let read = log_from(store, response.id, first).await;
        assert_reads(&read, &told[from..], &response);
    }
    for beyond in [12, 13, 1_000, u64::from(u32::MAX), i64::MAX.unsigned_abs()] {
        assert_eq!(recorded(store, response.id, beyond, 10).await, []);
    }
}

pub async fn a_long_log_is_read_a_piece_at_a_time(fixture: &Fixture) {
    let store = fixture.store();
    let windows = [40; 30];
    let (response, _, told) = telling(store, &windows).await;
    assert_reads(&log(store, response.id).await, &told, &response);
    for at_most in [1, 2, 40, 100, u16::MAX] {
        let piece = recorded(store, response.id, 57, at_most).await;
        assert!(!piece.is_empty());
        // A window may be read to its end.
        assert!(piece.len() < usize::from(at_most).saturating_add(40));
        assert_eq!(piece.first().map(|it| it.number), Some(57));
    }
}

/// Numbers at which nothing can be added to a log of 12 whose last window begins at 7, and from where to
/// where the window would go.
const WRONG: [(u64, u64); 7] = [
    (0, 1),
    (6, 7),
    (7, 8),
    (9, 11),
    (11, 14),
    (13, 14),
    (500, 501),
];

pub async fn what_is_added_at_a_wrong_number_is_not_written(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease, _) = telling(store, &[5, 5]).await;
    let before = whole(store, response.id).await;
    for (from, to) in WRONG {
        untold(store, &lease, &more(from, deltas(&response, from..to))).await;
        assert_eq!(whole(store, response.id).await, before, "at {from}");
    }
    tell(store, &lease, &more(12, deltas(&response, 12..13))).await;
}

pub async fn a_write_at_a_wrong_number_writes_nothing_at_all(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease, _) = telling(store, &[5, 5]).await;
    let before = whole(store, response.id).await;
    let calls = [call(&response, 0, ExecutionState::Started)];
    let mut grown = with_calls(response.clone(), &calls);
    grown.times.updated = at(5_000_000);
    let ended = changed(grown.clone(), Change::Complete);
    for (from, to) in WRONG.into_iter().chain([(7, 12)]) {
        for response in [&grown, &ended] {
            let work = UnitOfWork {
                items: vec![item(response, 1, said(Role::Assistant, "never"))],
                checkpoint: Some(checkpoint(9)),
                ..step(lease, response, from, deltas(response, from..to))
            };
            refused(store, work).await;
            assert_eq!(whole(store, response.id).await, before, "at {from}");
        }
    }
    // Its job, and what it may write, are still there.
    write(store, end(lease, &ended, 12)).await;
}

pub async fn an_addition_may_be_repeated(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease, mut told) = telling(store, &[5]).await;
    let again = more(7, deltas(&response, 7..10));
    told.extend(again.events.clone());
    for _ in 0..3 {
        tell(store, &lease, &again).await;
    }
    let before = whole(store, response.id).await;
    // Something else at this number is not the same again.
    let mut others = vec![again.clone(), again.clone(), again.clone()];
    if let [shorter, longer, different] = others.as_mut_slice() {
        shorter.events.truncate(2);
        longer.events.extend(deltas(&response, 10..11));
        different.events = deltas(&response, 17..20);
    }
    for other in others {
        untold(store, &lease, &other).await;
    }
    assert_eq!(whole(store, response.id).await, before);
    assert_reads(&log(store, response.id).await, &told, &response);
    // Nor is it said by who does not hold the response any more.
    assert!(store.hand_back(&lease).await.is_ok());
    untold(store, &lease, &again).await;
    let lease = claim_one(store, 1).await.lease;
    tell(store, &lease, &more(10, deltas(&response, 10..11))).await;
}

pub async fn a_log_belongs_to_its_owner(fixture: &Fixture) {
    let store = fixture.store();
    let (response, _, _) = telling(store, &[5]).await;
    put(store, &accepted(2), Vec::new()).await;
    let bob = OwnerId::new("bob");
    let unseen = [
        (&bob, response.id),
        (&ada(), accepted(2).id),
        (&ada(), id(3)),
    ];
    for (owner, id) in unseen {
        assert_eq!(store.events(owner, id, 0, 10).await.ok(), Some(None));
        assert_eq!(store.standing(owner, id).await.ok(), Some(None));
    }
}

pub async fn a_log_outlives_its_response_until_it_is_deleted(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease, mut told) = telling(store, &[5]).await;
    assert_eq!(store.delete(&ada(), response.id).await.ok(), Some(false));
    let ended = changed(response, Change::Complete);
    write(store, end(lease, &ended, 7)).await;
    told.push(Event::Ended(Arc::new(ended.clone())));
    assert_reads(&log(store, ended.id).await, &told, &ended);
    let at_the_end = standing(store, ended.id).await;
    assert_eq!(*at_the_end.response, ended);
    assert_eq!((at_the_end.checkpoint, at_the_end.next), (None, 8));
    assert_eq!(store.delete(&ada(), ended.id).await.ok(), Some(true));
    for from in [0, 3, 8] {
        let events = store.events(&ada(), ended.id, from, 10).await;
        assert_eq!(events.ok(), Some(None));
    }
    assert_eq!(store.standing(&ada(), ended.id).await.ok(), Some(None));
    untold(store, &lease, &more(8, deltas(&ended, 8..9))).await;
}
