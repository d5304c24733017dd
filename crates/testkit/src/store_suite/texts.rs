//! Whatever can be sent can be kept.

use std::sync::Arc;

use response_domain::execution::{ExecutionState, Site};
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::{
    ApprovalResponse, CallId, Compaction, Consent, FilePart, FunctionCall, FunctionCallOutput,
    ItemBody, ListedTool, Message, Part, Reasoning, Role, Runner, ServerTool, ToolList,
};
use response_domain::json::Json;
use response_domain::response::{Finish, Note, Response, Turn};
use response_domain::spec::{InputItem, ResponseSpec, ToolChoice, ToolRequest, ToolSelection};
use response_domain::status::Change;
use serde_json::Value;

use super::Subject;
use super::sample::{
    ada, asked, at, call, changed, found, item, json, put, said, spec, with_calls,
};

/// Puts `text` wherever text can stand, and reads it back.
async fn survives(store: &dyn Subject, number: u32, text: &str) {
    let response = response_full_of(number, text);
    let bodies = (0..).zip(bodies_full_of(text));
    let items: Vec<_> = bodies
        .map(|(ordinal, body)| item(&response, ordinal, body))
        .collect();
    put(store, &response, items.clone()).await;
    let kept = found(store, response.id).await;
    // What is long is not shown.
    assert!(
        *kept == response,
        "{text:.40?} did not survive in the response"
    );
    let kept = store.items(&ada(), response.id).await.ok();
    assert!(
        kept == Some(items),
        "{text:.40?} did not survive in the items"
    );
}

fn spec_full_of(text: &str) -> ResponseSpec {
    let quoted = quoted(text);
    ResponseSpec {
        model: text.into(),
        input: quoted.clone(),
        items: vec![InputItem::New(said(Role::User, text))],
        system_prompt: Some(text.into()),
        tools: ToolSelection::Only(vec![ToolRequest {
            name: text.into(),
            description: Some(text.into()),
            parameters: Some(quoted.clone()),
        }]),
        tool_choice: ToolChoice::Named(text.into()),
        unknown_tools: vec![text.into()],
        echo: quoted.clone(),
        metadata: quoted,
        user: Some(text.into()),
        ..spec()
    }
}

fn response_full_of(number: u32, text: &str) -> Response {
    let mut response = asked(number, spec_full_of(text));
    response.progress.output = Some(text.into());
    response.progress.turns.push(Arc::new(Turn {
        number: 1,
        started_at: at(0),
        ended_at: at(1),
        finish: Finish::Stop,
        usage: None,
        notes: vec![Note {
            code: text.into(),
            detail: Some(text.into()),
        }],
    }));
    let mut execution = (*call(&response, 0, ExecutionState::Failed(text.into()))).clone();
    execution.tool = text.into();
    execution.server = Some(text.into());
    execution.input = text.into();
    execution.site = Some(Site {
        item: 0,
        index: 0,
        tool: tool_called(text),
        approval: Some(text.into()),
    });
    let failure = Failure::new(FailureCode::ModelError, text);
    changed(
        with_calls(response, &[Arc::new(execution)]),
        Change::Fail(failure),
    )
}

fn tool_called(text: &str) -> Arc<ServerTool> {
    Arc::new(ServerTool {
        label: text.into(),
        name: text.into(),
    })
}

fn bodies_full_of(text: &str) -> Vec<ItemBody> {
    let content = vec![
        Part::Text(text.into()),
        Part::Image {
            url: text.into(),
            detail: Some(text.into()),
        },
        Part::File(FilePart {
            name: Some(text.into()),
            data: Some(text.into()),
            url: Some(text.into()),
            id: Some(text.into()),
        }),
        Part::Refusal(text.into()),
        Part::Other(quoted(text)),
    ];
    let call_id = CallId(text.into());
    let listed = ListedTool {
        name: text.into(),
        description: Some(text.into()),
        parameters: quoted(text),
        annotations: Some(quoted(text)),
    };
    let list = |tools| {
        ItemBody::ToolList(ToolList {
            label: text.into(),
            tools,
        })
    };
    vec![
        ItemBody::Message(Message {
            role: Role::User,
            content: content.clone(),
        }),
        ItemBody::Reasoning(Reasoning {
            text: text.into(),
            summary: vec![text.into()],
            sealed: Some(text.into()),
        }),
        ItemBody::FunctionCall(FunctionCall {
            runner: Runner::Asks(tool_called(text)),
            approval: Some(text.into()),
            ..FunctionCall::of_caller(call_id.clone(), text, text)
        }),
        ItemBody::FunctionCallOutput(FunctionCallOutput {
            parts: content,
            ..FunctionCallOutput::text(call_id, text)
        }),
        ItemBody::ApprovalResponse(ApprovalResponse {
            request: text.into(),
            consent: Consent::Denied,
            reason: Some(text.into()),
        }),
        list(Ok(vec![listed])),
        list(Err(text.into())),
        ItemBody::Compaction(Compaction {
            text: text.into(),
            sealed: text.into(),
        }),
        ItemBody::Foreign(quoted(text)),
    ]
}

fn quoted(text: &str) -> Json {
    Json::from_value(&Value::String(text.to_owned()))
}

pub async fn nul_characters_survive_everywhere(store: &dyn Subject) {
    for (number, text) in (1..).zip(["\0", "before\0after", "\0\0", "\u{FFFD}\0\u{FFFD}0"]) {
        survives(store, number, text).await;
    }
}

pub async fn odd_texts_survive_everywhere(store: &dyn Subject) {
    let odd = [
        "",
        " ",
        "'; DROP TABLE responses; --",
        "\"quoted\" \\ back \\u0000 slash",
        "line\nfeed\r\ttab\u{1}\u{1f}\u{7f}",
        "Grüße, 世界, 🦀, e\u{301}, \u{202e}rtl",
        "\u{FFFD}",
        "\u{10FFFF}\u{E000}\u{2028}",
        "NULL",
        "{}",
        "$1 ? :a %s",
    ];
    for (number, text) in (1..).zip(odd) {
        survives(store, number, text).await;
    }
}

pub async fn huge_texts_survive(store: &dyn Subject) {
    // Not a text that packs into nothing.
    let mut text = String::new();
    for number in 0_u64..60_000 {
        let noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        text.extend([&noise.to_string(), " é\0"]);
    }
    assert!(text.len() > 1_000_000);
    survives(store, 1, &text).await;
}

pub async fn json_is_kept_to_the_letter(store: &dyn Subject) {
    let texts = [
        r#"{ "b" : 1.50, "a" : [ 1,2 ],  "a":"again" }"#,
        r#"{"big": 123456789012345678901234567890, "e": 1E+2, "neg": -0.0}"#,
        r#"{"escaped": "\u0041\u00e9\ud83e\udd80\/ \u0000"}"#,
        r#""just text""#,
        "[\n  1,\n\t2\n]",
    ];
    for (number, text) in (1..).zip(texts) {
        let asks = ResponseSpec {
            input: json(text),
            metadata: json(text),
            ..spec()
        };
        let response = asked(number, asks);
        put(store, &response, Vec::new()).await;
        let kept = found(store, response.id).await;
        assert_eq!(kept.spec.input.as_str(), text);
        assert_eq!(kept.spec.metadata.as_str(), text);
    }
}
