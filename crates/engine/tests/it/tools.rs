//! Rounds of tool calls.

use std::time::Duration;

use response_domain::failure::FailureCode;
use response_domain::item::ItemBody;
use response_domain::ports::tools::ToolErrorKind;
use response_domain::response::Response;
use response_domain::spec::{Draft, ToolFailure, ToolSelection};
use response_domain::status::{Status, StatusName};
use response_domain::tool::Verdict;
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};

use crate::world::{Plan, end_of, output, says, status};

fn failure(response: &Response) -> FailureCode {
    match response.status() {
        Status::Failed(failure) => failure.code,
        other => panic!("the response is {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn three_rounds_and_five_calls_end_in_one_answer() {
    let tools = ScriptedTools::new([
        ("search", ToolScript::Answers("two hits")),
        ("scrape", ToolScript::Answers("a page")),
        ("calculator", ToolScript::Answers("84")),
    ]);
    let turns = [
        calls(&[("search", r#"{"q":"news"}"#)]),
        calls(&[("scrape", r#"{"url":"a"}"#), ("scrape", r#"{"url":"b"}"#)]),
        calls(&[
            ("calculator", r#"{"expression":"12*7"}"#),
            ("search", r#"{"q":"more"}"#),
        ]),
        text("84 it is."),
    ];
    let world = Plan::new(turns).tools(tools).build().await;
    let response = world.answer(says("news, and 12*7")).await;
    assert_eq!(
        (status(&response), output(&response)),
        (StatusName::Completed, "84 it is.")
    );
    assert_eq!(response.progress.rounds, 3);
    let told: Vec<(u16, &str, &str)> = response
        .progress
        .executions
        .iter()
        .map(|execution| (execution.depth, &*execution.tool, execution.state.name()))
        .collect();
    let expected = [
        (1, "search", "completed"),
        (2, "scrape", "completed"),
        (2, "scrape", "completed"),
        (3, "calculator", "completed"),
        (3, "search", "completed"),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        response.progress.usage.map(|usage| usage.total()),
        Some(4 * 15)
    );
    assert_eq!(world.tools.called().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn answers_stand_in_the_models_order_whoever_is_first() {
    let tools = ScriptedTools::new([
        (
            "slow",
            ToolScript::Takes(Duration::from_secs(5), "slow answer"),
        ),
        (
            "fast",
            ToolScript::Takes(Duration::from_secs(1), "fast answer"),
        ),
    ]);
    let turns = [calls(&[("slow", "{}"), ("fast", "{}")]), text("Done.")];
    let world = Plan::new(turns).tools(tools).build().await;
    let response = world.answer(says("both")).await;
    let outputs: Vec<String> = world.model.asked()[1]
        .transcript
        .iter()
        .filter_map(|item| match &item.body {
            ItemBody::FunctionCallOutput(output) => Some(output.output.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(outputs, ["slow answer", "fast answer"]);
    let took: Vec<u64> = response
        .progress
        .executions
        .iter()
        .map(|execution| execution.duration_ms())
        .collect();
    assert_eq!(took.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_round_run_side_by_side_up_to_the_bound() {
    let tools = ScriptedTools::new([("gated", ToolScript::Waits("through"))]);
    let wishes = vec![("gated", "{}"); 5];
    let turns = [calls(&wishes), text("Done.")];
    let plan = Plan::new(turns)
        .tools(tools)
        .policy(|policy| policy.parallel_calls = 2);
    let world = plan.build().await;
    let waiting = world.wait(says("all of them")).await;
    let mut reached = Vec::new();
    for _ in 0..5 {
        while world.tools.called().len() == reached.last().copied().unwrap_or(0) {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        reached.push(world.tools.called().len());
        world.tools.release(1);
        if world.tools.called().len() == 5 {
            break;
        }
    }
    world.tools.release(5);
    assert_eq!(
        reached.first(),
        Some(&2),
        "two leave at once, the third waits: {reached:?}"
    );
    assert_eq!(status(&*end_of(waiting).await), StatusName::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_cannot_answer_ends_the_run_or_is_told_to_the_model() {
    let cases = [
        (
            ToolErrorKind::Timeout,
            FailureCode::ToolTimeout,
            "timed_out",
        ),
        (
            ToolErrorKind::Unavailable,
            FailureCode::ToolExecutionFailed,
            "failed",
        ),
        (
            ToolErrorKind::Unauthorized,
            FailureCode::ToolExecutionFailed,
            "failed",
        ),
        (
            ToolErrorKind::Protocol,
            FailureCode::ToolExecutionFailed,
            "failed",
        ),
    ];
    for (kind, code, state) in cases {
        for policy in [ToolFailure::Fail, ToolFailure::Report] {
            let tools = ScriptedTools::new([("clock", ToolScript::Fails(kind))]);
            let turns = [calls(&[("clock", "{}")]), text("Without it, then.")];
            let world = Plan::new(turns).tools(tools).build().await;
            let response = world
                .answer(Draft {
                    tool_failure: Some(policy),
                    ..says("time?")
                })
                .await;
            assert_eq!(response.progress.executions[0].state.name(), state);
            match policy {
                ToolFailure::Fail => assert_eq!(failure(&response), code),
                ToolFailure::Report => assert_eq!(output(&response), "Without it, then."),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tools_that_cannot_be_listed_end_the_run_or_are_done_without() {
    for policy in [ToolFailure::Fail, ToolFailure::Report] {
        let tools = ScriptedTools::new([]).unlisted(ToolErrorKind::Unavailable);
        let world = Plan::new([text("Hello.")]).tools(tools).build().await;
        let response = world
            .answer(Draft {
                tool_failure: Some(policy),
                ..says("hi")
            })
            .await;
        match policy {
            ToolFailure::Fail => assert_eq!(failure(&response), FailureCode::ToolsUnavailable),
            ToolFailure::Report => assert_eq!(output(&response), "Hello."),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn complaints_go_back_to_the_model() {
    let tools = ScriptedTools::new([(
        "clock",
        ToolScript::Complains(Verdict::ToolSaysError, "no battery"),
    )]);
    let turns = [
        calls(&[("clock", "{}"), ("nothing", "{}"), ("clock", "[1]")]),
        text("Sorry."),
    ];
    let world = Plan::new(turns).tools(tools).build().await;
    let response = world.answer(says("time?")).await;
    assert_eq!(
        (status(&response), output(&response)),
        (StatusName::Completed, "Sorry.")
    );
    assert_eq!(
        world.tools.called().len(),
        1,
        "what is refused does not leave"
    );
    assert!(
        response
            .progress
            .executions
            .iter()
            .all(|execution| execution.state.name() == "failed")
    );
}

#[tokio::test(start_paused = true)]
async fn no_tools_are_looked_up_when_none_are_wanted() {
    let tools = ScriptedTools::new([]).unlisted(ToolErrorKind::Unavailable);
    let world = Plan::new([text("Hello.")]).tools(tools).build().await;
    let response = world
        .answer(Draft {
            tools: Some(ToolSelection::Nothing),
            ..says("hi")
        })
        .await;
    assert_eq!(output(&response), "Hello.");
}
