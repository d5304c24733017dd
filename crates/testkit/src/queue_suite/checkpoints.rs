//! From where a run goes on.

use std::sync::Arc;

use response_domain::execution::{Execution, ExecutionState};
use response_domain::item::{CallId, FunctionCall};
use response_domain::lease::Lease;
use response_domain::response::Response;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::repair::{Fault, Streak};
use response_domain::run::{CallState, Closing, PendingCall};
use response_domain::tool::{Repeat, ToolCall, ToolHome, ToolReply, ToolSpec, Verdict};
use response_domain::work::UnitOfWork;

use super::sample::{checkpoint, claim_one, running, standing, step, taken_up};
use crate::store_suite::full::brought::{self, runners, sites};
use crate::store_suite::sample::{call, json, with_calls, write};
use crate::store_suite::{Fixture, Subject};

const VERDICTS: [Verdict; 7] = [
    Verdict::Done,
    Verdict::ToolSaysError,
    Verdict::BadArguments,
    Verdict::UnknownTool,
    Verdict::TooManyCalls,
    Verdict::Denied,
    Verdict::OutcomeUnknown,
];

fn without_calls() -> Vec<Checkpoint> {
    let complaint = |(times, verdict): (u8, Verdict)| {
        let fault = Fault::Complaint {
            verdict,
            tool: "google_\"search\0".into(),
            text: format!("no such page {times} \0 größe").into(),
        };
        (fault, times)
    };
    vec![
        checkpoint(1),
        Checkpoint {
            closing: Closing::LastAnswer,
            ..checkpoint(u16::MAX)
        },
        Checkpoint {
            streak: Streak(vec![(Fault::EmptyTurn, 2)]),
            context_tokens: 0,
            ..checkpoint(3)
        },
        Checkpoint {
            streak: Streak((1..).zip(VERDICTS).map(complaint).collect()),
            context_tokens: u32::MAX,
            ..checkpoint(2)
        },
    ]
}

/// The checkpoint must be found by whoever reads how the response stands, and by who takes it up.
async fn reads_back(store: &dyn Subject, lease: Lease, response: &Response, written: Checkpoint) {
    let from = standing(store, response.id).await.next;
    let work = UnitOfWork {
        checkpoint: Some(written.clone()),
        ..step(lease, response, from, Vec::new())
    };
    write(store, work).await;
    let read = standing(store, response.id).await.checkpoint;
    assert_eq!(read.as_ref(), Some(&written));
    let taken = taken_up(store, &lease).await;
    assert_eq!(taken.and_then(|it| it.standing.checkpoint), Some(written));
}

pub async fn every_kind_of_checkpoint_reads_back(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    for checkpoint in without_calls() {
        reads_back(store, lease, &response, checkpoint).await;
    }
}

/// What the model asked for in this execution.
fn wish(execution: &Execution) -> FunctionCall {
    let call_id = CallId(format!("call_{}\0", execution.id.ordinal).into());
    FunctionCall::of_caller(call_id, "google_search", Arc::clone(&execution.input))
}

fn tool(description: Option<&str>, parameters: &str, repeat: Repeat) -> Arc<ToolSpec> {
    let home = ToolHome::Server {
        label: "search ü".into(),
        name: "google.search".into(),
        url: None,
    };
    Arc::new(ToolSpec {
        description: description.map(Into::into),
        repeat,
        ..ToolSpec::plain("google_search", home, json(parameters))
    })
}

fn started(execution: &Arc<Execution>, tool: Arc<ToolSpec>, arguments: &str) -> PendingCall {
    let call = ToolCall {
        execution: execution.id,
        tool,
        arguments: json(arguments),
    };
    PendingCall {
        call: wish(execution),
        state: CallState::Started(call, Arc::clone(execution)),
    }
}

fn returned(execution: &Execution, verdict: Verdict, text: &str) -> PendingCall {
    let text = text.into();
    PendingCall {
        call: wish(execution),
        state: CallState::Returned(ToolReply { text, verdict }),
    }
}

/// A round with a call in every state, and its executions.
fn every_call(response: &Response) -> (Vec<PendingCall>, Vec<Arc<Execution>>) {
    let mut executions = Vec::new();
    let mut execution = |input: &str, state| {
        let ordinal = u32::try_from(executions.len()).unwrap_or(u32::MAX);
        let execution = Execution {
            input: input.into(),
            ..Execution::clone(&call(response, ordinal, state))
        };
        executions.push(Arc::new(execution));
        executions
            .last()
            .cloned()
            .unwrap_or_else(|| call(response, 0, ExecutionState::Started))
    };
    // The round before this one.
    execution("{}", ExecutionState::Completed("long ago".into()));
    let mut calls = Vec::new();
    let tools = [
        tool(None, "{}", Repeat::Safe),
        tool(
            Some("Finds \"things\"\0."),
            r#"{ "type": "object" }"#,
            Repeat::Unsafe,
        ),
    ];
    for tool in tools {
        for input in ["{}", r#"{ "q" : 1.50 }"#] {
            let execution = execution(input, ExecutionState::Started);
            calls.push(started(&execution, Arc::clone(&tool), input));
        }
    }
    let callers = execution_of_nobody(response);
    calls.push(PendingCall {
        call: wish(&callers),
        state: CallState::Callers,
    });
    for verdict in VERDICTS {
        let state = match verdict {
            Verdict::Done => ExecutionState::Completed("found \0".into()),
            Verdict::OutcomeUnknown => ExecutionState::Unknown,
            Verdict::ToolSaysError
            | Verdict::BadArguments
            | Verdict::UnknownTool
            | Verdict::Denied
            | Verdict::TooManyCalls => ExecutionState::Failed("no such page".into()),
        };
        let text = match &state {
            ExecutionState::Completed(text) | ExecutionState::Failed(text) => text.to_string(),
            _ => "nobody knows".to_owned(),
        };
        let execution = execution("not { json", state);
        calls.push(returned(&execution, verdict, &text));
    }
    let late = execution("{}", ExecutionState::TimedOut);
    calls.push(returned(&late, Verdict::ToolSaysError, "no answer in time"));
    (calls, executions)
}

/// Calls of tools that their caller brought: of each of them, by each runner, allowed or not, where its
/// execution says so and where not.
fn brought_calls(response: &Response) -> (Vec<PendingCall>, Vec<Arc<Execution>>) {
    let mut executions: Vec<Arc<Execution>> = Vec::new();
    let mut calls = Vec::new();
    let sites: Vec<_> = sites().map(Some).into_iter().chain([None]).collect();
    for runner in runners() {
        for approval in [None, Some(Arc::from("item_of\0another"))] {
            for site in &sites {
                let mut execution = |state| {
                    let ordinal = u32::try_from(executions.len()).unwrap_or(u32::MAX);
                    let execution = Arc::new(Execution {
                        site: site.clone(),
                        ..Execution::clone(&call(response, ordinal, state))
                    });
                    executions.push(Arc::clone(&execution));
                    execution
                };
                let state = ExecutionState::Failed("no".into());
                let mut round = vec![returned(&execution(state), Verdict::Denied, "no")];
                for tool in brought::tools() {
                    let execution = execution(ExecutionState::Started);
                    round.push(started(&execution, Arc::new(tool), &execution.input));
                }
                calls.extend(round.into_iter().map(|mut pending| {
                    pending.call.runner = runner.clone();
                    pending.call.approval.clone_from(&approval);
                    pending
                }));
            }
        }
    }
    (calls, executions)
}

/// A call of the caller's has no execution.
fn execution_of_nobody(response: &Response) -> Arc<Execution> {
    call(response, 900, ExecutionState::Started)
}

pub async fn every_kind_of_call_reads_back(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    let (calls, executions) = every_call(&response);
    let response = with_calls(response, &executions);
    let written = Checkpoint {
        calls,
        ..checkpoint(4)
    };
    reads_back(store, lease, &response, written).await;
}

pub async fn every_kind_of_call_that_a_caller_brought_reads_back(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    let (calls, executions) = brought_calls(&response);
    let response = with_calls(response, &executions);
    let written = Checkpoint {
        calls,
        ..checkpoint(4)
    };
    reads_back(store, lease, &response, written).await;
}

pub async fn a_checkpoint_takes_the_place_of_the_one_before(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    let (calls, executions) = every_call(&response);
    let response = with_calls(response, &executions);
    let with = Checkpoint {
        calls,
        ..checkpoint(4)
    };
    reads_back(store, lease, &response, with).await;
    reads_back(store, lease, &response, checkpoint(5)).await;
    // A write without one leaves it, and it stays when the response changes hands.
    let work = UnitOfWork {
        checkpoint: None,
        ..step(lease, &response, 0, Vec::new())
    };
    write(store, work).await;
    assert!(store.hand_back(&lease).await.is_ok());
    let kept = standing(store, response.id).await.checkpoint;
    assert_eq!(kept, Some(checkpoint(5)));
    let lease = claim_one(store, 2).await.lease;
    reads_back(store, lease, &response, checkpoint(6)).await;
}
