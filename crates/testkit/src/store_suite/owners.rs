//! What belongs to somebody else does not exist.

use response_domain::caller::OwnerId;
use response_domain::execution::ExecutionState;
use response_domain::ports::store::HistoryRef;

use super::Subject;
use super::sample::{
    accepted, ada, call, completed, conversation, everything, found, put, talk, with_calls,
};

pub async fn what_belongs_to_somebody_else_does_not_exist(store: &dyn Subject) {
    let done = completed(1);
    let calls = [call(&done, 0, ExecutionState::TimedOut)];
    let done = with_calls(done, &calls);
    let items = talk(&done);
    put(store, &done, items.clone()).await;
    put(store, &accepted(2), Vec::new()).await;
    let bob = OwnerId::new("bob");
    for response in [&done, &accepted(2)] {
        assert_eq!(store.find(&bob, response.id).await.ok(), Some(None));
        let from = HistoryRef::Response(response.id);
        assert_eq!(store.history(&bob, from).await.ok(), Some(None));
        assert_eq!(store.items(&bob, response.id).await.ok(), Some(Vec::new()));
        assert_eq!(store.delete(&bob, response.id).await.ok(), Some(false));
    }
    let from = HistoryRef::Conversation(conversation(1));
    assert_eq!(store.history(&bob, from).await.ok(), Some(None));
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    assert_eq!(store.items_by_id(&bob, &ids).await.ok(), Some(Vec::new()));
    let listed = store.page(&bob, &everything(100)).await;
    assert_eq!(listed.ok().map(|page| page.entries), Some(Vec::new()));
    // And all of it is still there.
    assert_eq!(*found(store, done.id).await, done);
    assert_eq!(store.items(&ada(), done.id).await.ok(), Some(items));
}

pub async fn owners_that_look_alike_are_different(store: &dyn Subject) {
    let names = [
        "ada",
        "Ada",
        "ada ",
        " ada",
        "ad\0a",
        "ad\u{FFFD}0a",
        "ad\u{FFFD}a",
        "ädа",
        "a\u{308}da",
        "äda",
        "",
        "%",
        "_da",
    ];
    for (number, name) in (1..).zip(names) {
        let mut response = completed(number);
        response.owner = OwnerId::new(name);
        put(store, &response, talk(&response)).await;
    }
    for (number, name) in (1..).zip(names) {
        let owner = OwnerId::new(name);
        let page = store.page(&owner, &everything(100)).await;
        let ids = page.ok().map(|page| {
            page.entries
                .iter()
                .map(|entry| entry.id)
                .collect::<Vec<_>>()
        });
        assert_eq!(ids, Some(vec![completed(number).id]), "{name:?}");
        let mut expected = completed(number);
        expected.owner = owner.clone();
        let kept = store.find(&owner, expected.id).await.ok().flatten();
        assert_eq!(kept.as_deref(), Some(&expected), "{name:?}");
    }
}
