//! Webhooks that are written by several at the same moment on a PostgreSQL server.

use std::time::Duration;

use futures::future::join;
use response_domain::ports::store::{ResponseStore, StoreError, WorkerRegistry};
use response_domain::ports::webhook::{Added, EndpointStore, WebhookOutbox};
use response_domain::webhook::{Disabled, Due, EndpointState, GaveUp};
use response_store::Store;
use response_store::options::Options;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{ada, id, worker};
use response_testkit::webhook_suite::sample::{
    ARRIVED, PLENTY, again, complete, complete_calling_back, endpoint, endpoint_id, register,
    to_endpoint,
};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::behind::{write_behind, write_many_behind};
use crate::deliveries::{attempt, prompt, wait_for};
use crate::postgres::{open, options};

/// A delivery that a process has claimed, to an endpoint.
struct Scene {
    database: TestDatabase,
    store: Store,
    due: Due,
}

impl Scene {
    async fn new() -> Self {
        let database = TestDatabase::migrated().await;
        let store = open(&database).await;
        let fixture = Fixture::new(store.clone()).telling(store.clone());
        register(&fixture, &endpoint(1)).await;
        complete(&fixture, 1).await;
        let due = prompt(&store, 1, 1).await.pop().unwrap();
        Self {
            database,
            store,
            due,
        }
    }

    async fn other(&self, begun: &'static str) -> PgConnection {
        let mut other = self.database.connect().await;
        other.execute("BEGIN").await.unwrap();
        other.execute(begun).await.unwrap();
        other
    }

    async fn record(&self) -> Result<(), StoreError> {
        let taken = attempt(&self.due, 200);
        self.store.record(&self.due.lease, &taken, &ARRIVED).await
    }

    /// Deliveries and attempts.
    async fn rows(&self) -> (i64, i64) {
        let count = "SELECT (SELECT count(*) FROM webhook_deliveries),
            (SELECT count(*) FROM webhook_attempts)";
        let mut connection = self.database.connect().await;
        sqlx::query_as(count)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }
}

/// What the record of an attempt does.
const RECORDED: &str = "UPDATE webhook_deliveries SET
        state = 'delivered', ended_at = now(), due_at = NULL, worker_id = NULL, tried = 1, attempts = 1;
    INSERT INTO webhook_attempts (response_id, endpoint_id, number, at, url, duration_us, fault)
    SELECT response_id, endpoint_id, 1, now(), 'https://a', 1, 'timed_out' FROM webhook_deliveries";

#[tokio::test]
async fn an_attempt_that_is_recorded_while_all_is_forgotten_is_forgotten_too() {
    for what in ["response", "endpoint"] {
        let scene = Scene::new().await;
        let other = scene.other(RECORDED).await;
        let (store, owner) = (&scene.store, ada());
        let forget = async {
            match what {
                "response" => store.delete(&owner, id(1)).await,
                _ => store.remove(&owner, endpoint_id(1)).await,
            }
        };
        let forgotten = write_behind(&scene.database, other, "COMMIT", forget).await;
        assert!(forgotten.unwrap(), "{what}");
        assert_eq!(scene.rows().await, (0, 0), "{what}");
    }
}

#[tokio::test]
async fn a_record_that_waits_counts_only_if_its_lease_is_still_the_latest() {
    let taken = "UPDATE webhook_deliveries SET lease = lease + 1";
    let rescued = "UPDATE webhook_deliveries SET worker_id = NULL";
    let gone = "DELETE FROM webhook_deliveries";
    for (begun, left) in [(taken, 1), (rescued, 1), (gone, 0)] {
        for then in ["COMMIT", "ROLLBACK"] {
            let scene = Scene::new().await;
            let other = scene.other(begun).await;
            let recorded = write_behind(&scene.database, other, then, scene.record()).await;
            if then == "ROLLBACK" {
                recorded.unwrap();
                assert_eq!(scene.rows().await, (1, 1), "{begun}");
            } else {
                let stale = matches!(recorded, Err(StoreError::Stale));
                assert!(stale, "{begun}: {recorded:?}");
                assert_eq!(scene.rows().await, (left, 0), "{begun}");
            }
        }
    }
}

#[tokio::test]
async fn what_ends_while_its_endpoint_is_forgotten_is_sent_to_nobody() {
    let scene = Scene::new().await;
    let mut other = scene
        .other("DELETE FROM webhook_deliveries; DELETE FROM webhook_endpoints")
        .await;
    let fixture = Fixture::new(scene.store.clone()).telling(scene.store.clone());
    complete_calling_back(&fixture, 2).await;
    other.execute("COMMIT").await.unwrap();
    other.close().await.unwrap();
    assert_eq!(scene.rows().await, (2, 0));
    let claimed = prompt(&scene.store, 1, 10).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].lease.key.endpoint, None);
    assert_eq!(scene.rows().await, (1, 0));
}

#[tokio::test]
async fn an_endpoint_that_could_not_be_forgotten_whole_is_sent_nothing_more() {
    let scene = Scene::new().await;
    let other = scene
        .other("SELECT 1 FROM webhook_deliveries FOR UPDATE")
        .await;
    let impatient = Options {
        lock_timeout: Duration::from_millis(50),
        ..options(&scene.database)
    };
    let store = Store::open(impatient).await.unwrap();
    let cut_short = store.remove(&ada(), endpoint_id(1)).await;
    let away = matches!(cut_short, Err(StoreError::Unavailable(_)));
    assert!(away, "{cut_short:?}");
    other.close().await.unwrap();
    let left = EndpointStore::find(&store, &ada(), endpoint_id(1)).await;
    let (state, revision) = left.unwrap().map(|it| (it.state, it.revision)).unwrap();
    assert!(
        matches!(
            state,
            EndpointState::Disabled {
                why: Disabled::ByOwner,
                ..
            }
        ),
        "{state:?}"
    );
    assert_eq!(revision, 1);
    let fixture = Fixture::new(store.clone()).telling(store.clone());
    complete(&fixture, 2).await;
    assert_eq!(scene.rows().await, (1, 0));
    assert!(store.remove(&ada(), endpoint_id(1)).await.unwrap());
    assert_eq!(scene.rows().await, (0, 0));
}

#[tokio::test]
async fn who_registers_waits_for_who_is_about_to() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; LOCK TABLE webhook_endpoints IN SHARE MODE")
        .await
        .unwrap();
    let (one, two) = (endpoint(1), endpoint(2));
    let both = join(store.add(&one, 1), store.add(&two, 1));
    let (first, second) = write_many_behind(&database, other, 2, "COMMIT", both).await;
    let mut added = [first.unwrap(), second.unwrap()];
    added.sort_by_key(|added| *added == Added::Full);
    assert_eq!(added, [Added::Kept, Added::Full]);
}

#[tokio::test]
async fn a_process_is_taken_for_gone_as_it_is_by_the_queue() {
    let scene = Scene::new().await;
    let mut connection = scene.database.connect().await;
    for (silent, rescued) in [(14, 0), (16, 1), (16, 0)] {
        scene.store.beat(worker(1)).await.unwrap();
        crate::jobs::silence(&mut connection, 1, silent).await;
        assert_eq!(scene.store.rescue().await.unwrap(), rescued, "{silent}");
    }
    let again = prompt(&scene.store, 2, 1).await;
    assert_eq!(again[0].lease.key, to_endpoint(1, 1));
}

#[tokio::test]
async fn whoever_takes_several_leaves_those_that_somebody_else_has() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = open(&database).await;
    store.add(&endpoint(1), PLENTY).await.unwrap();
    wait_for(&mut connection, Some(1), [(1, 30), (2, 20), (3, 10)]).await;
    let claimed = prompt(&store, 1, 2).await;
    let leases: Vec<_> = claimed.iter().map(|due| due.lease).collect();
    let refused = attempt(&claimed[0], 500);
    let stands = async || {
        let state =
            "SELECT lane, worker_id IS NOT NULL FROM webhook_deliveries ORDER BY response_id";
        let stands: Vec<(i32, bool)> = sqlx::query_as(state)
            .fetch_all(&mut database.connect().await)
            .await
            .unwrap();
        stands
    };
    let mut other = database.connect().await;
    other
        .execute("BEGIN; SELECT 1 FROM webhook_deliveries WHERE attempts = 0 FOR UPDATE")
        .await
        .unwrap();
    // All three are locked: nothing is waited for, and nothing is done.
    let hour = Duration::from_hours(1);
    store.postpone(&leases, hour).await.unwrap();
    store.give_up_all(&leases, GaveUp::Unsigned).await.unwrap();
    assert_eq!(store.give_back(worker(1)).await.unwrap(), 0);
    assert_eq!(store.rescue().await.unwrap(), 0);
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(stands().await, [(0, true), (0, true), (0, false)]);
    // One that waits is locked: the record of another leaves it where it is.
    let third = id(3);
    let lock =
        format!("BEGIN; SELECT 1 FROM webhook_deliveries WHERE response_id = '{third}' FOR UPDATE");
    other.execute(AssertSqlSafe(lock)).await.unwrap();
    store
        .record(&leases[0], &refused, &again(60))
        .await
        .unwrap();
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(stands().await, [(1, false), (0, true), (0, false)]);
    assert_eq!(store.give_back(worker(1)).await.unwrap(), 1);
}
