//! What is left sees what it saw, as far as that is kept.

use std::time::Duration;

use response_domain::failure::{Failure, FailureCode};
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;

use super::sample::{
    NOTHING, answer, answers_before, before, continuing, end, end_of, forget_all, go_on, next_day,
    there,
};
use crate::conversation_suite::sample::{
    answers, history, items, known, open, places, put_in, seen, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{accepted, asked, conversation, put, spec, talk};

pub async fn what_continues_a_forgotten_one_stays_whole(fixture: &Fixture) {
    answer(fixture, 1).await;
    go_on(fixture, 2, 1, 1).await;
    go_on(fixture, 3, 2, 1).await;
    assert_eq!(seen(fixture, 3).await.len(), 6);
    assert_eq!(forget_all(fixture, before(end_of(3))).await, 2);
    assert_eq!(there(fixture, 1..=3).await, [3]);
    assert_eq!(seen(fixture, 3).await, [(3, 0), (3, 1)]);
    assert_eq!(told(fixture, 1).await, [(3, 0), (3, 1)]);
    // And can be continued.
    go_on(fixture, 4, 3, 1).await;
    assert_eq!(seen(fixture, 4).await, [(3, 0), (3, 1), (4, 0), (4, 1)]);
    assert_eq!(told(fixture, 1).await, [(3, 0), (3, 1), (4, 0), (4, 1)]);
    assert_eq!(forget_all(fixture, before(next_day())).await, 2);
    assert_eq!(known(fixture, 1).await, None);
}

pub async fn a_link_to_something_that_is_kept_stays(fixture: &Fixture) {
    let failure = Failure::new(FailureCode::ModelError, "it broke");
    end(fixture, accepted(1), Change::Fail(failure)).await;
    for number in 2..=5 {
        go_on(fixture, number, number - 1, 1).await;
    }
    let mut expiry = before(end_of(5));
    expiry.failed = None;
    for _ in 0..2 {
        forget_all(fixture, expiry).await;
        assert_eq!(there(fixture, 1..=5).await, [1, 5]);
        assert_eq!(seen(fixture, 5).await, [(1, 0), (1, 1), (5, 0), (5, 1)]);
    }
    assert_eq!(told(fixture, 1).await, [(5, 0), (5, 1)]);
    let mut expiry = before(next_day());
    expiry.failed = None;
    assert_eq!(forget_all(fixture, expiry).await, 1);
    assert_eq!(seen(fixture, 1).await, [(1, 0), (1, 1)]);
    assert_eq!(forget_all(fixture, before(next_day())).await, 1);
    assert_eq!(known(fixture, 1).await, None);
}

pub async fn what_runs_still_sees_what_its_chain_kept(fixture: &Fixture) {
    answer(fixture, 1).await;
    // Took longer than the one that continues it.
    let mut slow = continuing(2, 1, 1);
    slow.times.updated = next_day();
    end(fixture, slow, Change::Complete).await;
    go_on(fixture, 3, 2, 1).await;
    let runs = continuing(4, 3, 1);
    put(fixture.store(), &runs, talk(&runs)).await;
    assert_eq!(forget_all(fixture, before(next_day())).await, 2);
    assert_eq!(there(fixture, 1..=4).await, [2, 4]);
    assert_eq!(seen(fixture, 4).await, [(2, 0), (2, 1), (4, 0), (4, 1)]);
}

pub async fn a_beginning_that_attached_is_a_link_too(fixture: &Fixture) {
    open(fixture, 1, &items(100, 2)).await;
    answers(fixture, 2, 1).await;
    for number in 3..=5 {
        go_on(fixture, number, number - 1, 1).await;
    }
    let whole = [(100, 0), (100, 1), (5, 0), (5, 1)];
    // What was put there stays; what it comes by is only a link.
    assert_eq!(forget_all(fixture, answers_before(end_of(5))).await, 3);
    assert_eq!(there(fixture, 2..=5).await, [5]);
    assert_eq!(seen(fixture, 5).await, whole);
    assert_eq!(told(fixture, 1).await, whole);
}

pub async fn a_place_that_was_seen_is_not_given_again(fixture: &Fixture) {
    open(fixture, 1, &[]).await;
    for number in 2..=4 {
        answers(fixture, number, 1).await;
    }
    // One that is under way, and is not written yet.
    let asks = ResponseSpec {
        conversation: Some(conversation(1)),
        ..spec()
    };
    let mut under_way = asked(5, asks);
    under_way.seen = places(fixture, 1).await;
    assert_eq!(under_way.seen, 3);
    assert_eq!(forget_all(fixture, answers_before(next_day())).await, 3);
    assert_eq!(told(fixture, 1).await, NOTHING);
    assert_eq!(places(fixture, 1).await, 3);
    assert!(put_in(fixture, 1, &items(200, 1)).await);
    end(fixture, under_way, Change::Complete).await;
    assert_eq!(seen(fixture, 5).await, [(5, 0), (5, 1)]);
    assert_eq!(told(fixture, 1).await, [(200, 0), (5, 0), (5, 1)]);
}

pub async fn a_long_chain_goes_with_its_last(fixture: &Fixture) {
    answer(fixture, 1).await;
    for number in 2..=60 {
        go_on(fixture, number, number - 1, 1).await;
    }
    assert_eq!(forget_all(fixture, before(end_of(60))).await, 59);
    assert!(known(fixture, 1).await.is_some());
    let later = end_of(60).after(Duration::from_micros(1));
    assert_eq!(forget_all(fixture, before(later)).await, 1);
    assert_eq!(known(fixture, 1).await, None);
    let from = response_domain::ports::store::HistoryRef::Conversation(conversation(1));
    assert_eq!(history(fixture, from).await, None);
}
