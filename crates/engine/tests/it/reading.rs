//! Reading responses and their items, finished or under way.

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::id::ItemId;
use response_domain::item::{Item, ItemBody};
use response_domain::page::{More, Order, Page};
use response_domain::status::StatusName;
use response_engine::error::ReadError;
use response_engine::read::ItemWindow;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};

use crate::world::{Plan, World, ada, says, status};

const ALL: ItemWindow = ItemWindow {
    limit: 100,
    order: Order::Ascending,
    after: None,
};

fn kind(item: &Item) -> &'static str {
    match &item.body {
        ItemBody::Message(message) => message.role.as_str(),
        ItemBody::Reasoning(_) => "reasoning",
        ItemBody::FunctionCall(_) => "call",
        ItemBody::FunctionCallOutput(_) => "output",
        other => panic!("no run writes {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn input_items_are_what_the_model_was_sent() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [
        calls(&[("clock", "{}")]),
        text("Noon."),
        text("You are welcome."),
    ];
    let world = Plan::new(turns).tools(tools).build().await;
    let owner = ada().owner;
    let first = world.answer(says("time?")).await;
    let items = world
        .engine
        .input_items(&owner, first.id, ALL)
        .await
        .unwrap();
    assert_eq!(
        items
            .entries
            .iter()
            .map(|item| kind(item))
            .collect::<Vec<_>>(),
        ["user", "call", "output"]
    );
    let draft = response_domain::spec::Draft {
        previous: Some(first.id),
        ..says("thanks")
    };
    let second = world.answer(draft).await;
    let items = world
        .engine
        .input_items(&owner, second.id, ALL)
        .await
        .unwrap();
    let kinds: Vec<_> = items.entries.iter().map(|item| kind(item)).collect();
    assert_eq!(kinds, ["user", "call", "output", "assistant", "user"]);
}

#[tokio::test(start_paused = true)]
async fn items_come_in_pages_either_way() {
    let world = World::new([text("Hello.")]).await;
    let owner = ada().owner;
    let mut draft = says("one");
    draft.items.extend(says("two").items);
    draft.items.extend(says("three").items);
    let response = world.answer(draft).await;
    let response = response.id;
    let id = |ordinal| ItemId::new(response.raw(), ordinal);
    let page = |order, after| {
        let window = ItemWindow {
            limit: 2,
            order,
            after,
        };
        let (engine, owner) = (world.engine.clone(), owner.clone());
        async move {
            let items = engine.input_items(&owner, response, window).await.unwrap();
            (
                items
                    .entries
                    .iter()
                    .map(|item| item.id.ordinal)
                    .collect::<Vec<_>>(),
                items.more,
            )
        }
    };
    assert_eq!(
        page(Order::Ascending, None).await,
        (vec![0, 1], More::Follows)
    );
    assert_eq!(
        page(Order::Ascending, Some(id(1))).await,
        (vec![2], More::Nothing)
    );
    assert_eq!(
        page(Order::Descending, None).await,
        (vec![2, 1], More::Follows)
    );
    assert_eq!(
        page(Order::Descending, Some(id(1))).await,
        (vec![0], More::Nothing)
    );
    assert_eq!(
        page(Order::Ascending, Some(id(99))).await,
        (vec![], More::Nothing)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_under_way_is_found_before_and_after_it_has_a_row() {
    let world = World::new([TurnScript::Hangs(vec![])]).await;
    let owner = ada().owner;
    let waiting = world.wait(says("hi")).await;
    world.model.hanging.notified().await;
    assert_eq!(world.store.commits(), 0);
    let early = world.engine.get(&owner, waiting.id()).await.unwrap();
    assert_eq!(status(&early), StatusName::InProgress);
    assert_eq!(
        world
            .engine
            .input_items(&owner, waiting.id(), ALL)
            .await
            .unwrap()
            .entries
            .len(),
        1
    );
    tokio::time::advance(Duration::from_millis(251)).await;
    while world.store.commits() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        world.store.commits(),
        1,
        "it gets its row when it has run for a while"
    );
    let listed = Page {
        limit: 10,
        after: None,
        status: None,
        background: None,
        conversation: None,
    };
    assert_eq!(
        world
            .engine
            .list(&owner, &listed)
            .await
            .unwrap()
            .entries
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_somebody_else_does_not_exist() {
    let world = World::new([text("Hello."), TurnScript::Hangs(vec![])]).await;
    let done = world.answer(says("hi")).await;
    let running = world.wait(says("ho")).await;
    let eve = OwnerId::new("eve");
    for id in [done.id, running.id()] {
        assert!(matches!(
            world.engine.get(&eve, id).await,
            Err(ReadError::NotFound)
        ));
        assert!(matches!(
            world.engine.cancel(&eve, id).await,
            Err(ReadError::NotFound)
        ));
        assert!(matches!(
            world.engine.delete(&eve, id).await,
            Err(ReadError::NotFound)
        ));
        assert!(matches!(
            world.engine.input_items(&eve, id, ALL).await,
            Err(ReadError::NotFound)
        ));
    }
    assert_eq!(
        status(&world.engine.get(&ada().owner, running.id()).await.unwrap()),
        StatusName::InProgress
    );
}
