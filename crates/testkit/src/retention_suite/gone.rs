//! What is forgotten is gone.

use response_domain::execution::ExecutionState;
use response_domain::ports::idempotency::Keyed;
use response_domain::ports::store::HistoryRef;
use response_domain::status::Change;

use super::sample::{NONE, answer, before, end, forget_all, next_day, there};
use crate::conversation_suite::sample::known;
use crate::idempotency_suite::sample::{begin, commit, key, response_of};
use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    accepted, ada, call, changed, completed, conversation, everything, first, id, put, refused,
    talk, with_calls,
};
use crate::webhook_suite::sample::{
    assert_nothing_due, complete_calling_back, deliveries, endpoint, register,
};

pub async fn what_is_forgotten_is_as_if_deleted(fixture: &Fixture) {
    let store = fixture.store();
    let response = completed(1);
    let calls = [call(&response, 0, ExecutionState::Completed("it".into()))];
    let response = with_calls(response, &calls);
    let items = talk(&response);
    put(store, &response, items.clone()).await;
    // It is kept from being written again as long as its conversation is spoken of.
    put(store, &in_home_of(2, 1), Vec::new()).await;
    assert_eq!(forget_all(fixture, before(next_day())).await, 1);
    assert_eq!(store.find(&ada(), id(1)).await.ok(), Some(None));
    let from = HistoryRef::Response(id(1));
    assert_eq!(store.history(&ada(), from).await.ok(), Some(None));
    assert_eq!(store.items(&ada(), id(1)).await.ok(), Some(Vec::new()));
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    let by_id = store.items_by_id(&ada(), &ids).await;
    assert_eq!(by_id.ok(), Some(Vec::new()));
    let page = store.page(&ada(), &everything(10)).await;
    let listed = page.map(|page| page.entries.iter().map(|it| it.id).collect::<Vec<_>>());
    assert_eq!(listed.ok(), Some(vec![id(2)]));
    assert_eq!(store.delete(&ada(), id(1)).await.ok(), Some(false));
    refused(store, first(&response, items)).await;
}

/// A response that runs in the conversation of another.
fn in_home_of(number: u32, home: u32) -> response_domain::response::Response {
    let mut response = accepted(number);
    response.conversation = Some(conversation(home));
    response
}

pub async fn of_a_background_response_everything_goes(fixture: &Fixture) {
    let store = fixture.store();
    register(fixture, &endpoint(1)).await;
    let response = complete_calling_back(fixture, 1).await;
    assert!(!deliveries(fixture, id(1)).await.is_empty());
    let events = store.events(&ada(), id(1), 0, 10).await;
    assert!(events.is_ok_and(|events| events.is_some_and(|events| !events.is_empty())));
    assert_eq!(forget_all(fixture, before(next_day())).await, 1);
    let events = store.events(&ada(), id(1), 0, 10).await;
    assert_eq!(events.ok(), Some(None));
    let standing = store.standing(&ada(), response.id).await;
    assert_eq!(standing.ok(), Some(None));
    assert_eq!(deliveries(fixture, id(1)).await, []);
    assert_nothing_due(fixture).await;
}

pub async fn a_key_stands_for_what_was_forgotten(fixture: &Fixture) {
    let ended = changed(accepted(1), Change::Complete);
    let work = first(&ended, talk(&ended));
    commit(fixture, work, &key("a", 1)).await;
    assert_eq!(forget_all(fixture, before(next_day())).await, 1);
    assert_eq!(there(fixture, [1]).await, NONE);
    assert_eq!(response_of(fixture, "a").await, Some(id(1)));
    assert_eq!(commit(fixture, begin(2), &key("a", 1)).await, Keyed::Taken);
    assert_eq!(there(fixture, [2]).await, NONE);
}

pub async fn what_its_owner_deleted_goes_for_good(fixture: &Fixture) {
    let store = fixture.store();
    let response = answer(fixture, 1).await;
    assert_eq!(store.delete(&ada(), id(1)).await.ok(), Some(true));
    // Its id, and its conversation, are known until it is past its time.
    refused(store, first(&response, Vec::new())).await;
    assert!(known(fixture, 1).await.is_some());
    forget_all(fixture, before(response.times.created)).await;
    assert!(known(fixture, 1).await.is_some());
    assert_eq!(forget_all(fixture, before(next_day())).await, 0);
    assert_eq!(known(fixture, 1).await, None);
    assert_eq!(there(fixture, [1]).await, NONE);
}

pub async fn what_is_gone_for_good_is_forgotten_no_more(fixture: &Fixture) {
    for round in 0..3 {
        let number = round * 10 + 1;
        for number in number..number + 3 {
            end(fixture, accepted(number), Change::Cancel).await;
        }
        assert_eq!(forget_all(fixture, before(next_day())).await, 3);
        assert_eq!(forget_all(fixture, before(next_day())).await, 0);
    }
}
