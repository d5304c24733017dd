//! Conversations that are over.

use response_domain::ports::store::HistoryRef;
use response_domain::status::StatusName;

use super::sample::{
    answers, attached, complete, history, item_id, items, known, made, open, put_in, remove, seen,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    ada, completed, conversation, everything, found, id, json, put, talk,
};

/// Conversations to close: one that its owner made, one that began with a response, and one that began so and
/// was described.
async fn three(fixture: &Fixture) {
    open(fixture, 1, &items(10, 2)).await;
    for number in [2, 3] {
        let first = completed(number);
        put(fixture.store(), &first, talk(&first)).await;
    }
    let doors = fixture.conversations();
    let text = json(r#"{"a": "1"}"#);
    let described = doors.describe(&ada(), conversation(3), &text).await;
    assert!(described.is_ok(), "{described:?}");
}

pub async fn what_is_closed_is_not_found(fixture: &Fixture) {
    three(fixture).await;
    let doors = fixture.conversations();
    for number in 1..=3 {
        let home = conversation(number);
        assert_eq!(doors.close(&ada(), home).await.ok(), Some(true));
        assert_eq!(known(fixture, number).await, None);
        assert_eq!(history(fixture, HistoryRef::Conversation(home)).await, None);
        let described = doors.describe(&ada(), home, &json("{}")).await;
        assert_eq!(described.ok(), Some(None));
        assert_eq!(known(fixture, number).await, None);
        assert!(!put_in(fixture, number, &items(20, 1)).await);
        assert!(!put_in(fixture, number, &[]).await);
        assert!(!remove(fixture, number, item_id(10, 0)).await);
        assert!(!remove(fixture, number, item_id(number, 0)).await);
        assert_eq!(doors.close(&ada(), home).await.ok(), Some(false));
        // Nor does it come back under the same id.
        assert!(doors.open(&ada(), &made(number), &[]).await.is_err());
        assert_eq!(known(fixture, number).await, None);
    }
    let nothing = fixture.store().items_by_id(&ada(), &[item_id(20, 0)]).await;
    assert_eq!(nothing.ok(), Some(Vec::new()));
}

pub async fn what_was_said_outlives_its_conversation(fixture: &Fixture) {
    three(fixture).await;
    answers(fixture, 4, 1).await;
    let doors = fixture.conversations();
    for number in 1..=3 {
        let closed = doors.close(&ada(), conversation(number)).await;
        assert_eq!(closed.ok(), Some(true));
    }
    for number in [2, 3, 4] {
        found(fixture.store(), id(number)).await;
    }
    assert_eq!(seen(fixture, 4).await, [(10, 0), (10, 1), (4, 0), (4, 1)]);
    let from = HistoryRef::Response(id(2));
    let past = history(fixture, from).await;
    assert_eq!(
        past.as_ref().map(|past| past.conversation),
        Some(conversation(2))
    );
    assert_eq!(
        past.and_then(|past| past.status),
        Some(StatusName::Completed)
    );
    let listed = fixture.store().page(&ada(), &everything(10)).await;
    assert_eq!(listed.ok().map(|page| page.entries.len()), Some(3));
    let ids = [item_id(10, 1), item_id(2, 0)];
    let known = fixture.store().items_by_id(&ada(), &ids).await;
    assert_eq!(known.ok().map(|known| known.len()), Some(2));
}

pub async fn what_is_not_there_cannot_be_closed(fixture: &Fixture) {
    let doors = fixture.conversations();
    let home = conversation(1);
    assert_eq!(doors.close(&ada(), home).await.ok(), Some(false));
    // Nothing came of it.
    open(fixture, 1, &[]).await;
    assert_eq!(known(fixture, 1).await, Some(made(1)));
}

pub async fn what_ends_after_its_conversation_was_closed_is_kept(fixture: &Fixture) {
    open(fixture, 1, &items(10, 1)).await;
    let running = attached(fixture, 2, 1).await;
    let doors = fixture.conversations();
    let home = conversation(1);
    assert_eq!(doors.close(&ada(), home).await.ok(), Some(true));
    assert_eq!(doors.is_busy(&ada(), home).await.ok(), Some(true));
    complete(fixture, running).await;
    assert_eq!(seen(fixture, 2).await, [(10, 0), (2, 0), (2, 1)]);
    assert_eq!(known(fixture, 1).await, None);
}
