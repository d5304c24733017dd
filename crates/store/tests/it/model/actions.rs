//! What processes do with the real queue, whatever they hold.

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::{EventLog, Standing};
use response_domain::ports::store::{ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::status::{Change, Status};
use response_domain::work::{Append, Guard, UnitOfWork};
use response_store::Store;
use response_testkit::queue_suite::sample::{checkpoint, more, place, step};
use response_testkit::store_suite::sample::{ada, changed};

/// Whether a write was done; any other answer than that it came too late is a fault.
pub(crate) fn is_done(written: Result<(), StoreError>) -> bool {
    match written {
        Ok(()) => true,
        Err(StoreError::Stale) => false,
        Err(error) => {
            unreachable!("no lock was waited for too long, and no deadlock met: {error:?}")
        }
    }
}

pub(crate) async fn standing(store: &Store, id: ResponseId) -> Option<Standing> {
    store.standing(&ada(), id).await.unwrap()
}

/// Events that name the token they were written under.
fn under(lease: &Lease, response: &Response, count: u64) -> Vec<Event> {
    let place = place(response, 1);
    let kind = response_domain::event::TextKind::Output;
    let text = || format!("{} ", lease.token).into_boxed_str();
    (0..count)
        .map(|_| Event::TextDelta(place, kind, text()))
        .collect()
}

/// Adds events to the log; `from` may be wrong.
pub(crate) async fn tell(
    store: &Store,
    lease: &Lease,
    standing: &Standing,
    (from, count): (u64, u64),
) -> Result<(), StoreError> {
    let events = under(lease, &standing.response, count);
    store.append(lease, &more(from, events)).await
}

/// The response as its holder has it: begun.
fn begun(response: &Response) -> Response {
    match response.status() {
        Status::Queued => changed(response.clone(), Change::Start),
        Status::InProgress => response.clone(),
        // It ended while the holder was not looking.
        _ => changed(response.as_accepted(), Change::Start),
    }
}

/// Writes the end of a step.
pub(crate) async fn save(
    store: &Store,
    lease: Lease,
    standing: &Standing,
) -> Result<(), StoreError> {
    let response = begun(&standing.response);
    let events = under(&lease, &response, 1);
    let mut work = step(lease, &response, standing.next, events);
    work.checkpoint = Some(checkpoint(2));
    store.commit(work).await.map(drop)
}

/// Ends a response under a lease.
pub(crate) async fn finish(
    store: &Store,
    lease: Lease,
    standing: &Standing,
    completes: bool,
) -> Result<(), StoreError> {
    let change = if completes {
        Change::Complete
    } else {
        Change::Fail(Failure::new(FailureCode::Internal, "a fault"))
    };
    let response = changed(begun(&standing.response), change);
    let mut events = under(&lease, &response, 1);
    events.push(Event::Ended(Arc::new(response.clone())));
    store
        .commit(UnitOfWork {
            log: Append::whole(standing.next, events),
            ..UnitOfWork::of(Guard::Leased(lease), Arc::new(response))
        })
        .await
        .map(drop)
}

/// Cancels a response, as anybody may; answers whether there was something to cancel.
pub(crate) async fn cancel(store: &Store, id: ResponseId) -> bool {
    loop {
        let Some(standing) = standing(store, id).await else {
            return false;
        };
        let at = standing.response.times.updated;
        let Some(cancelled) = standing.response.cancelled(at) else {
            return false;
        };
        let own = store.items(&ada(), id).await.unwrap();
        let work = standing.end(cancelled, &own, Guard::Open);
        if is_done(store.commit(work).await.map(drop)) {
            return true;
        }
    }
}

/// What the log of a response of ada's must be: without gap or double, under tokens that only grow, and
/// ended once, at its end, if the response has ended. Answers its length.
pub(crate) async fn checked_log(store: &Store, id: ResponseId, has_ended: bool) -> u64 {
    let mut events = Vec::new();
    loop {
        let from = u64::try_from(events.len()).unwrap_or(u64::MAX);
        let page = store.events(&ada(), id, from, 100).await.unwrap().unwrap();
        if page.is_empty() {
            break;
        }
        for (number, recorded) in (from..).zip(page) {
            assert_eq!(recorded.number, number, "{id}: a gap or a double");
            events.push(recorded.event);
        }
    }
    let token = |event: &Event| match event {
        Event::TextDelta(_, _, text) => text.trim().parse::<u64>().ok(),
        _ => None,
    };
    let tokens: Vec<u64> = events.iter().filter_map(token).collect();
    assert!(
        tokens.is_sorted(),
        "{id}: somebody wrote whose lease was gone: {tokens:?}"
    );
    let is_end = |event: &Event| matches!(event, Event::Ended(_));
    let ends = events.iter().filter(|event| is_end(event)).count();
    assert_eq!(ends, usize::from(has_ended), "{id}: {events:?}");
    assert_eq!(
        events.last().is_some_and(is_end),
        has_ended,
        "{id}: {events:?}"
    );
    u64::try_from(events.len()).unwrap_or(u64::MAX)
}
