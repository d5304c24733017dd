//! Jobs that change hands on PostgreSQL: handed back, or taken from processes that are gone.

use std::time::Duration;

use response_domain::lease::Lease;
use response_domain::ports::queue::{JobQueue, Rescue};
use response_domain::ports::store::{StoreError, WorkerRegistry};
use response_store::Store;
use response_store::options::Options;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{id, worker};
use sqlx::{Executor, PgConnection};

use crate::jobs::{JobRow, claimed, ids, numbered, one, queue, row, silence, small, start};
use crate::postgres::{open, options};

/// A job as it should stand.
fn job(holder: Option<u32>, lease: i64, attempt: i32, losses: i32, status: &str) -> JobRow {
    let holder = holder.map(|number| worker(number).to_string());
    (holder, lease, attempt, losses, status.to_owned())
}

async fn rescue(store: &Store) -> Rescue {
    store.beat(worker(9)).await.unwrap();
    store.rescue(worker(9), 3, 100).await.unwrap()
}

fn again(numbers: impl IntoIterator<Item = u32>) -> Rescue {
    Rescue {
        again: numbered(numbers),
        spent: Vec::new(),
    }
}

#[tokio::test]
async fn a_job_is_taken_from_a_process_that_was_silent_for_fifteen_seconds() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100), (2, 50)]).await;
    let store = open(&database).await;
    let lease = one(&store, 1).await.lease;
    start(&mut connection, &lease).await;
    assert_eq!(
        row(&mut connection, 1).await,
        job(Some(1), 1, 1, 0, "in_progress")
    );
    silence(&mut connection, 1, 14).await;
    assert_eq!(rescue(&store).await, Rescue::default());
    silence(&mut connection, 1, 16).await;
    assert_eq!(rescue(&store).await, again([1]));
    assert_eq!(row(&mut connection, 1).await, job(None, 2, 1, 1, "queued"));
    assert_eq!(rescue(&store).await, Rescue::default());
    // It has its old place.
    let next = one(&store, 2).await;
    assert_eq!(
        (next.lease.response, next.lease.token, next.attempt),
        (id(1), 3, 2)
    );
}

#[tokio::test]
async fn a_job_is_taken_from_a_process_that_nobody_knows() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100)]).await;
    let store = open(&database).await;
    one(&store, 1).await;
    store.leave(worker(1)).await.unwrap();
    assert_eq!(rescue(&store).await, again([1]));
}

#[tokio::test]
async fn a_job_is_taken_from_a_process_that_keeps_it_past_its_time() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100)]).await;
    let store = open(&database).await;
    one(&store, 1).await;
    for (overdue, rescued) in [(9, again([])), (11, again([1]))] {
        let set = "UPDATE response_jobs SET claimed_at = clock_timestamp() - interval '1 hour',
            deadline_at = clock_timestamp() - $1 * interval '1 second'";
        sqlx::query(set)
            .bind(f64::from(overdue))
            .execute(&mut connection)
            .await
            .unwrap();
        store.beat(worker(1)).await.unwrap();
        assert_eq!(rescue(&store).await, rescued, "{overdue} s");
    }
    // Whoever claims it now has a moment to end it.
    assert_eq!(one(&store, 2).await.left, Duration::ZERO);
    assert_eq!(rescue(&store).await, Rescue::default());
}

#[tokio::test]
async fn a_job_that_is_lost_too_often_goes_to_whoever_finds_it() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100)]).await;
    let store = open(&database).await;
    for number in 1..=3 {
        let lease = one(&store, number).await.lease;
        start(&mut connection, &lease).await;
        silence(&mut connection, number, 60).await;
        let rescued = rescue(&store).await;
        if number < 3 {
            assert_eq!(rescued, again([1]));
            continue;
        }
        let lease = Lease {
            response: id(1),
            worker: worker(9),
            token: 6,
        };
        let spent = Rescue {
            again: Vec::new(),
            spent: vec![lease],
        };
        assert_eq!(rescued, spent);
        assert_eq!(
            row(&mut connection, 1).await,
            job(Some(9), 6, 3, 3, "in_progress")
        );
        assert_eq!(store.beat(worker(9)).await.unwrap(), [lease]);
    }
    // Should that one be lost as well, the next does the same.
    silence(&mut connection, 9, 60).await;
    store.beat(worker(8)).await.unwrap();
    let rescued = store.rescue(worker(8), 3, 100).await.unwrap();
    assert_eq!(rescued.spent.len(), 1);
    assert_eq!(
        row(&mut connection, 1).await,
        job(Some(8), 7, 3, 4, "in_progress")
    );
}

#[tokio::test]
async fn rescuers_take_some_at_a_time_and_never_the_same() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(
        &mut connection,
        (1..=50).map(|number| (number, 100 - number)),
    )
    .await;
    let (one, other) = (open(&database).await, small(&database).await);
    assert_eq!(claimed(&one, 1, 50).await.len(), 50);
    silence(&mut connection, 1, 60).await;
    let first = one.rescue(worker(2), 3, 10).await.unwrap();
    let mut first = first.again;
    first.sort_unstable();
    assert_eq!(first, numbered(1..=10));
    // What another is working on is left out, and not waited for.
    let mut holder = database.connect().await;
    holder
        .execute(
            "BEGIN; SELECT 1 FROM response_jobs WHERE worker_id IS NOT NULL
             ORDER BY queued_at LIMIT 5 FOR UPDATE",
        )
        .await
        .unwrap();
    let (left, right) = tokio::join!(
        one.rescue(worker(2), 3, 100),
        other.rescue(worker(3), 3, 100)
    );
    let mut rest = [left.unwrap().again, right.unwrap().again].concat();
    rest.sort_unstable();
    assert_eq!(rest, numbered(16..=50));
}

#[tokio::test]
async fn whoever_lost_a_job_has_no_hand_in_it() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100)]).await;
    let store = open(&database).await;
    let lost = one(&store, 1).await.lease;
    start(&mut connection, &lost).await;
    silence(&mut connection, 1, 60).await;
    assert_eq!(rescue(&store).await, again([1]));
    // It was only slow, and gets the same response again.
    assert_eq!(store.beat(worker(1)).await.unwrap(), []);
    assert_eq!(store.take_up(&lost).await.unwrap(), None);
    store.hand_back(&lost).await.unwrap();
    assert_eq!(row(&mut connection, 1).await, job(None, 2, 1, 1, "queued"));
    let held = one(&store, 1).await.lease;
    assert_eq!(store.beat(worker(1)).await.unwrap(), [held]);
    assert_eq!(store.take_up(&lost).await.unwrap(), None);
    store.hand_back(&lost).await.unwrap();
    assert_eq!(
        row(&mut connection, 1).await,
        job(Some(1), 3, 2, 1, "queued")
    );
}

#[tokio::test]
async fn what_is_handed_back_was_not_attempted() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100), (2, 50)]).await;
    let store = open(&database).await;
    let first = one(&store, 1).await;
    start(&mut connection, &first.lease).await;
    store.hand_back(&first.lease).await.unwrap();
    assert_eq!(row(&mut connection, 1).await, job(None, 2, 0, 0, "queued"));
    let second = claimed(&store, 2, 2).await;
    assert_eq!(ids(&second), numbered([1, 2]));
    assert_eq!((second[0].attempt, second[0].lease.token), (1, 3));
    // Twice is the same as once.
    store.hand_back(&first.lease).await.unwrap();
    assert_eq!(
        row(&mut connection, 1).await,
        job(Some(2), 3, 1, 0, "queued")
    );
}

#[tokio::test]
async fn a_process_that_was_forgotten_and_signs_its_life_is_there_again() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100), (2, 50)]).await;
    let store = open(&database).await;
    let held: Vec<Lease> = claimed(&store, 1, 2)
        .await
        .iter()
        .map(|it| it.lease)
        .collect();
    connection.execute("DELETE FROM workers").await.unwrap();
    let mut leases = store.beat(worker(1)).await.unwrap();
    leases.sort_unstable_by_key(|lease| lease.response);
    assert_eq!(leases, held);
    assert_eq!(rescue(&store).await, Rescue::default());
}

#[tokio::test]
async fn credentials_of_jobs_that_are_gone_are_erased() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 100), (2, 50)]).await;
    let secrets = "INSERT INTO response_secrets (response_id, key_id, sealed)
        SELECT response_id, 'first', 'sealed' FROM response_jobs";
    connection.execute(secrets).await.unwrap();
    let store = open(&database).await;
    store.orphans(10).await.unwrap();
    delete_job(&mut connection, 1).await;
    // Once a minute is enough.
    store.orphans(10).await.unwrap();
    assert_eq!(
        kept(&mut connection).await,
        [id(1).to_string(), id(2).to_string()]
    );
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    tokio::time::resume();
    store.orphans(10).await.unwrap();
    assert_eq!(kept(&mut connection).await, [id(2).to_string()]);
}

async fn delete_job(connection: &mut PgConnection, number: u32) {
    sqlx::query("DELETE FROM response_jobs WHERE response_id = $1")
        .bind(id(number).to_string())
        .execute(connection)
        .await
        .unwrap();
}

async fn kept(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("SELECT response_id FROM response_secrets ORDER BY 1")
        .fetch_all(connection)
        .await
        .unwrap()
}

/// A store whose job of number 1 is claimed, and the lease.
async fn holding(database: &TestDatabase, lock_timeout: Duration) -> (Store, Lease) {
    queue(&mut database.connect().await, [(1, 100)]).await;
    let options = Options {
        lock_timeout,
        ..options(database)
    };
    let store = Store::open(options).await.unwrap();
    let lease = one(&store, 1).await.lease;
    (store, lease)
}

#[tokio::test]
async fn a_lock_that_is_not_had_in_time_is_no_fault_of_the_caller() {
    let database = TestDatabase::migrated().await;
    let (store, lease) = holding(&database, Duration::from_millis(100)).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; SELECT 1 FROM response_jobs FOR UPDATE")
        .await
        .unwrap();
    let refused = store.hand_back(&lease).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    other.execute("ROLLBACK").await.unwrap();
    store.hand_back(&lease).await.unwrap();
    assert_eq!(row(&mut other, 1).await, job(None, 2, 0, 0, "queued"));
}

#[tokio::test]
async fn who_gives_way_in_a_deadlock_may_try_again() {
    let database = TestDatabase::migrated().await;
    let (store, lease) = holding(&database, Duration::from_secs(9)).await;
    // Somebody takes the locks in the wrong order, and is not the first to notice.
    let mut other = database.connect().await;
    other
        .execute("SET deadlock_timeout = '60s'; BEGIN; SELECT 1 FROM responses FOR UPDATE")
        .await
        .unwrap();
    let mut watch = database.connect().await;
    let closing = async {
        is_stuck(&mut watch).await;
        other
            .execute("SELECT 1 FROM response_jobs FOR UPDATE")
            .await
    };
    let (refused, taken) = tokio::join!(store.hand_back(&lease), closing);
    taken.unwrap();
    let Err(StoreError::Unavailable(cause)) = refused else {
        unreachable!("the deadlock is not told as what it is: {refused:?}");
    };
    assert!(format!("{cause:?}").contains("40P01"), "{cause:?}");
    other.execute("ROLLBACK").await.unwrap();
    store.hand_back(&lease).await.unwrap();
    assert_eq!(row(&mut other, 1).await, job(None, 2, 0, 0, "queued"));
}

/// Waits until a statement waits for a lock.
async fn is_stuck(watch: &mut PgConnection) {
    let stuck = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    loop {
        let stuck: i64 = sqlx::query_scalar(stuck)
            .fetch_one(&mut *watch)
            .await
            .unwrap();
        if stuck > 0 {
            return;
        }
    }
}
