//! Cancelling and deleting, against whatever else happens.

use std::sync::Arc;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::llm::Delta;
use response_domain::ports::queue::{EventLog, Recorded, Standing};
use response_domain::ports::store::StoreError;
use response_domain::status::StatusName;
use response_domain::work::Append;
use response_engine::Engine;
use response_engine::error::ReadError;
use response_testkit::memory::MemoryStore;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};

use crate::world::{Plan, World, ada, end_of, output, says, status};

#[tokio::test(start_paused = true)]
async fn a_cancelled_response_keeps_what_it_did_and_stays_cancelled() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [
        calls(&[("clock", "{}")]),
        TurnScript::Hangs(vec![vec![Delta::Text("It is".into())]]),
    ];
    let world = Plan::new(turns).tools(tools).build().await;
    let waiting = world.wait(says("time?")).await;
    world.model.hanging.notified().await;
    let cancelled = world
        .engine
        .cancel(&ada().owner, waiting.id())
        .await
        .unwrap();
    assert_eq!(
        (status(&cancelled), output(&cancelled)),
        (StatusName::Cancelled, "It is")
    );
    assert_eq!(cancelled.progress.executions[0].state.name(), "completed");
    let again = world
        .engine
        .cancel(&ada().owner, waiting.id())
        .await
        .unwrap();
    assert_eq!(again.times, cancelled.times);
    assert_eq!(status(&*end_of(waiting).await), StatusName::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn cancelling_what_has_ended_changes_nothing() {
    let world = World::new([text("Hello.")]).await;
    let response = world.answer(says("hi")).await;
    let after = world
        .engine
        .cancel(&ada().owner, response.id)
        .await
        .unwrap();
    assert_eq!(after.status(), response.status());
    assert_eq!(world.store.commits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_in_another_process_stops_the_run_at_its_next_write() {
    let tools = ScriptedTools::new([("gated", ToolScript::Waits("through"))]);
    let here = Plan::new([calls(&[("gated", "{}")]), text("Done.")])
        .tools(tools)
        .build()
        .await;
    let mut plan = Plan::new([text("unused")]);
    plan.store = Arc::clone(&here.store);
    plan.process = 2;
    let there = plan.build().await;
    let waiting = here.wait(says("go")).await;
    here.tools.begun.notified().await;
    let cancelled = there
        .engine
        .cancel(&ada().owner, waiting.id())
        .await
        .unwrap();
    assert_eq!(status(&cancelled), StatusName::Cancelled);
    assert_eq!(cancelled.progress.executions[0].state.name(), "cancelled");
    here.tools.release(1);
    let ended = end_of(waiting).await;
    assert_eq!(
        ended.times.ended, cancelled.times.ended,
        "one ending, the first"
    );
    assert_eq!(here.model.asked().len(), 1, "the model is not asked again");
}

#[tokio::test(start_paused = true)]
async fn deleting_a_running_response_stops_it_and_forgets_it() {
    let world = World::new([TurnScript::Hangs(vec![])]).await;
    let waiting = world.wait(says("hi")).await;
    let id = waiting.id();
    world.model.hanging.notified().await;
    world.engine.delete(&ada().owner, id).await.unwrap();
    world.model.dropped.notified().await;
    assert!(matches!(
        world.engine.get(&ada().owner, id).await,
        Err(ReadError::NotFound)
    ));
    assert!(matches!(
        world.engine.delete(&ada().owner, id).await,
        Err(ReadError::NotFound)
    ));
}

#[tokio::test]
async fn a_cancel_races_the_end_and_one_of_them_wins() {
    for round in 0..200 {
        let world = World::new([text("Hello.")]).await;
        let waiting = world.wait(says("hi")).await;
        let id = waiting.id();
        for _ in 0..round % 12 {
            tokio::task::yield_now().await;
        }
        let (answered, ended) = tokio::join!(
            async { world.engine.cancel(&ada().owner, id).await.unwrap() },
            end_of(waiting)
        );
        let stored = world.engine.get(&ada().owner, id).await.unwrap();
        assert_eq!(stored.status(), ended.status());
        assert_eq!(stored.status(), answered.status());
    }
}

/// A log that is read only after somebody else has cancelled the response.
struct CancelledFirst {
    log: Arc<MemoryStore>,
    other: Engine,
}

#[async_trait]
impl EventLog for CancelledFirst {
    async fn events(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        from: u64,
        at_most: u16,
    ) -> Result<Option<Vec<Recorded>>, StoreError> {
        self.log.events(owner, id, from, at_most).await
    }

    async fn append(&self, lease: &Lease, log: &Append) -> Result<(), StoreError> {
        self.log.append(lease, log).await
    }

    async fn standing(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Standing>, StoreError> {
        self.other.cancel(owner, id).await.unwrap();
        self.log.standing(owner, id).await
    }
}

#[tokio::test(start_paused = true)]
async fn who_cancels_second_is_answered_the_ended_response() {
    let first = World::new([]).await;
    let queued = first.enqueue(says("hi")).await;
    let mut plan = Plan::new([]).beside(&first);
    plan.log = Some(Arc::new(CancelledFirst {
        log: Arc::clone(&first.store),
        other: first.engine.clone(),
    }));
    let second = plan.build().await;
    let answered = second.engine.cancel(&ada().owner, queued.id).await.unwrap();
    assert_eq!(status(&answered), StatusName::Cancelled);
    let stored = first.engine.get(&ada().owner, queued.id).await.unwrap();
    assert_eq!(answered.times, stored.times);
}
