//! Reading along: the order of events, and a reader that leaves.

use response_domain::event::{Event, TextKind};
use response_domain::ports::llm::{Delta, TurnMode};
use response_domain::spec::Draft;
use response_domain::status::StatusName;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};

use crate::world::{Plan, World, ada, output, read_all, says, status};

fn names(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .map(|event| match event {
            Event::Created(_) => "created",
            Event::Started(_) => "started",
            Event::ItemOpened { .. } => "item opened",
            Event::PartOpened(..) => "part opened",
            Event::TextDelta(_, TextKind::Output, _) => "text",
            Event::TextDelta(_, TextKind::Reasoning, _) => "reasoning",
            Event::TextDone(..) => "text done",
            Event::PartClosed(..) => "part closed",
            Event::ArgumentsDelta(..) => "arguments",
            Event::ArgumentsDone(..) => "arguments done",
            Event::ItemClosed(..) => "item closed",
            Event::CallStarted(_) => "call started",
            Event::CallReturned(_) => "call returned",
            Event::CallDropped(..) => "call dropped",
            Event::Ended(_) => "ended",
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn events_come_in_order_and_the_end_comes_last() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [calls(&[("clock", "{}")]), text("It is noon.")];
    let world = Plan::new(turns).tools(tools).build().await;
    let mut reader = world.stream(says("what time is it?")).await;
    let events = read_all(&mut reader).await;
    assert_eq!(
        names(&events),
        [
            "created",
            "started",
            "item opened",
            "arguments",
            "arguments done",
            "item closed",
            "call started",
            "call returned",
            "item opened",
            "part opened",
            "text",
            "text",
            "text",
            "text done",
            "part closed",
            "item closed",
            "ended",
        ]
    );
    let Some(Event::Ended(response)) = events.last() else {
        panic!("the last event is the end")
    };
    assert_eq!(
        (status(response), output(response)),
        (StatusName::Completed, "It is noon.")
    );
    assert_eq!(world.model.asked()[0].mode, TurnMode::Streamed);
    let stored = world.engine.get(&ada().owner, response.id).await.unwrap();
    assert_eq!(
        stored.progress, response.progress,
        "the ending frame follows the ending commit"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_stops_its_run_and_the_model() {
    let world = World::new([TurnScript::Hangs(vec![vec![Delta::Text(
        "Once upon".into(),
    )]])])
    .await;
    let reader = world.stream(says("a story")).await;
    let id = reader.id();
    world.model.hanging.notified().await;
    drop(reader);
    world.model.dropped.notified().await;
    let response = world.engine.cancel(&ada().owner, id).await.unwrap();
    assert_eq!(
        (status(&response), output(&response)),
        (StatusName::Cancelled, "Once upon")
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_during_a_tool_call_stops_the_tool() {
    let tools = ScriptedTools::new([("clock", ToolScript::Hangs)]);
    let world = Plan::new([calls(&[("clock", "{}")])])
        .tools(tools)
        .build()
        .await;
    let reader = world.stream(says("what time is it?")).await;
    let id = reader.id();
    world.tools.begun.notified().await;
    drop(reader);
    world.tools.dropped.notified().await;
    let response = world.engine.cancel(&ada().owner, id).await.unwrap();
    assert_eq!(status(&response), StatusName::Cancelled);
    assert_eq!(response.progress.executions[0].state.name(), "cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_caller_that_leaves_stops_its_run() {
    let world = World::new([TurnScript::Hangs(vec![])]).await;
    let waiting = world.wait(says("hi")).await;
    let id = waiting.id();
    world.model.hanging.notified().await;
    drop(waiting);
    world.model.dropped.notified().await;
    assert_eq!(
        status(&world.engine.cancel(&ada().owner, id).await.unwrap()),
        StatusName::Cancelled
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stands_still_stops_its_run_after_a_while() {
    let many = (0..1_000)
        .map(|_| vec![Delta::Text("word ".into())])
        .collect();
    let world = World::new([TurnScript::Hangs(many)]).await;
    let mut reader = world
        .stream(Draft {
            store: Some(true),
            ..says("a story")
        })
        .await;
    let id = reader.id();
    assert!(reader.next().await.is_some());
    // Nothing is read any more; paused time runs on by itself.
    let response = loop {
        tokio::task::yield_now().await;
        let response = world.engine.get(&ada().owner, id).await.unwrap();
        if response.status().is_ended() {
            break response;
        }
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    };
    assert_eq!(status(&response), StatusName::Cancelled);
}
