//! Conversations, and what is said in them. Numbers make them: the same number, the same id.

use std::sync::Arc;

use response_domain::conversation::Conversation;
use response_domain::id::{ConversationId, ItemId, ResponseId};
use response_domain::item::{Item, ItemBody, ItemStatus, Role};
use response_domain::ports::store::{History, HistoryRef};
use response_domain::response::Response;
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;
use response_domain::work::Guard;

use crate::store_suite::Fixture;
use crate::store_suite::sample::{
    ada, alone, asked, at, changed, conversation, id, json, put, said, spec, talk, worker, write,
};

/// The conversation of this number, as its owner made it.
pub fn made(number: u32) -> Conversation {
    Conversation {
        id: conversation(number),
        created: at(i64::from(number)),
        metadata: json(r#"{ "topic" : "größe", "n": "1.50" }"#),
    }
}

/// This many items with the parent of this number; each says which it is.
pub fn items(parent: u32, count: u32) -> Vec<Arc<Item>> {
    (0..count)
        .map(|ordinal| body(parent, ordinal, said(Role::User, &words(parent, ordinal))))
        .collect()
}

/// An item with the parent of this number.
pub fn body(parent: u32, ordinal: u32, body: ItemBody) -> Arc<Item> {
    Arc::new(Item {
        id: item_id(parent, ordinal),
        turn: 0,
        status: ItemStatus::Completed,
        body,
    })
}

/// The id of an item with the parent of this number.
pub fn item_id(parent: u32, ordinal: u32) -> ItemId {
    ItemId::new(id(parent).raw(), ordinal)
}

fn words(parent: u32, ordinal: u32) -> String {
    format!("{parent}.{ordinal}")
}

/// Makes the conversation of this number, beginning with these items.
pub async fn open(fixture: &Fixture, number: u32, items: &[Arc<Item>]) {
    let doors = fixture.conversations();
    let opened = doors.open(&ada(), &made(number), items).await;
    assert!(opened.is_ok(), "{opened:?}");
}

/// What ada's conversation of this number is found as.
pub async fn known(fixture: &Fixture, number: u32) -> Option<Conversation> {
    let doors = fixture.conversations();
    let known = doors.conversation(&ada(), conversation(number)).await;
    assert!(known.is_ok(), "{known:?}");
    known.ok().flatten()
}

/// Puts items into ada's conversation of this number; answers whether it was there.
pub async fn put_in(fixture: &Fixture, number: u32, items: &[Arc<Item>]) -> bool {
    let doors = fixture.conversations();
    let put = doors.append(&ada(), conversation(number), items).await;
    assert!(put.is_ok(), "{put:?}");
    put.is_ok_and(|is_put| is_put)
}

/// Takes an item out of ada's conversation of this number; answers whether it was there.
pub async fn remove(fixture: &Fixture, number: u32, item: ItemId) -> bool {
    let doors = fixture.conversations();
    let removed = doors.remove(&ada(), conversation(number), item).await;
    assert!(removed.is_ok(), "{removed:?}");
    removed.is_ok_and(|is_removed| is_removed)
}

/// What came before.
pub async fn history(fixture: &Fixture, from: HistoryRef) -> Option<History> {
    let history = fixture.store().history(&ada(), from).await;
    assert!(history.is_ok(), "{history:?}");
    history.ok().flatten()
}

/// The items of ada's conversation of this number, each as the number of its parent and its own.
pub async fn told(fixture: &Fixture, number: u32) -> Vec<(u32, u32)> {
    let from = HistoryRef::Conversation(conversation(number));
    names(history(fixture, from).await)
}

/// What the response of this number saw and said.
pub async fn seen(fixture: &Fixture, number: u32) -> Vec<(u32, u32)> {
    names(history(fixture, HistoryRef::Response(id(number))).await)
}

fn names(history: Option<History>) -> Vec<(u32, u32)> {
    let Some(history) = history else {
        panic!("there is no history")
    };
    let number = |item: &Arc<Item>| {
        let parent = ResponseId::new(item.id.parent);
        let known = (0..2_000).find(|number| id(*number) == parent);
        (known.unwrap_or(u32::MAX), item.id.ordinal)
    };
    history.items.iter().map(number).collect()
}

/// How many places are taken in ada's conversation of this number.
pub async fn places(fixture: &Fixture, number: u32) -> u32 {
    let from = HistoryRef::Conversation(conversation(number));
    history(fixture, from).await.map_or(0, |told| told.seen)
}

/// The response of this number, in progress, attached to a conversation now.
pub async fn attached(fixture: &Fixture, number: u32, home: u32) -> Response {
    let home: ConversationId = conversation(home);
    let asks = ResponseSpec {
        conversation: Some(home),
        ..spec()
    };
    let mut response = asked(number, asks);
    let from = HistoryRef::Conversation(home);
    response.seen = history(fixture, from).await.map_or(0, |told| told.seen);
    put(fixture.store(), &response, talk(&response)).await;
    response
}

/// Ends a response with an answer.
pub async fn complete(fixture: &Fixture, response: Response) {
    let ended = changed(response, Change::Complete);
    write(fixture.store(), alone(Guard::Held(worker(1)), &ended)).await;
}

/// The response of this number attaches to a conversation and answers.
pub async fn answers(fixture: &Fixture, number: u32, home: u32) {
    let response = attached(fixture, number, home).await;
    complete(fixture, response).await;
}
