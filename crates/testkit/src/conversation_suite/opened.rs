//! Conversations themselves.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::conversation::Conversation;
use response_domain::failure::{Failure, FailureCode};
use response_domain::json::Json;
use response_domain::ports::store::{HistoryRef, StoreError};
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::Change;
use response_domain::work::Guard;

use super::sample::{
    answers, attached, complete, history, items, known, made, open, places, put_in, told,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    accepted, ada, alone, asked, at, changed, completed, conversation, id, job, json, put, spec,
    talk, worker, write,
};

pub async fn what_is_opened_reads_back(fixture: &Fixture) {
    let odd = [
        "{}",
        r#"{ "b" : "1", "a":"2",  "b":"again" }"#,
        r#"{"nul": "\u0000", "quote": "'; DROP TABLE conversations; --"}"#,
        r#"{"é": "世界 🦀"}"#,
    ];
    for (number, metadata) in (1..).zip(odd) {
        let made = Conversation {
            metadata: json(metadata),
            ..made(number)
        };
        let begins_with = items(number + 100, number - 1);
        let doors = fixture.conversations();
        let opened = doors.open(&ada(), &made, &begins_with).await;
        assert!(opened.is_ok(), "{opened:?}");
        assert_eq!(known(fixture, number).await, Some(made));
        let from = HistoryRef::Conversation(conversation(number));
        let told = history(fixture, from).await;
        assert_eq!(told.as_ref().map(|told| &told.items), Some(&begins_with));
        assert_eq!(told.and_then(|told| told.status), None);
    }
    assert_eq!(known(fixture, 9).await, None);
}

pub async fn an_id_is_given_once(fixture: &Fixture) {
    open(fixture, 1, &items(10, 1)).await;
    let other = Conversation {
        metadata: json(r#"{"other": "1"}"#),
        ..made(1)
    };
    let doors = fixture.conversations();
    for items in [Vec::new(), items(11, 2)] {
        let again = doors.open(&ada(), &other, &items).await;
        assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
    }
    // What its items are called is taken as well, and then there is no conversation.
    let again = doors.open(&ada(), &made(2), &items(10, 1)).await;
    assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
    assert_eq!(known(fixture, 1).await, Some(made(1)));
    assert_eq!(known(fixture, 2).await, None);
    assert_eq!(told(fixture, 1).await, [(10, 0)]);
}

pub async fn a_conversation_without_a_word_has_a_history(fixture: &Fixture) {
    open(fixture, 1, &[]).await;
    let from = HistoryRef::Conversation(conversation(1));
    let silence = history(fixture, from).await;
    assert_eq!(silence.as_ref().map(|told| told.seen), Some(0));
    assert_eq!(silence.map(|told| told.items), Some(Vec::new()));
    let from = HistoryRef::Conversation(conversation(2));
    assert_eq!(history(fixture, from).await, None);
    // It has a place for whoever speaks first.
    answers(fixture, 3, 1).await;
    assert_eq!(told(fixture, 1).await, [(3, 0), (3, 1)]);
    assert_eq!(places(fixture, 1).await, 1);
}

pub async fn what_begins_with_a_response_has_its_time_and_nothing_to_say(fixture: &Fixture) {
    let store = fixture.store();
    let first = accepted(5);
    put(store, &first, talk(&first)).await;
    let expected = Conversation {
        id: conversation(5),
        created: first.times.created,
        metadata: Json::empty_object(),
    };
    assert_eq!(known(fixture, 5).await, Some(expected.clone()));
    complete(fixture, first).await;
    // Neither what comes later nor what is deleted or taken out changes that.
    answers(fixture, 6, 5).await;
    assert!(put_in(fixture, 5, &items(10, 1)).await);
    assert_eq!(store.delete(&ada(), id(5)).await.ok(), Some(true));
    assert_eq!(known(fixture, 5).await, Some(expected));
}

pub async fn what_is_described_reads_back(fixture: &Fixture) {
    let doors = fixture.conversations();
    open(fixture, 1, &[]).await;
    let first = completed(2);
    put(fixture.store(), &first, talk(&first)).await;
    let created = [(1, made(1).created), (2, first.times.created)];
    for text in [r#"{ "a": "1" }"#, "{}", r#"{"b": "\u0000"}"#] {
        for (number, created) in created {
            let home = conversation(number);
            let described = doors.describe(&ada(), home, &json(text)).await;
            let expected = Conversation {
                id: conversation(number),
                created,
                metadata: json(text),
            };
            assert_eq!(described.ok(), Some(Some(expected.clone())));
            assert_eq!(known(fixture, number).await, Some(expected));
        }
    }
    // What was said stays.
    assert_eq!(told(fixture, 2).await, [(2, 0), (2, 1)]);
    let nothing = doors.describe(&ada(), conversation(3), &json("{}")).await;
    assert_eq!(nothing.ok(), Some(None));
    assert_eq!(known(fixture, 3).await, None);
}

pub async fn a_conversation_is_busy_while_a_response_waits_or_runs(fixture: &Fixture) {
    let doors = fixture.conversations();
    let busy = async |number| {
        let busy = doors.is_busy(&ada(), conversation(number)).await;
        assert!(busy.is_ok(), "{busy:?}");
        busy.unwrap_or_default()
    };
    assert!(!busy(1).await, "there is none");
    open(fixture, 1, &items(50, 1)).await;
    open(fixture, 9, &[]).await;
    assert!(!busy(1).await);
    // One in the foreground, to each of its ends.
    let failure = Failure::new(FailureCode::ModelError, "the model failed");
    let endings = [Change::Complete, Change::Cancel, Change::Fail(failure)];
    for (number, change) in (10..).zip(endings) {
        let response = attached(fixture, number, 1).await;
        assert!(busy(1).await);
        let ended = changed(response, change);
        write(fixture.store(), alone(Guard::Held(worker(1)), &ended)).await;
        assert!(!busy(1).await);
    }
    // One in the background, which waits.
    let asks = ResponseSpec {
        conversation: Some(conversation(1)),
        delivery: Delivery::Background,
        ..spec()
    };
    let queued = asked(20, asks);
    write(fixture.store(), alone(Guard::Queued(job()), &queued)).await;
    assert!(busy(1).await);
    let other = doors.is_busy(&OwnerId::new("bob"), conversation(1)).await;
    assert_eq!(other.ok(), Some(false));
    let cancelled = changed(queued, Change::Cancel);
    write(fixture.store(), alone(Guard::Open, &cancelled)).await;
    assert!(!busy(1).await);
    assert!(!busy(9).await, "another conversation was meant");
}

pub async fn conversations_belong_to_their_owners(fixture: &Fixture) {
    let doors = fixture.conversations();
    let first = completed(2);
    put(fixture.store(), &first, talk(&first)).await;
    open(fixture, 1, &items(10, 2)).await;
    let owners = ["bob", "Ada", "ada ", "", "ad", "ada\0"];
    for owner in owners.map(OwnerId::new) {
        for number in [1, 2] {
            let id = conversation(number);
            assert_eq!(doors.conversation(&owner, id).await.ok(), Some(None));
            let described = doors.describe(&owner, id, &json(r#"{"mine": "1"}"#)).await;
            assert_eq!(described.ok(), Some(None));
            let put = doors.append(&owner, id, &items(20, 1)).await;
            assert_eq!(put.ok(), Some(false));
            let first = if number == 1 {
                items(10, 1)
            } else {
                talk(&first)
            };
            for item in &first {
                let removed = doors.remove(&owner, id, item.id).await;
                assert_eq!(removed.ok(), Some(false));
                let found = fixture.store().items_by_id(&owner, &[item.id]).await;
                assert_eq!(found.ok(), Some(Vec::new()));
            }
            assert_eq!(doors.close(&owner, id).await.ok(), Some(false));
            let from = HistoryRef::Conversation(id);
            let past = fixture.store().history(&owner, from).await;
            assert_eq!(past.ok(), Some(None));
        }
        let taken = doors.open(&owner, &made(1), &[]).await;
        assert!(matches!(taken, Err(StoreError::Stale)), "{taken:?}");
    }
    assert_eq!(known(fixture, 1).await, Some(made(1)));
    assert_eq!(
        known(fixture, 2).await.map(|it| it.created),
        Some(at(2_000))
    );
    assert_eq!(told(fixture, 1).await, [(10, 0), (10, 1)]);
    assert_eq!(told(fixture, 2).await, [(2, 0), (2, 1)]);
    // Each has one of its own, whatever the owner is called.
    for (number, owner) in (100..).zip(owners.map(OwnerId::new)) {
        let words = items(number + 100, 1);
        assert!(doors.open(&owner, &made(number), &words).await.is_ok());
        let mine = doors.conversation(&owner, conversation(number)).await;
        assert_eq!(mine.ok(), Some(Some(made(number))));
        let ids: Vec<_> = words.iter().map(|item| item.id).collect();
        let found = fixture.store().items_by_id(&owner, &ids).await;
        assert_eq!(found.ok(), Some(words.iter().map(Arc::clone).collect()));
    }
}
