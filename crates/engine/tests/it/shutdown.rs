//! Ending the process, in order and out of order.

use std::sync::Arc;
use std::time::Duration;

use response_domain::failure::FailureCode;
use response_domain::id::{RawId, WorkerId};
use response_domain::status::{Status, StatusName};
use response_engine::error::CreateError;
use response_engine::read::Intake;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};

use crate::world::{Plan, World, ada, end_of, says, status};

const SECOND: Duration = Duration::from_secs(1);

/// 25 seconds of paused time.
async fn patience() {
    let never = std::future::pending::<()>();
    // The time is over when nothing else is left to happen.
    let _over = tokio::time::timeout(25 * SECOND, never).await;
}

fn failure(status: &Status) -> FailureCode {
    match status {
        Status::Failed(failure) => failure.code,
        other => panic!("the response is {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn runs_that_can_end_do_and_nothing_new_begins() {
    let tools = ScriptedTools::new([("slow", ToolScript::Takes(10 * SECOND, "done"))]);
    let world = Plan::new([calls(&[("slow", "{}")]), text("Done.")])
        .tools(tools)
        .build()
        .await;
    let waiting = world.wait(says("go")).await;
    let engine = world.engine.clone();
    let ending = tokio::join!(
        end_of(waiting),
        engine.shut_down(patience(), 5 * SECOND),
        async {
            tokio::task::yield_now().await;
            assert!(matches!(
                world.create(says("more")).await,
                Err(CreateError::Draining)
            ));
            assert_eq!(world.engine.readiness().await.intake, Intake::Draining);
        }
    );
    assert_eq!(status(&ending.0), StatusName::Completed);
}

#[tokio::test(start_paused = true)]
async fn runs_that_are_left_end_as_interrupted() {
    let world = World::new([TurnScript::Hangs(vec![])]).await;
    let waiting = world.wait(says("go")).await;
    let (ended, ()) = tokio::join!(
        end_of(waiting),
        world.engine.shut_down(patience(), 5 * SECOND)
    );
    assert_eq!(failure(ended.status()), FailureCode::Interrupted);
    assert!(
        world
            .store
            .all()
            .iter()
            .all(|response| response.status().is_ended())
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_left_is_ended_by_the_next() {
    let tools = ScriptedTools::new([("clock", ToolScript::Hangs)]);
    let world = Plan::new([calls(&[("clock", "{}")])])
        .tools(tools)
        .build()
        .await;
    let waiting = world.wait(says("time?")).await;
    world.tools.begun.notified().await;
    world.store.forget_worker(WorkerId::new(RawId::new(1)));
    let mut plan = Plan::new([text("unused")]);
    plan.store = Arc::clone(&world.store);
    plan.process = 2;
    let next = plan.build().await;
    let response = next.engine.get(&ada().owner, waiting.id()).await.unwrap();
    assert_eq!(failure(response.status()), FailureCode::Interrupted);
    assert_eq!(response.progress.executions[0].state.name(), "unknown");
}
