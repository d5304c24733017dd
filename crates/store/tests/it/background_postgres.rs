//! Writes of background responses that meet at the same moment on a PostgreSQL server. The other side stands
//! still in the middle of its transaction, so that who is first is known.

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::lease::Lease;
use response_domain::ports::queue::EventLog;
use response_domain::ports::store::{ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::status::{Change, Status};
use response_domain::work::{Guard, UnitOfWork};
use response_store::Store;
use response_testkit::postgres::TestDatabase;
use response_testkit::queue_suite::sample::{
    deltas, end, log, more, running, standing, start, step,
};
use response_testkit::store_suite::sample::{at, changed, found};
use sqlx::Executor;
use sqlx::postgres::PgConnection;

use crate::behind::write_behind;
use crate::postgres::open;

/// A response that runs, with its start in the log.
struct Scene {
    database: TestDatabase,
    store: Store,
    response: Response,
    lease: Lease,
}

impl Scene {
    async fn new() -> Self {
        let database = TestDatabase::migrated().await;
        let store = open(&database).await;
        let (response, lease) = running(&store, 1, 1).await;
        store.commit(start(lease, &response)).await.unwrap();
        Self {
            database,
            store,
            response,
            lease,
        }
    }

    async fn cancel(&self) -> UnitOfWork {
        let seen = standing(&self.store, self.response.id).await;
        let cancelled = seen.response.cancelled(at(9_000_000)).unwrap();
        seen.end(cancelled, &[], Guard::Open)
    }

    async fn commit(&self, work: UnitOfWork) -> Result<(), StoreError> {
        self.store.commit(work).await.map(drop)
    }

    /// The rows of the queue: jobs, and secrets.
    async fn rows(&self) -> (i64, i64) {
        let count =
            "SELECT (SELECT count(*) FROM response_jobs), (SELECT count(*) FROM response_secrets)";
        let mut connection = self.database.connect().await;
        sqlx::query_as(count)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    async fn write_behind<T>(
        &self,
        other: PgConnection,
        then: &'static str,
        write: impl Future<Output = T>,
    ) -> T {
        write_behind(&self.database, other, then, write).await
    }

    async fn other(&self, begun: &'static str) -> PgConnection {
        let mut other = self.database.connect().await;
        other.execute("BEGIN").await.unwrap();
        other.execute(begun).await.unwrap();
        other
    }
}

/// What a rescue does to job and response.
const RESCUED: &str = "UPDATE response_jobs SET worker_id = NULL, lease = lease + 1, losses = 1;
    UPDATE responses SET status = 'queued'";

fn is_stale(written: &Result<(), StoreError>) -> bool {
    matches!(written, Err(StoreError::Stale))
}

#[tokio::test]
async fn a_holder_that_waits_for_a_rescue_writes_nothing() {
    let more_told = |scene: &Scene| more(2, deltas(&scene.response, 2..3));
    for kind in ["step", "end", "log"] {
        let scene = Scene::new().await;
        let (response, lease) = (&scene.response, scene.lease);
        let before = log(&scene.store, response.id).await;
        let other = scene.other(RESCUED).await;
        let write = async {
            match kind {
                "step" => {
                    let events = deltas(response, 2..3);
                    scene.commit(step(lease, response, 2, events)).await
                }
                "end" => {
                    let ended = changed(response.clone(), Change::Complete);
                    scene.commit(end(lease, &ended, 2)).await
                }
                _ => scene.store.append(&lease, &more_told(&scene)).await,
            }
        };
        let written = scene.write_behind(other, "COMMIT", write).await;
        assert!(is_stale(&written), "{kind}: {written:?}");
        assert_eq!(log(&scene.store, response.id).await, before, "{kind}");
        assert_eq!(scene.rows().await, (1, 1), "{kind}");
        let now = found(&scene.store, response.id).await;
        assert_eq!(*now.status(), Status::Queued, "{kind}");
    }
}

#[tokio::test]
async fn a_canceller_that_waits_for_a_rescue_cancels() {
    for then in ["COMMIT", "ROLLBACK"] {
        let scene = Scene::new().await;
        let cancel = scene.cancel().await;
        let other = scene.other(RESCUED).await;
        let written = scene.write_behind(other, then, scene.commit(cancel)).await;
        written.unwrap();
        let now = found(&scene.store, scene.response.id).await;
        assert_eq!(*now.status(), Status::Cancelled, "{then}");
        assert_eq!(scene.rows().await, (0, 0), "{then}");
    }
}

#[tokio::test]
async fn who_meets_another_at_a_number_of_the_log_is_stale_when_that_one_stays() {
    const ANOTHER: &str = "INSERT INTO response_events (response_id, number, length, at, body)
        SELECT response_id, 2, 1, now(), '{\"v\":1,\"e\":[\"started\"]}' FROM response_jobs";
    for kind in ["cancel", "step", "log"] {
        for (then, expected) in [("COMMIT", true), ("ROLLBACK", false)] {
            let scene = Scene::new().await;
            let (response, lease) = (&scene.response, scene.lease);
            let cancel = scene.cancel().await;
            let other = scene.other(ANOTHER).await;
            let write = async {
                let events = deltas(response, 2..3);
                match kind {
                    "cancel" => scene.commit(cancel).await,
                    "step" => scene.commit(step(lease, response, 2, events)).await,
                    _ => scene.store.append(&lease, &more(2, events)).await,
                }
            };
            let written = scene.write_behind(other, then, write).await;
            assert_eq!(is_stale(&written), expected, "{kind} {then}: {written:?}");
            let told = log(&scene.store, response.id).await;
            assert_eq!(told.len(), 3, "{kind} {then}");
            let is_theirs = matches!(told.last(), Some(Event::Started(_)));
            assert_eq!(is_theirs, expected, "{kind} {then}");
            let job = i64::from(expected || kind != "cancel");
            assert_eq!(scene.rows().await, (job, job), "{kind} {then}");
        }
    }
}

#[tokio::test]
async fn two_ends_at_once_leave_one() {
    let scene = Scene::new().await;
    let cancel = scene.cancel().await;
    let ended = changed(scene.response.clone(), Change::Complete);
    let finish = end(scene.lease, &ended, 2);
    let (cancelled, finished) =
        futures::join!(scene.store.commit(cancel), scene.store.commit(finish));
    assert_ne!(cancelled.is_ok(), finished.is_ok());
    let told = log(&scene.store, scene.response.id).await;
    let now = found(&scene.store, scene.response.id).await;
    assert_eq!(told.last(), Some(&Event::Ended(Arc::clone(&now))));
    assert_eq!(told.len(), 3);
    assert_eq!(scene.rows().await, (0, 0));
}
