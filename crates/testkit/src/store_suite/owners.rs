//! What belongs to somebody else does not exist.

use response_domain::caller::OwnerId;
use response_domain::execution::ExecutionState;
use response_domain::failure::{Failure, FailureCode};
use response_domain::page::Page;
use response_domain::ports::store::HistoryRef;
use response_domain::response::Response;
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;
use response_domain::work::Guard;

use super::Subject;
use super::sample::{
    accepted, ada, alone, asked, call, changed, completed, conversation, everything, first, found,
    put, refused, spec, talk, with_calls, worker,
};
use crate::queue_suite::sample::running;

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
    // A list neither begins behind it nor can be narrowed to its conversation.
    let own = with_owner(completed(3), &bob);
    put(store, &own, Vec::new()).await;
    let behind = Page {
        after: Some(done.id),
        ..everything(100)
    };
    let inside = Page {
        conversation: Some(conversation(1)),
        ..everything(100)
    };
    for page in [behind, inside] {
        let listed = store.page(&bob, &page).await;
        assert_eq!(listed.ok().map(|page| page.entries), Some(Vec::new()));
    }
    // And all of it is still there.
    assert_eq!(*found(store, done.id).await, done);
    assert_eq!(store.items(&ada(), done.id).await.ok(), Some(items));
}

fn with_owner(mut response: Response, owner: &OwnerId) -> Response {
    response.owner = owner.clone();
    response
}

/// Nobody checked what it names: it comes to nothing all the same.
pub async fn what_names_somebody_elses_shows_nothing_of_it(store: &dyn Subject) {
    let bob = OwnerId::new("bob");
    put(store, &completed(1), talk(&completed(1))).await;
    let continues = ResponseSpec {
        previous: Some(completed(1).id),
        ..spec()
    };
    let attaches = ResponseSpec {
        conversation: Some(conversation(1)),
        ..spec()
    };
    for (number, asks) in [(2, continues), (3, attaches)] {
        let mut response = with_owner(asked(number, asks), &bob);
        response.conversation = Some(conversation(1));
        response.seen = 1;
        let failure = Failure::new(FailureCode::ModelError, "it broke");
        let ended = changed(response, Change::Fail(failure));
        put(store, &ended, talk(&ended)).await;
        let past = store.history(&bob, HistoryRef::Response(ended.id)).await;
        let past = past.ok().flatten().map(|past| past.items);
        assert_eq!(past, Some(talk(&ended)));
    }
    let from = HistoryRef::Conversation(conversation(1));
    let past = store.history(&ada(), from).await.ok().flatten();
    assert_eq!(past.map(|past| past.items), Some(talk(&completed(1))));
}

pub async fn what_belongs_to_somebody_else_cannot_be_changed(store: &dyn Subject) {
    let bob = OwnerId::new("bob");
    let runs = accepted(1);
    put(store, &runs, talk(&runs)).await;
    let (queued, lease) = running(store, 2, 1).await;
    let guards = [
        (Guard::Open, &runs),
        (Guard::Held(worker(1)), &runs),
        (Guard::Leased(lease), &queued),
        (Guard::Open, &queued),
    ];
    for (guard, response) in guards {
        let before = found(store, response.id).await;
        let theirs = changed(with_owner(response.clone(), &bob), Change::Complete);
        refused(store, alone(guard, &theirs)).await;
        assert_eq!(found(store, response.id).await, before);
        assert_eq!(store.find(&bob, response.id).await.ok(), Some(None));
    }
    // Nor is its id given to another.
    refused(store, first(&with_owner(completed(1), &bob), Vec::new())).await;
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
