//! How long a key stands, by the time of the store.

use std::time::Duration;

use response_domain::ports::idempotency::{KEY_LIFE, Keyed};

use super::sample::{WRITTEN, begin, commit, key, known, queue, response_of};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{found, id};

const MINUTE: Duration = Duration::from_mins(1);

async fn forget(fixture: &Fixture, at_most: u16) -> Option<u32> {
    let forgotten = fixture.keys().forget_keys(at_most).await;
    assert!(forgotten.is_ok(), "{forgotten:?}");
    forgotten.ok()
}

pub async fn a_key_stands_for_its_life(fixture: &Fixture) {
    assert_eq!(commit(fixture, begin(1), &key("a", 1)).await, WRITTEN);
    fixture
        .outside()
        .pass(KEY_LIFE.saturating_sub(MINUTE))
        .await;
    assert_eq!(response_of(fixture, "a").await, Some(id(1)));
    assert_eq!(commit(fixture, begin(2), &key("a", 1)).await, Keyed::Taken);
    assert_eq!(forget(fixture, 10).await, Some(0));
    fixture.outside().pass(2 * MINUTE).await;
    assert_eq!(known(fixture, "a").await, None);
    // What came of it stays.
    found(fixture.store(), id(1)).await;
}

pub async fn a_key_past_its_life_marks_another_request(fixture: &Fixture) {
    for (text, before, after) in [("a", begin(1), begin(2)), ("b", queue(3), queue(4))] {
        let (earlier, later) = (before.response.id, after.response.id);
        assert_eq!(commit(fixture, before, &key(text, 1)).await, WRITTEN);
        fixture.outside().pass(KEY_LIFE + MINUTE).await;
        assert_eq!(commit(fixture, after, &key(text, 2)).await, WRITTEN);
        let now = known(fixture, text).await;
        assert_eq!(now.map(|now| now.response), Some(later));
        assert_eq!(
            now.map(|now| now.fingerprint),
            Some(key(text, 2).fingerprint)
        );
        for id in [earlier, later] {
            found(fixture.store(), id).await;
        }
        // Its life begins anew.
        fixture
            .outside()
            .pass(KEY_LIFE.saturating_sub(MINUTE))
            .await;
        assert_eq!(response_of(fixture, text).await, Some(later));
    }
}

pub async fn keys_past_their_life_are_forgotten_some_at_a_time(fixture: &Fixture) {
    for number in 1..=5 {
        let text = format!("old-{number}");
        assert_eq!(
            commit(fixture, begin(number), &key(&text, 1)).await,
            WRITTEN
        );
        fixture.outside().pass(MINUTE).await;
    }
    fixture
        .outside()
        .pass(KEY_LIFE.saturating_sub(2 * MINUTE + MINUTE / 2))
        .await;
    // The first three are past theirs.
    for number in 6..=7 {
        let text = format!("new-{number}");
        assert_eq!(
            commit(fixture, begin(number), &key(&text, 1)).await,
            WRITTEN
        );
    }
    assert_eq!(forget(fixture, 0).await, Some(0));
    assert_eq!(forget(fixture, 2).await, Some(2));
    assert_eq!(forget(fixture, 2).await, Some(1));
    assert_eq!(forget(fixture, 2).await, Some(0));
    let left = ["old-4", "old-5", "new-6", "new-7"];
    for (text, number) in left.into_iter().zip(4..) {
        assert_eq!(response_of(fixture, text).await, Some(id(number)));
    }
    fixture.outside().pass(KEY_LIFE + MINUTE).await;
    assert_eq!(forget(fixture, u16::MAX).await, Some(4));
    assert_eq!(forget(fixture, u16::MAX).await, Some(0));
}
