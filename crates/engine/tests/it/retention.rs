//! What is past its time is forgotten by itself.

use std::time::Duration;

use response_domain::failure::FailureCode;
use response_domain::ports::llm::LlmErrorKind;
use response_domain::retention::Retention;
use response_domain::status::Status;
use response_engine::error::ReadError;
use response_testkit::script::{TurnScript, text};

use crate::world::{Plan, World, ada, pass, says};

const HOUR: Duration = Duration::from_hours(1);

async fn is_kept(world: &World, id: response_domain::id::ResponseId) -> bool {
    match world.engine.get(&ada().owner, id).await {
        Ok(_) => true,
        Err(ReadError::NotFound) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn responses_are_forgotten_when_the_time_of_their_status_is_over() {
    let retention = Retention {
        completed: Some(HOUR),
        ..Retention::default()
    };
    let turns = [TurnScript::Refuses(LlmErrorKind::Unavailable), text("hi")];
    let plan = Plan::new(turns).policy(|policy| policy.retention = retention);
    let world = plan.running().build().await;
    let failed = world.answer(says("one")).await;
    assert!(
        matches!(failed.status(), Status::Failed(failure) if failure.code == FailureCode::ModelUnavailable)
    );
    let old = world.answer(says("two")).await;
    tokio::time::advance(HOUR / 2).await;
    let young = world.answer(says("three")).await;
    assert!(is_kept(&world, old.id).await);
    tokio::time::advance(HOUR / 2).await;
    // The next look comes within a minute.
    pass(61).await;
    assert!(!is_kept(&world, old.id).await);
    assert!(is_kept(&world, young.id).await);
    assert!(is_kept(&world, failed.id).await, "nobody limits these");
}

#[tokio::test(start_paused = true)]
async fn however_many_there_are_all_of_them_are_forgotten() {
    let retention = Retention {
        completed: Some(HOUR),
        ..Retention::default()
    };
    let plan = Plan::new([text("hi")]).policy(|policy| policy.retention = retention);
    let world = plan.running().build().await;
    let mut ids = Vec::new();
    for _ in 0..450 {
        ids.push(world.answer(says("hi")).await.id);
    }
    tokio::time::advance(2 * HOUR).await;
    // What looks by itself may be at it at the same time.
    while world.engine.expire().await.unwrap() > 0 {}
    for id in ids {
        assert!(!is_kept(&world, id).await);
    }
}
