//! Holding a response, and giving it back.

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::execution::ExecutionState;
use response_domain::item::Role;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Standing, TakenUp};
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::{Change, Status};
use response_domain::work::{Append, UnitOfWork};

use super::sample::{
    assert_reads, checkpoint, claim, claim_one, claims, deltas, end, enqueue, ids, job_of, log,
    more, question, queued, running, standing, start, step, taken_up, tell, whole, words,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    ada, at, call, changed, found, id, item, refused, said, with_calls, worker, write,
};

pub async fn a_lease_takes_up_all_that_the_next_process_needs(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    write(store, start(lease, &response)).await;
    let calls = [
        call(&response, 0, ExecutionState::Completed("found".into())),
        call(&response, 1, ExecutionState::Started),
    ];
    let response = with_calls(response, &calls);
    let events = calls
        .iter()
        .map(|call| Event::CallStarted(Arc::clone(call)));
    let work = UnitOfWork {
        items: vec![item(&response, 1, said(Role::Assistant, "Let me see."))],
        checkpoint: Some(checkpoint(2)),
        ..step(lease, &response, 2, events.collect())
    };
    write(store, work).await;
    assert!(store.hand_back(&lease).await.is_ok());

    let lease = claim_one(store, 2).await.lease;
    let taken = taken_up(store, &lease).await;
    let waiting = changed(response.clone(), Change::Requeue);
    let expected = TakenUp {
        standing: Standing {
            response: found(store, response.id).await,
            checkpoint: Some(checkpoint(2)),
            next: 4,
            tail: Vec::new(),
        },
        job: job_of(1),
    };
    assert_eq!(expected.standing.response.status(), waiting.status());
    assert_eq!(expected.standing.response.progress, waiting.progress);
    assert_eq!(taken, Some(expected));
    // Looking at it is not taking it.
    assert!(taken_up(store, &lease).await.is_some());
}

pub async fn what_a_turn_told_that_is_not_over_is_taken_up(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    write(store, start(lease, &response)).await;
    assert_eq!(standing(store, response.id).await.tail, []);
    let told = words(&response, &["It ", "is ", "so."]);
    tell(store, &lease, &more(2, told[..2].to_vec())).await;
    assert_eq!(standing(store, response.id).await.tail, told[..2]);
    tell(store, &lease, &more(4, told[2..].to_vec())).await;
    let now = standing(store, response.id).await;
    assert_eq!((now.next, &now.tail), (7, &told));
    assert_eq!(
        taken_up(store, &lease).await.map(|it| it.standing),
        Some(now)
    );

    // A write says how much of the log is over: in the middle of what it adds, or before.
    for settled in [9, 9, 14, 22] {
        let from = standing(store, response.id).await.next;
        let work = UnitOfWork {
            log: Append {
                settled,
                ..more(from, deltas(&response, from..from + 5))
            },
            ..step(lease, &response, from, Vec::new())
        };
        write(store, work).await;
        let standing = standing(store, response.id).await;
        assert_eq!(standing.next, from + 5);
        let log = log(store, response.id).await;
        assert_eq!(standing.tail, log[usize::try_from(settled).unwrap_or(0)..]);
    }
    // Nothing that is over begins anew.
    let work = UnitOfWork {
        log: Append::default(),
        ..step(lease, &response, 0, Vec::new())
    };
    write(store, work).await;
    let log = log(store, response.id).await;
    assert_eq!(standing(store, response.id).await.tail, log[22..]);
}

pub async fn a_lease_is_written_with_until_the_end(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    write(store, start(lease, &response)).await;
    assert_eq!(*found(store, response.id).await, response);
    let mut told = vec![
        Event::Created(response.clone().into()),
        Event::Started(response.clone().into()),
    ];
    let mut response = response;
    for ordinal in 0..3 {
        let mut calls = response.progress.executions.clone();
        calls.push(call(&response, ordinal, ExecutionState::TimedOut));
        response = with_calls(response, &calls);
        let from = standing(store, response.id).await.next;
        let events = deltas(&response, from..from + 3);
        told.extend(events.clone());
        write(store, step(lease, &response, from, events)).await;
        assert_eq!(*found(store, response.id).await, response);
    }
    let ended = changed(response, Change::Complete);
    let work = UnitOfWork {
        items: vec![item(&ended, 1, said(Role::Assistant, "So it is."))],
        ..end(lease, &ended, 11)
    };
    told.push(Event::Ended(ended.clone().into()));
    write(store, work.clone()).await;
    assert_eq!(*found(store, ended.id).await, ended);
    let items = store.items(&ada(), ended.id).await.ok();
    assert_eq!(
        items,
        Some([vec![question(&ended)], work.items.clone()].concat())
    );
    assert_reads(&log(store, ended.id).await, &told, &ended);
}

/// A database that went away after it wrote and before it said so is asked again.
pub async fn a_write_of_a_holder_may_be_repeated(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    let again = async |work: UnitOfWork| {
        let before = whole(store, response.id).await;
        write(store, work).await;
        assert_eq!(whole(store, response.id).await, before);
    };
    let first = start(lease, &response);
    write(store, first.clone()).await;
    again(first.clone()).await;
    let calls = [call(&response, 0, ExecutionState::Unknown)];
    let grown = with_calls(changed_later(&response), &calls);
    let second = UnitOfWork {
        items: vec![item(&grown, 1, said(Role::Assistant, "It is"))],
        ..step(lease, &grown, 2, deltas(&grown, 2..5))
    };
    write(store, second.clone()).await;
    again(second.clone()).await;
    // What came before is over.
    refused(store, first).await;
    // Whoever has lost the response has not written.
    assert!(store.hand_back(&lease).await.is_ok());
    refused(store, second.clone()).await;
    let lease = claim_one(store, 1).await.lease;
    refused(store, second).await;
    let last = end(lease, &changed(grown, Change::Complete), 5);
    write(store, last.clone()).await;
    again(last.clone()).await;
    assert_eq!(store.delete(&ada(), response.id).await.ok(), Some(true));
    refused(store, last).await;
}

fn changed_later(response: &Response) -> Response {
    let mut later = response.clone();
    later.times.updated = at(7_000_000);
    later
}

/// It stands as it was last written, but waits.
async fn assert_waits(fixture: &Fixture, response: &Response) {
    let found = found(fixture.store(), response.id).await;
    assert_eq!(*found.status(), Status::Queued);
    assert_eq!(found.progress, response.progress);
    assert_eq!(found.times.started, response.times.started);
}

pub async fn a_response_goes_back_as_if_it_had_not_been_claimed(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    enqueue(store, 2).await;
    write(store, start(lease, &response)).await;
    tell(store, &lease, &more(2, words(&response, &["It "]))).await;
    let before = standing(store, response.id).await;
    assert!(store.hand_back(&lease).await.is_ok());
    assert_waits(fixture, &response).await;
    let after = standing(store, response.id).await;
    assert_eq!((after.next, after.tail), (before.next, before.tail));
    assert_eq!(after.checkpoint, before.checkpoint);
    // What is told twice happens once, and what went back is nobody's to give.
    assert!(store.hand_back(&lease).await.is_ok());
    let again = claims(store, claim(2)).await;
    assert_eq!(ids(&again), [id(1), id(2)]);
    assert!(again.iter().all(|claimed| claimed.attempt == 1));
    assert!(store.hand_back(&lease).await.is_ok());
    let held = store.beat(worker(2)).await.map(|leases| leases.len());
    assert_eq!(held.ok(), Some(2));
    // One that nobody began waits as it did.
    for claimed in &again {
        assert!(store.hand_back(&claimed.lease).await.is_ok());
    }
    assert_eq!(*found(store, id(2)).await, queued(2));
}

pub async fn a_sign_of_life_answers_the_leases_of_its_process(fixture: &Fixture) {
    let store = fixture.store();
    let beat = async |process| {
        let held = store.beat(worker(process)).await;
        assert!(held.is_ok(), "{held:?}");
        let mut held: Vec<Lease> = held.unwrap_or_default();
        held.sort_by_key(|lease| lease.response);
        held
    };
    assert_eq!(beat(1).await, []);
    let (first, one) = running(store, 1, 1).await;
    let (_, two) = running(store, 2, 1).await;
    let (_, three) = running(store, 3, 2).await;
    enqueue(store, 4).await;
    assert_eq!(beat(1).await, [one, two]);
    assert_eq!(beat(2).await, [three]);
    assert_eq!(beat(3).await, []);
    let ended = changed(first, Change::Complete);
    write(store, end(one, &ended, 1)).await;
    assert_eq!(beat(1).await, [two]);
    assert!(store.hand_back(&two).await.is_ok());
    assert_eq!(beat(1).await, []);
    fixture.outside().lose(worker(2)).await;
    assert!(store.rescue(worker(1), 1, 10).await.is_ok());
    assert_eq!(beat(2).await, []);
    let held = beat(1).await;
    let [spent] = held.as_slice() else {
        panic!("the rescuer holds what was lost too often: {held:?}")
    };
    assert_eq!((spent.response, spent.worker), (id(3), worker(1)));
    assert!(spent.token > three.token);
}

pub async fn what_is_seized_is_written_by_nobody_who_had_it(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    write(store, start(lease, &response)).await;
    let other = enqueue(store, 2).await;
    assert!(store.seize(worker(7), response.id).await.is_ok());
    let late = more(2, words(&response, &["late"]));
    let told = store.append(&lease, &late).await;
    assert!(matches!(told, Err(StoreError::Stale)), "{told:?}");
    assert!(taken_up(store, &lease).await.is_none());
    // It is still to be ended, and whoever seized it can hand it back.
    let held = store.beat(worker(7)).await.unwrap_or_default();
    assert_eq!(held.len(), 1);
    for lease in &held {
        assert!(store.hand_back(lease).await.is_ok());
    }
    let again = claims(store, claim(2)).await;
    assert_eq!(ids(&again), [response.id, other.id]);
    // There is nothing to seize of what is not in the queue.
    assert!(store.seize(worker(7), id(9)).await.is_ok());
    assert_eq!(store.beat(worker(7)).await.unwrap_or_default(), []);
}
