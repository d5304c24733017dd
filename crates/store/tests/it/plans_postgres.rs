//! How PostgreSQL goes about what is asked of it: what is looked for by its id is found by its id, whatever
//! the planner believes about its owner.

use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::KeyStore;
use response_domain::ports::store::{HistoryRef, ResponseStore};
use response_domain::status::Change;
use response_domain::work::Guard;
use response_testkit::conversation_suite::sample::{answers, item_id, items, made};
use response_testkit::idempotency_suite::sample::{WRITTEN, begin, key};
use response_testkit::postgres::TestDatabase;
use response_testkit::queue_suite::sample::{end, log, running, standing, start, taken_up};
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{ada, at, changed, conversation, json};
use sqlx::Executor;

use crate::deliveries::read;
use crate::jobs::small;
use crate::postgres::open;

/// As many more of the same owner, of whom the planner has heard nothing.
const MANY_MORE: &str = "
    ALTER TABLE responses SET (autovacuum_enabled = off);
    INSERT INTO responses
    SELECT (jsonb_populate_record(r, jsonb_build_object('id', r.id || n, 'conversation_id', 'other' || n))).*
    FROM responses r, generate_series(1, 3000) n";

const SCANS: &str = "SELECT COALESCE(SUM(idx_scan), 0)::int8 FROM pg_stat_user_indexes
    WHERE indexrelname IN ('responses_listed', 'responses_open')";

/// As many more that answered in the same conversation.
const MANY_ANSWERS: &str = "
    ALTER TABLE responses SET (autovacuum_enabled = off);
    INSERT INTO responses
    SELECT (jsonb_populate_record(r, jsonb_build_object(
        'id', r.id || n, 'conversation_position', 1000 + n
    ))).*
    FROM responses r, generate_series(1, 3000) n WHERE r.status = 'completed'";

/// Nobody reads all that was said in a conversation to change it, or all that its owner has.
#[tokio::test]
async fn a_conversation_is_changed_where_it_ends() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = small(&database).await;
    let fixture = Fixture::new(store.clone()).conversing(store.clone());
    let home = conversation(1);
    store.open(&ada(), &made(1), &items(100, 1)).await.unwrap();
    answers(&fixture, 2, 1).await;
    connection.execute(MANY_ANSWERS).await.unwrap();
    drop(fixture);
    store.close().await;
    let before = read(&mut connection, "responses_appended").await;
    let scans_before: i64 = sqlx::query_scalar(SCANS)
        .fetch_one(&mut connection)
        .await
        .unwrap();

    let store = small(&database).await;
    // A statement is planned for good at its sixth time.
    for number in 0..8 {
        assert!(store.conversation(&ada(), home).await.unwrap().is_some());
        assert!(!store.is_busy(&ada(), home).await.unwrap());
        let put = items(200 + number, 2);
        assert!(store.append(&ada(), home, &put).await.unwrap());
        let gone = item_id(200 + number, 0);
        assert!(store.remove(&ada(), home, gone).await.unwrap());
        let left = item_id(200 + number, 1);
        let found = store.items_by_id(&ada(), &[gone, left]).await.unwrap();
        assert_eq!(found.len(), 1);
        let described = store.describe(&ada(), home, &json("{}")).await;
        assert!(described.unwrap().is_some());
        let key = key(&format!("{number}"), 1);
        let keyed = store.commit_keyed(begin(10 + number), &key).await;
        assert_eq!(keyed.unwrap(), WRITTEN);
        assert!(store.key_use(&ada(), &key.text).await.unwrap().is_some());
    }
    assert!(store.remove(&ada(), home, item_id(2, 1)).await.unwrap());
    assert!(
        ConversationStore::close(&store, &ada(), home)
            .await
            .unwrap()
    );
    store.close().await;
    drop(store);
    let looked = read(&mut connection, "responses_appended").await - before;
    assert!(looked < 500, "{looked} places were read");
    let scans: i64 = sqlx::query_scalar(SCANS)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(scans, scans_before, "the list of the owner was read");
}

#[tokio::test]
async fn what_is_looked_for_by_its_id_is_not_looked_for_among_all_that_its_owner_has() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = open(&database).await;
    let (one, lease) = running(&store, 1, 1).await;
    let (other, _) = running(&store, 2, 1).await;
    connection.execute(MANY_MORE).await.unwrap();
    let before: i64 = sqlx::query_scalar(SCANS)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(before, 0);

    // A run to its end, and one that is cancelled.
    taken_up(&store, &lease).await.unwrap();
    store.items(&ada(), one.id).await.unwrap();
    store.commit(start(lease, &one)).await.unwrap();
    let ended = changed(one.clone(), Change::Complete);
    store.commit(end(lease, &ended, 2)).await.unwrap();
    let seen = standing(&store, other.id).await;
    let cancelled = seen.response.cancelled(at(9_000_000)).unwrap();
    store
        .commit(seen.end(cancelled, &[], Guard::Open))
        .await
        .unwrap();

    // What is read of it, and its end.
    assert!(store.find(&ada(), one.id).await.unwrap().is_some());
    assert!(!log(&store, one.id).await.is_empty());
    let past = store
        .history(&ada(), HistoryRef::Response(one.id))
        .await
        .unwrap();
    assert!(past.is_some());
    assert!(store.delete(&ada(), one.id).await.unwrap());

    // A session tells what it did when it ends.
    store.close().await;
    drop(store);
    let scans: i64 = sqlx::query_scalar(SCANS)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(scans, 0, "the list of the owner was read");
}
