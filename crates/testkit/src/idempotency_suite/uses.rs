//! What a key stands for.

use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::execution::ExecutionState;
use response_domain::ports::idempotency::KeyUse;
use response_domain::ports::store::StoreError;
use response_domain::status::Change;
use response_domain::work::{Append, Guard, UnitOfWork};

use super::sample::{WRITTEN, assert_nothing, begin, commit, key, known, queue, waiting};
use crate::queue_suite::sample::{claim, claims, ids, job_of, log, queued, taken_up};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    accepted, ada, alone, call, changed, completed, first, found, id, talk, with_calls, worker,
    write,
};

pub async fn a_key_stands_for_what_was_written_under_it(fixture: &Fixture) {
    for number in 1..=3 {
        let text = format!("key-{number}");
        assert_eq!(known(fixture, &text).await, None);
        let key = key(&text, 7);
        assert_eq!(commit(fixture, begin(number), &key).await, WRITTEN);
        let expected = KeyUse {
            fingerprint: key.fingerprint,
            response: id(number),
        };
        assert_eq!(known(fixture, &text).await, Some(expected));
    }
    assert_eq!(known(fixture, "key-4").await, None);
}

pub async fn all_of_a_first_write_is_written_under_a_key(fixture: &Fixture) {
    let store = fixture.store();
    // One that runs, and goes on as any other.
    assert_eq!(commit(fixture, begin(1), &key("runs", 1)).await, WRITTEN);
    assert_eq!(*found(store, id(1)).await, accepted(1));
    let ended = changed(accepted(1), Change::Complete);
    write(store, alone(Guard::Held(worker(1)), &ended)).await;
    // One that has ended, with items and executions.
    let calls = [
        ExecutionState::Completed("found".into()),
        ExecutionState::TimedOut,
    ];
    let calls: Vec<_> = (0..)
        .zip(calls)
        .map(|(ordinal, state)| call(&completed(2), ordinal, state))
        .collect();
    let ended = with_calls(completed(2), &calls);
    let work = first(&ended, talk(&ended));
    assert_eq!(commit(fixture, work, &key("ended", 2)).await, WRITTEN);
    assert_eq!(*found(store, id(2)).await, ended);
    assert_eq!(store.items(&ada(), id(2)).await.ok(), Some(talk(&ended)));
    // One that waits, with its job, its credential and the first that it tells.
    assert_eq!(commit(fixture, queue(3), &key("waits", 3)).await, WRITTEN);
    assert_eq!(*found(store, id(3)).await, queued(3));
    assert_eq!(log(store, id(3)).await.len(), 1);
    let claimed = claims(store, claim(1)).await;
    assert_eq!(ids(&claimed), [id(3)]);
    for claimed in claimed {
        let up = taken_up(store, &claimed.lease).await;
        assert_eq!(up.map(|up| up.job), Some(job_of(3)));
    }
}

pub async fn odd_keys_and_owners_are_told_apart(fixture: &Fixture) {
    let long = "k".repeat(255);
    let keys = [
        "a",
        "A",
        " a",
        "a ",
        "'; DROP TABLE idempotency_keys; --",
        "%",
        "a\0",
        "",
        &long,
    ];
    let owners = ["ada", "Ada", "ada ", "", "ada\0", "bob"].map(OwnerId::new);
    let mut number = 0;
    let mut written = Vec::new();
    for owner in &owners {
        for text in keys {
            number += 1;
            let mut response = accepted(number);
            response.owner = owner.clone();
            let key = key(text, 9);
            let work = first(&response, Vec::new());
            assert_eq!(
                commit(fixture, work, &key).await,
                WRITTEN,
                "{owner:?} {text:?}"
            );
            written.push((owner, key, response.id));
        }
    }
    for (owner, key, response) in written {
        let known = fixture.keys().key_use(owner, &key.text).await;
        let known = known.ok().flatten().map(|known| known.response);
        assert_eq!(known, Some(response), "{owner:?} {:?}", key.text);
    }
}

pub async fn only_a_first_write_takes_a_key(fixture: &Fixture) {
    let response = accepted(1);
    write(fixture.store(), first(&response, Vec::new())).await;
    let ended = changed(response.clone(), Change::Complete);
    for guard in [Guard::Held(worker(1)), Guard::Open] {
        let keyed = fixture.keys();
        let keyed = keyed.commit_keyed(alone(guard, &ended), &key("a", 1)).await;
        assert!(matches!(keyed, Err(StoreError::Failed(_))), "{keyed:?}");
    }
    assert_eq!(known(fixture, "a").await, None);
    assert_eq!(*found(fixture.store(), id(1)).await, response);
}

pub async fn what_is_refused_takes_no_key(fixture: &Fixture) {
    write(fixture.store(), begin(1)).await;
    write(fixture.store(), queue(2)).await;
    let late = UnitOfWork {
        log: Append::whole(1, vec![Event::Created(queued(3).into())]),
        ..queue(3)
    };
    for work in [begin(1), queue(2), late] {
        let keyed = fixture.keys().commit_keyed(work, &key("a", 1)).await;
        assert!(matches!(keyed, Err(StoreError::Stale)), "{keyed:?}");
        assert_eq!(known(fixture, "a").await, None);
    }
    assert_nothing(fixture, &queued(3)).await;
    assert_eq!(waiting(fixture).await.ok(), Some(1));
}
