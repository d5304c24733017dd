//! What an owner puts into a conversation.

use response_domain::id::ItemId;
use response_domain::ports::store::{HistoryRef, StoreError};
use response_domain::status::Change;

use super::sample::{
    answers, attached, body, complete, history, item_id, items, known, made, open, places, put_in,
    seen, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::full::every_body;
use crate::store_suite::sample::{
    accepted, ada, alone, changed, completed, conversation, everything, first, id, put, talk, write,
};
use response_domain::work::Guard;

pub async fn what_is_put_there_stands_among_the_responses(fixture: &Fixture) {
    open(fixture, 1, &items(10, 2)).await;
    answers(fixture, 2, 1).await;
    assert!(put_in(fixture, 1, &items(11, 1)).await);
    assert!(put_in(fixture, 1, &items(12, 2)).await);
    answers(fixture, 3, 1).await;
    let all = [
        (10, 0),
        (10, 1),
        (2, 0),
        (2, 1),
        (11, 0),
        (12, 0),
        (12, 1),
        (3, 0),
        (3, 1),
    ];
    assert_eq!(told(fixture, 1).await, all);
    assert_eq!(places(fixture, 1).await, 5);
    // Into one that began with a response, too, while that has no place yet.
    let running = accepted(4);
    put(fixture.store(), &running, talk(&running)).await;
    assert!(put_in(fixture, 4, &items(13, 1)).await);
    assert_eq!(told(fixture, 4).await, [(13, 0)]);
    complete(fixture, running).await;
    assert_eq!(told(fixture, 4).await, [(13, 0), (4, 0), (4, 1)]);
    // Many at once are one.
    assert!(put_in(fixture, 1, &items(14, 500)).await);
    assert_eq!(told(fixture, 1).await.len(), 509);
    assert_eq!(places(fixture, 1).await, 6);
}

pub async fn a_response_saw_what_was_put_there_before_it_attached(fixture: &Fixture) {
    open(fixture, 1, &items(10, 1)).await;
    let early = attached(fixture, 2, 1).await;
    assert!(put_in(fixture, 1, &items(11, 1)).await);
    answers(fixture, 3, 1).await;
    complete(fixture, early).await;
    answers(fixture, 4, 1).await;
    assert_eq!(seen(fixture, 2).await, [(10, 0), (2, 0), (2, 1)]);
    assert_eq!(seen(fixture, 3).await, [(10, 0), (11, 0), (3, 0), (3, 1)]);
    let all = [
        (10, 0),
        (11, 0),
        (3, 0),
        (3, 1),
        (2, 0),
        (2, 1),
        (4, 0),
        (4, 1),
    ];
    assert_eq!(seen(fixture, 4).await, all);
    assert_eq!(told(fixture, 1).await, all);
}

pub async fn what_is_put_there_is_found_by_its_id(fixture: &Fixture) {
    open(fixture, 1, &items(10, 2)).await;
    assert!(put_in(fixture, 1, &items(11, 2)).await);
    answers(fixture, 2, 1).await;
    let ids = [
        item_id(10, 1),
        item_id(11, 0),
        item_id(2, 1),
        item_id(11, 9),
        item_id(12, 0),
    ];
    let found = fixture.store().items_by_id(&ada(), &ids).await;
    let mut found: Vec<ItemId> = found.into_iter().flatten().map(|item| item.id).collect();
    found.sort();
    let mut expected = ids[..3].to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

pub async fn what_is_put_there_is_no_response(fixture: &Fixture) {
    let store = fixture.store();
    open(fixture, 1, &items(10, 2)).await;
    assert!(put_in(fixture, 1, &items(11, 1)).await);
    for number in [10, 11] {
        assert_eq!(store.find(&ada(), id(number)).await.ok(), Some(None));
        let items = store.items(&ada(), id(number)).await;
        assert_eq!(items.ok(), Some(Vec::new()));
        let from = HistoryRef::Response(id(number));
        assert_eq!(history(fixture, from).await, None);
        assert_eq!(store.standing(&ada(), id(number)).await.ok(), Some(None));
        let events = store.events(&ada(), id(number), 0, 10).await;
        assert_eq!(events.ok(), Some(None));
        assert_eq!(store.delete(&ada(), id(number)).await.ok(), Some(false));
        // Nobody can write as if it were one.
        let ended = changed(accepted(number), Change::Complete);
        let written = store.commit(alone(Guard::Open, &ended)).await;
        assert!(matches!(written, Err(StoreError::Stale)), "{written:?}");
    }
    let listed = store.page(&ada(), &everything(10)).await;
    assert_eq!(listed.ok().map(|page| page.entries), Some(Vec::new()));
    let orphans = store.orphans(10).await;
    assert_eq!(orphans.ok(), Some(Vec::new()));
    assert_eq!(told(fixture, 1).await, [(10, 0), (10, 1), (11, 0)]);
}

pub async fn every_kind_of_item_can_be_put_there(fixture: &Fixture) {
    let all: Vec<_> = (0..)
        .zip(every_body())
        .map(|(ordinal, it)| body(10, ordinal, it))
        .collect();
    open(fixture, 1, &all).await;
    let home = HistoryRef::Conversation(conversation(1));
    let told = history(fixture, home).await.map(|told| told.items);
    assert_eq!(told, Some(all));
}

pub async fn nothing_is_put_where_nothing_is(fixture: &Fixture) {
    assert!(!put_in(fixture, 1, &items(10, 1)).await);
    assert_eq!(known(fixture, 1).await, None);
    let found = fixture.store().items_by_id(&ada(), &[item_id(10, 0)]).await;
    assert_eq!(found.ok(), Some(Vec::new()));
    // The ids are free.
    open(fixture, 1, &items(10, 1)).await;
    assert_eq!(told(fixture, 1).await, [(10, 0)]);
}

pub async fn nothing_put_says_whether_there_is_a_conversation(fixture: &Fixture) {
    assert!(!put_in(fixture, 1, &[]).await);
    open(fixture, 1, &[]).await;
    assert!(put_in(fixture, 1, &[]).await);
    assert_eq!(places(fixture, 1).await, 0);
    let first = completed(2);
    put(fixture.store(), &first, talk(&first)).await;
    assert!(put_in(fixture, 2, &[]).await);
    assert_eq!(places(fixture, 2).await, 1);
}

pub async fn what_does_not_belong_together_is_not_put_there(fixture: &Fixture) {
    open(fixture, 1, &[]).await;
    let several = [items(10, 1), items(11, 1)].concat();
    let doors = fixture.conversations();
    let put = doors.append(&ada(), conversation(1), &several).await;
    assert!(matches!(put, Err(StoreError::Failed(_))), "{put:?}");
    let opened = doors.open(&ada(), &made(2), &several).await;
    assert!(matches!(opened, Err(StoreError::Failed(_))), "{opened:?}");
    assert_eq!(told(fixture, 1).await, []);
    assert_eq!(known(fixture, 2).await, None);
}

pub async fn what_was_put_somewhere_is_not_put_there_again(fixture: &Fixture) {
    open(fixture, 1, &items(10, 1)).await;
    open(fixture, 2, &[]).await;
    let doors = fixture.conversations();
    for number in [1, 2] {
        let home = conversation(number);
        let again = doors.append(&ada(), home, &items(10, 3)).await;
        assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
    }
    assert_eq!(told(fixture, 1).await, [(10, 0)]);
    assert_eq!(told(fixture, 2).await, []);
    // Nor is a response written by that id.
    let response = completed(10);
    let written = fixture.store().commit(first(&response, talk(&response)));
    assert!(matches!(written.await, Err(StoreError::Stale)));
    let response = completed(20);
    write(fixture.store(), first(&response, talk(&response))).await;
    let taken = doors.append(&ada(), conversation(1), &items(20, 1)).await;
    assert!(matches!(taken, Err(StoreError::Stale)), "{taken:?}");
    assert_eq!(told(fixture, 1).await, [(10, 0)]);
}
