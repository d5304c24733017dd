//! Responses whose process is gone.

use std::time::Duration;

use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, Rescue};
use response_domain::status::{Change, Status};
use response_domain::work::Guard;

use super::sample::{
    claim, claim_one, claims, deltas, end, enqueue, ids, more, queued, running, standing, start,
    taken_up, tell, untold, words,
};
use crate::store_suite::sample::{changed, found, id, refused, worker, write};
use crate::store_suite::{Fixture, Subject};

/// How often a response may be lost.
const ATTEMPTS: u16 = 3;

async fn rescue(store: &dyn Subject, process: u32) -> Rescue {
    some(store, process, 100).await
}

async fn some(store: &dyn Subject, process: u32, at_most: u16) -> Rescue {
    let rescued = store.rescue(worker(process), ATTEMPTS, at_most).await;
    assert!(rescued.is_ok(), "{rescued:?}");
    let mut rescued = rescued.unwrap_or_default();
    rescued.again.sort_unstable();
    rescued.spent.sort_by_key(|lease| lease.response);
    rescued
}

fn again(numbers: &[u32]) -> Rescue {
    Rescue {
        again: numbers.iter().map(|number| id(*number)).collect(),
        spent: Vec::new(),
    }
}

async fn beat(store: &dyn Subject, process: u32) -> Vec<Lease> {
    let held = store.beat(worker(process)).await;
    assert!(held.is_ok(), "{held:?}");
    held.unwrap_or_default()
}

pub async fn responses_of_a_lost_process_wait_again_at_their_place(fixture: &Fixture) {
    let store = fixture.store();
    let mut leases = Vec::new();
    for number in [2, 1, 3] {
        let (response, lease) = running(store, number, 1).await;
        write(store, start(lease, &response)).await;
        tell(store, &lease, &more(2, words(&response, &["It "]))).await;
        leases.push((response, lease));
        fixture.outside().pass(Duration::from_millis(20)).await;
    }
    enqueue(store, 4).await;
    beat(store, 1).await;
    assert_eq!(rescue(store, 2).await, Rescue::default());
    fixture.outside().lose(worker(1)).await;
    assert_eq!(rescue(store, 2).await, again(&[1, 2, 3]));
    assert_eq!(rescue(store, 2).await, Rescue::default());
    for (response, lease) in &leases {
        let now = found(store, response.id).await;
        assert_eq!(*now.status(), Status::Queued);
        assert_eq!(now.times.started, response.times.started);
        // It keeps what it had, and its old holder is shut out before anybody else has it.
        let standing = standing(store, response.id).await;
        assert_eq!((standing.next, standing.tail.len()), (5, 3));
        assert!(standing.checkpoint.is_some());
        untold(store, lease, &more(5, deltas(response, 5..6))).await;
        refused(store, start(*lease, response)).await;
    }
    let claimed = claims(store, claim(2)).await;
    assert_eq!(ids(&claimed), [id(2), id(1), id(3), id(4)]);
    let attempts: Vec<u16> = claimed.iter().map(|it| it.attempt).collect();
    assert_eq!(attempts, [2, 2, 2, 1]);
}

pub async fn a_rescue_takes_from_the_lost_only(fixture: &Fixture) {
    let store = fixture.store();
    for (number, process) in [(1, 1), (2, 2), (3, 3)] {
        beat(store, process).await;
        running(store, number, process).await;
    }
    enqueue(store, 4).await;
    fixture.outside().lose(worker(2)).await;
    assert_eq!(rescue(store, 1).await, again(&[2]));
    // One that never gave a sign of life, and one that left.
    let unknown = claims(store, claim(9)).await;
    assert_eq!(ids(&unknown), [id(2), id(4)]);
    assert!(store.leave(worker(3)).await.is_ok());
    assert_eq!(rescue(store, 1).await, again(&[2, 3, 4]));
    assert_eq!(beat(store, 1).await.len(), 1);
}

pub async fn who_is_lost_too_often_is_handed_to_the_rescuer(fixture: &Fixture) {
    let store = fixture.store();
    let response = enqueue(store, 1).await;
    let mut last = None;
    for loss in 1..=ATTEMPTS {
        let lease = claim_one(store, 1).await.lease;
        if loss == 1 {
            let started = changed(response.clone(), Change::Start);
            write(store, start(lease, &started)).await;
        }
        // What is handed back is not lost.
        assert!(store.hand_back(&lease).await.is_ok());
        let lease = claim_one(store, 1).await.lease;
        last = Some(lease);
        if loss < ATTEMPTS {
            assert_eq!(rescue(store, 2).await, again(&[1]), "loss {loss}");
        }
    }
    beat(store, 2).await;
    let rescued = rescue(store, 2).await;
    assert_eq!(rescued.again, Vec::<ResponseId>::new());
    let [spent] = rescued.spent.as_slice() else {
        panic!("it was lost as often as allowed: {rescued:?}")
    };
    assert_eq!((spent.response, spent.worker), (response.id, worker(2)));
    assert!(Some(spent.token) > last.map(|lease| lease.token));
    assert_eq!(beat(store, 2).await, [*spent]);
    // It waits for nobody else, and is not rescued from a living one.
    assert_eq!(claims(store, claim(3)).await, []);
    assert_eq!(rescue(store, 3).await, Rescue::default());
    let taken = taken_up(store, spent).await;
    let standing = taken.map(|taken| taken.standing);
    let ending = standing.as_ref().and_then(|it| {
        let at = it.response.times.updated;
        Some(it.end(it.response.lost(at)?, &[], Guard::Leased(*spent)))
    });
    if let Some(work) = ending {
        write(store, work).await;
    }
    let ended = found(store, response.id).await;
    assert!(matches!(ended.status(), Status::Failed(_)), "{ended:?}");
    assert_eq!(beat(store, 2).await, []);
}

pub async fn what_a_lost_rescuer_held_goes_to_the_next(fixture: &Fixture) {
    let store = fixture.store();
    enqueue(store, 1).await;
    for _ in 1..ATTEMPTS {
        claim_one(store, 1).await;
        assert_eq!(rescue(store, 2).await, again(&[1]));
    }
    claim_one(store, 1).await;
    let mut holder = None;
    for rescuer in [2, 3, 4] {
        beat(store, rescuer).await;
        let rescued = rescue(store, rescuer).await;
        let spent = rescued.spent.first().copied();
        assert_eq!(spent.map(|lease| lease.worker), Some(worker(rescuer)));
        if let Some(lease) = holder {
            assert_eq!(taken_up(store, &lease).await, None);
        }
        holder = spent;
        fixture.outside().lose(worker(rescuer)).await;
    }
}

/// A claim for so long.
fn hold(process: u32, seconds: u64) -> Claim {
    Claim {
        hold: Duration::from_secs(seconds),
        ..claim(process)
    }
}

/// Lets time pass, in which all these processes live.
async fn live(fixture: &Fixture, processes: &[u32], seconds: u64) {
    fixture.outside().pass(Duration::from_secs(seconds)).await;
    for process in processes {
        beat(fixture.store(), *process).await;
    }
}

pub async fn who_keeps_one_past_its_time_loses_it(fixture: &Fixture) {
    let store = fixture.store();
    enqueue(store, 1).await;
    let claimed = claims(store, hold(1, 10)).await;
    enqueue(store, 2).await;
    claims(store, hold(1, 60)).await;
    live(fixture, &[1, 2], 15).await;
    // A moment for its holder to end it.
    assert_eq!(rescue(store, 2).await, Rescue::default());
    live(fixture, &[1, 2], 10).await;
    assert_eq!(rescue(store, 2).await, again(&[1]));
    for claimed in claimed {
        assert_eq!(taken_up(store, &claimed.lease).await, None);
    }
    assert_eq!(beat(store, 1).await.len(), 1);
}

pub async fn who_claims_late_may_still_end_it(fixture: &Fixture) {
    let store = fixture.store();
    let response = enqueue(store, 1).await;
    for claimed in claims(store, hold(1, 10)).await {
        assert!(store.hand_back(&claimed.lease).await.is_ok());
    }
    live(fixture, &[2], 40).await;
    let claimed = claim_one(store, 2).await;
    assert_eq!(claimed.left, Duration::ZERO);
    assert_eq!(rescue(store, 3).await, Rescue::default());
    live(fixture, &[2], 5).await;
    assert_eq!(rescue(store, 3).await, Rescue::default());
    let ended = changed(changed(response, Change::Start), Change::Cancel);
    write(store, end(claimed.lease, &ended, 1)).await;
    // One who does not loses it after all.
    enqueue(store, 2).await;
    for claimed in claims(store, hold(1, 1)).await {
        assert!(store.hand_back(&claimed.lease).await.is_ok());
    }
    live(fixture, &[2], 30).await;
    claim_one(store, 2).await;
    live(fixture, &[2], 15).await;
    assert_eq!(rescue(store, 3).await, again(&[2]));
}

pub async fn a_rescue_takes_some_at_a_time(fixture: &Fixture) {
    let store = fixture.store();
    for number in 1..=5 {
        running(store, number, 1).await;
    }
    let mut rescued = Vec::new();
    for expected in [2, 2, 1, 0] {
        let again = some(store, 2, 2).await.again;
        assert_eq!(again.len(), expected, "{again:?}");
        rescued.extend(again);
    }
    rescued.sort_unstable();
    let all: Vec<ResponseId> = (1..=5).map(id).collect();
    assert_eq!(rescued, all);
}

pub async fn a_response_that_was_not_begun_may_be_lost(fixture: &Fixture) {
    let store = fixture.store();
    running(store, 1, 1).await;
    assert_eq!(rescue(store, 2).await, again(&[1]));
    assert_eq!(*found(store, id(1)).await, queued(1));
    assert_eq!(claim_one(store, 2).await.attempt, 2);
}
