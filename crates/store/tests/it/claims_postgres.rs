//! Claims on PostgreSQL: each job once, the oldest first, and cheap whatever stands at the head of the index.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use response_domain::ports::queue::{Claimed, JobQueue};
use response_domain::ports::store::StoreError;
use response_store::Store;
use response_testkit::postgres::TestDatabase;
use sqlx::{Connection, Executor, PgConnection};

use crate::jobs::{claim, claimed, fair, ids, numbered, one, queue, queue_for, small};
use crate::postgres::open;

/// Claims until nothing waits.
async fn drain(store: &Store, number: u32, at_most: u16) -> Vec<Claimed> {
    let mut all = Vec::new();
    loop {
        let claimed = store.claim(&claim(number, at_most)).await.unwrap();
        if claimed.is_empty() {
            return all;
        }
        assert!(claimed.len() <= usize::from(at_most));
        all.extend(claimed);
    }
}

#[tokio::test]
async fn many_claimers_get_each_job_once_and_the_oldest_first() {
    for (claimers, jobs, at_most) in [(2, 1, 1), (32, 1, 4), (2, 2_000, 7), (32, 2_000, 3)] {
        let database = TestDatabase::migrated().await;
        let mut connection = database.connect().await;
        // The highest number has waited longest.
        queue(&mut connection, (1..=jobs).map(|number| (number, number))).await;
        let mut stores = Vec::new();
        for _ in 0..8 {
            stores.push(small(&database).await);
        }
        let claims = (1..=claimers)
            .zip(stores.iter().cycle())
            .map(|(number, store)| drain(store, number, at_most));
        let all = join_all(claims).await;
        for claimed in &all {
            let ids = ids(claimed);
            assert!(
                ids.is_sorted_by(|one, next| one > next),
                "{claimers} × {jobs}: {ids:?}"
            );
        }
        let taken: Vec<_> = all.iter().flat_map(|claimed| ids(claimed)).collect();
        let different: HashSet<_> = taken.iter().copied().collect();
        let expected: HashSet<_> = numbered(1..=jobs).into_iter().collect();
        assert_eq!(taken.len(), different.len(), "{claimers} × {jobs}");
        assert!(different == expected, "{claimers} × {jobs}");
        assert!(all.iter().flatten().all(|claimed| claimed.attempt == 1));
        join_all(stores.iter().map(Store::close)).await;
    }
}

#[tokio::test]
async fn a_claim_takes_the_oldest_that_nobody_else_is_claiming() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 10), (2, 30), (3, 20), (4, 20)]).await;
    let store = open(&database).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; SELECT 1 FROM response_jobs ORDER BY queued_at LIMIT 1 FOR UPDATE")
        .await
        .unwrap();
    // Of two that are as old as each other the smaller id comes first.
    assert_eq!(ids(&claimed(&store, 1, 2).await), numbered([3, 4]));
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(ids(&claimed(&store, 1, 5).await), numbered([2, 1]));
    assert_eq!(claimed(&store, 1, 5).await, []);
}

#[tokio::test]
async fn a_deadline_is_set_by_the_first_claim_and_kept() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 0)]).await;
    let store = open(&database).await;
    let first = one(&store, 1).await;
    assert!(first.left > Duration::from_secs(590), "{first:?}");
    assert!(first.left <= Duration::from_mins(10), "{first:?}");
    let later = "UPDATE response_jobs SET deadline_at = deadline_at - interval '500 s'";
    connection.execute(later).await.unwrap();
    store.hand_back(&first.lease).await.unwrap();
    let second = one(&store, 2).await;
    assert!(second.left <= Duration::from_secs(100), "{second:?}");
    assert!(second.left > Duration::from_secs(90), "{second:?}");
    connection.execute(later).await.unwrap();
    store.hand_back(&second.lease).await.unwrap();
    assert_eq!(one(&store, 2).await.left, Duration::ZERO);
}

#[tokio::test]
async fn owners_at_their_limit_are_passed_over() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue_for(&mut connection, "ada", (1..=5).map(|number| (number, 300))).await;
    queue_for(&mut connection, "bob", [(6, 200)]).await;
    queue_for(&mut connection, "eve", (7..=9).map(|number| (number, 100))).await;
    let store = open(&database).await;
    let first = store.claim(&fair(1, 10, 2)).await.unwrap();
    assert_eq!(ids(&first), numbered([1, 2, 6, 7, 8]));
    assert_eq!(store.claim(&fair(1, 10, 2)).await.unwrap(), []);
    // Whatever is due is found at once, however old it is.
    store.hand_back(&first[1].lease).await.unwrap();
    let again = store.claim(&fair(2, 10, 2)).await.unwrap();
    assert_eq!(ids(&again), numbered([2]));
    assert_eq!(store.claim(&fair(2, 1, 3)).await.unwrap().len(), 1);
}

/// How many entries of the index of what waits were read, in all sessions that have ended.
async fn entries_read(connection: &mut PgConnection) -> i64 {
    // Of the sessions of a store the test knows only that they end soon after it is closed.
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND application_name = 'response-api'";
    loop {
        let open: i64 = sqlx::query_scalar(others)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        if open == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let read = "SELECT idx_tup_read FROM pg_stat_user_indexes
        WHERE indexrelname = 'response_jobs_waiting'";
    sqlx::query_scalar(read)
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn claims_do_not_read_what_was_claimed_before_while_an_old_snapshot_is_held() {
    const DEAD: u32 = 20_000;
    const CLAIMS: u32 = 40;
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    connection
        .execute("ALTER TABLE response_jobs SET (autovacuum_enabled = off)")
        .await
        .unwrap();
    queue(&mut connection, (1..=DEAD).map(|number| (number, 3_600))).await;
    let mut holder = database.connect().await;
    holder
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM response_jobs LIMIT 1")
        .await
        .unwrap();
    connection
        .execute("DELETE FROM response_jobs")
        .await
        .unwrap();
    queue(
        &mut connection,
        (1..=CLAIMS).map(|number| (DEAD + number, 10)),
    )
    .await;

    let before = entries_read(&mut connection).await;
    let store = small(&database).await;
    for number in 1..=CLAIMS {
        assert_eq!(ids(&claimed(&store, 1, 1).await), numbered([DEAD + number]));
    }
    store.close().await;
    drop(store);
    let read = entries_read(&mut connection).await - before;
    // Everything is looked at by the first claim, and every five seconds.
    let dead = i64::from(DEAD);
    assert!(
        read >= dead,
        "the dead entries were not there to be read: {read}"
    );
    assert!(read < 4 * dead, "{CLAIMS} claims read {read} entries");
    holder.close().await.unwrap();
}

#[tokio::test]
async fn claims_do_not_read_the_whole_queue_when_it_has_grown() {
    const WAITING: u32 = 20_000;
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    connection
        .execute("ALTER TABLE response_jobs SET (autovacuum_enabled = off)")
        .await
        .unwrap();
    let store = small(&database).await;
    // How a claim goes about it is decided while the queue is empty.
    assert_eq!(claimed(&store, 1, 1).await, []);
    assert_eq!(store.claim(&fair(1, 1, 1_000)).await.unwrap(), []);
    let jobs = (1..=WAITING).map(|number| (number, WAITING - number));
    queue(&mut connection, jobs).await;
    for number in (1..20).step_by(2) {
        assert_eq!(ids(&claimed(&store, 1, 1).await), numbered([number]));
        let fairly = store.claim(&fair(1, 1, 1_000)).await.unwrap();
        assert_eq!(ids(&fairly), numbered([number + 1]));
    }
    store.close().await;
    drop(store);
    let read = entries_read(&mut connection).await;
    assert!(read < i64::from(WAITING), "20 claims read {read} entries");
    let scanned = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'response_jobs'";
    let scanned: i64 = sqlx::query_scalar(scanned)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(
        scanned < i64::from(WAITING),
        "20 claims read {scanned} rows"
    );
}

#[tokio::test]
async fn what_comes_back_old_is_found_by_the_next_claim() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(
        &mut connection,
        [(1, 3_600), (2, 5), (3, 4), (4, 3), (6, 2)],
    )
    .await;
    let store = open(&database).await;
    let old = one(&store, 1).await;
    assert_eq!(ids(&claimed(&store, 1, 1).await), numbered([2]));
    store.hand_back(&old.lease).await.unwrap();
    assert_eq!(ids(&claimed(&store, 1, 2).await), numbered([1, 3]));
    assert_eq!(ids(&claimed(&store, 1, 1).await), numbered([4]));
    // One that nobody told of is found as well, only later.
    queue(&mut connection, [(5, 3_600)]).await;
    assert_eq!(ids(&claimed(&store, 1, 1).await), numbered([6]));
    assert_eq!(claimed(&store, 1, 1).await, []);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    assert_eq!(ids(&claimed(&store, 1, 1).await), numbered([5]));
}

#[tokio::test]
async fn a_claim_does_not_wait_for_requests() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 1)]).await;
    let store = small(&database).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; LOCK TABLE responses IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let owner = response_testkit::store_suite::sample::ada();
    let stuck = join_all((0..4).map(|_| store.waiting_of(&owner, 10)));
    let claim = claim(1, 1);
    tokio::select! {
        biased;
        freed = stuck => unreachable!("nothing was stuck: {freed:?}"),
        claimed = store.claim(&claim) => assert_eq!(ids(&claimed.unwrap()), numbered([1])),
    }
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_claim_of_nothing_asks_nobody() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    drop(database);
    assert_eq!(store.claim(&claim(1, 0)).await.unwrap(), []);
    let away = store.claim(&claim(1, 1)).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
}

#[tokio::test]
async fn the_queue_tells_its_depth() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = open(&database).await;
    assert_eq!(
        store.depth().await.unwrap(),
        response_domain::ports::queue::Depth::default()
    );
    queue_for(&mut connection, "ada", [(1, 100), (2, 60), (3, 30)]).await;
    queue_for(&mut connection, "bob", [(4, 10)]).await;
    claimed(&store, 1, 1).await;
    let depth = store.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.running), (3, 1));
    let oldest = depth.oldest.unwrap();
    assert!(
        oldest >= Duration::from_mins(1) && oldest < Duration::from_secs(90),
        "{oldest:?}"
    );
}
