//! What is past its time.

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::failure::{Failure, FailureCode};
use response_domain::retention::Expiry;
use response_domain::status::{Change, IncompleteReason};
use response_domain::work::Guard;

use super::sample::{
    NONE, answer, before, end, end_of, far_away, forget, forget_all, next_day, there,
};
use crate::queue_suite::sample::{enqueue, running, start};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    accepted, ada, alone, changed, completed, found, id, put, talk, worker, write,
};

fn failure() -> Failure {
    Failure::new(FailureCode::ModelError, "it broke")
}

pub async fn each_status_has_its_own_moment(fixture: &Fixture) {
    let moment = Some(next_day());
    let only = Expiry::default();
    let classes = [
        (
            Expiry {
                completed: moment,
                ..only
            },
            vec![1, 2],
        ),
        (
            Expiry {
                failed: moment,
                ..only
            },
            vec![3],
        ),
        (
            Expiry {
                cancelled: moment,
                ..only
            },
            vec![4],
        ),
        (
            Expiry {
                conversations: moment,
                ..only
            },
            vec![],
        ),
    ];
    let changes = [
        Change::Complete,
        Change::Stop(IncompleteReason::OutputTokens),
        Change::Fail(failure()),
        Change::Cancel,
    ];
    for (number, change) in (1..).zip(changes) {
        end(fixture, accepted(number), change).await;
    }
    let mut left = vec![1, 2, 3, 4];
    for (expiry, gone) in classes {
        let forgotten = forget_all(fixture, expiry).await;
        assert_eq!(forgotten as usize, gone.len(), "{expiry:?}");
        left.retain(|number| !gone.contains(number));
        assert_eq!(there(fixture, 1..=4).await, left, "{expiry:?}");
    }
}

pub async fn what_ended_at_the_moment_itself_stays(fixture: &Fixture) {
    let response = answer(fixture, 1).await;
    assert_eq!(response.times.ended, Some(end_of(1)));
    assert_eq!(forget_all(fixture, before(end_of(1))).await, 0);
    assert_eq!(*found(fixture.store(), id(1)).await, response);
    let after = end_of(1).after(Duration::from_micros(1));
    assert_eq!(forget_all(fixture, before(after)).await, 1);
    assert_eq!(there(fixture, [1]).await, NONE);
}

pub async fn what_waits_or_runs_is_never_forgotten(fixture: &Fixture) {
    let store = fixture.store();
    put(store, &accepted(1), talk(&accepted(1))).await;
    let (claimed, lease) = running(store, 3, 1).await;
    write(store, start(lease, &claimed)).await;
    enqueue(store, 2).await;
    for _ in 0..2 {
        assert_eq!(forget_all(fixture, before(far_away())).await, 0);
    }
    assert_eq!(there(fixture, 1..=3).await, [1, 2, 3]);
    let items = store.items(&ada(), id(1)).await;
    assert_eq!(items.ok(), Some(talk(&accepted(1))));
    assert_eq!(store.depth().await.ok().map(|it| it.waiting), Some(1));
    // Until it has ended.
    let ended = changed(accepted(1), Change::Complete);
    write(store, alone(Guard::Held(worker(1)), &ended)).await;
    assert_eq!(forget_all(fixture, before(far_away())).await, 1);
    assert_eq!(there(fixture, 1..=3).await, [2, 3]);
}

pub async fn nothing_is_forgotten_where_nothing_is_said(fixture: &Fixture) {
    answer(fixture, 1).await;
    assert_eq!(forget_all(fixture, Expiry::default()).await, 0);
    assert_eq!(there(fixture, [1]).await, [1]);
}

pub async fn everybodys_is_forgotten_alike(fixture: &Fixture) {
    let store = fixture.store();
    let owners = ["ada", "bob", "%", "", "a\0b"].map(OwnerId::new);
    for (number, owner) in (1..).zip(&owners) {
        let mut response = completed(number);
        response.owner = owner.clone();
        put(store, &response, talk(&response)).await;
    }
    assert_eq!(forget(fixture, before(next_day()), 100).await, 5);
    for (number, owner) in (1..).zip(&owners) {
        assert_eq!(store.find(owner, id(number)).await.ok(), Some(None));
    }
}
