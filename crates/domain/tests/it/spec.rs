//! The checks of a request: what belongs together, what is left out, and many faults at once.

use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, ItemBody, Message, Part, Role,
};
use response_domain::json::Json;
use response_domain::spec::{
    ApprovalRule, CallerTool, Delivery, Draft, FaultKind, InputItem, InputLength, ResponseSpec,
    ServerOffer, SpecLimits, Storage, TRANSCRIPT, ToolChoice, ToolOffer, ToolRequest,
    ToolSelection,
};

use crate::world::{draft, spec_limits};

pub(crate) fn json(text: &str) -> Json {
    Json::from_text(text.to_owned()).unwrap()
}

pub(crate) fn tool(name: &str) -> ToolRequest {
    ToolRequest {
        name: name.into(),
        description: None,
        parameters: None,
    }
}

pub(crate) fn says(text: &str) -> InputItem {
    InputItem::New(ItemBody::Message(Message::text(Role::User, text)))
}

pub(crate) fn call(name: &str, call_id: &str) -> InputItem {
    InputItem::New(ItemBody::FunctionCall(FunctionCall::of_caller(
        CallId(call_id.into()),
        name,
        "{}",
    )))
}

pub(crate) fn output(call_id: &str) -> InputItem {
    InputItem::New(ItemBody::FunctionCallOutput(FunctionCallOutput::text(
        CallId(call_id.into()),
        "",
    )))
}

/// The fields that `change` makes unacceptable.
pub(crate) fn faults(change: impl FnOnce(&mut Draft)) -> Vec<String> {
    let mut draft = draft();
    change(&mut draft);
    match ResponseSpec::check(draft, &spec_limits()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.into_iter().map(|fault| fault.field).collect(),
    }
}

pub(crate) fn accepted(change: impl FnOnce(&mut Draft)) -> ResponseSpec {
    let mut draft = draft();
    change(&mut draft);
    ResponseSpec::check(draft, &spec_limits()).unwrap()
}

#[test]
fn an_input_says_something_and_not_too_much() {
    let image = Part::Image {
        url: "jan_1".into(),
        detail: None,
    };
    let shows = InputItem::New(ItemBody::Message(Message {
        role: Role::User,
        content: vec![image],
    }));
    let rows: [(&str, Vec<InputItem>, &[&str]); 8] = [
        ("one", vec![says("a")], &[]),
        ("three", vec![says("a"), says("b"), shows], &[]),
        ("none", vec![], &["input"]),
        (
            "four",
            vec![says("a"), says("b"), says("c"), says("d")],
            &["input"],
        ),
        ("blank", vec![says(" \n")], &["input"]),
        ("one blank", vec![says("a"), says("")], &["input[1]"]),
        (
            "an output",
            vec![says("a"), output("")],
            &["input[1].call_id"],
        ),
        (
            "a call",
            vec![call("", ""), says("a")],
            &["input[0].name", "input[0].call_id"],
        ),
    ];
    for (row, items, expected) in rows {
        assert_eq!(faults(|draft| draft.items = items), expected, "{row}");
    }
}

#[test]
fn tools_are_few_and_named_once() {
    let named = |names: &[&str]| names.iter().map(|name| tool(name)).collect::<Vec<_>>();
    let rows: [(&[&str], &[&str]); 5] = [
        (&[], &[]),
        (&["a", "b", "c", "d"], &[]),
        (&["a", "b", "c", "d", "e"], &["tools"]),
        (&["a", "b", "a"], &["tools[2].function.name"]),
        (
            &["a", "a", "a"],
            &["tools[1].function.name", "tools[2].function.name"],
        ),
    ];
    for (names, expected) in rows {
        let tools = named(names);
        assert_eq!(
            faults(|draft| draft.tools = Some(ToolSelection::Only(tools))),
            expected,
            "{names:?}"
        );
    }
}

fn server(label: usize) -> ToolOffer {
    ToolOffer::Server(ServerOffer {
        label: label.to_string().into(),
        url: None,
        allowed: None,
        approval: ApprovalRule::Always,
    })
}

fn function(name: &str) -> ToolOffer {
    ToolOffer::Function(CallerTool {
        name: name.into(),
        description: None,
        parameters: None,
        strict: None,
    })
}

#[test]
fn a_transcript_that_a_caller_keeps_may_be_long() {
    let long = |count, length| {
        faults(|draft| {
            draft.items = vec![says("hi"); count];
            draft.length = length;
        })
    };
    let rows = [
        (3, InputLength::Limited, &[][..]),
        (4, InputLength::Limited, &["input"]),
        (4, InputLength::Transcript, &[]),
        (TRANSCRIPT, InputLength::Transcript, &[]),
        (TRANSCRIPT + 1, InputLength::Transcript, &["input"]),
    ];
    for (count, length, expected) in rows {
        assert_eq!(long(count, length), expected, "{count} {length:?}");
    }
}

#[test]
fn what_a_caller_brings_has_names_of_its_own_and_not_too_many_servers() {
    let offered = |offers: Vec<ToolOffer>| {
        let limits = SpecLimits {
            tools: 100,
            ..spec_limits()
        };
        let mut draft = draft();
        draft.tools = Some(ToolSelection::Offered(offers));
        let checked = ResponseSpec::check(draft, &limits);
        let faults = checked.err().map_or_else(Vec::new, |faults| faults.0);
        faults.into_iter().map(|it| it.field).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(offered((0..16).map(server).collect()), none);
    assert_eq!(offered((0..17).map(server).collect()), ["tools"]);
    let same = vec![function("a"), server(1), function("a"), server(1)];
    let fields = ["tools[2].function.name", "tools[3].server_label"];
    assert_eq!(offered(same), fields);
}

#[test]
fn a_demand_for_tools_needs_tools() {
    let choices = [
        ToolChoice::Auto,
        ToolChoice::None,
        ToolChoice::Required,
        ToolChoice::Named("a".into()),
        ToolChoice::Named("b".into()),
    ];
    // Whether each choice is acceptable: without `tools`, with none, with `a`.
    let rows: [(Option<&[&str]>, [bool; 5]); 3] = [
        (None, [true, true, true, true, true]),
        (Some(&[]), [true, true, false, false, false]),
        (Some(&["a"]), [true, true, true, true, false]),
    ];
    for (names, fits) in rows {
        for (choice, fits) in choices.iter().zip(fits) {
            let found = faults(|draft| {
                draft.tools = names.map(|names| {
                    ToolSelection::Only(names.iter().map(|name| tool(name)).collect())
                });
                draft.tool_choice = Some(choice.clone());
            });
            let expected: &[&str] = if fits { &[] } else { &["tool_choice"] };
            assert_eq!(found, expected, "{names:?} {choice:?}");
        }
    }
}

#[test]
fn a_response_in_the_background_is_stored_and_not_streamed() {
    let rows = [
        // background, stream, store: how it is delivered, or what is wrong
        ([None, None, None], Ok(Delivery::Wait)),
        ([Some(false), Some(false), Some(false)], Ok(Delivery::Wait)),
        ([None, Some(true), Some(false)], Ok(Delivery::Stream)),
        ([Some(true), None, None], Ok(Delivery::Background)),
        (
            [Some(true), Some(false), Some(true)],
            Ok(Delivery::Background),
        ),
        (
            [Some(true), None, Some(false)],
            Err(vec![FaultKind::BackgroundRequiresStore]),
        ),
        (
            [Some(true), Some(true), None],
            Err(vec![FaultKind::BackgroundCannotStream]),
        ),
        (
            [Some(true), Some(true), Some(false)],
            Err(vec![
                FaultKind::BackgroundRequiresStore,
                FaultKind::BackgroundCannotStream,
            ]),
        ),
    ];
    for ([background, stream, store], expected) in rows {
        let draft = Draft {
            background,
            stream,
            store,
            ..draft()
        };
        let found = ResponseSpec::check(draft, &spec_limits())
            .map(|spec| spec.delivery)
            .map_err(|faults| faults.0.iter().map(|fault| fault.kind).collect());
        assert_eq!(found, expected, "{background:?} {stream:?} {store:?}");
    }
}

#[test]
fn all_faults_are_told_at_once_and_each_says_what_is_allowed() {
    let draft = Draft {
        max_tool_depth: Some(99),
        background: Some(true),
        store: Some(false),
        tools: Some(ToolSelection::Only(vec![tool("")])),
        ..Draft::default()
    };
    let faults = ResponseSpec::check(draft, &spec_limits()).unwrap_err();
    let told: Vec<_> = faults
        .0
        .iter()
        .map(|fault| (fault.field.as_str(), fault.kind))
        .collect();
    assert_eq!(
        told,
        [
            ("model", FaultKind::Missing),
            ("input", FaultKind::Missing),
            ("tools[0].function.name", FaultKind::Invalid),
            ("background", FaultKind::BackgroundRequiresStore),
            ("max_tool_depth", FaultKind::Invalid),
        ]
    );
    let text = faults.to_string();
    assert!(
        text.contains("`max_tool_depth` must be between 1 and 15, not 99"),
        "{text}"
    );
    assert!(
        text.contains("`model` is required; `input` is required"),
        "{text}"
    );
}

#[test]
fn a_fault_never_repeats_what_is_too_long() {
    let long = "x".repeat(10_000);
    let mut draft = draft();
    draft.model = Some(long.as_str().into());
    draft.user = Some(long.as_str().into());
    draft.tools = Some(ToolSelection::Only(vec![tool(&long), tool(&long)]));
    draft.tool_choice = Some(ToolChoice::Named(long.as_str().into()));
    let faults = ResponseSpec::check(draft, &spec_limits()).unwrap_err();
    assert_eq!(faults.0.len(), 5);
    assert!(faults.to_string().len() < 500);
}

#[test]
fn what_is_absent_has_its_default() {
    let spec = accepted(|_| {});
    assert_eq!(spec.tools, ToolSelection::All);
    assert_eq!(spec.tool_choice, ToolChoice::Auto);
    assert_eq!(spec.storage, Storage::Stored);
    assert_eq!(spec.max_rounds, 8);
    assert_eq!(spec.metadata.as_str(), "{}");
    assert_eq!(
        accepted(|draft| draft.tools = Some(ToolSelection::Only(vec![]))).tools,
        ToolSelection::Nothing
    );
    assert_eq!(
        accepted(|draft| draft.store = Some(false)).storage,
        Storage::Passing
    );
    let prompt = accepted(|draft| draft.system_prompt = Some("".into())).system_prompt;
    assert_eq!(prompt, None);
}

#[test]
fn a_request_lowers_the_limit_of_rounds_and_never_raises_it() {
    for (asked, granted) in [(1, 1), (8, 8), (9, 8), (15, 8)] {
        let spec = accepted(|draft| draft.max_tool_depth = Some(asked));
        assert_eq!(spec.max_rounds, granted);
    }
}
