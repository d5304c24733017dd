//! Conversations, what is put into them by hand, and who may attach.

use response_domain::caller::OwnerId;
use response_domain::entry::Entry;
use response_domain::id::{ConversationId, RawId};
use response_domain::item::{ItemBody, Message, Role};
use response_domain::json::Json;
use response_domain::page::{More, Order};
use response_domain::spec::{Draft, InputItem, Overlap};
use response_engine::error::{ConversationError, CreateError};
use response_engine::read::EntryWindow;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};

use crate::world::{Plan, World, ada, but, says};

const ALL: EntryWindow = EntryWindow {
    limit: 100,
    order: Order::Ascending,
    after: None,
    before: None,
};

fn said(words: &str) -> InputItem {
    InputItem::New(ItemBody::Message(Message::text(Role::User, words)))
}

fn words(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match &entry.item.body {
            ItemBody::Message(message) => message.joined_text().to_string(),
            ItemBody::FunctionCall(call) => format!("call {} {:?}", call.name, entry.reply),
            other => panic!("{other:?}"),
        })
        .collect()
}

async fn opened(world: &World, items: Vec<InputItem>) -> ConversationId {
    let owner = ada().owner;
    let metadata = Json::empty_object();
    let opened = world
        .engine
        .open_conversation(&owner, metadata, items)
        .await;
    opened.unwrap().id
}

/// A conversation that began by hand, had an answer with a call, was added to by hand, and had another answer.
async fn talked(world: &World) -> (ConversationId, Vec<Entry>) {
    let owner = ada().owner;
    let id = opened(world, vec![said("I am Ada.")]).await;
    let attached = |words: &str| Draft {
        conversation: Some(id),
        ..says(words)
    };
    world.answer(attached("what time is it?")).await;
    let added = vec![said("By the way.")];
    let added = world.engine.append_to_conversation(&owner, id, added).await;
    assert_eq!(words(&added.unwrap()), ["By the way."]);
    world.answer(attached("thanks")).await;
    let page = world.engine.conversation_entries(&owner, id, ALL).await;
    (id, page.unwrap().entries)
}

async fn with_a_clock() -> World {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [
        calls(&[("clock", "{}")]),
        text("Noon."),
        text("You are welcome."),
    ];
    Plan::new(turns).tools(tools).build().await
}

#[tokio::test(start_paused = true)]
async fn a_conversation_holds_what_was_put_into_it_and_what_its_responses_said() {
    let world = with_a_clock().await;
    let (_, entries) = talked(&world).await;
    let clock = "call clock Said(\"noon\")";
    let expected = [
        "I am Ada.",
        "what time is it?",
        clock,
        "Noon.",
        "By the way.",
        "thanks",
        "You are welcome.",
    ];
    assert_eq!(words(&entries), expected);
    let read = &world.model.asked()[2].transcript;
    assert_eq!(
        read.len(),
        7,
        "six items before it, its own, and the call's two halves"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_out_of_a_conversation_is_not_in_it_any_more() {
    let world = with_a_clock().await;
    let owner = ada().owner;
    let (id, entries) = talked(&world).await;
    let (call, by_hand) = (entries[2].item.id, entries[4].item.id);
    for item in [by_hand, call] {
        let remove = || world.engine.remove_from_conversation(&owner, id, item);
        assert_eq!(remove().await.unwrap().id, id);
        let again = remove().await.err();
        let gone = world
            .engine
            .conversation_entry(&owner, id, item)
            .await
            .err();
        for error in [again, gone] {
            assert!(
                matches!(error, Some(ConversationError::ItemNotFound(_))),
                "{error:?}"
            );
        }
    }
    let page = world.engine.conversation_entries(&owner, id, ALL).await;
    let left = [
        "I am Ada.",
        "what time is it?",
        "Noon.",
        "thanks",
        "You are welcome.",
    ];
    assert_eq!(words(&page.unwrap().entries), left);
}

#[tokio::test(start_paused = true)]
async fn entries_come_a_page_at_a_time_from_either_end() {
    let world = World::new([]).await;
    let owner = ada().owner;
    let id = opened(&world, ["a", "b", "c", "d", "e"].map(said).to_vec()).await;
    let all = world
        .engine
        .conversation_entries(&owner, id, ALL)
        .await
        .unwrap();
    let ids: Vec<_> = all.entries.iter().map(|entry| entry.item.id).collect();
    let rows = [
        (Order::Ascending, None, None, "ab", More::Follows),
        (Order::Ascending, Some(1), None, "cd", More::Follows),
        (Order::Ascending, Some(2), None, "de", More::Nothing),
        (Order::Ascending, Some(4), None, "", More::Nothing),
        (Order::Descending, None, None, "ed", More::Follows),
        (Order::Descending, Some(2), None, "ba", More::Nothing),
        (Order::Ascending, None, Some(4), "cd", More::Follows),
        (Order::Ascending, None, Some(1), "a", More::Nothing),
        (Order::Descending, None, Some(1), "dc", More::Follows),
        (Order::Ascending, Some(0), Some(3), "bc", More::Nothing),
    ];
    for (order, after, before, expected, more) in rows {
        let window = EntryWindow {
            limit: 2,
            order,
            after: after.map(|place: usize| ids[place]),
            before: before.map(|place: usize| ids[place]),
        };
        let page = world
            .engine
            .conversation_entries(&owner, id, window)
            .await
            .unwrap();
        let found = (words(&page.entries).concat(), page.more);
        assert_eq!(found, (expected.to_owned(), more), "{window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn conversations_of_others_and_closed_ones_are_not_found() {
    let world = World::new([text("unused")]).await;
    let id = opened(&world, vec![said("hi")]).await;
    let closed = opened(&world, vec![said("hi")]).await;
    let (ada, bert) = (ada().owner, OwnerId::new("bert"));
    world.engine.close_conversation(&ada, closed).await.unwrap();
    let nobodys = ConversationId::new(RawId::new(9));
    for (owner, id) in [(&bert, id), (&ada, closed), (&ada, nobodys)] {
        let engine = &world.engine;
        let metadata = Json::empty_object();
        let results = [
            engine.conversation(owner, id).await.err(),
            engine
                .describe_conversation(owner, id, &metadata)
                .await
                .err(),
            engine.close_conversation(owner, id).await.err(),
            engine.conversation_entries(owner, id, ALL).await.err(),
            engine
                .append_to_conversation(owner, id, vec![said("x")])
                .await
                .err(),
        ];
        for result in results {
            assert!(
                matches!(result, Some(ConversationError::NotFound)),
                "{result:?}"
            );
        }
    }
    let attached = but(|draft| draft.conversation = Some(closed));
    let refused = world.create(attached).await;
    assert!(
        matches!(refused, Err(CreateError::ConversationNotFound(_))),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_wants_a_conversation_for_itself_does_not_get_it_while_another_runs() {
    let said_so = vec![vec![response_domain::ports::llm::Delta::Text("He".into())]];
    let world = World::new([TurnScript::Hangs(said_so), text("Now.")]).await;
    let id = opened(&world, vec![said("hi")]).await;
    let alone = || {
        but(|draft| {
            draft.conversation = Some(id);
            draft.overlap = Overlap::Refused;
        })
    };
    let first = world.wait(alone()).await;
    world.model.hanging.notified().await;
    let refused = world.create(alone()).await;
    assert!(
        matches!(refused, Err(CreateError::ConversationBusy(_))),
        "{refused:?}"
    );
    let owner = ada().owner;
    world.engine.cancel(&owner, first.id()).await.unwrap();
    drop(first);
    tokio::task::yield_now().await;
    let second = world.answer(alone()).await;
    assert_eq!(second.progress.output.as_deref(), Some("Now."));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_waits_in_the_queue_has_its_conversation_to_itself() {
    let world = World::new([text("unused")]).await;
    let id = opened(&world, vec![said("hi")]).await;
    let waiting = but(|draft| {
        draft.conversation = Some(id);
        draft.background = Some(true);
    });
    world.enqueue(waiting).await;
    let alone = but(|draft| {
        draft.conversation = Some(id);
        draft.overlap = Overlap::Refused;
    });
    let refused = world.create(alone).await;
    assert!(
        matches!(refused, Err(CreateError::ConversationBusy(_))),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_read_the_end_may_go_on_at_once() {
    let world = World::new([text("One."), text("Two."), text("Three.")]).await;
    let id = opened(&world, vec![said("hi")]).await;
    let mut previous = None;
    for _ in 0..3 {
        let draft = but(|draft| {
            draft.overlap = Overlap::Refused;
            match previous {
                None => draft.conversation = Some(id),
                Some(_) => draft.previous = previous,
            }
        });
        let mut reader = world.stream(draft).await;
        while let Some(events) = reader.next().await {
            let ended = events
                .iter()
                .any(|event| matches!(event, response_domain::event::Event::Ended(_)));
            if ended {
                // The driver is not done yet: it has only told.
                break;
            }
        }
        let attached = but(|draft| {
            draft.conversation = Some(id);
            draft.overlap = Overlap::Refused;
        });
        assert!(
            world
                .engine
                .count_tokens(crate::world::asks(attached))
                .await
                .is_ok()
        );
        previous = Some(reader.id());
    }
}
