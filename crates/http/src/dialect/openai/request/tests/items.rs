//! Items of an input: what they become, and that they are shown as they came.

use std::sync::Arc;

use proptest::prelude::*;
use response_domain::entry;
use response_domain::id::{ItemId, RawId};
use response_domain::item::{
    CallId, CallKind, FunctionCallOutput, Item, ItemBody, ItemStatus, OutputVerdict, Part, Role,
};
use response_domain::spec::InputItem;
use serde_json::{Value, json};

use super::drafted;
use crate::dialect::openai::{Flavour, item};

/// The items of an input.
fn read_items(input: &Value) -> Vec<InputItem> {
    drafted(&json!({ "input": input })).items
}

fn body_of(item: &Value) -> ItemBody {
    match read_items(&json!([item])).as_slice() {
        [InputItem::New(body)] => body.clone(),
        other => panic!("{item}: {other:?}"),
    }
}

/// An input as it is shown again, once it has ids.
fn shown(input: &Value, flavour: Flavour) -> Value {
    let parent = RawId::new(7);
    let new = |(ordinal, item)| match item {
        InputItem::New(body) => Arc::new(Item {
            id: ItemId::new(parent, ordinal),
            turn: 0,
            status: ItemStatus::Completed,
            body,
        }),
        InputItem::Reference(id) => panic!("{id}"),
    };
    let items: Vec<_> = (0..).zip(read_items(input)).map(new).collect();
    let entries = entry::transcript(&items);
    let shapes: Vec<_> = entries
        .iter()
        .map(|entry| item::Shape::of(entry, flavour))
        .collect();
    serde_json::to_value(shapes).unwrap()
}

/// The same without ids, which are ours.
fn without_ids(mut items: Value) -> Value {
    for item in items.as_array_mut().unwrap() {
        item.as_object_mut().unwrap().remove("id");
    }
    items
}

/// Items in the form in which they are shown.
fn every_kind() -> Value {
    json!([
        {"type": "message", "status": "completed", "role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "detail": "low", "image_url": "https://a/b.png"},
            {"type": "input_image", "detail": "auto", "image_url": null, "file_id": "file-1"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
            {"type": "input_file", "file_url": "https://a/b.pdf"},
            {"type": "input_file", "file_id": "file-2"},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "input_video", "video_url": "https://a/b.mp4"},
        ]},
        {"type": "message", "status": "completed", "role": "system", "content": [
            {"type": "input_text", "text": "be kind"},
        ]},
        {"type": "message", "status": "completed", "role": "developer", "content": [
            {"type": "input_text", "text": "be brief"},
        ]},
        {"type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "annotations": [], "logprobs": [], "text": "yes"},
            {"type": "refusal", "refusal": "no"},
        ]},
        {"type": "reasoning", "status": "completed", "summary": [
            {"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"},
        ], "content": [{"type": "reasoning_text", "text": "hm"}], "encrypted_content": "sealed"},
        {"type": "reasoning", "status": "completed", "summary": [], "content": []},
        {"type": "function_call", "status": "completed", "call_id": "call_1", "name": "f",
            "arguments": "{\"a\": 1}"},
        {"type": "function_call_output", "status": "completed", "call_id": "call_1", "output": "{\"b\":2}"},
        {"type": "function_call", "status": "completed", "call_id": "call_2", "name": "g", "arguments": ""},
        {"type": "function_call_output", "status": "completed", "call_id": "call_2", "output": [
            {"type": "input_text", "text": "a"},
            {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AA=="},
            {"type": "input_file", "file_id": "file-3"},
        ]},
        {"type": "mcp_list_tools", "server_label": "s", "tools": [
            {"name": "t", "input_schema": {"type": "object"}, "description": "d",
                "annotations": {"readOnlyHint": true}},
            {"name": "u", "input_schema": {}},
        ]},
        {"type": "mcp_list_tools", "server_label": "s", "tools": [], "error": "away"},
        {"type": "mcp_call", "status": "completed", "server_label": "s", "name": "t", "arguments": "{}",
            "approval_request_id": null, "output": "said", "error": null},
        {"type": "mcp_call", "status": "failed", "server_label": "s", "name": "t", "arguments": "{}",
            "approval_request_id": "mcpr_theirs", "output": null,
            "error": {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "broke"}]}},
        {"type": "mcp_approval_request", "server_label": "s", "name": "t", "arguments": "{\"c\":3}"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_theirs", "approve": false,
            "reason": "no"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_theirs", "approve": true},
        {"type": "compaction", "encrypted_content": "sealed"},
        {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "custom_tool_call", "call_id": "call_3", "name": "c", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "call_3", "output": "y"},
        {"type": "local_shell_call_output", "output": "{}"},
        {"type": "acme:note", "text": "n", "deep": {"a": [1, 2.50]}},
    ])
}

#[test]
fn what_is_read_is_shown_as_it_came() {
    let mut sent = every_kind();
    let requests = sent.as_array_mut().unwrap();
    for request in requests.iter_mut() {
        // What a client calls an item is not kept, and this one must be called something.
        request["id"] = json!("their_own_id");
    }
    assert_eq!(without_ids(shown(&sent, Flavour::OpenAi)), every_kind());
}

#[test]
fn what_was_shown_is_read_again_as_the_same() {
    for flavour in [Flavour::OpenAi, Flavour::OpenResponses] {
        let first = shown(&with_ids(every_kind()), flavour);
        let second = shown(&first, flavour);
        assert_eq!(without_ids(second), without_ids(first));
    }
}

fn with_ids(mut items: Value) -> Value {
    for item in items.as_array_mut().unwrap() {
        item["id"] = json!("their_own_id");
    }
    items
}

#[test]
fn short_forms_mean_the_same_as_long_ones() {
    let text = |kind: &str| json!([{"type": kind, "text": "a"}]);
    for (short, long) in [
        (
            json!({"role": "user", "content": "a"}),
            json!({"type": "message", "role": "user", "content": text("input_text"), "status": null}),
        ),
        (
            json!({"type": null, "role": "assistant", "content": "a"}),
            json!({"type": "message", "role": "assistant", "content": text("output_text"),
                "phase": "commentary", "id": "msg_1", "status": "completed"}),
        ),
        (
            json!({"role": "user", "content": "a"}),
            json!({"role": "user", "content": text("text")}),
        ),
        (
            json!({"type": "function_call_output", "call_id": "c", "output": "a"}),
            json!({"type": "function_call_output", "call_id": "c", "output": text("input_text")}),
        ),
        (
            json!({"type": "function_call_output", "call_id": "c", "output": ""}),
            json!({"type": "function_call_output", "call_id": "c", "output": []}),
        ),
        (
            json!({"type": "reasoning"}),
            json!({"type": "reasoning", "summary": [], "content": null, "encrypted_content": null}),
        ),
        (
            json!({"type": "compaction_summary", "encrypted_content": "x"}),
            json!({"type": "compaction", "encrypted_content": "x", "created_by": "y"}),
        ),
        (
            json!({"role": "user", "content": [{"type": "input_image", "image_url": "https://a"}]}),
            json!({"role": "user", "content": [
                {"type": "input_image", "image_url": "https://a", "file_id": null, "detail": null},
            ]}),
        ),
    ] {
        assert_eq!(body_of(&short), body_of(&long));
    }
    let text = drafted(&json!({"input": "a"})).items;
    assert_eq!(text, read_items(&json!([{"role": "user", "content": "a"}])));
}

#[test]
fn a_reference_names_a_stored_item_under_any_prefix() {
    let id = ItemId::new(RawId::new(9), 3);
    let body = id.to_string().replace("item_", "");
    for reference in [
        json!({"type": "item_reference", "id": format!("msg_{body}")}),
        json!({"type": null, "id": format!("rs_{body}")}),
        json!({"id": format!("fc_{body}")}),
        json!({"id": id.to_string()}),
    ] {
        assert_eq!(read_items(&json!([reference])), [InputItem::Reference(id)]);
    }
}

#[test]
fn what_says_nothing_is_passed_over() {
    let items = json!([
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": []},
        {"role": "developer", "content": [{"type": "input_text", "text": " \n"}]},
        {"role": "user", "content": "a"},
        {"type": "compaction_trigger"},
    ]);
    assert_eq!(read_items(&items), read_items(&json!("a")));
    assert_eq!(read_items(&json!("")), []);
}

#[test]
fn a_call_of_a_tool_server_is_a_call_and_what_came_of_it() {
    let call = |members: Value| {
        let mut call =
            json!({"type": "mcp_call", "server_label": "s", "name": "t", "arguments": "{}"});
        for (name, value) in members.as_object().unwrap() {
            call[name] = value.clone();
        }
        let items = read_items(&json!([{"role": "user", "content": "a"}, call]));
        let [
            _,
            InputItem::New(ItemBody::FunctionCall(call)),
            InputItem::New(ItemBody::FunctionCallOutput(output)),
        ] = items.as_slice()
        else {
            panic!("{items:?}");
        };
        assert_eq!(call.call_id, output.call_id);
        assert_eq!((&*call.name, call.runner.kind()), ("t", CallKind::Servers));
        (call.clone(), output.clone())
    };
    let told = |output: &FunctionCallOutput| (output.output.to_string(), output.verdict);
    let result = |text: &str| (text.to_owned(), OutputVerdict::Result);
    let complaint = |text: &str| (text.to_owned(), OutputVerdict::Complaint);
    for (members, expected) in [
        (json!({"output": "said"}), result("said")),
        (json!({"output": "said", "error": null}), result("said")),
        (json!({}), result("")),
        (json!({"status": "failed"}), complaint("")),
        (json!({"status": "incomplete"}), complaint("")),
        (json!({"error": "broke"}), complaint("broke")),
        (
            json!({"output": "said", "error": "broke"}),
            complaint("broke"),
        ),
        (
            json!({"error": {"type": "http_error", "code": 500, "message": "down"}}),
            complaint("down"),
        ),
        (
            json!({"error": {"type": "mcp_tool_execution_error", "content": [{"text": "a"}, {"text": "b"}]}}),
            complaint("ab"),
        ),
        (json!({"error": {"code": 5}}), complaint(r#"{"code":5}"#)),
        (json!({"error": [5]}), complaint("[5]")),
    ] {
        assert_eq!(told(&call(members).1), expected);
    }
    let (named, _) = call(json!({"id": "mcp_theirs", "approval_request_id": "mcpr_theirs"}));
    assert_eq!(named.call_id, CallId("mcp_theirs".into()));
    assert_eq!(named.approval.as_deref(), Some("mcpr_theirs"));
    let id = ItemId::new(RawId::new(9), 3).to_string();
    let (ours, _) = call(json!({"approval_request_id": id.replace("item", "mcpr")}));
    assert_eq!(ours.approval.as_deref(), Some(&*id));
}

#[test]
fn an_approval_answers_a_request_by_the_name_that_both_know() {
    let ours = ItemId::new(RawId::new(9), 3).to_string();
    for (sent, known) in [
        (ours.replace("item", "mcpr"), &*ours),
        ("mcpr_theirs".to_owned(), "mcpr_theirs"),
    ] {
        let items = read_items(&json!([
            {"type": "mcp_approval_request", "id": sent, "server_label": "s", "name": "t", "arguments": "{}"},
            {"type": "mcp_approval_response", "approval_request_id": sent, "approve": true},
        ]));
        let [
            InputItem::New(ItemBody::FunctionCall(request)),
            InputItem::New(ItemBody::ApprovalResponse(answer)),
        ] = items.as_slice()
        else {
            panic!("{items:?}");
        };
        assert_eq!(request.runner.kind(), CallKind::Asks);
        assert_eq!((&*request.call_id.0, &*answer.request), (known, known));
    }
}

#[test]
fn what_a_tool_said_is_read_as_text_beside_its_parts() {
    let output = json!({"type": "function_call_output", "call_id": "c", "output": [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": "https://a"},
        {"type": "input_text", "text": "b"},
    ]});
    let ItemBody::FunctionCallOutput(output) = body_of(&output) else {
        panic!("no output");
    };
    assert_eq!((&*output.output, output.parts.len()), ("ab", 3));
    assert!(matches!(&output.parts[1], Part::Image { .. }));
}

fn words() -> impl Strategy<Value = String> {
    // With something that a message may be made of.
    "[a-z]{1,3}\\PC{0,20}[\"\\\\\n]?"
}

fn part() -> impl Strategy<Value = Value> {
    prop_oneof![
        words().prop_map(|text| json!({"type": "input_text", "text": text})),
        words().prop_map(|url| {
            json!({"type": "input_image", "detail": "high", "image_url": format!("https:{url}")})
        }),
        (words(), words()).prop_map(|(name, data)| {
            json!({"type": "input_file", "filename": name, "file_data": data})
        }),
    ]
}

fn any_item() -> impl Strategy<Value = Value> {
    let call_id = || "[a-zA-Z0-9_-]{1,64}";
    prop_oneof![
        prop::collection::vec(part(), 1..4).prop_map(|parts| {
            json!({"type": "message", "status": "completed", "role": "user", "content": parts})
        }),
        words().prop_map(|text| {
            let part = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
            json!({"type": "message", "status": "completed", "role": "assistant", "content": [part]})
        }),
        (call_id(), words(), ".{0,20}").prop_map(|(id, name, arguments)| {
            json!({"type": "function_call", "status": "completed", "call_id": id, "name": name,
                "arguments": arguments})
        }),
        (call_id(), ".{0,20}").prop_map(|(id, output)| {
            json!({"type": "function_call_output", "status": "completed", "call_id": id, "output": output})
        }),
        (words(), words(), prop::option::of(words())).prop_map(|(text, summary, sealed)| {
            let mut item = json!({"type": "reasoning", "status": "completed",
                "summary": [{"type": "summary_text", "text": summary}],
                "content": [{"type": "reasoning_text", "text": text}]});
            if let Some(sealed) = sealed {
                item["encrypted_content"] = json!(sealed);
            }
            item
        }),
        (words(), words(), ".{0,20}").prop_map(|(label, name, output)| {
            json!({"type": "mcp_call", "status": "completed", "server_label": label, "name": name,
                "arguments": "{}", "approval_request_id": null, "output": output, "error": null})
        }),
        words().prop_map(|sealed| json!({"type": "compaction", "encrypted_content": sealed})),
        words().prop_map(|text| json!({"type": "file_search_call", "queries": [text]})),
    ]
}

proptest! {
    #[test]
    fn no_item_loses_anything_on_its_way_through(items in prop::collection::vec(any_item(), 0..6)) {
        let shown = shown(&json!(items), Flavour::OpenAi);
        prop_assert_eq!(without_ids(shown), json!(items));
    }

    #[test]
    fn every_role_says_what_it_says(text in words()) {
        for role in [Role::User, Role::System, Role::Developer, Role::Assistant] {
            let item = json!({"role": role.as_str(), "content": text});
            let ItemBody::Message(message) = body_of(&item) else {
                panic!("no message");
            };
            prop_assert_eq!(message.role, role);
            prop_assert_eq!(&*message.joined_text(), &*text);
        }
    }
}
