//! What callers bring, and what is said of it: tools, servers, approvals, sealed reasoning, files.

use std::sync::Arc;

use response_domain::execution::Site;
use response_domain::item::{
    ApprovalResponse, CallId, Compaction, Consent, FilePart, FunctionCall, FunctionCallOutput,
    ItemBody, ListedTool, Message, OutputVerdict, Part, Reasoning, Role, Runner, ServerTool,
    ToolList,
};
use response_domain::spec::{
    ApprovalRule, CallerTool, Controls, InputItem, ReasoningForm, ResponseSpec, ServerOffer,
    ToolChoice, ToolFilter, ToolName, ToolOffer, ToolSelection, Truncation,
};
use response_domain::tool::{Approval, Repeat, ToolHome, ToolSpec};

use crate::store_suite::sample::{self, json, said};

/// A tool of a server.
pub fn server_tool() -> Arc<ServerTool> {
    Arc::new(ServerTool {
        label: "deep \"wiki\" ü".into(),
        name: "ask.question".into(),
    })
}

/// Everybody who can run a call.
pub fn runners() -> [Runner; 4] {
    [
        Runner::Caller,
        Runner::Server(server_tool()),
        Runner::Asks(server_tool()),
        Runner::Nobody,
    ]
}

/// Where a call of [`server_tool`] stands, when it had to be allowed and when not.
pub fn sites() -> [Site; 2] {
    [None, Some("item_of\0another".into())].map(|approval| Site {
        item: 3,
        index: 2,
        tool: server_tool(),
        approval,
    })
}

/// Tools of which every field says something in one or another.
pub fn tools() -> Vec<ToolSpec> {
    let home = |url: Option<&str>| ToolHome::Server {
        label: "wiki".into(),
        name: "ask.question".into(),
        url: url.map(Into::into),
    };
    let schema = || json(r#"{ "type": "object", "required": ["q"] }"#);
    vec![
        ToolSpec::plain("plain", ToolHome::Caller, schema()),
        ToolSpec::plain("plain", home(None), schema()),
        ToolSpec {
            description: Some("Asks \"it\".".into()),
            repeat: Repeat::Safe,
            strict: Some(false),
            annotations: Some(json(r#"{ "readOnlyHint": true, "title": "\\u0000" }"#)),
            approval: Approval::Needed,
            ..ToolSpec::plain("wiki_ask", home(Some("https://mcp.test/a?b=c")), schema())
        },
    ]
}

/// Filters of each form.
pub fn filters() -> Vec<ToolFilter> {
    let names = [
        None,
        Some(Vec::new()),
        Some(vec!["a".into(), "b \"c\"".into()]),
    ];
    let filters = names.into_iter().flat_map(|names| {
        [None, Some(true), Some(false)].map(|reads_only| ToolFilter {
            names: names.clone(),
            reads_only,
        })
    });
    filters.collect()
}

/// Rules of each form.
pub fn rules() -> Vec<ApprovalRule> {
    let some = |always: Option<&ToolFilter>, never: Option<&ToolFilter>| ApprovalRule::Some {
        always: always.cloned(),
        never: never.cloned(),
    };
    let mut rules = vec![ApprovalRule::Always, ApprovalRule::Never, some(None, None)];
    for filter in &filters() {
        rules.push(some(Some(filter), None));
        rules.push(some(None, Some(filter)));
        rules.push(some(Some(filter), Some(&ToolFilter::default())));
    }
    rules
}

/// Offers of each form.
pub fn offers() -> Vec<ToolOffer> {
    let function = |description: Option<&str>, parameters: Option<&str>, strict| {
        ToolOffer::Function(CallerTool {
            name: "get_weather".into(),
            description: description.map(Into::into),
            parameters: parameters.map(json),
            strict,
        })
    };
    let server = |url: Option<&str>, allowed, approval| {
        ToolOffer::Server(ServerOffer {
            label: "wiki".into(),
            url: url.map(Into::into),
            allowed,
            approval,
        })
    };
    let mut offers = vec![
        function(None, None, None),
        function(Some("Tells."), Some(r#"{ "type" : "object" }"#), Some(true)),
        function(Some(""), Some("{}"), Some(false)),
        server(None, None, ApprovalRule::Never),
    ];
    let url = Some("https://mcp.test/\u{fc}?x=1#y");
    offers.extend(
        filters()
            .into_iter()
            .map(|filter| server(url, Some(filter), ApprovalRule::Always)),
    );
    offers.extend(rules().into_iter().map(|rule| server(url, None, rule)));
    offers
}

/// Names of each form.
pub fn names() -> Vec<ToolName> {
    let of_server = |name: Option<&str>| ToolName::Server {
        label: "wiki".into(),
        name: name.map(Into::into),
    };
    vec![
        ToolName::Function("get_weather".into()),
        of_server(None),
        of_server(Some("ask \"it\"")),
    ]
}

/// Choices of a server.
pub fn choices() -> [ToolChoice; 2] {
    [None, Some("ask".into())].map(|name| ToolChoice::Server {
        label: "wiki \"ü\"".into(),
        name,
    })
}

/// A spec that says something of all that callers bring.
pub fn spec() -> ResponseSpec {
    let [_, choice] = choices();
    ResponseSpec {
        items: bodies().into_iter().map(InputItem::New).collect(),
        controls: Controls {
            verbosity: Some("low".into()),
            ..Controls::default()
        },
        tools: ToolSelection::Offered(offers()),
        tool_choice: choice,
        allowed_tools: Some(names()),
        max_tool_calls: Some(u32::MAX),
        unknown_tools: vec!["web_search_preview".into(), "computer \"use\"".into()],
        truncation: Truncation::Whole,
        reasoning: ReasoningForm::Sealed,
        echo: json(r#"{ "tools" : [{"type":"mcp"}], "service_tier": null, "top_logprobs": 1.50 }"#),
        ..sample::spec()
    }
}

/// A call by each runner, with and without an approval.
fn calls() -> Vec<ItemBody> {
    let approvals = [None, Some(Arc::from("item_of\0another"))];
    let calls = runners().into_iter().flat_map(|runner| {
        approvals.clone().map(|approval| {
            ItemBody::FunctionCall(FunctionCall {
                runner: runner.clone(),
                approval,
                ..FunctionCall::of_caller(CallId("call_2".into()), "ask", r#"{"q": 1.50}"#)
            })
        })
    });
    calls.collect()
}

/// Parts that only callers send.
pub fn parts() -> Vec<Part> {
    let file = FilePart {
        name: Some("größe.pdf".into()),
        data: Some("data:application/pdf;base64,AAAA".into()),
        url: Some("https://files.test/1".into()),
        id: Some("file_1".into()),
    };
    vec![
        Part::File(FilePart::default()),
        Part::File(file),
        Part::Refusal("I will \"not\".".into()),
        Part::Text("see".into()),
    ]
}

/// A body of every kind that callers bring or that is said of what they brought.
pub fn bodies() -> Vec<ItemBody> {
    let listed = |description: Option<&str>, annotations: Option<&str>| ListedTool {
        name: "ask.question".into(),
        description: description.map(Into::into),
        parameters: json(r#"{ "type": "object" }"#),
        annotations: annotations.map(json),
    };
    let list = |tools| {
        ItemBody::ToolList(ToolList {
            label: "wiki".into(),
            tools,
        })
    };
    let answer = |consent, reason: Option<&str>| {
        ItemBody::ApprovalResponse(ApprovalResponse {
            request: "item_of\0another".into(),
            consent,
            reason: reason.map(Into::into),
        })
    };
    let mut bodies = calls();
    bodies.extend([
        ItemBody::Message(Message {
            role: Role::Assistant,
            content: parts(),
        }),
        ItemBody::FunctionCallOutput(FunctionCallOutput {
            parts: parts(),
            verdict: OutputVerdict::Complaint,
            ..FunctionCallOutput::text(CallId("call_2".into()), "see")
        }),
        ItemBody::Reasoning(Reasoning {
            text: "".into(),
            summary: vec!["First.".into(), "".into()],
            sealed: Some("gAAAA==".into()),
        }),
        answer(Consent::Given, None),
        answer(Consent::Denied, Some("too \"risky\"")),
        list(Ok(Vec::new())),
        list(Ok(vec![
            listed(None, None),
            listed(Some("Asks."), Some(r#"{"readOnlyHint" : true}"#)),
        ])),
        list(Err("the server `wiki` cannot be reached".into())),
        ItemBody::Compaction(Compaction {
            text: "They said \"hello\".".into(),
            sealed: "".into(),
        }),
        ItemBody::Foreign(json(
            r#"{"type": "web_search_call", "id":"ws_1", "n": 1.50}"#,
        )),
        said(Role::Assistant, "So."),
    ]);
    bodies
}
