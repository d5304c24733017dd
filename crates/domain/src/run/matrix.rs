//! The whole law of runs: every phase against every input.

use std::sync::Arc;
use std::time::Duration;

use super::limits::Rules;
use super::{
    Answer, CallOutcome, CallReturn, Input, Next, Outcome, Phase, Run, Start, Stop, Toolbox,
};
use crate::id::{ExecutionId, RawId, ResponseId};
use crate::item::{ItemBody, Message, Role};
use crate::json::Json;
use crate::ports::llm::Delta;
use crate::response::Finish;
use crate::spec::{Draft, InputItem, OnMaxDepth, ResponseSpec, SpecLimits, ToolFailure};
use crate::time::Timestamp;
use crate::tool::{Repeat, ToolHome, ToolReply, ToolSpec};

/// A row for each phase, a column for each input; what the run does next, `-` where it refuses. `model`
/// answers with text, and the call of `calls` is the only one.
const TABLE: &str = "
            taken_up  tools_listed  model_answered  call_returned  deadline  stopped
    new     list      -             -               -              failed    cancelled
    tools   list      ask           -               -              failed    cancelled
    model   ask       -             completed       -              failed    cancelled
    calls   call      -             -               ask            failed    cancelled
    ended   completed -             -               -              completed completed
";

const NOW: Timestamp = Timestamp::from_micros(1);
const RESPONSE: ResponseId = ResponseId::new(RawId::new(1));

fn new() -> Run {
    let says = ItemBody::Message(Message::text(Role::User, "hi"));
    let draft = Draft {
        model: Some("m".into()),
        input: Some(Json::empty_object()),
        items: vec![InputItem::New(says)],
        ..Draft::default()
    };
    let limits = SpecLimits {
        tools: 1,
        items: 1,
        metadata_bytes: 2,
        max_rounds: 8,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
    };
    let rules = Rules {
        rounds: 8,
        calls_per_round: 8,
        calls: 8,
        repairs: 3,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
        result_share: 20,
    };
    Run::new(Start {
        response: RESPONSE,
        spec: Arc::new(ResponseSpec::check(draft, &limits).unwrap()),
        rules,
        history: Arc::from([]),
        input: Vec::new(),
        at: NOW,
    })
}

fn answer(run: &Run, deltas: [Delta; 2]) -> Input {
    let mut assembler = run.assembler();
    for delta in deltas {
        assembler.push(delta, &mut Vec::new());
    }
    let answer: Answer = assembler.finish(&mut Vec::new());
    Input::ModelAnswered(Ok(answer))
}

fn call() -> [Delta; 2] {
    let call = Delta::Call {
        slot: 0,
        name: Some("clock".into()),
        arguments: "{}".into(),
    };
    [call, Delta::Finish(Finish::ToolCalls)]
}

fn text() -> [Delta; 2] {
    [Delta::Text("hi".into()), Delta::Finish(Finish::Stop)]
}

fn here() -> ToolHome {
    ToolHome::Server {
        label: "here".into(),
        name: "clock".into(),
        url: None,
    }
}

fn input(name: &str, run: &Run) -> Input {
    match name {
        "taken_up" => Input::TakenUp,
        "tools_listed" => Input::ToolsListed(Ok(Toolbox {
            tools: Arc::from([Arc::new(ToolSpec {
                repeat: Repeat::Safe,
                ..ToolSpec::plain("clock", here(), Json::empty_object())
            })]),
            servers: Vec::new(),
            context_tokens: 8_000,
        })),
        "model_answered" => answer(run, text()),
        "call_returned" => Input::CallReturned(CallReturn {
            execution: ExecutionId::new(RESPONSE.raw(), 0),
            outcome: CallOutcome::Replied(ToolReply::done("noon")),
            took: Duration::ZERO,
        }),
        "deadline" => Input::DeadlineReached,
        "stopped" => Input::Stopped(Stop::ByCaller),
        other => panic!("no input is called {other}"),
    }
}

fn run(phase: &str) -> Run {
    let mut run = new();
    let steps: &[&str] = match phase {
        "new" => &[],
        "tools" => &["taken_up"],
        "model" | "calls" => &["taken_up", "tools_listed"],
        "ended" => &["taken_up", "tools_listed", "model_answered"],
        other => panic!("no phase is called {other}"),
    };
    for step in steps {
        let input = input(step, &run);
        run.advance(input, NOW).unwrap();
    }
    if phase == "calls" {
        let input = answer(&run, call());
        run.advance(input, NOW).unwrap();
    }
    assert_eq!(run.phase().name(), phase);
    run
}

fn name(next: &Next) -> &'static str {
    match next {
        Next::ListTools => "list",
        Next::CallModel(_) => "ask",
        Next::CallTools(_) => "call",
        Next::Wait => "wait",
        Next::Stop(Outcome::Completed) => "completed",
        Next::Stop(Outcome::Incomplete(_)) => "incomplete",
        Next::Stop(Outcome::Failed(_)) => "failed",
        Next::Stop(Outcome::Cancelled) => "cancelled",
    }
}

#[test]
fn every_phase_answers_every_input_as_the_table_says() {
    let mut lines = TABLE
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|line| !line.is_empty());
    let inputs = lines.next().unwrap();
    let rows: Vec<_> = lines.collect();
    assert_eq!((rows.len(), inputs.len()), (5, 6));
    for row in rows {
        for (input_name, expected) in inputs.iter().zip(&row[1..]) {
            let mut run = run(row[0]);
            let before = run.clone();
            let outcome = run.advance(input(input_name, &before), NOW);
            let shown = outcome.as_ref().map_or("-", |advance| name(&advance.next));
            assert_eq!(shown, *expected, "{} × {input_name}", row[0]);
            if outcome.is_err() {
                assert_eq!(run, before, "a refused input changes nothing");
            }
            let ends = matches!(outcome, Ok(advance) if matches!(advance.next, Next::Stop(_)));
            assert_eq!(
                matches!(run.phase(), Phase::Ended(_)),
                ends || row[0] == "ended"
            );
        }
    }
}

#[test]
fn a_refusal_names_both_sides() {
    let mut run = new();
    let input = input("deadline", &run);
    run.advance(input, NOW).unwrap();
    let refused = run.advance(Input::ToolsListed(Err(super::ending::past_deadline())), NOW);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "a run in phase `ended` takes no `tools listed`"
    );
}
