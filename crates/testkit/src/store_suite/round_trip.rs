//! What is written reads back the same.

use std::sync::Arc;
use std::time::Duration;

use response_domain::execution::ExecutionState;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::ItemId;
use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, Item, ItemBody, ItemStatus, Message, Part, Reasoning,
    Role,
};
use response_domain::response::{Finish, Note, Response, Turn};
use response_domain::spec::{
    Controls, Delivery, InputItem, OnMaxDepth, ResponseSpec, ToolChoice, ToolFailure, ToolRequest,
    ToolSelection,
};
use response_domain::status::{Change, IncompleteReason, StatusName};
use response_domain::time::Timestamp;
use response_domain::usage::Usage;

use super::Subject;
use super::sample::{
    accepted, ada, asked, at, call, changed, completed, conversation, found, id, json, put, said,
    spec, with_calls,
};

async fn reads_back(store: &dyn Subject, response: &Response) {
    put(store, response, Vec::new()).await;
    assert_eq!(*found(store, response.id).await, *response);
}

/// A response in each of the six states, made the way it comes about.
fn in_each_state() -> Vec<Response> {
    let background = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    let queued = asked(1, background.clone());
    let started = changed(asked(2, background.clone()), Change::Start);
    let requeued = changed(
        changed(asked(3, background), Change::Start),
        Change::Requeue,
    );
    let failure = Failure::new(FailureCode::ModelError, "the model failed");
    vec![
        queued,
        started,
        requeued,
        accepted(4),
        completed(5),
        changed(accepted(6), Change::Stop(IncompleteReason::ToolDepth)),
        changed(accepted(7), Change::Fail(failure)),
        changed(accepted(8), Change::Cancel),
    ]
}

pub async fn every_status_reads_back(store: &dyn Subject) {
    let all = in_each_state();
    for name in StatusName::ALL {
        assert!(
            all.iter().any(|response| response.status().name() == *name),
            "{name}"
        );
    }
    for response in &all {
        reads_back(store, response).await;
    }
}

pub async fn every_failure_and_every_limit_reads_back(store: &dyn Subject) {
    let failures = FailureCode::ALL.iter().map(|&code| {
        Change::Fail(Failure {
            code,
            message: format!("because of {code}"),
            retry_after: (code == FailureCode::UpstreamRateLimited)
                .then_some(Duration::from_millis(1_500)),
        })
    });
    let limits = IncompleteReason::ALL
        .iter()
        .map(|&reason| Change::Stop(reason));
    for (number, change) in (1..).zip(failures.chain(limits)) {
        reads_back(store, &changed(accepted(number), change)).await;
    }
}

/// A spec of which every field says something.
fn full_spec() -> ResponseSpec {
    ResponseSpec {
        model: "models/größe-1:latest".into(),
        input: json(r#"[{"role": "user", "content": "hé"}, {"type":"item_reference","id":"x"}]"#),
        items: vec![
            InputItem::New(said(Role::System, "Be brief.")),
            InputItem::Reference(ItemId::new(id(77).raw(), 3)),
            InputItem::New(ItemBody::FunctionCall(a_call())),
        ],
        system_prompt: Some("You are \"kind\".".into()),
        controls: Controls {
            temperature: Some(0.1 + 0.2),
            top_p: Some(1e-7),
            max_tokens: Some(u32::MAX),
            presence_penalty: Some(-2.0),
            frequency_penalty: Some(-0.0),
            seed: Some(i64::MIN),
            stop: Some(json(r#"["\n", "END"]"#)),
            response_format: Some(json(r#"{"type": "json_object"}"#)),
            parallel_tool_calls: Some(false),
            reasoning_effort: Some("high".into()),
        },
        tools: ToolSelection::Only(vec![
            ToolRequest {
                name: "google_search".into(),
                description: Some("Searches.".into()),
                parameters: Some(json(r#"{ "type": "object" }"#)),
            },
            ToolRequest {
                name: "scrape".into(),
                description: None,
                parameters: None,
            },
        ]),
        tool_choice: ToolChoice::Named("scrape".into()),
        max_rounds: 15,
        on_max_depth: OnMaxDepth::Answer,
        tool_failure: ToolFailure::Report,
        delivery: Delivery::Stream,
        conversation: Some(conversation(9)),
        previous: Some(id(8)),
        metadata: json(r#"{"a": {"b": [1, 2.50, null]}, "webhook_url": "https://x.test/"}"#),
        user: Some("user-1".into()),
        ..spec()
    }
}

pub async fn every_field_of_a_spec_reads_back(store: &dyn Subject) {
    reads_back(store, &accepted(1)).await;
    let mut response = asked(2, full_spec());
    response.seen = 7;
    reads_back(store, &response).await;
}

pub async fn every_kind_of_tool_choice_reads_back(store: &dyn Subject) {
    let choices = [
        ToolChoice::Auto,
        ToolChoice::None,
        ToolChoice::Required,
        ToolChoice::Named("a".into()),
    ];
    let selections = [
        ToolSelection::All,
        ToolSelection::Nothing,
        ToolSelection::Only(Vec::new()),
    ];
    let mut number = 0;
    for tool_choice in &choices {
        for tools in &selections {
            number += 1;
            let spec = ResponseSpec {
                tool_choice: tool_choice.clone(),
                tools: tools.clone(),
                ..spec()
            };
            reads_back(store, &asked(number, spec)).await;
        }
    }
}

fn a_call() -> FunctionCall {
    FunctionCall {
        call_id: CallId("call_1".into()),
        name: "google_search".into(),
        arguments: r#"{"q":"news", "num": 3}"#.into(),
    }
}

/// A body of every kind, with every kind of part and role.
fn every_body() -> Vec<ItemBody> {
    let parts = vec![
        Part::Text("see".into()),
        Part::Image {
            url: "data:image/png;base64,AAAA".into(),
            detail: Some("low".into()),
        },
        Part::Image {
            url: "jan_01hqr8v9".into(),
            detail: None,
        },
        Part::Other(json(r#"{"type":"input_file", "file_id": "f"}"#)),
    ];
    let message = |content| {
        ItemBody::Message(Message {
            role: Role::User,
            content,
        })
    };
    vec![
        said(Role::System, "s"),
        said(Role::Developer, "d"),
        said(Role::User, "u"),
        said(Role::Assistant, ""),
        message(parts),
        message(Vec::new()),
        ItemBody::Reasoning(Reasoning {
            text: "First, think.".into(),
        }),
        ItemBody::FunctionCall(a_call()),
        ItemBody::FunctionCallOutput(FunctionCallOutput {
            call_id: CallId("call_1".into()),
            output: "{\"results\": []}".into(),
        }),
    ]
}

pub async fn every_kind_of_item_reads_back(store: &dyn Subject) {
    let response = completed(1);
    let mut items = Vec::new();
    for (ordinal, body) in (0..).zip(every_body()) {
        let status = if ordinal % 2 == 0 {
            ItemStatus::Completed
        } else {
            ItemStatus::Incomplete
        };
        items.push(Arc::new(Item {
            id: ItemId::new(response.id.raw(), ordinal),
            turn: u16::try_from(ordinal).unwrap_or(u16::MAX),
            status,
            body,
        }));
    }
    put(store, &response, items.clone()).await;
    assert_eq!(store.items(&ada(), response.id).await.ok(), Some(items));
}

pub async fn every_state_of_an_execution_reads_back(store: &dyn Subject) {
    let response = accepted(1);
    let states = [
        ExecutionState::Started,
        ExecutionState::Completed("{\"ok\": true}".into()),
        ExecutionState::Completed("".into()),
        ExecutionState::Failed("no such page".into()),
        ExecutionState::TimedOut,
        ExecutionState::Cancelled,
        ExecutionState::Unknown,
    ];
    let mut calls = Vec::new();
    for (ordinal, state) in (0..).zip(states) {
        let mut execution = (*call(&response, ordinal, state)).clone();
        if ordinal % 2 == 1 {
            execution.server = None;
            execution.input = "not { json".into();
        }
        calls.push(Arc::new(execution));
    }
    reads_back(store, &with_calls(response, &calls)).await;
}

pub async fn progress_reads_back(store: &dyn Subject) {
    let mut response = accepted(1);
    let usage = Usage {
        prompt: u64::MAX,
        cached: 12,
        completion: 1,
        reasoning: u64::from(u32::MAX),
    };
    for (number, finish) in (1..).zip(Finish::ALL) {
        let note = |detail: Option<&str>| Note {
            code: "empty_delta".into(),
            detail: detail.map(Into::into),
        };
        response.progress.turns.push(Arc::new(Turn {
            number,
            started_at: at(i64::from(number)),
            ended_at: at(i64::from(number) + 1),
            finish: *finish,
            usage: (number % 2 == 0).then_some(usage),
            notes: if number % 2 == 0 {
                vec![note(None), note(Some("a \"b\""))]
            } else {
                Vec::new()
            },
        }));
    }
    response.progress.rounds = 15;
    response.progress.usage = Some(usage);
    response.progress.output = Some("Here are the latest…".into());
    reads_back(store, &changed(response, Change::Complete)).await;
}

pub async fn times_keep_their_microseconds(store: &dyn Subject) {
    for (number, micros) in [(1, 0), (2, 1), (3, 999_999), (4, 100_000), (5, 123_456)] {
        let mut response = completed(number);
        response.times.created = at(micros);
        response.times.started = Some(Timestamp::from_micros(micros));
        response.times.ended = Some(at(micros + 1));
        response.times.updated = at(-micros);
        reads_back(store, &response).await;
    }
}
