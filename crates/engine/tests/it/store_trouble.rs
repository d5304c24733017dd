//! A database that goes away.

use std::sync::Arc;

use response_domain::failure::FailureCode;
use response_domain::status::{Status, StatusName};
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};

use crate::world::{Plan, says, status};

/// A run of two commits and a tool call over a database that treats its first commits so.
fn plan(first: usize, fate: Fate) -> Plan {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let mut plan = Plan::new([calls(&[("clock", "{}")]), text("Noon.")]).tools(tools);
    let inner = Arc::clone(&plan.store);
    let fate = move |commit| if commit <= first { fate } else { Fate::Written };
    plan.front = Some(Arc::new(FaultyStore::new(inner, fate)));
    plan
}

#[tokio::test(start_paused = true)]
async fn a_database_that_comes_back_soon_is_waited_for() {
    let world = plan(2, Fate::Away).build().await;
    let response = world.answer(says("time?")).await;
    assert_eq!(status(&response), StatusName::Completed);
    assert_eq!(world.store.all()[0].progress, response.progress);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_stays_away_fails_the_response_and_calls_no_tool() {
    let world = plan(usize::MAX, Fate::Away).build().await;
    let response = world.answer(says("time?")).await;
    let Status::Failed(failure) = response.status() else {
        panic!("{:?}", response.status())
    };
    assert_eq!(failure.code, FailureCode::DatabaseUnavailable);
    assert!(
        world.tools.called().is_empty(),
        "intent is recorded before effect, or there is no effect"
    );
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_is_not_taken_for_somebody_elses() {
    let world = plan(1, Fate::AnswerLost).build().await;
    let response = world.answer(says("time?")).await;
    assert_eq!(status(&response), StatusName::Completed);
    assert_eq!(world.tools.called().len(), 1);
}
