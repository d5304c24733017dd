//! What is taken out of a conversation.

use response_domain::failure::{Failure, FailureCode};
use response_domain::ports::store::HistoryRef;
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;
use response_domain::work::Guard;

use super::sample::{
    answers, attached, complete, history, item_id, items, open, places, put_in, remove, seen, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    ada, alone, asked, changed, completed, conversation, id, put, spec, talk, worker, write,
};

pub async fn what_was_put_there_is_gone_when_it_is_removed(fixture: &Fixture) {
    open(fixture, 1, &items(10, 3)).await;
    answers(fixture, 2, 1).await;
    assert!(put_in(fixture, 1, &items(11, 1)).await);
    for item in [item_id(10, 1), item_id(11, 0)] {
        assert!(remove(fixture, 1, item).await);
        let found = fixture.store().items_by_id(&ada(), &[item]).await;
        assert_eq!(found.ok(), Some(Vec::new()));
    }
    assert_eq!(told(fixture, 1).await, [(10, 0), (10, 2), (2, 0), (2, 1)]);
    // Nobody sees it any more, whenever they attached.
    assert_eq!(seen(fixture, 2).await, [(10, 0), (10, 2), (2, 0), (2, 1)]);
}

pub async fn what_a_response_said_stays_with_it_when_it_is_removed(fixture: &Fixture) {
    let first = completed(1);
    put(fixture.store(), &first, talk(&first)).await;
    assert!(remove(fixture, 1, item_id(1, 1)).await);
    assert_eq!(told(fixture, 1).await, [(1, 0)]);
    let own = fixture.store().items(&ada(), id(1)).await;
    assert_eq!(own.ok(), Some(talk(&first)));
    assert_eq!(seen(fixture, 1).await, [(1, 0), (1, 1)]);
    let by_id = fixture.store().items_by_id(&ada(), &[item_id(1, 1)]).await;
    assert_eq!(by_id.ok().map(|found| found.len()), Some(1));
    // Who continues the response by name hears all that it said.
    let asks = ResponseSpec {
        previous: Some(id(1)),
        ..spec()
    };
    let mut next = asked(2, asks);
    next.conversation = Some(conversation(1));
    let next = changed(next, Change::Complete);
    put(fixture.store(), &next, talk(&next)).await;
    assert_eq!(seen(fixture, 2).await, [(1, 0), (1, 1), (2, 0), (2, 1)]);
    assert_eq!(told(fixture, 1).await, [(1, 0), (2, 0), (2, 1)]);
}

pub async fn who_attached_before_a_removal_saw_the_item(fixture: &Fixture) {
    let first = completed(1);
    put(fixture.store(), &first, talk(&first)).await;
    answers(fixture, 2, 1).await;
    let early = attached(fixture, 3, 1).await;
    assert!(remove(fixture, 1, item_id(1, 0)).await);
    let late = attached(fixture, 4, 1).await;
    let before = [(1, 0), (1, 1), (2, 0), (2, 1)];
    let after = [(1, 1), (2, 0), (2, 1)];
    let with = |seen: &[(u32, u32)], number| [seen, &[(number, 0), (number, 1)]].concat();
    assert_eq!(seen(fixture, 3).await, with(&before, 3));
    assert_eq!(seen(fixture, 4).await, with(&after, 4));
    assert_eq!(told(fixture, 1).await, after);
    for response in [late, early] {
        complete(fixture, response).await;
    }
    assert_eq!(seen(fixture, 2).await, before);
    assert_eq!(seen(fixture, 3).await, with(&before, 3));
    assert_eq!(seen(fixture, 4).await, with(&after, 4));
    assert_eq!(told(fixture, 1).await, with(&with(&after, 4), 3));
}

pub async fn each_removal_is_seen_from_its_own_moment_on(fixture: &Fixture) {
    for number in [1, 2] {
        let first = completed(number);
        put(fixture.store(), &first, talk(&first)).await;
    }
    let mut expected = vec![(1, 0), (1, 1)];
    let mut witnesses = Vec::new();
    for (number, removed) in [(10, (1, 1)), (11, (10, 0)), (12, (1, 0)), (13, (12, 1))] {
        answers(fixture, number, 1).await;
        expected.extend([(number, 0), (number, 1)]);
        witnesses.push((number, expected.clone()));
        let (parent, ordinal) = removed;
        assert!(remove(fixture, 1, item_id(parent, ordinal)).await);
        expected.retain(|item| *item != removed);
        assert_eq!(told(fixture, 1).await, expected);
    }
    for (number, saw) in witnesses {
        assert_eq!(seen(fixture, number).await, saw, "{number}");
    }
    assert_eq!(told(fixture, 2).await, [(2, 0), (2, 1)]);
}

pub async fn what_is_not_in_a_conversation_cannot_be_removed(fixture: &Fixture) {
    open(fixture, 1, &items(10, 1)).await;
    open(fixture, 2, &items(11, 1)).await;
    let running = attached(fixture, 20, 1).await;
    let failure = Failure::new(FailureCode::ModelError, "the model failed");
    let failed = changed(attached(fixture, 21, 1).await, Change::Fail(failure));
    write(fixture.store(), alone(Guard::Held(worker(1)), &failed)).await;
    let strange = [
        item_id(10, 1),
        item_id(11, 0),
        item_id(20, 0),
        item_id(21, 0),
        item_id(30, 0),
    ];
    for item in strange {
        assert!(!remove(fixture, 1, item).await, "{item}");
    }
    assert!(!remove(fixture, 9, item_id(10, 0)).await, "there is none");
    assert_eq!(places(fixture, 1).await, 1);
    // What ends gets a place, and what was removed is not there twice.
    complete(fixture, running).await;
    for item in [item_id(10, 0), item_id(20, 1)] {
        assert!(remove(fixture, 1, item).await);
        assert!(!remove(fixture, 1, item).await);
    }
    assert_eq!(told(fixture, 1).await, [(20, 0)]);
    assert_eq!(told(fixture, 2).await, [(11, 0)]);
}

pub async fn what_is_removed_from_a_deleted_response_is_nothing(fixture: &Fixture) {
    let first = completed(1);
    put(fixture.store(), &first, talk(&first)).await;
    answers(fixture, 2, 1).await;
    assert!(remove(fixture, 1, item_id(1, 0)).await);
    let deleted = fixture.store().delete(&ada(), id(1)).await;
    assert_eq!(deleted.ok(), Some(true));
    for ordinal in [0, 1] {
        assert!(!remove(fixture, 1, item_id(1, ordinal)).await);
    }
    assert_eq!(told(fixture, 1).await, [(2, 0), (2, 1)]);
    assert_eq!(seen(fixture, 2).await, [(2, 0), (2, 1)]);
}

pub async fn a_conversation_without_its_items_goes_on(fixture: &Fixture) {
    open(fixture, 1, &items(10, 2)).await;
    answers(fixture, 2, 1).await;
    for (parent, ordinal) in [(10, 0), (10, 1), (2, 0), (2, 1)] {
        assert!(remove(fixture, 1, item_id(parent, ordinal)).await);
    }
    let home = HistoryRef::Conversation(conversation(1));
    let silence = history(fixture, home).await.map(|told| told.items);
    assert_eq!(silence, Some(Vec::new()));
    answers(fixture, 3, 1).await;
    assert!(put_in(fixture, 1, &items(11, 1)).await);
    assert_eq!(told(fixture, 1).await, [(3, 0), (3, 1), (11, 0)]);
    assert_eq!(seen(fixture, 3).await, [(3, 0), (3, 1)]);
}
