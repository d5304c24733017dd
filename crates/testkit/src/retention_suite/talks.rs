//! Conversations, and what owners put into them.

use std::time::Duration;

use response_domain::ports::store::HistoryRef;
use response_domain::retention::Expiry;
use response_domain::time::Timestamp;

use super::sample::{
    NONE, NOTHING, answer, answers_before, before, far_away, forget, forget_all, go_on, next_day,
    there,
};
use crate::conversation_suite::sample::{
    answers, history, item_id, items, known, made, open, put_in, remove, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{ada, at, conversation};

/// What owners said before this moment, and nothing else.
fn said_before(moment: Timestamp) -> Expiry {
    Expiry {
        conversations: Some(moment),
        ..Expiry::default()
    }
}

/// Which of these items of ada's are there.
async fn items_there(fixture: &Fixture, parent: u32, count: u32) -> usize {
    let ids: Vec<_> = (0..count).map(|ordinal| item_id(parent, ordinal)).collect();
    let found = fixture.store().items_by_id(&ada(), &ids).await;
    assert!(found.is_ok(), "{found:?}");
    found.map_or(0, |found| found.len())
}

/// Nothing tells that there was such a conversation.
async fn is_gone(fixture: &Fixture, number: u32) -> bool {
    let from = HistoryRef::Conversation(conversation(number));
    let told = history(fixture, from).await;
    known(fixture, number).await.is_none() && told.is_none()
}

pub async fn what_an_owner_put_there_goes_at_its_time(fixture: &Fixture) {
    open(fixture, 1, &items(100, 2)).await;
    assert!(put_in(fixture, 1, &items(200, 1)).await);
    // By the clock of the store; nobody had one so long ago.
    let long_ago = at(-1_000_000_000_000);
    assert_eq!(forget_all(fixture, before(long_ago)).await, 0);
    assert_eq!(told(fixture, 1).await, [(100, 0), (100, 1), (200, 0)]);
    assert_eq!(forget_all(fixture, answers_before(far_away())).await, 0);
    assert_eq!(items_there(fixture, 100, 2).await, 2);
    // Then the oldest first; a conversation goes after what it held.
    assert_eq!(forget(fixture, said_before(far_away()), 1).await, 1);
    assert_eq!(told(fixture, 1).await, [(200, 0)]);
    assert_eq!(items_there(fixture, 100, 2).await, 0);
    assert_eq!(forget(fixture, said_before(far_away()), 1).await, 1);
    assert_eq!(told(fixture, 1).await, NOTHING);
    assert_eq!(forget(fixture, said_before(far_away()), 1).await, 1);
    assert!(is_gone(fixture, 1).await);
    assert_eq!(forget(fixture, said_before(far_away()), 1).await, 0);
}

pub async fn what_an_owner_put_there_outlives_the_responses(fixture: &Fixture) {
    answer(fixture, 1).await;
    assert!(put_in(fixture, 1, &items(100, 1)).await);
    go_on(fixture, 2, 1, 1).await;
    assert_eq!(forget_all(fixture, answers_before(next_day())).await, 2);
    assert_eq!(told(fixture, 1).await, [(100, 0)]);
    assert_eq!(forget_all(fixture, before(far_away())).await, 1);
    assert!(is_gone(fixture, 1).await);
}

pub async fn an_empty_conversation_goes_when_it_is_as_old(fixture: &Fixture) {
    for number in 1..=3 {
        open(fixture, number, &[]).await;
    }
    let second = made(2).created;
    assert_eq!(forget_all(fixture, answers_before(far_away())).await, 0);
    assert_eq!(forget_all(fixture, said_before(second)).await, 1);
    assert!(is_gone(fixture, 1).await);
    assert_eq!(known(fixture, 2).await, Some(made(2)));
    let later = second.after(Duration::from_micros(1));
    assert_eq!(forget_all(fixture, said_before(later)).await, 1);
    assert!(is_gone(fixture, 2).await);
    assert_eq!(known(fixture, 3).await, Some(made(3)));
    // What is gone can be made again.
    open(fixture, 1, &[]).await;
    assert_eq!(known(fixture, 1).await, Some(made(1)));
}

pub async fn a_conversation_goes_with_the_last_that_it_holds(fixture: &Fixture) {
    open(fixture, 1, &[]).await;
    answers(fixture, 2, 1).await;
    answers(fixture, 3, 1).await;
    // It is old, but holds something.
    for _ in 0..2 {
        assert_eq!(forget_all(fixture, said_before(next_day())).await, 0);
        assert_eq!(told(fixture, 1).await.len(), 4);
    }
    // The two are forgotten, and it with the next that is asked for.
    assert_eq!(forget(fixture, before(next_day()), 2).await, 2);
    assert_eq!(there(fixture, [2, 3]).await, NONE);
    assert_eq!(known(fixture, 1).await, Some(made(1)));
    assert_eq!(forget(fixture, before(next_day()), 2).await, 1);
    assert!(is_gone(fixture, 1).await);
    assert_eq!(forget(fixture, before(next_day()), 2).await, 0);
}

pub async fn a_conversation_without_a_row_goes_with_its_responses(fixture: &Fixture) {
    answer(fixture, 1).await;
    go_on(fixture, 2, 1, 1).await;
    answer(fixture, 3).await;
    assert_eq!(forget(fixture, answers_before(next_day()), 1).await, 1);
    assert!(known(fixture, 1).await.is_some());
    assert_eq!(forget(fixture, answers_before(next_day()), 1).await, 1);
    assert!(is_gone(fixture, 1).await);
    assert!(known(fixture, 3).await.is_some());
}

pub async fn a_closed_conversation_does_not_come_back(fixture: &Fixture) {
    let doors = fixture.conversations();
    open(fixture, 1, &items(100, 1)).await;
    answer(fixture, 2).await;
    for number in 1..=2 {
        answers(fixture, number * 10, number).await;
        let closed = doors.close(&ada(), conversation(number)).await;
        assert_eq!(closed.ok(), Some(true));
    }
    let mut left = 2 + 3;
    while left > 0 {
        assert!(is_gone(fixture, 1).await && is_gone(fixture, 2).await);
        left -= forget(fixture, before(far_away()), 1).await;
    }
    assert_eq!(forget_all(fixture, before(far_away())).await, 1);
    assert!(is_gone(fixture, 1).await && is_gone(fixture, 2).await);
    assert_eq!(there(fixture, [2, 10, 20]).await, NONE);
    assert_eq!(items_there(fixture, 100, 1).await, 0);
    assert_eq!(forget_all(fixture, before(far_away())).await, 0);
}

pub async fn what_was_taken_out_keeps_nothing_alive(fixture: &Fixture) {
    open(fixture, 1, &items(100, 1)).await;
    answers(fixture, 2, 1).await;
    assert!(remove(fixture, 1, item_id(2, 0)).await);
    assert!(remove(fixture, 1, item_id(100, 0)).await);
    answer(fixture, 3).await;
    assert!(remove(fixture, 3, item_id(3, 1)).await);
    assert_eq!(told(fixture, 1).await, [(2, 1)]);
    assert_eq!(forget_all(fixture, answers_before(next_day())).await, 2);
    assert!(is_gone(fixture, 3).await);
    assert_eq!(forget_all(fixture, before(far_away())).await, 1);
    assert!(is_gone(fixture, 1).await);
}
