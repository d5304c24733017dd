//! Everybody who writes about webhooks at once, on a PostgreSQL server: nobody waits for ever, and what is left
//! is whole.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::{join, join_all};
use response_domain::ports::store::{ResponseStore, StoreError, WorkerRegistry};
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};
use response_domain::webhook::{Disabled, Effect, GaveUp, Lane, Outcome, Verdict};
use response_store::Store;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{ada, id, worker};
use response_testkit::webhook_suite::sample::{
    ARRIVED, PLENTY, again, answered, endpoint, endpoint_id, to_endpoint,
};
use sqlx::Executor;

use crate::deliveries::{attempt, due_claim, wait_for};
use crate::jobs::small;

const RESPONSES: u32 = 150;
const ENDPOINTS: u32 = 4;
const SENDERS: u32 = 6;

/// What was asked was done, or is refused because somebody else was faster. Nobody waits for ever: the
/// server would break that off.
fn done<T: std::fmt::Debug + Default>(asked: Result<T, StoreError>) -> T {
    let is_fine = matches!(asked, Ok(_) | Err(StoreError::Stale));
    assert!(is_fine, "{asked:?}");
    asked.unwrap_or_default()
}

/// Sends what is due until nothing is, each delivery with another outcome.
async fn send(store: &Store, process: u32, chance: &AtomicU32) {
    loop {
        let mut claimed = Vec::new();
        for &lane in Lane::ALL {
            let claim = due_claim(process, lane, 8);
            claimed.extend(done(store.claim(&claim).await));
        }
        let nothing = claimed.is_empty();
        join_all(claimed.iter().map(|due| async {
            let roll = chance.fetch_add(1, Ordering::Relaxed) % 7;
            let failed = |verdict, effect| Outcome { verdict, effect };
            let refused = attempt(due, 500);
            let lease = &due.lease;
            let spent = Verdict::GivenUp(GaveUp::Spent);
            match roll {
                0 | 1 if due.tried < 3 => {
                    done(store.record(lease, &refused, &again(0)).await);
                }
                2 => done(
                    store
                        .record(lease, &refused, &failed(spent, Effect::Fails))
                        .await,
                ),
                3 if due.tried == 0 => {
                    done(store.postpone(&[*lease], Duration::ZERO).await);
                    done(
                        store
                            .record(lease, &refused, &failed(spent, Effect::Fails))
                            .await,
                    );
                }
                4 => done(store.give_up(lease, GaveUp::EndpointDisabled).await),
                5 => {
                    let disable = failed(spent, Effect::Disable(Disabled::Failing));
                    done(store.record(lease, &refused, &disable).await);
                }
                _ => done(store.record(lease, &answered(200), &ARRIVED).await),
            }
        }))
        .await;
        if nothing && WebhookOutbox::depth(store).await.unwrap().pending == 0 {
            return;
        }
    }
}

/// Forgets endpoints and responses, begins deliveries again, and takes from a process that is gone.
async fn meddle(store: &Store) {
    let (owner, gone) = (ada(), worker(99));
    for round in 1..=RESPONSES {
        let key = to_endpoint(RESPONSES - round + 1, round % ENDPOINTS + 1);
        done(store.redeliver(&owner, key).await);
        let claim = response_domain::ports::webhook::DueClaim {
            worker: gone,
            ..due_claim(99, Lane::Prompt, 4)
        };
        done(store.claim(&claim).await);
        if round % 3 == 0 {
            done(store.delete(&owner, id(round)).await);
        }
        if round % 5 == 0 {
            done(store.rescue().await);
            done(store.give_back(worker(1)).await);
        }
        if round % 40 == 0 {
            let number = round / 40;
            assert!(done(store.remove(&owner, endpoint_id(number)).await));
            done(store.add(&endpoint(number), PLENTY).await.map(drop));
        }
    }
    done(store.give_back(gone).await);
}

/// What must be so whoever wrote in which order.
const BROKEN: [&str; 4] = [
    "SELECT count(*) FROM webhook_attempts a WHERE NOT EXISTS (
        SELECT FROM webhook_deliveries d
        WHERE d.response_id = a.response_id AND d.endpoint_id = a.endpoint_id
            AND a.number BETWEEN 1 AND d.attempts
    )",
    "SELECT count(*) FROM webhook_deliveries d WHERE d.attempts <> (
        SELECT count(*) FROM webhook_attempts a
        WHERE d.response_id = a.response_id AND d.endpoint_id = a.endpoint_id
    )",
    "SELECT count(*) FROM webhook_deliveries
    WHERE (state = 'pending') <> (due_at IS NOT NULL) OR (ended_at IS NULL) <> (state = 'pending')
        OR (state <> 'pending' AND worker_id IS NOT NULL) OR tried > attempts",
    "SELECT count(*) FROM webhook_deliveries d JOIN responses r ON r.id = d.response_id
    WHERE r.deleted_at IS NOT NULL",
];

/// The responses of all these jobs have ended.
const ENDED: &str = "DELETE FROM response_jobs;
    UPDATE responses SET status = 'completed', ended_at = now()";

#[tokio::test]
async fn whoever_writes_at_once_nobody_waits_in_a_circle() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let responses = (1..=RESPONSES).map(|number| (number, number));
    crate::jobs::queue(&mut connection, responses.clone()).await;
    connection.execute(ENDED).await.unwrap();
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(small(&database).await);
    }
    for number in 1..=ENDPOINTS {
        stores[0].add(&endpoint(number), PLENTY).await.unwrap();
        wait_for(&mut connection, Some(number), responses.clone()).await;
    }
    for number in 1..=SENDERS {
        stores[0].beat(worker(number)).await.unwrap();
    }
    let chance = AtomicU32::new(0);
    let senders = (1..=SENDERS)
        .zip(stores.iter().cycle())
        .map(|(number, store)| send(store, number, &chance));
    join(join_all(senders), meddle(&stores[0])).await;
    // What was begun again or given back after the last of them had looked.
    send(&stores[1], 1, &chance).await;
    for broken in BROKEN {
        let count: i64 = sqlx::query_scalar(broken)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(count, 0, "{broken}");
    }
    let sent: i64 = sqlx::query_scalar("SELECT count(*) FROM webhook_attempts")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(sent > 100, "{sent}");
}
