//! What holds when several write under one key at once, or under several.

use std::time::Duration;

use futures::future::join_all;
use response_domain::ports::idempotency::{IdempotencyKey, KEY_LIFE, Keyed};
use response_domain::ports::store::HistoryRef;
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;
use response_domain::work::UnitOfWork;

use super::sample::{WRITTEN, assert_nothing, begin, commit, key, queue, response_of, waiting};
use crate::queue_suite::sample::log;
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    ada, asked, changed, completed, conversation, first, found, id, put, spec, talk,
};

const WRITERS: u32 = 12;

/// Writes all of these at once under one key, of which one must win; the others must leave nothing.
async fn one_wins(fixture: &Fixture, works: Vec<UnitOfWork>, key: &IdempotencyKey) {
    let outcomes = works.iter().map(|work| commit(fixture, work.clone(), key));
    let outcomes = join_all(outcomes).await;
    let mut winners = Vec::new();
    for (work, outcome) in works.iter().zip(outcomes) {
        match outcome {
            Keyed::Written(_) => winners.push(work.response.id),
            Keyed::Taken => assert_nothing(fixture, &work.response).await,
        }
    }
    let [winner] = winners.as_slice() else {
        panic!("one wins: {winners:?}")
    };
    found(fixture.store(), *winner).await;
    assert_eq!(response_of(fixture, &key.text).await, Some(*winner));
}

pub async fn of_many_under_one_key_one_is_written(fixture: &Fixture) {
    for round in 0..5 {
        let numbers = round * WRITERS + 1..=(round + 1) * WRITERS;
        let text = format!("key-{round}");
        one_wins(fixture, numbers.map(begin).collect(), &key(&text, 1)).await;
    }
}

pub async fn of_many_for_the_queue_under_one_key_one_is_written(fixture: &Fixture) {
    for round in 0..5 {
        let numbers = round * WRITERS + 1..=(round + 1) * WRITERS;
        let text = format!("key-{round}");
        one_wins(fixture, numbers.map(queue).collect(), &key(&text, 1)).await;
    }
    assert_eq!(waiting(fixture).await.ok(), Some(5));
}

pub async fn of_many_under_a_key_past_its_life_one_is_written(fixture: &Fixture) {
    assert_eq!(commit(fixture, begin(100), &key("a", 1)).await, WRITTEN);
    let past = KEY_LIFE + Duration::from_mins(1);
    fixture.outside().pass(past).await;
    // Somebody forgets it at the same moment.
    let works = (1..=WRITERS).map(begin).collect();
    let key = key("a", 2);
    let (forgotten, ()) = futures::future::join(
        fixture.keys().forget_keys(10),
        one_wins(fixture, works, &key),
    )
    .await;
    assert!(forgotten.is_ok_and(|count| count <= 1));
}

pub async fn those_who_end_in_one_conversation_each_get_a_place(fixture: &Fixture) {
    let opening = completed(1);
    put(fixture.store(), &opening, talk(&opening)).await;
    let home = conversation(1);
    let works = (2..=WRITERS).map(|number| {
        let asks = ResponseSpec {
            conversation: Some(home),
            ..spec()
        };
        let mut response = asked(number, asks);
        response.seen = 1;
        let ended = changed(response, Change::Complete);
        (first(&ended, talk(&ended)), key(&number.to_string(), 1))
    });
    let works: Vec<_> = works.collect();
    let outcomes = works
        .iter()
        .map(|(work, key)| commit(fixture, work.clone(), key));
    for outcome in join_all(outcomes).await {
        assert_eq!(outcome, WRITTEN);
    }
    let from = HistoryRef::Conversation(home);
    let told = fixture.store().history(&ada(), from).await.ok().flatten();
    assert_eq!(told.map(|told| told.seen), Some(WRITERS));
}

pub async fn the_same_many_times_is_written_once(fixture: &Fixture) {
    for (text, work) in [("runs", begin(1)), ("waits", queue(2))] {
        let key = key(text, 1);
        let times = (0..WRITERS).map(|_| commit(fixture, work.clone(), &key));
        for outcome in join_all(times).await {
            assert_eq!(outcome, WRITTEN);
        }
    }
    assert_eq!(log(fixture.store(), id(2)).await.len(), 1);
    assert_eq!(waiting(fixture).await.ok(), Some(1));
    found(fixture.store(), id(1)).await;
}
