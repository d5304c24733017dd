//! The same on the way of a delivery.

use std::sync::Arc;

use futures::FutureExt;
use response_domain::ports::webhook::WebhookOutbox;
use response_domain::webhook::{GaveUp, Lane};
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::memory::MemoryStore;
use response_testkit::store_suite::Fixture;
use response_testkit::webhook_suite::sample::{
    ARRIVED, answered, complete_calling_back, delivery, due_claim, is_pending, to_callback,
};

use super::{FATES, expected, learned};

/// A store in which a delivery is due, and the doors to it.
async fn due() -> (Arc<MemoryStore>, Fixture) {
    let inner = Arc::new(MemoryStore::default());
    let fixture = Fixture::around(Arc::clone(&inner));
    complete_calling_back(&fixture, 1).await;
    (inner, fixture)
}

#[tokio::test]
async fn recorded_attempts_share_the_fates_of_commits() {
    for fate in FATES {
        for given_up in [false, true] {
            let (inner, fixture) = due().await;
            let store = FaultyStore::new(inner, move |_| fate);
            let claim = due_claim(1, Lane::Prompt);
            let lease = store.claim(&claim).await.unwrap()[0].lease;
            let answer = if given_up {
                store.give_up(&lease, GaveUp::Spent).now_or_never()
            } else {
                let attempt = answered(200);
                store.record(&lease, &attempt, &ARRIVED).now_or_never()
            };
            let written = !is_pending(&delivery(&fixture, to_callback(1)).await);
            assert_eq!(
                (written, learned(answer.as_ref())),
                expected(fate),
                "{fate:?}"
            );
            assert_eq!(store.commits(), 1);
        }
    }
}

#[tokio::test]
async fn claims_of_deliveries_share_the_fates_of_claims() {
    for fate in FATES {
        let (inner, _fixture) = due().await;
        let store = FaultyStore::new(Arc::clone(&inner), |_| Fate::Away)
            .claiming(move |number| if number == 1 { fate } else { Fate::Written });
        let claim = due_claim(1, Lane::Prompt);
        let answer = store.claim(&claim).now_or_never();
        let written = inner.depth().await.unwrap().overdue.is_none();
        assert_eq!(
            (written, learned(answer.as_ref())),
            expected(fate),
            "{fate:?}"
        );
        // A look at an empty lane is no claim.
        let store = FaultyStore::new(inner, |_| Fate::Away).claiming(move |_| fate);
        if written {
            assert_eq!(store.claim(&claim).await.unwrap(), []);
        }
        assert_eq!(store.commits(), 0);
    }
}
