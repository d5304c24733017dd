//! Who gets which response, and for how long.

use std::num::NonZeroU32;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::ports::queue::{Claim, Claimed};
use response_domain::status::Change;

use super::sample::{
    HOLD, claim, claim_one, claims, end, enqueue, entry, ids, job_of, queued, queued_by, whole,
};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{changed, id, worker, write};

/// Long enough to be told apart, short beside everything else.
const A_MOMENT: Duration = Duration::from_millis(20);

/// Puts responses of these numbers into the queue, one after the other.
async fn enqueue_in_order(fixture: &Fixture, numbers: &[u32]) {
    for number in numbers {
        enqueue(fixture.store(), *number).await;
        fixture.outside().pass(A_MOMENT).await;
    }
}

pub async fn the_oldest_is_claimed_first(fixture: &Fixture) {
    let store = fixture.store();
    enqueue_in_order(fixture, &[4, 2, 5, 1, 3]).await;
    let first = Claim {
        at_most: 2,
        ..claim(1)
    };
    assert_eq!(ids(&claims(store, first).await), [id(4), id(2)]);
    let others = claims(store, claim(2)).await;
    assert_eq!(ids(&others), [id(5), id(1), id(3)]);
    assert_eq!(claims(store, claim(3)).await, []);
    // What went back is the oldest again.
    enqueue_in_order(fixture, &[6]).await;
    assert!(store.hand_back(&others[2].lease).await.is_ok());
    assert_eq!(ids(&claims(store, claim(1)).await), [id(3), id(6)]);
}

pub async fn no_more_is_claimed_than_asked_for(fixture: &Fixture) {
    let store = fixture.store();
    enqueue_in_order(fixture, &[1, 2, 3]).await;
    let some = |at_most| Claim {
        at_most,
        ..claim(1)
    };
    assert_eq!(claims(store, some(0)).await, []);
    assert_eq!(claims(store, some(2)).await.len(), 2);
    assert_eq!(claims(store, some(u16::MAX)).await.len(), 1);
}

pub async fn a_claim_changes_nothing_but_who_may_write(fixture: &Fixture) {
    let store = fixture.store();
    let response = enqueue(store, 1).await;
    let before = whole(store, response.id).await;
    let claimed = claim_one(store, 1).await;
    assert_eq!(claimed.lease.worker, worker(1));
    assert_eq!(whole(store, response.id).await, before);
}

/// Whether this much time is left, but for the moments that the test itself took.
fn assert_left(claimed: &Claimed, left: Duration) {
    let least = left.saturating_sub(Duration::from_secs(5));
    assert!(
        (least..=left).contains(&claimed.left),
        "{left:?} should be left: {claimed:?}"
    );
}

pub async fn a_claim_tells_how_often_and_how_long(fixture: &Fixture) {
    let store = fixture.store();
    enqueue(store, 1).await;
    let claimed = claim_one(store, 1).await;
    assert_eq!(claimed.attempt, 1);
    assert_left(&claimed, HOLD);
    // A claim that was handed back does not count, however often.
    for _ in 0..3 {
        let claimed = claim_one_again(fixture, claimed).await;
        assert_eq!(claimed.attempt, 1);
    }
    fixture.outside().lose(worker(1)).await;
    let rescued = store.rescue(worker(2), 3, 10).await;
    assert!(rescued.is_ok_and(|rescue| rescue.again == [id(1)]));
    assert_eq!(claim_one(store, 2).await.attempt, 2);
}

async fn claim_one_again(fixture: &Fixture, claimed: Claimed) -> Claimed {
    let store = fixture.store();
    let held = store.beat(claimed.lease.worker).await.unwrap_or_default();
    for lease in held {
        assert!(store.hand_back(&lease).await.is_ok());
    }
    claim_one(store, 1).await
}

pub async fn the_first_claim_sets_the_time_for_all(fixture: &Fixture) {
    let store = fixture.store();
    enqueue(store, 1).await;
    // While it waits for the first time, its time does not run.
    fixture.outside().pass(Duration::from_secs(20)).await;
    let first = claim_one(store, 1).await;
    assert_left(&first, HOLD);
    assert!(store.hand_back(&first.lease).await.is_ok());
    fixture.outside().pass(Duration::from_secs(20)).await;
    let second = claim_one(store, 2).await;
    assert_left(&second, HOLD.saturating_sub(Duration::from_secs(20)));
    assert!(second.left <= HOLD.saturating_sub(Duration::from_secs(20)));
    assert!(store.hand_back(&second.lease).await.is_ok());
    fixture.outside().pass(HOLD).await;
    assert_eq!(claim_one(store, 3).await.left, Duration::ZERO);
}

pub async fn every_claim_has_a_larger_token(fixture: &Fixture) {
    let store = fixture.store();
    enqueue(store, 1).await;
    let mut last = None;
    for round in 0..6 {
        let lease = claim_one(store, 1).await.lease;
        assert!(last < Some(lease.token), "{last:?} before {lease:?}");
        last = Some(lease.token);
        if round % 2 == 0 {
            assert!(store.hand_back(&lease).await.is_ok());
        } else {
            fixture.outside().lose(worker(1)).await;
            assert!(store.rescue(worker(2), 100, 10).await.is_ok());
        }
    }
}

fn share(process: u32, most: u32) -> Claim {
    Claim {
        per_owner: NonZeroU32::new(most),
        ..claim(process)
    }
}

pub async fn an_owner_runs_no_more_than_its_share(fixture: &Fixture) {
    let store = fixture.store();
    enqueue_in_order(fixture, &[1, 2, 3, 4, 5]).await;
    let claimed = claims(store, share(1, 2)).await;
    assert_eq!(ids(&claimed), [id(1), id(2)]);
    // Whoever asks.
    assert_eq!(claims(store, share(2, 2)).await, []);
    assert_eq!(ids(&claims(store, share(2, 3)).await), [id(3)]);
    // What ended does not count, nor what went back.
    let response = changed(queued(1), Change::Start);
    let ended = changed(response, Change::Complete);
    write(store, end(claimed[0].lease, &ended, 1)).await;
    assert_eq!(claims(store, share(1, 2)).await, []);
    assert!(store.hand_back(&claimed[1].lease).await.is_ok());
    assert_eq!(ids(&claims(store, share(1, 2)).await), [id(2)]);
    // Where there is no limit there is none.
    assert_eq!(ids(&claims(store, claim(1)).await), [id(4), id(5)]);
}

pub async fn a_share_that_is_used_up_does_not_stop_the_others(fixture: &Fixture) {
    let store = fixture.store();
    let (eve, bob) = (OwnerId::new("eve"), OwnerId::new("bob"));
    enqueue_in_order(fixture, &[1, 2, 3]).await;
    for (number, owner) in [(4, &eve), (5, &bob), (6, &eve)] {
        let work = entry(&queued_by(number, owner), job_of(number));
        write(store, work).await;
        fixture.outside().pass(A_MOMENT).await;
    }
    let two = Claim {
        at_most: 2,
        ..share(1, 1)
    };
    assert_eq!(ids(&claims(store, two).await), [id(1), id(4)]);
    assert_eq!(ids(&claims(store, share(2, 1)).await), [id(5)]);
    let rest = claims(store, share(2, 2)).await;
    assert_eq!(ids(&rest), [id(2), id(6)]);
}
