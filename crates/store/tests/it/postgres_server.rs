//! A server that is away, slow, or ends what it began; and the heartbeats of processes.

use std::time::Duration;

use response_domain::ports::store::{ResponseStore, StoreError, WorkerRegistry};
use response_domain::status::Change;
use response_domain::work::Guard;
use response_store::options::Options;
use response_store::{OpenError, Store};
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{
    accepted, ada, alone, changed, completed, found, id, put, worker,
};
use sqlx::{Connection, Executor};

use crate::postgres::{open, options};

const END_OTHER_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_its_password() {
    let url = "postgres://ada:s3cret@127.0.0.1:1/nowhere?sslmode=disable";
    let options = Options {
        connect_timeout: Duration::from_millis(200),
        ..Options::new(url.parse().unwrap())
    };
    assert!(!format!("{options:?}").contains("s3cret"), "{options:?}");
    let error = Store::open(options).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1/nowhere"), "{error}");
    assert!(
        !format!("{error} {error:?}").contains("s3cret"),
        "{error:?}"
    );
}

#[tokio::test]
async fn sessions_that_the_server_ended_are_replaced() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    put(&store, &completed(1), Vec::new()).await;
    found(&store, id(1)).await;
    database
        .connect()
        .await
        .execute(END_OTHER_SESSIONS)
        .await
        .unwrap();
    // Whoever meets a dead session is told so; then there are new ones.
    let mut written = store
        .commit(alone(Guard::New(worker(1)), &completed(2)))
        .await;
    if let Err(error) = &written {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        written = store
            .commit(alone(Guard::New(worker(1)), &completed(2)))
            .await;
    }
    written.unwrap();
    let mut reads = 0;
    while let Err(error) = store.find(&ada(), id(2)).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        reads += 1;
        assert!(reads < 8, "the store does not recover");
    }
    assert_eq!(*found(&store, id(2)).await, completed(2));
}

#[tokio::test]
async fn a_database_that_went_away_is_not_ready() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    assert_eq!(store.readiness().await.reachable, Ok(()));
    drop(database);
    let readiness = store.readiness().await;
    assert!(
        readiness.reachable.is_err() && readiness.schema.is_err(),
        "{readiness:?}"
    );
    let written = store
        .commit(alone(Guard::New(worker(1)), &completed(1)))
        .await;
    assert!(written.is_err());
}

#[tokio::test]
async fn a_write_waits_for_a_lock_only_so_long() {
    let database = TestDatabase::migrated().await;
    let store = Store::open(Options {
        lock_timeout: Duration::from_millis(100),
        ..options(&database)
    });
    let store = store.await.unwrap();
    let response = accepted(1);
    put(&store, &response, Vec::new()).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; SELECT 1 FROM responses FOR UPDATE")
        .await
        .unwrap();
    let ended = changed(response, Change::Complete);
    let written = store.commit(alone(Guard::Held(worker(1)), &ended)).await;
    assert!(
        matches!(written, Err(StoreError::Unavailable(_))),
        "{written:?}"
    );
    other.execute("ROLLBACK").await.unwrap();
    store
        .commit(alone(Guard::Held(worker(1)), &ended))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_heartbeat_passes_by_requests_that_are_stuck() {
    let database = TestDatabase::migrated().await;
    let store = Store::open(Options {
        connections: 2,
        ..options(&database)
    });
    let store = store.await.unwrap();
    let mut other = database.connect().await;
    other
        .execute("BEGIN; LOCK TABLE responses IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let (one, two, owner) = (completed(1), completed(2), ada());
    let stuck = async {
        tokio::join!(
            store.commit(alone(Guard::New(worker(1)), &one)),
            store.commit(alone(Guard::New(worker(1)), &two)),
            store.find(&owner, id(1)),
            store.find(&owner, id(2)),
        )
    };
    tokio::select! {
        biased;
        freed = stuck => unreachable!("nothing was stuck: {freed:?}"),
        beaten = store.beat(worker(1)) => { beaten.unwrap(); }
    }
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_process_is_gone_when_it_was_silent_for_fifteen_seconds() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    put(&store, &accepted(1), Vec::new()).await;
    store.beat(worker(1)).await.unwrap();
    let mut connection = database.connect().await;
    for (seconds, orphans) in [(14, 0), (16, 1)] {
        sqlx::query(
            "UPDATE workers SET heartbeat_at = clock_timestamp() - $1 * interval '1 second'",
        )
        .bind(f64::from(seconds))
        .execute(&mut connection)
        .await
        .unwrap();
        assert_eq!(
            store.orphans(10).await.unwrap().len(),
            orphans,
            "{seconds} s"
        );
    }
    // It was only slow.
    store.beat(worker(1)).await.unwrap();
    assert_eq!(store.orphans(10).await.unwrap(), []);
}

#[tokio::test]
async fn processes_that_went_long_ago_are_forgotten() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    for number in 1..=2 {
        store.beat(worker(number)).await.unwrap();
    }
    let mut connection = database.connect().await;
    let age =
        "UPDATE workers SET heartbeat_at = heartbeat_at - interval '2 hours' WHERE id LIKE '%1'";
    connection.execute(age).await.unwrap();
    store.orphans(10).await.unwrap();
    let known: Vec<String> = sqlx::query_scalar("SELECT id FROM workers")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(known, [worker(2).to_string()]);
}
