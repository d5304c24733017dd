//! What holds when several want the same at once.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use response_domain::event::Event;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, Depth};
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::{Change, Status};
use response_domain::work::Guard;
use tokio::task::yield_now;

use super::sample::{
    claim, claim_one, claims, deltas, end, enqueue, ids, log, more, queued, running, standing,
    start, step,
};
use crate::store_suite::sample::{changed, found, id, worker, write};
use crate::store_suite::{Fixture, Subject};

const PROCESSES: u32 = 8;
const ROUNDS: u32 = 20;

pub async fn each_response_is_claimed_by_one(fixture: &Fixture) {
    const ALL: u32 = 60;
    let store = fixture.store();
    join_all((1..=ALL).map(|number| enqueue(store, number))).await;
    let work = (1..=PROCESSES).map(|process| async move {
        let mut mine = Vec::new();
        let wanted = Claim {
            at_most: 3,
            ..claim(process)
        };
        loop {
            // Whoever others are claiming may be passed over, so an empty hand is not an empty queue.
            let claimed = claims(store, wanted).await;
            if claimed.is_empty() && depth(store).await.waiting == 0 {
                return mine;
            }
            assert!(claimed.iter().all(|it| it.lease.worker == worker(process)));
            mine.extend(ids(&claimed));
        }
    });
    let claimed: Vec<_> = join_all(work).await.into_iter().flatten().collect();
    let each: HashSet<_> = claimed.iter().copied().collect();
    assert_eq!((claimed.len(), each.len()), (60, 60));
    assert_eq!(depth(store).await.running, u64::from(ALL));
}

async fn depth(store: &dyn Subject) -> Depth {
    let depth = store.depth().await;
    assert!(depth.is_ok(), "{depth:?}");
    depth.unwrap_or_default()
}

/// Lets the others get a little further, now less, now more.
async fn now_or_later(round: u32) {
    for _ in 0..round % 7 {
        yield_now().await;
    }
}

/// Cancels a response as any process may, as often as it takes; whether it did.
async fn cancel(store: &dyn Subject, response: &Response) -> bool {
    loop {
        let standing = standing(store, response.id).await;
        let at = response.times.updated;
        let Some(cancelled) = standing.response.cancelled(at) else {
            return false;
        };
        match store
            .commit(standing.end(cancelled, &[], Guard::Open))
            .await
        {
            Ok(_) => return true,
            Err(StoreError::Stale) => {}
            Err(error) => assert!(matches!(error, StoreError::Stale), "{error:?}"),
        }
    }
}

/// Tells a little more a few times, then ends; whether it did.
async fn complete(store: &dyn Subject, response: &Response, lease: Lease) -> bool {
    for from in 2..6 {
        yield_now().await;
        let told = store
            .append(&lease, &more(from, deltas(response, from..from + 1)))
            .await;
        match told {
            Ok(()) => {}
            Err(StoreError::Stale) => return false,
            Err(error) => assert!(matches!(error, StoreError::Stale), "{error:?}"),
        }
    }
    let ended = changed(response.clone(), Change::Complete);
    let written = store.commit(end(lease, &ended, 6)).await;
    assert!(
        matches!(written, Ok(_) | Err(StoreError::Stale)),
        "{written:?}"
    );
    written.is_ok()
}

/// It ended once, as the last thing that its log tells.
async fn assert_ended_once(store: &dyn Subject, response: &Response) -> Arc<Response> {
    let ended = found(store, response.id).await;
    assert!(ended.status().is_ended());
    let log = log(store, response.id).await;
    let ends = log.iter().filter(|event| matches!(event, Event::Ended(_)));
    assert_eq!(ends.count(), 1, "{log:?}");
    assert_eq!(log.last(), Some(&Event::Ended(Arc::clone(&ended))));
    assert_eq!(depth(store).await, Depth::default());
    ended
}

pub async fn of_a_cancel_and_an_ending_one_wins(fixture: &Fixture) {
    let store = fixture.store();
    for number in 1..=ROUNDS {
        let (response, lease) = running(store, number, 1).await;
        write(store, start(lease, &response)).await;
        let (cancelled, completed) = futures::join!(
            async {
                now_or_later(number).await;
                cancel(store, &response).await
            },
            complete(store, &response, lease)
        );
        assert_ne!(cancelled, completed, "round {number}");
        let ended = assert_ended_once(store, &response).await;
        assert_eq!(*ended.status() == Status::Cancelled, cancelled);
    }
}

pub async fn of_many_cancels_one_wins(fixture: &Fixture) {
    let store = fixture.store();
    for number in 1..=5 {
        let response = if number % 2 == 0 {
            enqueue(store, number).await
        } else {
            running(store, number, 1).await.0
        };
        let cancels = (0..PROCESSES).map(|_| cancel(store, &response));
        let won = join_all(cancels).await.into_iter().filter(|won| *won);
        assert_eq!(won.count(), 1);
        assert_ended_once(store, &response).await;
    }
}

pub async fn each_loss_is_counted_once(fixture: &Fixture) {
    const ALL: u32 = 12;
    let store = fixture.store();
    for number in 1..=ALL {
        enqueue(store, number).await;
    }
    let everybody = async |attempts| {
        for process in 2..=PROCESSES {
            assert!(store.beat(worker(process)).await.is_ok());
        }
        let rescues = (2..=PROCESSES).map(|process| store.rescue(worker(process), attempts, 5));
        let mut again = Vec::new();
        let mut spent = Vec::new();
        for outcome in join_all(rescues).await {
            assert!(outcome.is_ok(), "{outcome:?}");
            let taken = outcome.unwrap_or_default();
            again.extend(taken.again);
            spent.extend(taken.spent);
        }
        (again, spent)
    };
    let all = usize::try_from(ALL).unwrap_or(0);
    for (loss, expected) in [(1, (all, 0)), (2, (all, 0)), (3, (0, all))] {
        assert_eq!(claims(store, claim(1)).await.len(), all);
        let (again, spent) = everybody(3).await;
        assert_eq!((again.len(), spent.len()), expected, "loss {loss}");
    }
}

pub async fn nothing_is_written_after_a_rescue(fixture: &Fixture) {
    let store = fixture.store();
    for number in 1..=ROUNDS {
        let response = enqueue(store, number).await;
        let lease = claim_one(store, 1).await.lease;
        let started = changed(response, Change::Start);
        write(store, start(lease, &started)).await;
        let write_on = async {
            let mut next = 2;
            loop {
                yield_now().await;
                let events = deltas(&started, next..next + 1);
                let written = if next % 2 == 0 {
                    store.append(&lease, &more(next, events)).await
                } else {
                    let work = step(lease, &started, next, events);
                    store.commit(work).await.map(|_committed| ())
                };
                match written {
                    Ok(()) => next += 1,
                    Err(error) => {
                        assert!(matches!(error, StoreError::Stale), "{error:?}");
                        return next;
                    }
                }
            }
        };
        let rescue = async {
            now_or_later(number).await;
            // What somebody is writing to may be passed over.
            loop {
                let rescued = store.rescue(worker(2), 3, 10).await;
                assert!(rescued.is_ok(), "{rescued:?}");
                if rescued.is_ok_and(|it| it.again == [id(number)]) {
                    return;
                }
            }
        };
        let (next, ()) = futures::join!(write_on, rescue);
        // Nothing came after the first that was refused, and what came before is there.
        let standing = standing(store, id(number)).await;
        assert_eq!(standing.next, next);
        assert_eq!(standing.response.status(), queued(number).status());
        cancel(store, &started).await;
    }
}
