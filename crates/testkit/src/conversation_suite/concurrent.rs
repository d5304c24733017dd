//! What holds when several change a conversation at once.

use std::collections::BTreeSet;

use futures::future::{join, join_all};
use response_domain::conversation::Conversation;
use response_domain::ports::store::StoreError;
use response_domain::status::Change;
use response_domain::work::Guard;

use super::sample::{
    attached, item_id, items, known, made, open, places, put_in, remove, seen, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    ada, alone, changed, completed, conversation, json, put, talk, worker,
};

const WRITERS: u32 = 12;

/// How many of these are so.
fn count(outcomes: &[bool]) -> usize {
    outcomes.iter().filter(|outcome| **outcome).count()
}

/// Every item stands beside the others with its parent, in order, and none is there twice.
fn assert_whole(told: &[(u32, u32)], each: u32, parents: usize) {
    let mut order: Vec<u32> = told.iter().map(|(parent, _)| *parent).collect();
    order.dedup();
    assert_eq!(order.len(), parents, "{told:?}");
    let expected: Vec<(u32, u32)> = order
        .iter()
        .flat_map(|parent| (0..each).map(|ordinal| (*parent, ordinal)))
        .collect();
    assert_eq!(told, expected);
}

pub async fn what_is_put_at_once_gets_a_place_each(fixture: &Fixture) {
    open(fixture, 1, &items(100, 2)).await;
    let first = completed(2);
    put(fixture.store(), &first, talk(&first)).await;
    for (home, from) in [(1, 200), (2, 300)] {
        let batches: Vec<_> = (from..from + WRITERS).map(|it| items(it, 2)).collect();
        let put = batches.iter().map(|batch| put_in(fixture, home, batch));
        let put = join_all(put).await;
        assert_eq!(count(&put), batches.len());
        assert_eq!(places(fixture, home).await, WRITERS + 1);
        assert_whole(&told(fixture, home).await, 2, batches.len() + 1);
    }
}

pub async fn what_is_put_while_responses_end_gets_a_place_each(fixture: &Fixture) {
    open(fixture, 1, &[]).await;
    let mut running = Vec::new();
    for number in 10..10 + WRITERS {
        running.push(attached(fixture, number, 1).await);
    }
    let endings = running
        .into_iter()
        .map(|response| alone(Guard::Held(worker(1)), &changed(response, Change::Complete)));
    let endings = join_all(endings.map(|work| fixture.store().commit(work)));
    let batches: Vec<_> = (200..200 + WRITERS).map(|it| items(it, 2)).collect();
    let put = join_all(batches.iter().map(|batch| put_in(fixture, 1, batch)));
    let (ended, put) = join(endings, put).await;
    for ended in ended {
        assert!(ended.is_ok(), "{ended:?}");
    }
    assert_eq!(count(&put), batches.len());
    assert_eq!(places(fixture, 1).await, 2 * WRITERS);
    assert_whole(&told(fixture, 1).await, 2, 2 * batches.len());
}

pub async fn of_many_removals_of_an_item_one_counts(fixture: &Fixture) {
    open(fixture, 1, &items(10, 1)).await;
    let first = completed(2);
    put(fixture.store(), &first, talk(&first)).await;
    for (home, parent) in [(1, 10), (2, 2)] {
        let item = item_id(parent, 0);
        let removals = (0..WRITERS).map(|_| remove(fixture, home, item));
        assert_eq!(count(&join_all(removals).await), 1);
    }
    assert_eq!(told(fixture, 1).await, []);
    assert_eq!(told(fixture, 2).await, [(2, 1)]);
    assert_eq!(places(fixture, 2).await, 2);
}

pub async fn removals_at_once_each_get_a_place(fixture: &Fixture) {
    let numbers = 1..=WRITERS;
    let first = completed(1);
    put(fixture.store(), &first, talk(&first)).await;
    for number in numbers.clone().skip(1) {
        super::sample::answers(fixture, number, 1).await;
    }
    let witness = attached(fixture, 50, 1).await;
    let removals = numbers.map(|number| remove(fixture, 1, item_id(number, 0)));
    assert_eq!(count(&join_all(removals).await), first_of(WRITERS));
    assert_eq!(places(fixture, 1).await, 2 * WRITERS);
    let left: BTreeSet<u32> = told(fixture, 1).await.iter().map(|item| item.1).collect();
    assert_eq!(left, BTreeSet::from([1]));
    assert_whole(&seen(fixture, 50).await, 2, first_of(WRITERS) + 1);
    drop(witness);
}

fn first_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

pub async fn of_many_closings_one_counts(fixture: &Fixture) {
    let doors = fixture.conversations();
    open(fixture, 1, &[]).await;
    let first = completed(2);
    put(fixture.store(), &first, talk(&first)).await;
    for home in [1, 2] {
        let closings = (0..WRITERS).map(async |_| {
            let closed = doors.close(&ada(), conversation(home)).await;
            assert!(closed.is_ok(), "{closed:?}");
            closed.unwrap_or_default()
        });
        assert_eq!(count(&join_all(closings).await), 1);
        assert_eq!(known(fixture, home).await, None);
    }
}

pub async fn of_many_openings_one_counts(fixture: &Fixture) {
    let doors = fixture.conversations();
    let openings = (0..WRITERS).map(async |number| {
        let opened = doors.open(&ada(), &made(1), &items(10 + number, 1)).await;
        assert!(
            matches!(opened, Ok(()) | Err(StoreError::Stale)),
            "{opened:?}"
        );
        opened.is_ok()
    });
    assert_eq!(count(&join_all(openings).await), 1);
    assert_eq!(told(fixture, 1).await.len(), 1);
    assert_eq!(places(fixture, 1).await, 1);
}

pub async fn of_many_descriptions_one_stays(fixture: &Fixture) {
    let doors = fixture.conversations();
    let first = completed(2);
    put(fixture.store(), &first, talk(&first)).await;
    let texts: Vec<_> = (0..WRITERS)
        .map(|number| json(&format!(r#"{{"n": "{number}"}}"#)))
        .collect();
    let descriptions = texts.iter().map(async |text| {
        let described = doors.describe(&ada(), conversation(2), text).await;
        let expected = Conversation {
            id: conversation(2),
            created: first.times.created,
            metadata: text.clone(),
        };
        assert_eq!(described.ok(), Some(Some(expected)));
    });
    join_all(descriptions).await;
    let kept = known(fixture, 2).await.map(|it| it.metadata);
    assert!(kept.is_some_and(|kept| texts.contains(&kept)));
}
