//! New responses that are written together share a statement, and nothing else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::poll;
use response_domain::ports::queue::EventLog;
use response_domain::ports::store::{ResponseStore, StoreError};
use response_testkit::postgres::TestDatabase;
use response_testkit::queue_suite::sample::{claim, claims, entry, job_of, queued};
use response_testkit::store_suite::sample::{ada, completed, first, found, id, put, talk};
use sqlx::Executor;

use crate::postgres::open;

#[tokio::test]
async fn one_that_is_there_already_is_stale_and_the_others_are_written() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    let taken: HashSet<u32> = (1..=100).filter(|number| number % 17 == 0).collect();
    for &number in &taken {
        put(&store, &completed(number), Vec::new()).await;
    }
    let responses: Vec<_> = (1..=100).map(completed).collect();
    let writes = responses
        .iter()
        .map(|response| store.commit(first(response, talk(response))));
    for (number, written) in (1..).zip(join_all(writes).await) {
        match written {
            Ok(_) => assert!(!taken.contains(&number), "{number} was written twice"),
            Err(StoreError::Stale) => assert!(taken.contains(&number), "{number} was refused"),
            Err(error) => unreachable!("{number}: {error:?}"),
        }
    }
    for (number, response) in (1..).zip(&responses) {
        assert_eq!(*found(&store, response.id).await, *response);
        let items = store.items(&ada(), response.id).await.unwrap();
        assert_eq!(items.is_empty(), taken.contains(&number));
    }
}

#[tokio::test]
async fn one_that_leaves_takes_nobody_along() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    let mut other = database.connect().await;
    other
        .execute("BEGIN; LOCK TABLE responses IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let responses: Vec<_> = (1..=12).map(|number| Arc::new(completed(number))).collect();
    let mut writes: Vec<_> = responses
        .iter()
        .map(|response| Box::pin(store.commit(first(response, talk(response)))))
        .collect();
    // Two write and wait for the lock; ten wait for them.
    for write in &mut writes {
        assert!(poll!(write).is_pending());
    }
    let leaves = writes.drain(..1).next();
    drop(leaves);
    other.execute("ROLLBACK").await.unwrap();
    let outcomes = tokio::time::timeout(Duration::from_secs(20), join_all(writes))
        .await
        .unwrap();
    for (number, outcome) in (2..).zip(outcomes) {
        outcome.unwrap();
        found(&store, id(number)).await;
    }
}

/// The job of a response, if it has one: who asked for it, whether it has a credential, and how much it told.
type Beside = (String, Option<Vec<u8>>, Option<i32>);

#[tokio::test]
async fn what_goes_into_the_queue_is_written_together_with_what_does_not() {
    let database = TestDatabase::migrated().await;
    let store = open(&database).await;
    // Every third is in the foreground, every fifth brought no credential, and two are there already.
    let work = |number: u32| {
        if number.is_multiple_of(3) {
            return first(&completed(number), talk(&completed(number)));
        }
        let mut job = job_of(number);
        if number.is_multiple_of(5) {
            job.credential = None;
        }
        entry(&queued(number), job)
    };
    let taken = [40, 42];
    for number in taken {
        put(&store, &completed(number), Vec::new()).await;
    }
    let writes = join_all((1..=100).map(|number| store.commit(work(number)))).await;
    let mut connection = database.connect().await;
    for (number, written) in (1..).zip(writes) {
        let is_taken = taken.contains(&number);
        assert_eq!(
            matches!(written, Err(StoreError::Stale)),
            is_taken,
            "{number}: {written:?}"
        );
        let beside: Option<Beside> = sqlx::query_as(
            "SELECT j.request_id, s.sealed, e.length FROM response_jobs j
             LEFT JOIN response_secrets s ON s.response_id = j.response_id
             LEFT JOIN response_events e ON e.response_id = j.response_id AND e.number = 0
             WHERE j.response_id = $1 AND j.worker_id IS NULL",
        )
        .bind(id(number).to_string())
        .fetch_optional(&mut connection)
        .await
        .unwrap();
        let job = job_of(number);
        let sealed = job.credential.map(|sealed| sealed.bytes.to_vec());
        let sealed = sealed.filter(|_| !number.is_multiple_of(5));
        let expected = (job.request_id.to_string(), sealed, Some(1));
        let is_queued = !is_taken && !number.is_multiple_of(3);
        assert_eq!(beside, is_queued.then_some(expected), "{number}");
        if is_queued {
            let standing = store.standing(&ada(), id(number)).await.unwrap().unwrap();
            assert_eq!(*standing.response, queued(number));
            assert_eq!((standing.next, standing.tail), (1, Vec::new()));
        }
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM response_events")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(
        rows, 66,
        "of those in the queue, but for one that was there"
    );
    assert_eq!(claims(&store, claim(1)).await.len(), 66);
}
