//! What a response saw, and what a conversation holds.

use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ConversationId, ResponseId};
use response_domain::ports::store::{History, HistoryRef};
use response_domain::response::Response;
use response_domain::spec::ResponseSpec;
use response_domain::status::{Change, IncompleteReason, StatusName};
use response_domain::work::{Guard, UnitOfWork};

use super::Subject;
use super::sample::{
    accepted, ada, alone, asked, changed, completed, conversation, id, put, spec, talk, worker,
    write,
};
async fn history(store: &dyn Subject, from: HistoryRef) -> Option<History> {
    let history = store.history(&ada(), from).await;
    assert!(history.is_ok(), "{history:?}");
    history.ok().flatten()
}

/// The responses whose items a history has, each once, in order; every one must be there whole.
fn voices(history: &History) -> Vec<ResponseId> {
    let mut voices: Vec<ResponseId> = history
        .items
        .iter()
        .map(|item| ResponseId::new(item.id.parent))
        .collect();
    voices.dedup();
    let ordinals: Vec<u32> = history.items.iter().map(|item| item.id.ordinal).collect();
    assert_eq!(
        ordinals,
        [0, 1].repeat(voices.len()),
        "items are missing or out of order"
    );
    voices
}

async fn heard(store: &dyn Subject, from: HistoryRef) -> Option<Vec<ResponseId>> {
    history(store, from).await.as_ref().map(voices)
}

/// A completed response that continues another, in the conversation of number 1.
fn continuing(number: u32, previous: u32) -> Response {
    let asks = ResponseSpec {
        previous: Some(id(previous)),
        ..spec()
    };
    let mut response = asked(number, asks);
    response.conversation = Some(conversation(1));
    changed(response, Change::Complete)
}

/// A response that attached to a conversation of which it saw this much.
fn attached(number: u32, home: ConversationId, seen: u32) -> Response {
    let conversation = Some(home);
    let mut response = asked(
        number,
        ResponseSpec {
            conversation,
            ..spec()
        },
    );
    response.seen = seen;
    response
}

async fn put_all(store: &dyn Subject, responses: &[Response]) {
    for response in responses {
        put(store, response, talk(response)).await;
    }
}

pub async fn a_chain_is_told_from_its_beginning(store: &dyn Subject) {
    let mut chain = vec![completed(1)];
    chain.extend((2..=5).map(|number| continuing(number, number - 1)));
    put_all(store, &chain).await;
    for (length, response) in (1..).zip(&chain) {
        let told = history(store, HistoryRef::Response(response.id)).await;
        let expected: Vec<ResponseId> = (1..=length).map(id).collect();
        assert_eq!(told.as_ref().map(voices), Some(expected));
        assert_eq!(
            told.as_ref().map(|told| told.conversation),
            Some(conversation(1))
        );
        assert_eq!(
            told.and_then(|told| told.status),
            Some(StatusName::Completed)
        );
    }
}

pub async fn branches_do_not_see_each_other(store: &dyn Subject) {
    put_all(
        store,
        &[
            completed(1),
            continuing(2, 1),
            continuing(3, 1),
            continuing(4, 3),
        ],
    )
    .await;
    let expectations = [(2, vec![1, 2]), (3, vec![1, 3]), (4, vec![1, 3, 4])];
    for (number, expected) in expectations {
        let expected = expected.into_iter().map(id).collect();
        assert_eq!(
            heard(store, HistoryRef::Response(id(number))).await,
            Some(expected)
        );
    }
    let all = heard(store, HistoryRef::Conversation(conversation(1))).await;
    assert_eq!(all, Some(vec![id(1), id(2), id(3), id(4)]));
}

pub async fn a_deleted_link_leaves_the_chain_whole(store: &dyn Subject) {
    put_all(store, &[completed(1), continuing(2, 1), continuing(3, 2)]).await;
    assert_eq!(store.delete(&ada(), id(2)).await.ok(), Some(true));
    assert_eq!(
        heard(store, HistoryRef::Response(id(3))).await,
        Some(vec![id(1), id(3)])
    );
    assert_eq!(heard(store, HistoryRef::Response(id(2))).await, None);
    let all = heard(store, HistoryRef::Conversation(conversation(1))).await;
    assert_eq!(all, Some(vec![id(1), id(3)]));
}

pub async fn a_conversation_is_told_in_the_order_of_endings(store: &dyn Subject) {
    let home = conversation(1);
    put_all(store, &[completed(1)]).await;
    let open: Vec<Response> = (2..=4).map(|number| attached(number, home, 1)).collect();
    put_all(store, &open).await;
    assert_eq!(
        heard(store, HistoryRef::Conversation(home)).await,
        Some(vec![id(1)])
    );
    // They end in another order than they began, whatever their clocks say.
    for response in open.iter().rev() {
        let ended = changed(response.clone(), Change::Complete);
        write(store, alone(Guard::Held(worker(1)), &ended)).await;
    }
    let told = history(store, HistoryRef::Conversation(home)).await;
    assert_eq!(
        told.as_ref().map(voices),
        Some(vec![id(1), id(4), id(3), id(2)])
    );
    assert_eq!(told.map(|told| (told.seen, told.status)), Some((4, None)));
}

pub async fn failures_and_cancellations_stay_out_of_the_conversation(store: &dyn Subject) {
    let home = conversation(1);
    let failure = Failure::new(FailureCode::ModelError, "the model failed");
    let endings = [
        Change::Fail(failure),
        Change::Cancel,
        Change::Stop(IncompleteReason::OutputTokens),
    ];
    put_all(store, &[completed(1)]).await;
    for (number, change) in (2..).zip(endings) {
        put_all(store, &[changed(attached(number, home, 1), change)]).await;
    }
    let told = history(store, HistoryRef::Conversation(home)).await;
    assert_eq!(told.as_ref().map(voices), Some(vec![id(1), id(4)]));
    assert_eq!(told.map(|told| told.seen), Some(2));
    // They keep what was said, for whoever continues them by name.
    let failed = history(store, HistoryRef::Response(id(2))).await;
    assert_eq!(failed.as_ref().map(voices), Some(vec![id(1), id(2)]));
    assert_eq!(
        failed.and_then(|told| told.status),
        Some(StatusName::Failed)
    );
}

pub async fn a_response_saw_what_was_there_when_it_attached(store: &dyn Subject) {
    let home = conversation(1);
    put_all(store, &[completed(1)]).await;
    let early = attached(2, home, 1);
    put_all(store, std::slice::from_ref(&early)).await;
    put_all(store, &[changed(attached(3, home, 1), Change::Complete)]).await;
    let ended = changed(early, Change::Complete);
    write(store, alone(Guard::Held(worker(1)), &ended)).await;
    put_all(store, &[changed(attached(4, home, 3), Change::Complete)]).await;
    let expectations = [(2, vec![1, 2]), (3, vec![1, 3]), (4, vec![1, 3, 2, 4])];
    for (number, expected) in expectations {
        let expected = expected.into_iter().map(id).collect();
        assert_eq!(
            heard(store, HistoryRef::Response(id(number))).await,
            Some(expected)
        );
    }
}

pub async fn a_continuation_of_an_attached_response_saw_the_same(store: &dyn Subject) {
    let home = conversation(1);
    let second = changed(attached(2, home, 1), Change::Complete);
    put_all(store, &[completed(1), second]).await;
    // Somebody else speaks in between; who continues by name does not hear it.
    put_all(
        store,
        &[
            changed(attached(3, home, 2), Change::Complete),
            continuing(4, 2),
        ],
    )
    .await;
    let told = heard(store, HistoryRef::Response(id(4))).await;
    assert_eq!(told, Some(vec![id(1), id(2), id(4)]));
}

pub async fn what_is_unknown_has_no_history(store: &dyn Subject) {
    put_all(store, &[completed(1)]).await;
    assert_eq!(heard(store, HistoryRef::Response(id(2))).await, None);
    assert_eq!(
        heard(store, HistoryRef::Conversation(conversation(2))).await,
        None
    );
    // Who continues what is not there was told so; should it have gone since, the rest stays.
    put_all(store, &[continuing(4, 3)]).await;
    assert_eq!(
        heard(store, HistoryRef::Response(id(4))).await,
        Some(vec![id(4)])
    );
}

pub async fn a_conversation_begins_with_its_first_response(store: &dyn Subject) {
    let open = accepted(1);
    put_all(store, std::slice::from_ref(&open)).await;
    let told = history(store, HistoryRef::Conversation(conversation(1))).await;
    assert_eq!(
        told.map(|told| (told.seen, told.items)),
        Some((0, Vec::new()))
    );
    let told = history(store, HistoryRef::Response(open.id)).await;
    assert_eq!(told.as_ref().map(voices), Some(vec![open.id]));
    assert_eq!(
        told.and_then(|told| told.status),
        Some(StatusName::InProgress)
    );
    let ended = changed(open, Change::Complete);
    let work = UnitOfWork {
        items: talk(&ended),
        ..alone(Guard::Held(worker(1)), &ended)
    };
    write(store, work).await;
    assert_eq!(
        heard(store, HistoryRef::Conversation(conversation(1))).await,
        Some(vec![id(1)])
    );
}

pub async fn a_conversation_outlives_its_responses(store: &dyn Subject) {
    let home = conversation(1);
    put_all(store, &[completed(1)]).await;
    assert_eq!(store.delete(&ada(), id(1)).await.ok(), Some(true));
    let told = history(store, HistoryRef::Conversation(home)).await;
    assert_eq!(
        told.map(|told| (told.seen, told.items)),
        Some((1, Vec::new()))
    );
    put_all(store, &[changed(attached(2, home, 1), Change::Complete)]).await;
    assert_eq!(
        heard(store, HistoryRef::Conversation(home)).await,
        Some(vec![id(2)])
    );
}
