//! What conversations and keys leave in the tables of both databases, and rows of them that nobody wrote.

use response_domain::execution::ExecutionState;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::{KeyStore, Keyed};
use response_domain::ports::store::StoreError;
use response_domain::work::UnitOfWork;
use response_store::Store;
use response_testkit::conversation_suite::sample::{answers, item_id, items, made};
use response_testkit::idempotency_suite::sample::{WRITTEN, begin, key, queue};
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{
    ada, call, completed, conversation, first, id, talk, with_calls,
};

use crate::stage::{Stage, on_both};

on_both!(
    what_is_refused_leaves_no_row,
    who_counts_by_hand_counts_responses,
    a_row_that_nobody_wrote_is_told,
);

/// How many rows each table has.
async fn rows(stage: &Stage) -> Vec<(&'static str, i64)> {
    let mut rows = Vec::new();
    for table in [
        "responses",
        "conversation_items",
        "tool_executions",
        "response_jobs",
        "response_secrets",
        "response_events",
        "conversations",
        "idempotency_keys",
    ] {
        rows.push((table, stage.count(table).await));
    }
    rows
}

fn fixture(store: &Store) -> Fixture {
    Fixture::new(store.clone()).conversing(store.clone())
}

/// A first write with everything that one can have.
fn full(number: u32) -> UnitOfWork {
    let calls = [call(&completed(number), 0, ExecutionState::TimedOut)];
    let response = with_calls(completed(number), &calls);
    first(&response, talk(&response))
}

async fn what_is_refused_leaves_no_row(stage: Stage) {
    let store = &stage.store;
    let (home, nowhere) = (conversation(1), conversation(9));
    store.open(&ada(), &made(1), &items(10, 2)).await.unwrap();
    let taken = store.commit_keyed(begin(20), &key("a", 1)).await.unwrap();
    assert_eq!(taken, WRITTEN);
    let before = rows(&stage).await;

    for work in [begin(21), full(22), queue(23)] {
        let keyed = store.commit_keyed(work, &key("a", 1)).await.unwrap();
        assert_eq!(keyed, Keyed::Taken);
    }
    let again = store.commit_keyed(begin(20), &key("a", 1)).await.unwrap();
    assert_eq!(again, WRITTEN);
    let refused = store.commit_keyed(begin(20), &key("b", 1)).await;
    assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
    assert!(!store.append(&ada(), nowhere, &items(30, 2)).await.unwrap());
    assert!(!store.remove(&ada(), home, item_id(10, 7)).await.unwrap());
    assert!(
        !ConversationStore::close(store, &ada(), nowhere)
            .await
            .unwrap()
    );
    let described = store.describe(&ada(), nowhere, &made(9).metadata).await;
    assert_eq!(described.unwrap(), None);
    for (conversation, items) in [(made(1), items(31, 2)), (made(2), items(10, 2))] {
        let refused = store.open(&ada(), &conversation, &items).await;
        assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
    }
    let refused = store.append(&ada(), home, &items(10, 4)).await;
    assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
    assert_eq!(rows(&stage).await, before);
}

async fn who_counts_by_hand_counts_responses(stage: Stage) {
    let fixture = fixture(&stage.store);
    let store = &stage.store;
    store.open(&ada(), &made(1), &items(10, 2)).await.unwrap();
    answers(&fixture, 2, 1).await;
    let home = conversation(1);
    assert!(store.append(&ada(), home, &items(11, 1)).await.unwrap());
    for item in [item_id(11, 0), item_id(2, 1)] {
        assert!(store.remove(&ada(), home, item).await.unwrap());
    }
    assert_eq!(stage.count("responses").await, 4);
    for of_responses in [
        "SELECT count(*) FROM responses WHERE deleted_at IS NULL",
        "SELECT count(*) FROM responses WHERE status = 'completed'",
        "SELECT count(*) FROM responses WHERE NOT background AND model <> ''",
    ] {
        assert_eq!(stage.number(of_responses).await, 1, "{of_responses}");
    }
    let open = "SELECT count(*) FROM responses WHERE ended_at IS NULL";
    assert_eq!(stage.number(open).await, 0);
}

async fn a_row_that_nobody_wrote_is_told(stage: Stage) {
    let store = &stage.store;
    let home = conversation(1);
    store.open(&ada(), &made(1), &[]).await.unwrap();
    store.commit_keyed(begin(1), &key("a", 1)).await.unwrap();
    let damage = "UPDATE conversations SET metadata = '{'";
    assert_eq!(stage.execute(damage).await, 1);
    let found = store.conversation(&ada(), home).await;
    let Err(StoreError::Corrupt { what, .. }) = &found else {
        unreachable!("{found:?}")
    };
    assert_eq!(*what, format!("conversations {home}"));
    // It can be put right.
    let described = store.describe(&ada(), home, &made(1).metadata).await;
    assert_eq!(described.unwrap(), Some(made(1)));

    let known = store.key_use(&ada(), "a").await.unwrap();
    assert_eq!(known.map(|known| known.response), Some(id(1)));
    for damage in [
        "UPDATE idempotency_keys SET response_id = 'conv_1'",
        "UPDATE idempotency_keys SET fingerprint = substr(fingerprint, 1, 31)",
    ] {
        assert_eq!(stage.execute(damage).await, 1);
        let known = store.key_use(&ada(), "a").await;
        assert!(
            matches!(known, Err(StoreError::Corrupt { .. })),
            "{known:?}"
        );
    }
}
