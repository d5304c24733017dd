//! What ends a run that would not end by itself.

use std::time::Duration;

use response_domain::failure::FailureCode;
use response_domain::ports::llm::{Delta, LlmErrorKind};
use response_domain::ports::store::ResponseStore;
use response_domain::response::Finish;
use response_domain::spec::{Draft, OnMaxDepth, ToolChoice};
use response_domain::status::{IncompleteReason, Status, StatusName};
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};

use crate::world::{Plan, World, ada, output, says, status};

fn clock() -> ScriptedTools {
    ScriptedTools::new([("clock", ToolScript::Answers("noon"))])
}

#[tokio::test(start_paused = true)]
async fn an_endless_loop_ends_at_the_depth_limit_with_what_it_did() {
    let world = Plan::new([calls(&[("clock", "{}")])])
        .tools(clock())
        .build()
        .await;
    let response = world
        .answer(Draft {
            max_tool_depth: Some(2),
            ..says("loop")
        })
        .await;
    assert_eq!(
        *response.status(),
        Status::Incomplete(IncompleteReason::ToolDepth)
    );
    assert_eq!(
        (response.progress.rounds, response.progress.executions.len()),
        (2, 2)
    );
    let stored = world.engine.get(&ada().owner, response.id).await.unwrap();
    assert_eq!(stored.progress, response.progress);
}

#[tokio::test(start_paused = true)]
async fn the_depth_limit_can_ask_for_a_last_answer_instead() {
    let turns = [
        calls(&[("clock", "{}")]),
        calls(&[("clock", "{}")]),
        text("It is noon."),
    ];
    let plan = Plan::new(turns)
        .tools(clock())
        .policy(|policy| policy.spec.on_max_depth = OnMaxDepth::Answer);
    let world = plan.build().await;
    let response = world
        .answer(Draft {
            max_tool_depth: Some(1),
            ..says("time?")
        })
        .await;
    assert_eq!(
        (status(&response), output(&response)),
        (StatusName::Completed, "It is noon.")
    );
    assert_eq!(world.model.asked()[2].choice, ToolChoice::None);
    assert_eq!(world.tools.called().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_past_its_time_fails_and_stops_the_model() {
    let plan = Plan::new([TurnScript::Hangs(vec![vec![Delta::Text("Well,".into())]])]);
    let world = plan
        .policy(|policy| policy.run_timeout = Duration::from_secs(10))
        .build()
        .await;
    let response = world.answer(says("think")).await;
    let Status::Failed(failure) = response.status() else {
        panic!("{:?}", response.status())
    };
    assert_eq!(failure.code, FailureCode::TaskTimeout);
    world.model.dropped.notified().await;
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_model_fails_the_run_and_keeps_what_was_said() {
    let said = || vec![vec![Delta::Text("Half an".into())]];
    let cases = [
        (
            TurnScript::Refuses(LlmErrorKind::Unavailable),
            FailureCode::ModelUnavailable,
            1,
        ),
        (
            TurnScript::Refuses(LlmErrorKind::RateLimited { retry_after: None }),
            FailureCode::UpstreamRateLimited,
            1,
        ),
        (
            TurnScript::Refuses(LlmErrorKind::ContextLength),
            FailureCode::ContextLengthExceeded,
            1,
        ),
        (
            TurnScript::BreaksOff(said(), LlmErrorKind::Broken),
            FailureCode::ModelError,
            2,
        ),
        (
            TurnScript::BreaksOff(said(), LlmErrorKind::Timeout),
            FailureCode::ModelTimeout,
            2,
        ),
        (
            TurnScript::BreaksOff(said(), LlmErrorKind::Unreadable),
            FailureCode::InvalidModelOutput,
            2,
        ),
        (
            TurnScript::Says(vec![vec![Delta::Finish(Finish::Stop)]]),
            FailureCode::InvalidModelOutput,
            1,
        ),
        (TurnScript::Panics, FailureCode::Internal, 1),
    ];
    for (turn, code, items) in cases {
        let world = World::new([turn.clone()]).await;
        let response = world.answer(says("hi")).await;
        let Status::Failed(failure) = response.status() else {
            panic!("{:?}", response.status())
        };
        assert_eq!(failure.code, code, "{turn:?}");
        assert_eq!(response.progress.output, None);
        let kept = world.engine.get(&ada().owner, response.id).await.unwrap();
        assert_eq!(kept.status(), response.status());
        let stored = world.store.items(&ada().owner, response.id).await.unwrap();
        assert_eq!(stored.len(), items, "{turn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_ends_early_with_its_text() {
    let cut = vec![vec![
        Delta::Text("Once upon".into()),
        Delta::Finish(Finish::Length),
    ]];
    let world = World::new([TurnScript::Says(cut)]).await;
    let response = world.answer(says("a story")).await;
    assert_eq!(
        *response.status(),
        Status::Incomplete(IncompleteReason::OutputTokens)
    );
    assert_eq!(output(&response), "Once upon");
}
