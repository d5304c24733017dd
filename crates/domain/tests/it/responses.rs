//! A response over its life: its times, its trace, and its end when its process is gone.

use std::time::Duration;

use response_domain::execution::ExecutionState;
use response_domain::failure::FailureCode;
use response_domain::id::ExecutionId;
use response_domain::item::ItemBody;
use response_domain::run::{CallOutcome, CallReturn, Input, Next};
use response_domain::status::{Change, Status};
use response_domain::time::Timestamp;
use response_domain::tool::ToolReply;
use response_domain::trace::Step;

use crate::script::{End, deltas, toolbox};
use crate::world::{RESPONSE, World, draft, rules};

fn feed(world: &mut World, pieces: &str) {
    let answer = world.answer(deltas(pieces, End::Told));
    world.feed(Input::ModelAnswered(Ok(answer))).unwrap();
}

/// A world whose run, a second a step, waits for tools from its fourth second on.
fn waiting_for_tools() -> World {
    let mut world = World::new(draft(), rules());
    world.feed(Input::TakenUp).unwrap();
    let tools = toolbox("a:safe", 100_000);
    world.feed(Input::ToolsListed(Ok(tools))).unwrap();
    feed(&mut world, "call a {} | call a {}");
    world
}

fn come_back(world: &mut World, ordinal: u32, text: &str, took: Duration) -> Next {
    let returned = CallReturn {
        execution: ExecutionId::new(RESPONSE.raw(), ordinal),
        outcome: CallOutcome::Replied(ToolReply::done(text)),
        took,
    };
    world.feed(Input::CallReturned(returned)).unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

#[test]
fn a_trace_is_in_order_of_time_and_of_what_follows_from_what() {
    let mut world = waiting_for_tools();
    come_back(&mut world, 1, "ok", Duration::ZERO);
    world.feed(Input::DeadlineReached).unwrap();
    let trace = world.response.trace();
    assert!(trace.is_sorted_by_key(|entry| entry.at));
    let steps: Vec<_> = trace
        .iter()
        .map(|entry| match &entry.step {
            Step::Created => "created".to_owned(),
            Step::Queued => "queued".to_owned(),
            Step::Started => "started".to_owned(),
            Step::ModelAnswered(turn) => format!("turn {} answered", turn.number),
            Step::ToolCalled(call) => format!("{} called", call.id.ordinal),
            Step::ToolReturned(call) => format!("{} returned", call.id.ordinal),
            Step::Ended(status) => status.name().to_string(),
        })
        .collect();
    let expected = [
        "created",
        "started",
        "turn 1 answered",
        "0 called",
        "1 called",
        "1 returned",
        "0 returned",
        "failed",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_turn_is_timed_from_the_question_to_the_answer() {
    let world = waiting_for_tools();
    let turn = &world.run.progress().turns[0];
    assert_eq!((turn.started_at, turn.ended_at), (second(3), second(4)));
}

#[test]
fn a_call_is_timed_by_itself_and_never_begins_before_its_round() {
    let mut world = waiting_for_tools();
    come_back(&mut world, 0, "ok", Duration::from_millis(250));
    come_back(&mut world, 1, "ok", Duration::from_mins(1));
    let [waited, long] = &world.run.progress().executions[..] else {
        panic!("two calls were made");
    };
    assert_eq!(
        waited.started_at,
        second(5).before(Duration::from_millis(250))
    );
    assert_eq!(waited.duration, Some(Duration::from_millis(250)));
    assert_eq!(long.started_at, second(4));
    assert_eq!(long.duration, Some(Duration::from_secs(2)));
}

#[test]
fn a_call_is_recorded_with_its_server_and_its_answer_whole() {
    let mut world = waiting_for_tools();
    let answer = "x".repeat(200_000);
    come_back(&mut world, 0, &answer, Duration::ZERO);
    let Next::CallModel(turn) = come_back(&mut world, 1, "ok", Duration::ZERO) else {
        panic!("the model is next");
    };
    let call = &world.run.progress().executions[0];
    assert_eq!(call.server.as_deref(), Some("web"));
    assert_eq!(call.state, ExecutionState::Completed(answer.into()));
    let Some(ItemBody::FunctionCallOutput(output)) = turn.transcript.get(3).map(|item| &item.body)
    else {
        panic!("{:?}", turn.transcript);
    };
    let (read, notice) = output.output.split_once("\n\n").unwrap();
    assert_eq!(read.len(), 80_000, "a fifth of 100,000 tokens");
    assert!(notice.contains("200000 bytes"), "{notice}");
}

#[test]
fn a_response_whose_process_is_gone_fails_and_nobody_knows_what_its_calls_did() {
    let mut world = waiting_for_tools();
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
    let mut response = World::new(draft, rules()).response.as_accepted();
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
