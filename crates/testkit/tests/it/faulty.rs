//! The store whose writes go wrong as planned, on the way through the queue.

use std::sync::Arc;

use futures::FutureExt;
use response_domain::lease::Lease;
use response_domain::ports::queue::{EventLog, JobQueue};
use response_domain::ports::store::{StoreError, WorkerRegistry};
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::memory::MemoryStore;
use response_testkit::queue_suite::sample::{claim, deltas, enqueue, more, running, standing};

mod conversation;
mod webhook;

const FATES: [Fate; 5] = [
    Fate::Written,
    Fate::DiesBefore,
    Fate::DiesAfter,
    Fate::Away,
    Fate::AnswerLost,
];

/// Whether it was written, and what whoever wrote learned.
fn expected(fate: Fate) -> (bool, &'static str) {
    match fate {
        Fate::Written => (true, "ok"),
        Fate::DiesBefore => (false, "nothing"),
        Fate::DiesAfter => (true, "nothing"),
        Fate::Away => (false, "away"),
        Fate::AnswerLost => (true, "away"),
    }
}

fn learned<T>(answer: Option<&Result<T, StoreError>>) -> &'static str {
    match answer {
        None => "nothing",
        Some(Ok(_)) => "ok",
        Some(Err(StoreError::Unavailable(_))) => "away",
        Some(Err(_)) => "fault",
    }
}

#[tokio::test]
async fn additions_and_hand_backs_share_the_fates_of_commits() {
    for fate in FATES {
        let inner = Arc::new(MemoryStore::default());
        let (response, lease) = running(&*inner, 1, 1).await;
        let plan = move |number| if number == 2 { fate } else { Fate::Written };
        let store = FaultyStore::new(Arc::clone(&inner), plan);
        let first = more(1, deltas(&response, 1..2));
        store.append(&lease, &first).await.unwrap();
        let second = more(2, deltas(&response, 2..3));
        let answer = store.append(&lease, &second).now_or_never();
        let written = standing(&*inner, response.id).await.next == 3;
        assert_eq!(
            (written, learned(answer.as_ref())),
            expected(fate),
            "{fate:?}"
        );
        let died = store.died.notified().now_or_never().is_some();
        assert_eq!(died, expected(fate).1 == "nothing", "{fate:?}");

        let store = FaultyStore::new(Arc::clone(&inner), move |_| fate);
        let answer = store.hand_back(&lease).now_or_never();
        let written = inner.depth().await.unwrap().waiting == 1;
        assert_eq!(
            (written, learned(answer.as_ref())),
            expected(fate),
            "{fate:?}"
        );
        assert_eq!(store.commits(), 1);
    }
}

#[tokio::test]
async fn claims_and_takings_up_have_fates_of_their_own() {
    for fate in FATES {
        let inner = Arc::new(MemoryStore::default());
        let store = FaultyStore::new(Arc::clone(&inner), |_| Fate::Away)
            .claiming(move |number| if number == 1 { fate } else { Fate::Written });
        // A look at an empty queue is no claim.
        assert_eq!(store.claim(&claim(1)).await.unwrap(), []);
        enqueue(&*inner, 1).await;
        let answer = store.claim(&claim(1)).now_or_never();
        let written = inner.depth().await.unwrap().running == 1;
        assert_eq!(
            (written, learned(answer.as_ref())),
            expected(fate),
            "{fate:?}"
        );
        if let Some(lease) = held(&inner).await {
            let taken = store.take_up(&lease).await.unwrap().unwrap();
            assert_eq!(taken.standing.response.id, lease.response);
        }
        assert_eq!(store.commits(), 0);
    }
}

async fn held(store: &MemoryStore) -> Option<Lease> {
    let held = store.beat(claim(1).worker).await;
    held.ok().and_then(|mut leases| leases.pop())
}
