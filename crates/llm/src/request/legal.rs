//! Whatever a transcript holds, a strict server takes the request that is made of it, and the model
//! reads all that is for it.

use std::sync::Arc;

use proptest::prelude::*;
use response_domain::id::{ItemId, RawId};
use response_domain::item::{
    ApprovalResponse, CallId, Compaction, Consent, FilePart, FunctionCall, FunctionCallOutput,
    Item, ItemBody, ItemStatus, Message, Part, Reasoning, Role, Runner, ServerTool, ToolList,
};
use response_domain::json::Json;
use response_domain::ports::llm::{ModelTurn, TurnMode};
use response_domain::spec::{
    Draft, InputItem, OnMaxDepth, ResponseSpec, SpecLimits, ToolChoice, ToolFailure,
};
use response_domain::tool::{ToolHome, ToolSpec};
use serde_json::Value;

use super::ChatRequest;
use super::links::links;
use crate::concession::{Concession, Concessions};

mod checker;

/// What stands in the text of item `at`, and nowhere else.
fn mark(at: usize) -> String {
    format!("m{at:04}")
}

/// What one item is drawn from: its kind, its turn, and two choices within the kind.
type Draw = (u8, u16, u8, u8);

const KINDS: u8 = 16;

fn body((kind, _, one, two): Draw, at: usize) -> ItemBody {
    let text: Arc<str> = mark(at).into();
    let said = |role, text: Arc<str>| ItemBody::Message(Message::text(role, text));
    let call_id = CallId(Arc::from(format!("c{}", one % 3)));
    match kind {
        0 => said(Role::System, text),
        1 => said(Role::Developer, text),
        2 | 3 => said(Role::User, text),
        4 => ItemBody::Message(Message {
            role: Role::User,
            content: parts(one, two, &text),
        }),
        5 => said(Role::User, Arc::from(" ")),
        6 => said(Role::Assistant, text),
        7 => ItemBody::Message(Message {
            role: Role::Assistant,
            content: vec![Part::Text(Arc::from("")), Part::Refusal(text)],
        }),
        8 => said(Role::Assistant, Arc::from("\n")),
        9 => ItemBody::Reasoning(thought(one, text)),
        10 | 11 => ItemBody::FunctionCall(call(call_id, two, &text)),
        12 => ItemBody::FunctionCallOutput(FunctionCallOutput {
            parts: if two < 3 {
                Vec::new()
            } else {
                parts(two, one, &text)
            },
            ..FunctionCallOutput::text(call_id, if two == 1 { Arc::from("") } else { text })
        }),
        13 => ItemBody::Compaction(Compaction {
            text: if one == 0 { Arc::from(" ") } else { text },
            sealed: Arc::from(""),
        }),
        14 => ItemBody::ToolList(ToolList {
            label: text,
            tools: Ok(Vec::new()),
        }),
        _ if one < 4 => ItemBody::Foreign(Json::from_text(format!(r#"{{"x":"{text}"}}"#)).unwrap()),
        _ => ItemBody::ApprovalResponse(ApprovalResponse {
            request: text,
            consent: Consent::Given,
            reason: None,
        }),
    }
}

fn thought(pick: u8, text: Arc<str>) -> Reasoning {
    match pick % 3 {
        0 => Reasoning::text(text),
        1 => Reasoning {
            summary: vec![text],
            ..Reasoning::text("")
        },
        _ => Reasoning::text(""),
    }
}

fn call(call_id: CallId, pick: u8, text: &str) -> FunctionCall {
    let name = ["search", "functions.Search", "no such/tool", ""][usize::from(pick % 4)];
    let arguments = match pick % 3 {
        0 => format!(r#"{{"q":"{text}"}}"#),
        1 => format!(r#"{{"q": {text}"#),
        _ => "[]".to_owned(),
    };
    let tool = || {
        Arc::new(ServerTool {
            label: Arc::from("web"),
            name: Arc::from(name),
        })
    };
    FunctionCall {
        runner: match pick % 4 {
            0 => Runner::Caller,
            1 => Runner::Server(tool()),
            2 => Runner::Asks(tool()),
            _ => Runner::Nobody,
        },
        ..FunctionCall::of_caller(call_id, name, arguments)
    }
}

/// Two parts, the first of which bears the mark where the second may not.
fn parts(one: u8, two: u8, text: &Arc<str>) -> Vec<Part> {
    let part = |pick: u8| match pick % 8 {
        0 => Part::Image {
            url: Arc::from("data:image/png;base64,AA"),
            detail: None,
        },
        1 => Part::File(FilePart {
            data: Some(Arc::from("data:text/plain,plain")),
            ..FilePart::default()
        }),
        2 => Part::File(FilePart {
            data: Some(Arc::from("JVBERi0xLjcA/w==")),
            name: Some(Arc::from("a.pdf")),
            ..FilePart::default()
        }),
        3 => Part::File(FilePart {
            id: Some(Arc::from("file-1")),
            ..FilePart::default()
        }),
        4 => Part::File(FilePart {
            url: Some(Arc::from("https://example.com/a.pdf")),
            ..FilePart::default()
        }),
        5 => Part::Other(
            Json::from_text(
                r#"{"type":"input_audio","input_audio":{"data":"","format":"wav"}}"#.to_owned(),
            )
            .unwrap(),
        ),
        6 => Part::Text(Arc::from("")),
        _ => Part::Refusal(Arc::from("no")),
    };
    vec![Part::Text(Arc::clone(text)), part(one), part(two)]
}

fn turn(draws: &[Draw], prompt: bool) -> ModelTurn {
    let item = |(at, draw): (usize, &Draw)| {
        Arc::new(Item {
            id: ItemId::new(RawId::new(1), u32::try_from(at).unwrap()),
            turn: draw.1,
            status: ItemStatus::Completed,
            body: body(*draw, at),
        })
    };
    let input = ItemBody::Message(Message::text(Role::User, "Hi"));
    let draft = Draft {
        model: Some(Arc::from("model")),
        input: Some(Json::from_text(r#""Hi""#.to_owned()).unwrap()),
        items: vec![InputItem::New(input)],
        system_prompt: prompt.then(|| Arc::from("Be brief.")),
        ..Draft::default()
    };
    let limits = SpecLimits {
        tools: 9,
        items: 9,
        metadata_bytes: 9,
        max_rounds: 9,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Report,
    };
    let spec = ResponseSpec::check(draft, &limits).unwrap();
    let schema = Json::from_text(r#"{"type":"object","properties":{}}"#.to_owned()).unwrap();
    let tool = ToolSpec::plain("search", ToolHome::Caller, schema);
    ModelTurn {
        spec: Arc::new(spec),
        transcript: draws.iter().enumerate().map(item).collect(),
        tools: Arc::from([Arc::new(tool)]),
        choice: ToolChoice::Auto,
        mode: TurnMode::Whole,
    }
}

/// How often the mark of an item is to be read; none where that depends on the server.
fn times(turn: &ModelTurn, at: usize) -> Option<usize> {
    let item = &turn.transcript[at];
    let links = links(&turn.transcript);
    let is_told = match &item.body {
        ItemBody::FunctionCall(call) => {
            let is_whole = serde_json::from_str::<Value>(&call.arguments).is_ok();
            is_whole && links.iter().any(|link| link.call == at)
        }
        ItemBody::FunctionCallOutput(_) => links.iter().any(|link| link.output == at),
        // It goes back only with calls, and not to every server.
        ItemBody::Reasoning(_) => return None,
        ItemBody::Message(_) | ItemBody::Compaction(_) => true,
        ItemBody::ToolList(_) | ItemBody::ApprovalResponse(_) | ItemBody::Foreign(_) => false,
    };
    let has_mark = match &item.body {
        ItemBody::Message(message) => message.content.iter().any(
            |part| matches!(part, Part::Text(text) | Part::Refusal(text) if text.contains('m')),
        ),
        ItemBody::FunctionCall(call) => call.arguments.contains('m'),
        ItemBody::FunctionCallOutput(output) => !output.output.is_empty(),
        ItemBody::Compaction(compaction) => !compaction.text.trim().is_empty(),
        _ => false,
    };
    Some(usize::from(is_told && has_mark))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_strict_server_takes_every_request_and_the_model_reads_all_that_is_for_it(
        draws in prop::collection::vec((0..KINDS, 0..4_u16, 0..8_u8, 0..8_u8), 1..24),
        prompt: bool,
        conceded in prop::collection::vec(prop::sample::select(Concession::ALL), 0..4),
    ) {
        let conceded = conceded.iter().fold(Concessions::NONE, |all, one| all.with(*one));
        let turn = turn(&draws, prompt);
        let bytes = ChatRequest::new(&turn, TurnMode::Whole, conceded).to_bytes().unwrap();
        let request: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(checker::fault(&request, conceded), None, "{}", request["messages"]);
        let written = request["messages"].to_string();
        for at in 0..draws.len() {
            if let Some(times) = times(&turn, at) {
                prop_assert_eq!(written.matches(&mark(at)).count(), times, "{} in {}", at, written);
            }
        }
    }
}
