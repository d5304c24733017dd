//! Items and requests of every shape.

use std::sync::Arc;

use proptest::prelude::*;
use response_domain::id::{ItemId, RawId};
use response_domain::item::{
    ApprovalResponse, CallId, Compaction, Consent, FilePart, FunctionCall, FunctionCallOutput,
    ItemBody, ListedTool, Message, OutputVerdict, Part, Reasoning, Role, Runner, ServerTool,
    ToolList,
};
use response_domain::json::Json;
use response_domain::spec::{
    ApprovalRule, CallerTool, Controls, InputItem, ReasoningForm, ResponseSpec, ServerOffer,
    ToolChoice, ToolFilter, ToolName, ToolOffer, ToolRequest, ToolSelection, Truncation,
};
use response_testkit::store_suite::sample;

pub(super) mod run;

/// The response to which everything belongs.
pub(super) const PARENT: RawId = RawId::new(0x1234_5678_9abc_def0);

pub(super) fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![
        any::<String>(),
        Just(String::new()),
        Just("nul \0 \u{FFFD}0 \"quoted\" \\ \n".to_owned()),
    ]
    .prop_map(Arc::from)
}

pub(super) fn maybe<S: Strategy>(some: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    prop::option::of(some)
}

fn list<S: Strategy>(of: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop::collection::vec(of, 0..3)
}

/// An object: where JSON is carried that may be absent, `null` stands for its absence.
pub(super) fn json() -> impl Strategy<Value = Json> {
    let odd = [
        "{}",
        r#"{ "b" : 1.50, "a":[ 1,2 ],  "a":"again" }"#,
        r#"{"nul": "\u0000\ud83e\udd80", "big": 12345678901234567890123}"#,
    ];
    let odd = odd.map(|text| Json::from_text(text.to_owned()).unwrap());
    let made = text().prop_map(|text| {
        let value = serde_json::json!({ "text": &*text, "more": [null, true] });
        Json::from_value(&value)
    });
    prop_oneof![prop::sample::select(odd.to_vec()), made]
}

pub(super) fn server_tool() -> impl Strategy<Value = Arc<ServerTool>> {
    (text(), text()).prop_map(|(label, name)| Arc::new(ServerTool { label, name }))
}

fn runner() -> impl Strategy<Value = Runner> {
    prop_oneof![
        Just(Runner::Caller),
        server_tool().prop_map(Runner::Server),
        server_tool().prop_map(Runner::Asks),
        Just(Runner::Nobody),
    ]
}

prop_compose! {
    pub(super) fn call()(
        id in text(), name in text(), arguments in text(), runner in runner(),
        approval in maybe(text()),
    ) -> FunctionCall {
        FunctionCall { call_id: CallId(id), name, arguments, runner, approval }
    }
}

/// A call that waits to be allowed.
pub(super) fn a_call() -> FunctionCall {
    let (label, name) = ("wiki".into(), "ask".into());
    FunctionCall {
        runner: Runner::Asks(Arc::new(ServerTool { label, name })),
        ..FunctionCall::of_caller(CallId("call".into()), "wiki_ask", "{}")
    }
}

fn part() -> impl Strategy<Value = Part> {
    let file = (maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    prop_oneof![
        text().prop_map(Part::Text),
        (text(), maybe(text())).prop_map(|(url, detail)| Part::Image { url, detail }),
        file.prop_map(|(name, data, url, id)| Part::File(FilePart {
            name,
            data,
            url,
            id
        })),
        text().prop_map(Part::Refusal),
        json().prop_map(Part::Other),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    let roles = [Role::System, Role::Developer, Role::User, Role::Assistant];
    prop::sample::select(roles.to_vec())
}

prop_compose! {
    fn listed()(
        name in text(), description in maybe(text()), parameters in json(),
        annotations in maybe(json()),
    ) -> ListedTool {
        ListedTool { name, description, parameters, annotations }
    }
}

fn output() -> impl Strategy<Value = FunctionCallOutput> {
    let verdicts = [OutputVerdict::Result, OutputVerdict::Complaint];
    let verdict = prop::sample::select(verdicts.to_vec());
    (text(), text(), list(part()), verdict).prop_map(|(call_id, output, parts, verdict)| {
        FunctionCallOutput {
            call_id: CallId(call_id),
            output,
            parts,
            verdict,
        }
    })
}

pub(super) fn body() -> BoxedStrategy<ItemBody> {
    let consent = prop::sample::select(vec![Consent::Given, Consent::Denied]);
    let tools = prop_oneof![list(listed()).prop_map(Ok), text().prop_map(Err)];
    prop_oneof![
        (role(), list(part()))
            .prop_map(|(role, content)| ItemBody::Message(Message { role, content })),
        (text(), list(text()), maybe(text())).prop_map(|(text, summary, sealed)| {
            ItemBody::Reasoning(Reasoning {
                text,
                summary,
                sealed,
            })
        }),
        call().prop_map(ItemBody::FunctionCall),
        output().prop_map(ItemBody::FunctionCallOutput),
        (text(), consent, maybe(text())).prop_map(|(request, consent, reason)| {
            ItemBody::ApprovalResponse(ApprovalResponse {
                request,
                consent,
                reason,
            })
        }),
        (text(), tools).prop_map(|(label, tools)| ItemBody::ToolList(ToolList { label, tools })),
        (text(), text())
            .prop_map(|(text, sealed)| ItemBody::Compaction(Compaction { text, sealed })),
        json().prop_map(ItemBody::Foreign),
    ]
    // Deep as it is, it would not fit on the stack of a test.
    .boxed()
}

fn filter() -> impl Strategy<Value = ToolFilter> {
    (maybe(list(text())), maybe(any::<bool>()))
        .prop_map(|(names, reads_only)| ToolFilter { names, reads_only })
}

fn rule() -> impl Strategy<Value = ApprovalRule> {
    prop_oneof![
        Just(ApprovalRule::Always),
        Just(ApprovalRule::Never),
        (maybe(filter()), maybe(filter()))
            .prop_map(|(always, never)| ApprovalRule::Some { always, never }),
    ]
}

fn offer() -> impl Strategy<Value = ToolOffer> {
    let function = (text(), maybe(text()), maybe(json()), maybe(any::<bool>()));
    let function = function.prop_map(|(name, description, parameters, strict)| {
        ToolOffer::Function(CallerTool {
            name,
            description,
            parameters,
            strict,
        })
    });
    let server = (text(), maybe(text()), maybe(filter()), rule());
    let server = server.prop_map(|(label, url, allowed, approval)| {
        ToolOffer::Server(ServerOffer {
            label,
            url,
            allowed,
            approval,
        })
    });
    prop_oneof![function, server]
}

fn selection() -> impl Strategy<Value = ToolSelection> {
    let request = (text(), maybe(text()), maybe(json()));
    let request = request.prop_map(|(name, description, parameters)| ToolRequest {
        name,
        description,
        parameters,
    });
    prop_oneof![
        Just(ToolSelection::All),
        Just(ToolSelection::Nothing),
        list(request).prop_map(ToolSelection::Only),
        list(offer()).prop_map(ToolSelection::Offered),
    ]
}

fn choice() -> impl Strategy<Value = ToolChoice> {
    prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        text().prop_map(ToolChoice::Named),
        (text(), maybe(text())).prop_map(|(label, name)| ToolChoice::Server { label, name }),
    ]
}

fn name() -> impl Strategy<Value = ToolName> {
    prop_oneof![
        text().prop_map(ToolName::Function),
        (text(), maybe(text())).prop_map(|(label, name)| ToolName::Server { label, name }),
    ]
}

fn input() -> impl Strategy<Value = InputItem> {
    prop_oneof![
        body().prop_map(InputItem::New),
        (any::<u128>(), 0..1_u32 << 25).prop_map(|(parent, ordinal)| InputItem::Reference(
            ItemId::new(RawId::new(parent), ordinal)
        )),
    ]
}

prop_compose! {
    pub(super) fn spec()(
        items in list(input()), tools in selection(), tool_choice in choice(),
        allowed_tools in maybe(list(name())), max_tool_calls in maybe(any::<u32>()),
        unknown_tools in list(text()), echo in json(), verbosity in maybe(text()),
        truncation in prop::sample::select(vec![Truncation::Trim, Truncation::Whole]),
        reasoning in prop::sample::select(vec![ReasoningForm::Clear, ReasoningForm::Sealed]),
    ) -> ResponseSpec {
        ResponseSpec {
            items, tools, tool_choice, allowed_tools, max_tool_calls, unknown_tools, truncation,
            reasoning, echo,
            controls: Controls { verbosity, ..Controls::default() },
            ..sample::spec()
        }
    }
}
