//! Values of which every field says something, and one of each kind there is. What was there first stands
//! here and does not change: the oldest records on disk are of it.

use std::sync::Arc;

use response_domain::execution::ExecutionState;
use response_domain::id::ItemId;
use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, ItemBody, Message, Part, Reasoning, Role,
};
use response_domain::response::{Finish, Note, Progress, Turn};
use response_domain::spec::{
    Controls, Delivery, InputItem, OnMaxDepth, ResponseSpec, ToolChoice, ToolFailure, ToolRequest,
    ToolSelection,
};
use response_domain::usage::Usage;

pub mod brought;

use super::sample::{at, conversation, id, json, said, spec};

/// Specs of which every field says something in one or another.
pub fn every_spec() -> Vec<ResponseSpec> {
    vec![first_spec(), brought::spec()]
}

/// A spec of which every field says something that there was at first.
pub fn first_spec() -> ResponseSpec {
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
            verbosity: None,
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

/// A call of a tool.
pub fn a_call() -> FunctionCall {
    FunctionCall::of_caller(
        CallId("call_1".into()),
        "google_search",
        r#"{"q":"news", "num": 3}"#,
    )
}

/// A body of every kind, with every kind of part and role.
pub fn every_body() -> Vec<ItemBody> {
    let mut bodies = first_bodies();
    bodies.extend(brought::bodies());
    bodies
}

/// A body of every kind that there was at first.
pub fn first_bodies() -> Vec<ItemBody> {
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
        ItemBody::Reasoning(Reasoning::text("First, think.")),
        ItemBody::FunctionCall(a_call()),
        ItemBody::FunctionCallOutput(FunctionCallOutput::text(
            CallId("call_1".into()),
            "{\"results\": []}",
        )),
    ]
}

/// An execution in every state.
pub fn every_state() -> Vec<ExecutionState> {
    vec![
        ExecutionState::Started,
        ExecutionState::Completed("{\"ok\": true}".into()),
        ExecutionState::Completed("".into()),
        ExecutionState::Failed("no such page".into()),
        ExecutionState::TimedOut,
        ExecutionState::Cancelled,
        ExecutionState::Unknown,
    ]
}

/// A progress of which every field says something, but for executions.
pub fn full_progress() -> Progress {
    let mut progress = Progress::default();
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
        progress.turns.push(Arc::new(Turn {
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
    progress.rounds = 15;
    progress.usage = Some(usage);
    progress.output = Some("Here are the latest…".into());
    progress
}
