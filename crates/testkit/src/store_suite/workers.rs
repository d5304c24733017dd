//! Processes, and the responses they leave behind.

use response_domain::execution::ExecutionState;
use response_domain::id::ResponseId;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::Change;
use response_domain::work::Guard;

use super::Subject;
use super::sample::{accepted, alone, asked, call, changed, put, spec, with_calls, worker, write};

async fn orphans(store: &dyn Subject, at_most: u16) -> Vec<ResponseId> {
    let orphans = store.orphans(at_most).await;
    assert!(orphans.is_ok(), "{orphans:?}");
    let mut ids: Vec<ResponseId> = orphans
        .unwrap_or_default()
        .iter()
        .map(|response| response.id)
        .collect();
    ids.sort();
    ids
}

async fn beat(store: &dyn Subject, number: u32) {
    let beaten = store.beat(worker(number)).await.map(|_leases| ());
    assert!(beaten.is_ok(), "{beaten:?}");
}

pub async fn responses_of_a_silent_process_are_orphans(store: &dyn Subject) {
    beat(store, 1).await;
    let (held, lost) = (accepted(1), accepted(2));
    write(store, alone(Guard::New(worker(1)), &held)).await;
    write(store, alone(Guard::New(worker(2)), &lost)).await;
    assert_eq!(orphans(store, 10).await, [lost.id]);
    beat(store, 2).await;
    beat(store, 2).await;
    assert_eq!(orphans(store, 10).await, []);
}

pub async fn responses_of_a_process_that_left_are_orphans(store: &dyn Subject) {
    for number in 1..=2 {
        beat(store, number).await;
        write(store, alone(Guard::New(worker(number)), &accepted(number))).await;
    }
    assert!(store.leave(worker(1)).await.is_ok());
    assert!(store.leave(worker(3)).await.is_ok());
    assert_eq!(orphans(store, 10).await, [accepted(1).id]);
}

pub async fn only_foreground_responses_in_progress_are_orphans(store: &dyn Subject) {
    let background = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    let responses = [
        asked(1, background.clone()),
        changed(asked(2, background), Change::Start),
        changed(accepted(3), Change::Complete),
        changed(accepted(4), Change::Cancel),
        accepted(5),
    ];
    for response in &responses {
        put(store, response, Vec::new()).await;
    }
    assert_eq!(orphans(store, 10).await, [accepted(5).id]);
    // Whoever finds it ends it, and then it is none.
    let ended = changed(accepted(5), Change::Cancel);
    write(store, alone(Guard::Open, &ended)).await;
    assert_eq!(orphans(store, 10).await, []);
}

pub async fn orphans_come_whole_and_some_at_a_time(store: &dyn Subject) {
    let mut responses = Vec::new();
    for number in 1..=5 {
        let response = accepted(number);
        let calls = [call(&response, 0, ExecutionState::Started)];
        let response = with_calls(response, &calls);
        put(store, &response, Vec::new()).await;
        responses.push(response);
    }
    let found = store.orphans(10).await.unwrap_or_default();
    assert_eq!(found.len(), 5);
    for orphan in &found {
        assert!(
            responses.contains(orphan),
            "{orphan:?} is not what was written"
        );
    }
    assert_eq!(orphans(store, 2).await.len(), 2);
}

pub async fn a_store_is_ready(store: &dyn Subject) {
    let readiness = store.readiness().await;
    assert_eq!((readiness.reachable, readiness.schema), (Ok(()), Ok(())));
}
