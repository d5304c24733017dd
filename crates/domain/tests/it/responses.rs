//! A response over its life: its times, its trace, and its end when its process is gone.

use std::time::Duration;

use response_domain::execution::ExecutionState;
use response_domain::failure::FailureCode;
use response_domain::run::Input;
use response_domain::status::{Change, Status};
use response_domain::time::Timestamp;
use response_domain::trace::Step;

use crate::script::{End, deltas, toolbox};
use crate::world::{World, draft, rules};

fn feed(world: &mut World, pieces: &str) {
    let answer = world.answer(deltas(pieces, End::Told));
    world.feed(Input::ModelAnswered(Ok(answer))).unwrap();
}

/// A world whose run waits for a tool.
fn waiting_for_a_tool() -> World {
    let mut world = World::new(draft(), rules());
    world.feed(Input::TakenUp).unwrap();
    let tools = toolbox("a:safe", 100_000);
    world.feed(Input::ToolsListed(Ok(tools))).unwrap();
    feed(&mut world, "call a {}");
    world
}

#[test]
fn a_trace_is_in_order_of_time_and_of_what_follows_from_what() {
    let mut world = waiting_for_a_tool();
    world.feed(Input::DeadlineReached).unwrap();
    let trace = world.response.trace();
    assert!(trace.is_sorted_by_key(|entry| entry.at));
    let steps: Vec<_> = trace
        .iter()
        .map(|entry| match &entry.step {
            Step::Created => "created",
            Step::Queued => "queued",
            Step::Started => "started",
            Step::ModelAnswered(_) => "answered",
            Step::ToolCalled(_) => "called",
            Step::ToolReturned(_) => "returned",
            Step::Ended(_) => "ended",
        })
        .collect();
    let expected = [
        "created", "started", "answered", "called", "returned", "ended",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_response_whose_process_is_gone_fails_and_nobody_knows_what_its_calls_did() {
    let mut world = waiting_for_a_tool();
    world.response.progress = world.run.progress().clone();
    let at = Timestamp::from_micros(1_000_000).after(Duration::from_mins(1));
    let ended = world.response.interrupted(at).unwrap();
    let Status::Failed(failure) = ended.status() else {
        panic!("{:?}", ended.status());
    };
    assert_eq!(failure.code, FailureCode::Interrupted);
    assert_eq!(ended.times.ended, Some(at));
    let call = &ended.progress.executions[0];
    assert_eq!(call.state, ExecutionState::Unknown);
    assert_eq!(call.duration, Some(at.since(call.started_at)));
    assert_eq!(ended.interrupted(at), None, "an ending stays");
}

#[test]
fn a_response_in_the_background_waits_starts_and_may_wait_again() {
    let mut draft = draft();
    draft.background = Some(true);
    let mut response = World::new(draft, rules()).response;
    let at = Timestamp::from_micros;
    assert_eq!(*response.status(), Status::Queued);
    assert_eq!(response.times.queued, Some(response.times.created));
    assert_eq!(response.times.started, None);
    response.change(Change::Start, at(2_000_000)).unwrap();
    assert_eq!(response.times.started, Some(at(2_000_000)));
    let refused = response.clone().change(Change::Start, at(3_000_000));
    assert!(refused.is_err());
    response.change(Change::Requeue, at(3_000_000)).unwrap();
    response.change(Change::Cancel, at(4_000_000)).unwrap();
    assert_eq!(response.times.ended, Some(at(4_000_000)));
    assert_eq!(response.times.updated, at(4_000_000));
    let accepted = response.as_accepted();
    assert_eq!(*accepted.status(), Status::Queued);
    assert_eq!(accepted.times.created, response.times.created);
}
