//! Writes that no store should be asked for, and rows that cannot be read.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::item::Role;
use response_domain::ports::store::{ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::spec::{ResponseSpec, Storage};
use response_domain::status::Change;
use response_domain::work::Guard;
use response_store::Store;
use response_testkit::store_suite::sample::{
    accepted, ada, alone, asked, changed, completed, first, found, item, put, refused, said, spec,
    talk, worker,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Executor};
use tempfile::TempDir;

use crate::sqlite::open;

async fn fails(store: &Store, response: &Response) {
    let written = store.commit(alone(Guard::New(worker(1)), response)).await;
    assert!(matches!(written, Err(StoreError::Failed(_))), "{written:?}");
    assert_eq!(store.find(&ada(), response.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_response_that_is_not_to_be_stored_never_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let storage = Storage::Passing;
    fails(&store, &asked(1, ResponseSpec { storage, ..spec() })).await;
}

#[tokio::test]
async fn a_response_without_a_conversation_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut response = completed(1);
    response.conversation = None;
    fails(&store, &response).await;
}

#[tokio::test]
async fn an_item_of_another_response_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let response = completed(1);
    let strange = item(&completed(2), 0, said(Role::User, "not mine"));
    let written = store.commit(first(&response, vec![strange])).await;
    assert!(matches!(written, Err(StoreError::Failed(_))), "{written:?}");
    assert_eq!(store.find(&ada(), response.id).await.unwrap(), None);
}

#[tokio::test]
async fn nobody_ends_the_response_of_another_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let response = accepted(1);
    put(&store, &response, Vec::new()).await;
    let mut theirs = changed(response.clone(), Change::Cancel);
    theirs.owner = OwnerId::new("bob");
    refused(&store, alone(Guard::Open, &theirs)).await;
    refused(&store, alone(Guard::Held(worker(1)), &theirs)).await;
    assert_eq!(*found(&store, response.id).await, response);
}

/// A connection beside those of the store.
async fn beside(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.path().join("response.db"));
    options.connect().await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let damages = [
        ("UPDATE responses SET spec = '{'", "responses resp_"),
        (
            "UPDATE responses SET spec = replace(spec, '\"v\":1', '\"v\":2')",
            "responses resp_",
        ),
        ("UPDATE responses SET progress = ''", "responses resp_"),
        ("UPDATE responses SET status = 'asleep'", "responses resp_"),
        (
            "UPDATE responses SET conversation_id = 'x'",
            "responses resp_",
        ),
        (
            "UPDATE conversation_items SET body = '{\"v\":1,\"item\":{\"poem\":{}}}'",
            "conversation_items resp_",
        ),
        (
            "UPDATE conversation_items SET status = 'half'",
            "conversation_items resp_",
        ),
    ];
    for (damage, expected) in damages {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let response = completed(1);
        put(&store, &response, talk(&response)).await;
        beside(&folder).await.execute(damage).await.unwrap();
        let error = match store.find(&ada(), response.id).await {
            Err(error) => error,
            Ok(_) => store.items(&ada(), response.id).await.unwrap_err(),
        };
        let StoreError::Corrupt { what, .. } = &error else {
            unreachable!("{damage}: {error:?}");
        };
        assert!(what.starts_with(expected), "{damage}: {what}");
        assert!(what.contains(&response.id.to_string()), "{damage}: {what}");
    }
}

#[tokio::test]
async fn one_damaged_row_spoils_only_its_own_response() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    for number in 1..=2 {
        put(&store, &completed(number), Vec::new()).await;
    }
    let damage = "UPDATE responses SET spec = '' WHERE id LIKE '%1'";
    beside(&folder).await.execute(damage).await.unwrap();
    assert!(store.find(&ada(), completed(1).id).await.is_err());
    assert_eq!(found(&store, completed(2).id).await, Arc::new(completed(2)));
}
