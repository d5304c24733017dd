//! New responses that are written together share a statement, and nothing else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::poll;
use response_domain::ports::store::{ResponseStore, StoreError};
use response_testkit::postgres::TestDatabase;
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
            Ok(()) => assert!(!taken.contains(&number), "{number} was written twice"),
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
