//! Some at a time, and nothing is passed over.

use std::time::Duration;

use futures::future::join_all;
use response_domain::failure::{Failure, FailureCode};
use response_domain::retention::Expiry;
use response_domain::status::Change;
use response_domain::work::Guard;

use super::sample::{NONE, answer, before, end, end_of, forget, forget_all, next_day, there};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{accepted, alone, changed, completed, first, put, worker, write};

pub async fn the_oldest_go_first_and_no_more_than_asked_for(fixture: &Fixture) {
    for number in [4, 1, 7, 2, 6, 3, 5] {
        answer(fixture, number).await;
    }
    let all = before(next_day());
    assert_eq!(forget(fixture, all, 0).await, 0);
    for (forgotten, left) in [
        (3, vec![4, 5, 6, 7]),
        (3, vec![7]),
        (1, vec![]),
        (0, vec![]),
    ] {
        assert_eq!(forget(fixture, all, 3).await, forgotten);
        assert_eq!(there(fixture, 1..=7).await, left);
    }
}

pub async fn all_of_many_are_found(fixture: &Fixture) {
    let store = fixture.store();
    let many = (1..=1_100).map(|number| store.commit(first(&completed(number), Vec::new())));
    assert!(join_all(many).await.iter().all(Result::is_ok));
    // Some of them stay in between.
    put(store, &accepted(1_101), Vec::new()).await;
    answer(fixture, 1_102).await;
    let all = before(next_day());
    for forgotten in [500, 500, 101, 0] {
        assert_eq!(forget(fixture, all, 500).await, forgotten);
    }
    assert_eq!(there(fixture, 1..=1_102).await, [1_101]);
}

pub async fn what_ends_late_is_found_then(fixture: &Fixture) {
    let store = fixture.store();
    put(store, &accepted(1), Vec::new()).await;
    put(store, &accepted(3), Vec::new()).await;
    for number in [2, 4] {
        answer(fixture, number).await;
    }
    let all = before(next_day());
    assert_eq!(forget_all(fixture, all).await, 2);
    for number in [3, 1] {
        let ended = changed(accepted(number), Change::Complete);
        write(store, alone(Guard::Held(worker(1)), &ended)).await;
        assert_eq!(forget_all(fixture, all).await, 1);
        assert_eq!(there(fixture, [number]).await, NONE);
    }
}

pub async fn a_later_moment_finds_more(fixture: &Fixture) {
    for number in 1..=4 {
        answer(fixture, number).await;
    }
    // One that took long.
    let mut slow = accepted(0);
    slow.times.updated = next_day();
    end(fixture, slow, Change::Complete).await;
    for number in 2..=4 {
        assert_eq!(forget_all(fixture, before(end_of(number))).await, 1);
    }
    assert_eq!(there(fixture, 0..=4).await, [0, 4]);
    assert_eq!(forget_all(fixture, before(next_day())).await, 1);
    let day_after = next_day().after(Duration::from_hours(24));
    assert_eq!(forget_all(fixture, before(day_after)).await, 1);
    assert_eq!(there(fixture, 0..=4).await, NONE);
    // An earlier one finds nothing, and hides nothing.
    answer(fixture, 5).await;
    assert_eq!(forget_all(fixture, before(end_of(1))).await, 0);
}

pub async fn of_different_moments_each_is_found(fixture: &Fixture) {
    let failure = || Failure::new(FailureCode::ModelError, "it broke");
    for number in 1..=8 {
        let change = match number % 4 {
            0 => Change::Fail(failure()),
            1 => Change::Cancel,
            _ => Change::Complete,
        };
        end(fixture, accepted(number), change).await;
    }
    let expiry = Expiry {
        completed: Some(end_of(4)),
        failed: Some(next_day()),
        cancelled: None,
        conversations: Some(end_of(8)),
    };
    assert_eq!(forget_all(fixture, expiry).await, 4);
    assert_eq!(there(fixture, 1..=8).await, [1, 5, 6, 7]);
    let later = Expiry {
        completed: Some(end_of(7)),
        cancelled: Some(end_of(2)),
        ..expiry
    };
    assert_eq!(forget_all(fixture, later).await, 2);
    assert_eq!(there(fixture, 1..=8).await, [5, 7]);
}
