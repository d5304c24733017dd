//! Every state of a run reads back from its checkpoint, and what stands elsewhere is not said twice.

use response_domain::id::ExecutionId;
use response_domain::json::Json;
use response_domain::response::Response;
use response_testkit::store_suite::full::every_state;
use response_testkit::store_suite::sample::{accepted, call, json, with_calls};

use super::*;

const VERDICTS: [Verdict; 7] = [
    Verdict::Done,
    Verdict::ToolSaysError,
    Verdict::BadArguments,
    Verdict::UnknownTool,
    Verdict::TooManyCalls,
    Verdict::Denied,
    Verdict::OutcomeUnknown,
];

fn at_turn(next_turn: u16, calls: Vec<PendingCall>) -> Checkpoint {
    Checkpoint {
        next_turn,
        closing: Closing::No,
        streak: Streak::default(),
        context_tokens: 32_000,
        calls,
    }
}

fn reads_back(checkpoint: &Checkpoint, executions: &[Arc<Execution>]) -> String {
    let text = write_checkpoint(checkpoint, executions);
    let read = read_checkpoint(&text, executions).unwrap();
    assert_eq!(read, *checkpoint, "{text}");
    text
}

fn tool(repeat: Repeat, home: ToolHome, description: Option<&str>) -> Arc<ToolSpec> {
    let schema = json(r#"{"type": "object", "properties": {"q": {"type": "string"}}}"#);
    Arc::new(ToolSpec {
        description: description.map(Arc::from),
        repeat,
        ..ToolSpec::plain("search \"it\"", home, schema)
    })
}

fn wanted(execution: &Execution) -> FunctionCall {
    let call_id = CallId(format!("call {}", execution.id.ordinal).into());
    FunctionCall::of_caller(call_id, "functions.search", Arc::clone(&execution.input))
}

fn started(execution: &Arc<Execution>, tool: Arc<ToolSpec>, arguments: Json) -> PendingCall {
    let sent = ToolCall {
        execution: execution.id,
        tool,
        arguments,
    };
    PendingCall {
        call: wanted(execution),
        state: CallState::Started(sent, Arc::clone(execution)),
    }
}

fn returned(execution: &Execution, verdict: Verdict, text: &str) -> PendingCall {
    PendingCall {
        call: wanted(execution),
        state: CallState::Returned(ToolReply {
            text: text.into(),
            verdict,
        }),
    }
}

fn callers() -> PendingCall {
    PendingCall {
        call: FunctionCall::of_caller(CallId("theirs".into()), "theirs", "no JSON\0"),
        state: CallState::Callers,
    }
}

/// A response with an execution in each state, all of them of one round but the first two.
fn calling() -> Response {
    let response = accepted(1);
    let states = [
        ExecutionState::Completed("earlier".into()),
        ExecutionState::Started,
    ];
    let states = states.into_iter().chain(every_state());
    let calls: Vec<_> = (0..)
        .zip(states)
        .map(|(ordinal, state)| call(&response, ordinal, state))
        .collect();
    with_calls(response, &calls)
}

/// A round in which the executions from this one on are under way or back, one of them each way.
fn round(executions: &[Arc<Execution>]) -> Vec<PendingCall> {
    let server = ToolHome::Server {
        label: "web".into(),
        name: "google".into(),
        url: None,
    };
    let mut calls = vec![callers()];
    for (execution, verdict) in executions.iter().zip(VERDICTS.into_iter().cycle()) {
        let safe = tool(Repeat::Safe, server.clone(), Some("Finds it."));
        calls.push(match &execution.state {
            ExecutionState::Started => started(execution, safe, json(execution.input.trim())),
            ExecutionState::Completed(text) | ExecutionState::Failed(text) => {
                returned(execution, verdict, text)
            }
            ExecutionState::TimedOut | ExecutionState::Cancelled | ExecutionState::Unknown => {
                returned(execution, verdict, "nobody knows\0")
            }
        });
        calls.push(callers());
    }
    calls
}

#[test]
fn every_state_of_a_call_reads_back() {
    let response = calling();
    let executions = &response.progress.executions;
    reads_back(&at_turn(2, round(&executions[2..])), executions);
}

#[test]
fn every_verdict_and_every_tool_reads_back() {
    let response = calling();
    let executions = &response.progress.executions[..2];
    for verdict in VERDICTS {
        for text in ["earlier", "other", ""] {
            let calls = vec![returned(&executions[0], verdict, text), callers()];
            reads_back(&at_turn(9, calls), executions);
        }
    }
    let homes = [
        ToolHome::Caller,
        ToolHome::Server {
            label: String::new().into(),
            name: "a\"b".into(),
            url: Some("https://a.test/\"b\"".into()),
        },
    ];
    for home in homes {
        for repeat in [Repeat::Safe, Repeat::Unsafe] {
            for description in [None, Some("")] {
                let tool = tool(repeat, home.clone(), description);
                for with in [&*executions[1].input, r#"{"q": "other"}"#] {
                    let call = started(&executions[1], Arc::clone(&tool), json(with));
                    reads_back(&at_turn(1, vec![call]), executions);
                }
            }
        }
    }
}

#[test]
fn all_that_is_no_call_reads_back() {
    let complaint = |verdict| Fault::Complaint {
        verdict,
        tool: "search".into(),
        text: "no \"q\"\n".into(),
    };
    let mut faults: Vec<(Fault, u8)> = VERDICTS.map(complaint).into_iter().zip(1..).collect();
    faults.push((Fault::EmptyTurn, u8::MAX));
    for streak in [Vec::new(), faults] {
        for closing in [Closing::No, Closing::LastAnswer] {
            for (next_turn, context_tokens) in [(1, 0), (u16::MAX, u32::MAX)] {
                let checkpoint = Checkpoint {
                    next_turn,
                    closing,
                    streak: Streak(streak.clone()),
                    context_tokens,
                    calls: Vec::new(),
                };
                reads_back(&checkpoint, &[]);
            }
        }
    }
}

#[test]
fn what_an_execution_says_is_not_said_again() {
    let response = accepted(1);
    let said = ExecutionState::Completed("what the tool said".into());
    let calls = [
        call(&response, 0, said),
        call(&response, 1, ExecutionState::Started),
    ];
    let server = ToolHome::Caller;
    let under_way = started(
        &calls[1],
        tool(Repeat::Safe, server, None),
        json(&calls[1].input),
    );
    let back = returned(&calls[0], Verdict::Done, "what the tool said");
    let text = reads_back(&at_turn(2, vec![back, under_way]), &calls);
    assert!(!text.contains("what the tool said"), "{text}");
    assert!(!text.contains("news"), "{text}");
}

#[test]
fn a_call_whose_execution_is_not_what_it_seems_is_kept_whole() {
    let response = accepted(1);
    let said = ExecutionState::Completed("said".into());
    let known = [call(&response, 0, said.clone())];
    let mut unlike = Execution::clone(&call(&response, 1, said));
    unlike.input = "other".into();
    // The execution is missing, or another stands in its place.
    for executions in [&[][..], &known[..]] {
        let call = returned(&unlike, Verdict::Done, "said");
        let text = reads_back(&at_turn(2, vec![call]), executions);
        assert!(text.contains("other") && text.contains("said"), "{text}");
    }
}

#[test]
fn what_no_release_wrote_is_not_read() {
    let response = accepted(1);
    let calls = [call(&response, 0, ExecutionState::Started)];
    let text = write_checkpoint(
        &at_turn(1, vec![returned(&calls[0], Verdict::Done, "")]),
        &calls,
    );
    assert!(read_checkpoint(&text, &calls).is_ok());
    let other = [Arc::new(Execution {
        id: ExecutionId::new(response.id.raw(), 1),
        ..Execution::clone(&calls[0])
    })];
    // The execution that it names is not there.
    assert!(read_checkpoint(&text, &other).is_err(), "{text}");
    for (from, to) in [
        (r#""v":1"#, r#""v":2"#),
        (r#""v":1,"#, ""),
        ("done", "danced"),
        ("returned", "danced"),
        (r#""closing":"no""#, r#""closing":"maybe""#),
    ] {
        let wrong = text.replace(from, to);
        assert_ne!(wrong, text);
        assert!(read_checkpoint(&wrong, &calls).is_err(), "{wrong}");
    }
}
