//! Keys that stand for a response already.

use response_domain::caller::OwnerId;
use response_domain::ports::idempotency::Keyed;
use response_domain::status::Change;
use response_domain::work::Guard;

use super::sample::{
    WRITTEN, assert_nothing, begin, commit, key, known, queue, response_of, waiting,
};
use crate::queue_suite::sample::{log, queued};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    accepted, ada, alone, changed, completed, first, found, id, talk, worker, write,
};

pub async fn a_taken_key_writes_nothing(fixture: &Fixture) {
    for (number, text, mine) in [(1, "runs", begin(1)), (2, "waits", queue(2))] {
        assert_eq!(commit(fixture, mine, &key(text, 1)).await, WRITTEN);
        // Whatever is asked under it, the same or something else.
        for request in [1, 2] {
            let ended = completed(10);
            let others = [
                (accepted(10), begin(10)),
                (ended.clone(), first(&ended, talk(&ended))),
                (queued(10), queue(10)),
            ];
            for (other, work) in others {
                let taken = commit(fixture, work, &key(text, request)).await;
                assert_eq!(taken, Keyed::Taken);
                assert_nothing(fixture, &other).await;
            }
        }
        let known = known(fixture, text).await;
        assert_eq!(known.map(|it| it.response), Some(id(number)));
        assert_eq!(
            known.map(|it| it.fingerprint),
            Some(key(text, 1).fingerprint)
        );
    }
    assert_eq!(waiting(fixture).await.ok(), Some(1));
    // Somebody else's key is another.
    let mut other = accepted(10);
    other.owner = OwnerId::new("bob");
    let work = first(&other, Vec::new());
    assert_eq!(commit(fixture, work, &key("runs", 1)).await, WRITTEN);
    assert_eq!(response_of(fixture, "runs").await, Some(id(1)));
}

pub async fn the_same_again_is_taken_for_what_it_is(fixture: &Fixture) {
    let store = fixture.store();
    for (text, work) in [("runs", begin(1)), ("waits", queue(2))] {
        for _ in 0..3 {
            let again = commit(fixture, work.clone(), &key(text, 1)).await;
            assert_eq!(again, WRITTEN);
        }
    }
    assert_eq!(
        store.items(&ada(), id(1)).await.ok(),
        Some(talk(&accepted(1)))
    );
    assert_eq!(log(store, id(2)).await.len(), 1);
    assert_eq!(waiting(fixture).await.ok(), Some(1));
    // Also when the response has gone on meanwhile; nothing is taken back.
    let ended = changed(accepted(1), Change::Complete);
    write(store, alone(Guard::Held(worker(1)), &ended)).await;
    assert_eq!(commit(fixture, begin(1), &key("runs", 1)).await, WRITTEN);
    assert_eq!(*found(store, id(1)).await, ended);
}

pub async fn a_key_outlives_its_response(fixture: &Fixture) {
    let store = fixture.store();
    assert_eq!(commit(fixture, begin(1), &key("a", 1)).await, WRITTEN);
    let ended = changed(accepted(1), Change::Complete);
    write(store, alone(Guard::Held(worker(1)), &ended)).await;
    assert_eq!(store.delete(&ada(), id(1)).await.ok(), Some(true));
    assert_eq!(response_of(fixture, "a").await, Some(id(1)));
    assert_eq!(commit(fixture, begin(2), &key("a", 1)).await, Keyed::Taken);
    assert_nothing(fixture, &accepted(2)).await;
}
