//! The end of a background response, however it comes.

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::execution::ExecutionState;
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::{ItemStatus, Message, Role};
use response_domain::lease::Lease;
use response_domain::ports::queue::Depth;
use response_domain::ports::store::HistoryRef;
use response_domain::response::Response;
use response_domain::status::{Change, IncompleteReason, Status};
use response_domain::work::{Guard, UnitOfWork};

use super::sample::{
    assert_reads, claim, claims, deltas, end, enqueue, log, more, question, running, standing,
    start, step, taken_up, tell, untold, words,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    ada, call, changed, conversation, found, item, refused, said, with_calls, worker, write,
};

/// Nothing waits or runs, and nobody holds anything.
async fn assert_nothing_left(fixture: &Fixture, lease: Option<&Lease>) {
    let store = fixture.store();
    assert_eq!(store.depth().await.ok(), Some(Depth::default()));
    assert_eq!(claims(store, claim(7)).await, []);
    for process in 1..4 {
        let held = store.beat(worker(process)).await.ok();
        assert_eq!(held, Some(Vec::new()));
    }
    if let Some(lease) = lease {
        // The credential goes with the job.
        assert_eq!(taken_up(store, lease).await, None);
        assert!(store.hand_back(lease).await.is_ok());
        assert_eq!(claims(store, claim(7)).await, []);
    }
}

pub async fn an_ending_leaves_nothing_in_the_queue(fixture: &Fixture) {
    let store = fixture.store();
    let endings = [
        Change::Complete,
        Change::Stop(IncompleteReason::ToolCalls),
        Change::Fail(Failure::new(FailureCode::TaskTimeout, "too late")),
        Change::Cancel,
    ];
    for (number, change) in (1..).zip(endings) {
        let (response, lease) = running(store, number, 1).await;
        write(store, start(lease, &response)).await;
        let ended = changed(response, change);
        write(store, end(lease, &ended, 2)).await;
        assert_nothing_left(fixture, Some(&lease)).await;
        let standing = standing(store, ended.id).await;
        assert_eq!((&*standing.response, standing.checkpoint), (&ended, None));
        assert_eq!(standing.next, 3);
        untold(store, &lease, &more(3, deltas(&ended, 3..4))).await;
        refused(store, end(lease, &ended, 3)).await;
        refused(store, standing_end(&ended)).await;
    }
}

/// The write of somebody who would end it once more.
fn standing_end(ended: &Response) -> UnitOfWork {
    UnitOfWork::of(Guard::Open, Arc::new(ended.clone()))
}

pub async fn what_ends_in_the_background_is_appended_to_its_conversation(fixture: &Fixture) {
    let store = fixture.store();
    let endings = [
        (Change::Complete, 1),
        (Change::Cancel, 0),
        (Change::Stop(IncompleteReason::OutputTokens), 1),
    ];
    for (number, (change, appended)) in (1..).zip(endings) {
        let (response, lease) = running(store, number, 1).await;
        let ended = changed(response, change);
        let answer = item(&ended, 1, said(Role::Assistant, "So it is."));
        let work = UnitOfWork {
            items: vec![Arc::clone(&answer)],
            ..end(lease, &ended, 1)
        };
        write(store, work).await;
        let from = HistoryRef::Conversation(conversation(number));
        let history = store.history(&ada(), from).await.ok().flatten();
        let seen = history.as_ref().map(|history| history.seen);
        assert_eq!(seen, Some(appended));
        let items = if appended == 1 {
            vec![question(&ended), answer]
        } else {
            Vec::new()
        };
        assert_eq!(history.map(|history| history.items), Some(items));
    }
}

pub async fn a_response_that_waits_is_cancelled(fixture: &Fixture) {
    let store = fixture.store();
    let response = enqueue(store, 1).await;
    let cancelled = changed(response, Change::Cancel);
    let work = standing(store, cancelled.id).await;
    let work = work.end(cancelled.clone(), &[], Guard::Open);
    write(store, work).await;
    assert_nothing_left(fixture, None).await;
    assert_eq!(*found(store, cancelled.id).await, cancelled);
    let told = [
        Event::Created(Arc::new(cancelled.clone())),
        Event::Ended(Arc::new(cancelled.clone())),
    ];
    assert_reads(&log(store, cancelled.id).await, &told, &cancelled);
}

pub async fn a_response_that_runs_is_cancelled_with_what_it_had(fixture: &Fixture) {
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
    let mut events: Vec<Event> = events.collect();
    let [done, _] = &calls;
    events.push(Event::CallReturned(Arc::clone(done)));
    write(store, step(lease, &response, 2, events)).await;
    tell(store, &lease, &more(5, words(&response, &["It ", "is"]))).await;

    let standing = standing(store, response.id).await;
    let moment = response.times.updated;
    let cancelled = standing.response.cancelled(moment);
    if let Some(ended) = cancelled {
        write(store, standing.end(ended, &[], Guard::Open)).await;
    }
    assert_nothing_left(fixture, Some(&lease)).await;
    let ended = found(store, response.id).await;
    assert_eq!(*ended.status(), Status::Cancelled);
    let states: Vec<_> = ended
        .progress
        .executions
        .iter()
        .map(|it| &it.state)
        .collect();
    let found = ExecutionState::Completed("found".into());
    assert_eq!(states, [&found, &ExecutionState::Cancelled]);
    let items = store.items(&ada(), response.id).await.unwrap_or_default();
    let half = items
        .iter()
        .find(|item| item.status == ItemStatus::Incomplete);
    let half = half.and_then(|item| item.as_message());
    assert_eq!(half.map(Message::joined_text), Some("It is".into()));
    assert_eq!(ended.progress.output.as_deref(), Some("It is"));
    let log = log(store, response.id).await;
    assert_eq!(log.last(), Some(&Event::Ended(Arc::clone(&ended))));
    // What its holder says now is too late.
    let done = changed(response, Change::Complete);
    let next = u64::try_from(log.len()).unwrap_or(u64::MAX);
    refused(store, end(lease, &done, next)).await;
    untold(store, &lease, &more(next, deltas(&done, next..next + 1))).await;
}

pub async fn a_cancel_that_read_too_early_is_stale(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    let early = standing(store, response.id).await;
    write(store, start(lease, &response)).await;
    let cancelled = changed(response.clone(), Change::Cancel);
    refused(store, early.end(cancelled.clone(), &[], Guard::Open)).await;
    let early = standing(store, response.id).await;
    tell(store, &lease, &more(2, words(&response, &["It "]))).await;
    refused(store, early.end(cancelled.clone(), &[], Guard::Open)).await;
    assert_eq!(*found(store, response.id).await, response);
    assert!(taken_up(store, &lease).await.is_some());
    let now = standing(store, response.id).await;
    write(store, now.end(cancelled, &[], Guard::Open)).await;
    assert_nothing_left(fixture, Some(&lease)).await;
}
