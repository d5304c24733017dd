//! Responses, items and conversations in the words of OpenAI and of Open Responses, to the letter.

use std::fmt::Write;
use std::sync::Arc;

use response_domain::execution::{Execution, ExecutionState, Site};
use response_domain::failure::FailureCode;
use response_domain::id::{ExecutionId, ItemId, RawId, WorkerId};
use response_domain::item::{
    ApprovalResponse, CallId, Compaction, Consent, FilePart, FunctionCall, FunctionCallOutput,
    Item, ItemBody, ItemStatus, ListedTool, Message, OutputVerdict, Part, Reasoning, Role, Runner,
    ServerTool, ToolList,
};
use response_domain::json::Json;
use response_domain::ports::store::ResponseStore;
use response_domain::response::Response;
use response_domain::spec::{Controls, Delivery, ResponseSpec, Storage, Truncation};
use response_domain::status::{Change, IncompleteReason};
use response_domain::work::{Append, Guard, UnitOfWork};
use response_testkit::wire::{Flavour, check_item, check_list, check_response};
use serde_json::Value;

use crate::bad_fields::ask;
use crate::client::Call;
use crate::layout::laid_out;
use crate::sample::{accepted, conversation, failed, id, json, put, spec, then, worked};
use crate::world::World;

/// Where each flavour is spoken.
const OPENAI: (&str, Flavour) = ("/openai/v1", Flavour::OpenAi);
const OPEN: (&str, Flavour) = ("/openresponses/v1", Flavour::OpenResponses);

async fn get(world: &World, path: &str) -> String {
    let reply = Call::new("GET", path).send(world).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.text().to_owned()
}

/// A response as it is shown, which must be a good one.
async fn shown(world: &World, response: &Response, (base, flavour): (&str, Flavour)) -> String {
    let text = get(world, &format!("{base}/responses/{}", response.id)).await;
    let value: Value = serde_json::from_str(&text).unwrap();
    check_response(&value, flavour).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    laid_out(&text)
}

fn background() -> ResponseSpec {
    ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    }
}

#[tokio::test]
async fn every_state_of_a_response() {
    let world = World::new([]).await;
    let states = [
        ("queued", accepted(1, background())),
        (
            "running",
            then(worked(accepted(2, background()), &[]), Change::Start),
        ),
        (
            "completed",
            then(worked(accepted(3, spec()), &[]), Change::Complete),
        ),
        (
            "cancelled",
            then(worked(accepted(4, background()), &[]), Change::Cancel),
        ),
        (
            "failed",
            then(accepted(5, spec()), failed(FailureCode::ModelError)),
        ),
        (
            "incomplete",
            then(
                accepted(6, spec()),
                Change::Stop(IncompleteReason::OutputTokens),
            ),
        ),
    ];
    for (name, response) in &states {
        put(&world, response).await;
        let told = shown(&world, response, OPENAI).await;
        assert_eq!(
            told,
            shown(&world, response, OPEN).await,
            "both say the same"
        );
        insta::assert_snapshot!(format!("response-{name}"), told);
    }
}

#[tokio::test]
async fn every_way_to_end_has_its_word() {
    let world = World::new([]).await;
    let reasons = IncompleteReason::ALL
        .iter()
        .map(|&reason| Change::Stop(reason));
    let failures = FailureCode::ALL.iter().map(|&code| failed(code));
    let mut table = String::new();
    for (number, change) in (1..).zip(reasons.chain(failures)) {
        let name = match &change {
            Change::Fail(failure) => failure.code.as_str(),
            Change::Stop(reason) => reason.as_str(),
            other => panic!("{other:?} is not tried"),
        };
        let response = then(accepted(number, spec()), change.clone());
        put(&world, &response).await;
        let told: Value = serde_json::from_str(&shown(&world, &response, OPENAI).await).unwrap();
        shown(&world, &response, OPEN).await;
        let (status, error) = (&told["status"], &told["error"]);
        let why = &told["incomplete_details"]["reason"];
        let (code, family) = (&error["code"], &error["type"]);
        writeln!(table, "{name}: {status} {why} {code} {family}").unwrap();
        assert_eq!(error.get("param").is_some(), error.is_object());
    }
    insta::assert_snapshot!(table);
}

/// What OpenAI's request says in forms of its own stands in the echo; the rest is read off the spec.
#[tokio::test]
async fn what_was_asked_is_shown_again() {
    let world = World::new([]).await;
    let echo = json(
        r#"{"tools":[{"type":"function","name":"f","description":null,"parameters":{"type":
 "object"},"strict":null},{"type":"mcp","server_label":"s","server_url":"https://a.example"}],
 "tool_choice":{"type":"function","name":"f"},"text":{"format":{"type":"json_object"},"verbosity":"low"},
 "reasoning":{"effort":"low","summary":null},"truncation":"auto","service_tier":"flex","top_logprobs":3,
 "safety_identifier":"who","prompt_cache_key":"key","unknown":1}"#,
    );
    let spec = ResponseSpec {
        system_prompt: Some("Be brief.\n\"Please.\"".into()),
        controls: Controls {
            temperature: Some(0.2),
            top_p: Some(0.9),
            max_tokens: Some(500),
            presence_penalty: Some(-0.5),
            frequency_penalty: Some(1.5),
            parallel_tool_calls: Some(false),
            ..Controls::default()
        },
        max_tool_calls: Some(3),
        truncation: Truncation::Trim,
        conversation: Some(conversation(1)),
        previous: Some(id(9)),
        metadata: json(r#"{"b": "1",  "a": "2"}"#),
        user: Some("user_1".into()),
        echo,
        ..spec()
    };
    let response = then(worked(accepted(1, spec), &[]), Change::Complete);
    put(&world, &response).await;
    let told = shown(&world, &response, OPENAI).await;
    insta::assert_snapshot!("response-full", told);
    let whole = ResponseSpec {
        truncation: Truncation::Whole,
        storage: Storage::Stored,
        ..self::spec()
    };
    let whole = then(accepted(2, whole), Change::Complete);
    put(&world, &whole).await;
    assert!(
        shown(&world, &whole, OPENAI)
            .await
            .contains(r#""truncation": "disabled""#)
    );
}

#[tokio::test]
async fn a_response_that_was_asked_for_natively_is_shown_with_what_holds_otherwise() {
    let world = World::new([response_testkit::script::text("Once upon a time.")]).await;
    let made = ask(&world, &serde_json::json!({"tools": [], "seed": 7}))
        .await
        .json();
    let path = format!("/openai/v1/responses/{}", made["id"].as_str().unwrap());
    insta::assert_snapshot!("response-native", laid_out(&get(&world, &path).await));
}

fn server(label: &str, name: &str) -> Arc<ServerTool> {
    Arc::new(ServerTool {
        label: label.into(),
        name: name.into(),
    })
}

fn call(id: &str, runner: Runner, approval: Option<&str>) -> ItemBody {
    ItemBody::FunctionCall(FunctionCall {
        runner,
        approval: approval.map(Into::into),
        ..FunctionCall::of_caller(CallId(id.into()), "the_tool", r#"{"q": "a\nb"}"#)
    })
}

fn output(id: &str, verdict: OutputVerdict, parts: Vec<Part>) -> ItemBody {
    ItemBody::FunctionCallOutput(FunctionCallOutput {
        verdict,
        parts,
        ..FunctionCallOutput::text(CallId(id.into()), "what it said")
    })
}

fn listed(annotations: Option<Json>) -> ListedTool {
    ListedTool {
        name: "clock".into(),
        description: annotations.is_some().then(|| "tells the time".into()),
        parameters: json("{\"type\":\n \"object\"}"),
        annotations,
    }
}

fn messages() -> Vec<ItemBody> {
    let image = |url: &str, detail: Option<&str>| Part::Image {
        url: url.into(),
        detail: detail.map(Into::into),
    };
    let file = FilePart {
        name: Some("a.pdf".into()),
        data: Some("data:application/pdf;base64,AA==".into()),
        url: Some("https://a.example/a.pdf".into()),
        id: Some("file_1".into()),
    };
    let message = |role, content| ItemBody::Message(Message { role, content });
    vec![
        message(
            Role::User,
            vec![
                Part::Text("Look:\n\"this\" \u{2028}".into()),
                image("https://a.example/a.png", Some("high")),
                image("file_2", None),
                Part::File(file),
                Part::File(FilePart::default()),
                Part::Other(json(
                    r#"{"type": "input_audio", "input_audio": {"data": ""}}"#,
                )),
            ],
        ),
        message(Role::System, vec![Part::Text("Be brief.".into())]),
        message(Role::Developer, vec![]),
        message(
            Role::Assistant,
            vec![
                Part::Text("No.".into()),
                Part::Refusal("I will not.".into()),
            ],
        ),
        ItemBody::Reasoning(Reasoning::text("Hm.")),
        ItemBody::Reasoning(Reasoning {
            text: "".into(),
            summary: vec!["Thought.".into(), "Again.".into()],
            sealed: Some("sealed".into()),
        }),
    ]
}

fn calls(own: &str) -> Vec<ItemBody> {
    let approval = |request: &str, consent, reason: Option<&str>| {
        ItemBody::ApprovalResponse(ApprovalResponse {
            request: request.into(),
            consent,
            reason: reason.map(Into::into),
        })
    };
    let list = |tools| {
        ItemBody::ToolList(ToolList {
            label: "web".into(),
            tools,
        })
    };
    let annotations = json(r#"{"readOnlyHint": true}"#);
    vec![
        call("call_1", Runner::Caller, None),
        output("call_1", OutputVerdict::Result, Vec::new()),
        call("call_2", Runner::Caller, None),
        output(
            "call_2",
            OutputVerdict::Result,
            vec![Part::Text("it says".into()), Part::Refusal("no".into())],
        ),
        list(Ok(vec![listed(Some(annotations)), listed(None)])),
        list(Err("the server is away".into())),
        call("call_3", Runner::Server(server("web", "look")), Some(own)),
        output("call_3", OutputVerdict::Result, Vec::new()),
        call(
            "call_4",
            Runner::Server(server("web", "look")),
            Some("theirs"),
        ),
        output("call_4", OutputVerdict::Complaint, Vec::new()),
        call("call_5", Runner::Server(server("web", "look")), None),
        call("call_6", Runner::Nobody, None),
        output("call_6", OutputVerdict::Complaint, Vec::new()),
        call("mcpr_theirs", Runner::Asks(server("shop", "buy")), None),
        approval(own, Consent::Given, None),
        approval("mcpr_theirs", Consent::Denied, Some("too dear")),
        ItemBody::Compaction(Compaction {
            text: "a summary".into(),
            sealed: "sealed".into(),
        }),
        ItemBody::Foreign(json(
            r#"{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"q":
            1.50}, "id": "ws_2"}"#,
        )),
        ItemBody::Foreign(json(r#"{"type": "theirs:thing", "a\nb": null}"#)),
        ItemBody::Foreign(json(r#"{"strange": true}"#)),
    ]
}

fn items(of: &Response, turn: u16, bodies: Vec<ItemBody>) -> Vec<Arc<Item>> {
    let item = |(ordinal, body)| {
        Arc::new(Item {
            id: ItemId::new(of.id.raw(), ordinal),
            turn,
            status: ItemStatus::Completed,
            body,
        })
    };
    (0..).zip(bodies).map(item).collect()
}

async fn store(world: &World, response: &Response, items: Vec<Arc<Item>>) {
    let work = UnitOfWork {
        guard: Guard::New(WorkerId::new(RawId::new(1))),
        response: Arc::new(response.clone()),
        items,
        executions: response.progress.executions.clone(),
        checkpoint: None,
        log: Append::default(),
    };
    world.store.commit(work).await.unwrap();
}

#[tokio::test]
async fn every_kind_of_item_in_a_list() {
    let world = World::new([]).await;
    let response = then(accepted(1, spec()), Change::Complete);
    let own = ItemId::new(response.id.raw(), 21).to_string();
    let bodies = [messages(), calls(&own)].concat();
    let items = items(&response, 0, bodies);
    store(&world, &response, items).await;
    for (name, (base, flavour)) in [("openai", OPENAI), ("open-responses", OPEN)] {
        let path = format!("{base}/responses/{}/input_items", response.id);
        let list = get(&world, &format!("{path}?order=asc&limit=100")).await;
        let value: Value = serde_json::from_str(&list).unwrap();
        check_list(&value, |item| check_item(item, flavour)).unwrap();
        insta::assert_snapshot!(format!("items-{name}"), laid_out(&list));
    }
}

/// The record of a call whose item has this ordinal.
fn execution(of: &Response, item: u32, state: ExecutionState) -> Arc<Execution> {
    Arc::new(Execution {
        id: ExecutionId::new(of.id.raw(), item),
        site: Some(Site {
            item,
            index: item,
            tool: server("web", "look"),
            approval: None,
        }),
        tool: "the_tool".into(),
        server: Some("web".into()),
        input: r#"{"q": "a\nb"}"#.into(),
        turn: 1,
        depth: 1,
        started_at: of.times.created,
        duration: None,
        state,
    })
}

/// What a response wrote, as long as it goes on and when it has ended.
#[tokio::test]
async fn every_kind_of_item_in_an_output() {
    let world = World::new([]).await;
    let states = [
        ExecutionState::Completed("noon".into()),
        ExecutionState::Failed("no clock".into()),
        ExecutionState::TimedOut,
        ExecutionState::Cancelled,
        ExecutionState::Unknown,
        ExecutionState::Started,
    ];
    let calls = || Runner::Server(server("web", "look"));
    let mut bodies: Vec<ItemBody> = (0..=states.len())
        .map(|number| call(&format!("call_{number}"), calls(), None))
        .collect();
    bodies.push(call("call_mine", Runner::Caller, None));
    bodies.push(call("call_asks", Runner::Asks(server("shop", "buy")), None));
    bodies.push(call("call_nobodys", Runner::Nobody, None));
    bodies.push(output("call_0", OutputVerdict::Result, Vec::new()));
    bodies.extend(messages().into_iter().skip(3));
    for (name, change) in [("running", Change::Start), ("ended", Change::Cancel)] {
        let number = if name == "running" { 1 } else { 2 };
        let mut response = then(accepted(number, background()), change);
        let all = (0..).zip(states.clone());
        let all = all.map(|(item, state)| execution(&response, item, state));
        response.progress.executions = all.collect();
        let items = items(&response, 1, bodies.clone());
        store(&world, &response, items).await;
        insta::assert_snapshot!(
            format!("output-{name}"),
            shown(&world, &response, OPENAI).await
        );
        shown(&world, &response, OPEN).await;
    }
}
