//! Objects that answers hold, broken member by member.

use response_testkit::wire::{Flavour, check_error, check_item, check_list, check_response};
use serde_json::{Value, json};

use super::sample::response;

/// What is told, by which flavour if not by both, and the change that it is told of.
type Mutation = (&'static str, Option<Flavour>, fn(&mut Value));

const RESPONSES: &[Mutation] = &[
    ("`response.id` is missing", None, |it| drop_member(it, "id")),
    (
        "`response.created_at` must be a whole number, not 1.5",
        None,
        |it| {
            it["created_at"] = json!(1.5);
        },
    ),
    ("`response.object` must be response", None, |it| {
        it["object"] = json!("list");
    }),
    ("must be queued or in_progress", None, |it| {
        it["status"] = json!("done");
    }),
    ("`response.metadata` must be an object", None, |it| {
        it["metadata"] = Value::Null;
    }),
    ("`response.tools[0].type` is missing", None, |it| {
        it["tools"] = json!([{}]);
    }),
    ("`response.usage.total_tokens` is missing", None, |it| {
        drop_member(&mut it["usage"], "total_tokens");
    }),
    ("has an `error` when it failed, and only then", None, |it| {
        it["error"] = json!({"code": "server_error", "message": "no"});
    }),
    ("has an `error` when it failed, and only then", None, |it| {
        it["status"] = json!("failed");
        it["completed_at"] = Value::Null;
    }),
    (
        "has `incomplete_details` when it is incomplete",
        None,
        |it| {
            it["incomplete_details"] = json!({"reason": "max_output_tokens"});
        },
    ),
    ("has a `completed_at` only when it completed", None, |it| {
        it["status"] = json!("cancelled");
    }),
    ("has a `usage` only when it has ended", None, |it| {
        it["status"] = json!("in_progress");
        it["completed_at"] = Value::Null;
    }),
    ("output[0]: `item.id` is missing", None, |it| {
        it["output"] = json!([{"type": "message"}]);
    }),
    (
        "`response.service_tier` must be a text",
        Some(Flavour::OpenResponses),
        |it| it["service_tier"] = Value::Null,
    ),
    (
        "`response.completed_at` is missing",
        Some(Flavour::OpenResponses),
        |it| drop_member(it, "completed_at"),
    ),
    (
        "Open Responses has no item mcp_approval_request",
        Some(Flavour::OpenResponses),
        |it| it["output"] = json!([{"id": "mcpr_1", "type": "mcp_approval_request"}]),
    ),
];

fn drop_member(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap();
}

#[test]
fn a_response_that_is_not_one_is_told_by_its_member() {
    let both = [Flavour::OpenAi, Flavour::OpenResponses];
    for (place, (expected, flavour, change)) in RESPONSES.iter().enumerate() {
        let mut broken = response("completed", &[]);
        for flavour in both {
            check_response(&broken, flavour).unwrap();
        }
        change(&mut broken);
        for flavour in flavour.map_or(both.to_vec(), |one| vec![one]) {
            let fault = check_response(&broken, flavour)
                .expect_err(expected)
                .to_string();
            assert!(fault.contains(expected), "{place} {flavour:?}: {fault}");
        }
    }
}

fn right(item: &Value) {
    check_item(item, Flavour::OpenAi).unwrap();
}

fn wrong(item: &Value, expected: &str) {
    let fault = check_item(item, Flavour::OpenAi)
        .expect_err(expected)
        .to_string();
    assert!(fault.contains(expected), "{fault}");
}

#[test]
fn an_item_that_is_not_one_is_told_by_its_member() {
    let message = json!({
        "id": "msg_1", "type": "message", "status": "completed", "role": "user",
        "content": [
            {"type": "input_text", "text": "hi"},
            {"type": "input_image", "detail": "auto", "image_url": "https://a"},
            {"type": "input_file", "file_id": "f"},
        ],
    });
    right(&message);
    for (place, name, expected) in [
        (0, "text", "`message.content[0].text` is missing"),
        (1, "detail", "`message.content[1].detail` is missing"),
        (2, "type", "`message.content[2].type` is missing"),
    ] {
        let mut broken = message.clone();
        drop_member(&mut broken["content"][place], name);
        wrong(&broken, expected);
    }
}

#[test]
fn a_call_that_is_not_one_is_told_by_its_member() {
    let call = json!({
        "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "fc_1",
        "name": "a", "arguments": "{}",
    });
    wrong(&call, "is not its `call_id`");
    let failed = |error: Value| {
        json!({
            "id": "mcp_1", "type": "mcp_call", "server_label": "s", "name": "a",
            "arguments": "{}", "output": null, "error": error,
        })
    };
    right(&failed(
        json!({"type": "mcp_tool_execution_error", "content": []}),
    ));
    right(&failed(
        json!({"type": "http_error", "code": 500, "message": "no"}),
    ));
    wrong(
        &failed(json!("no")),
        "`mcp_call.error` must be null or an object",
    );
    wrong(
        &failed(json!({"type": "http_error"})),
        "`mcp_call.error.code` is missing",
    );
    wrong(
        &failed(json!({"type": "other"})),
        "no error of the type other",
    );
    let list = json!({
        "id": "mcpl_1", "type": "mcp_list_tools", "server_label": "s",
        "tools": [{"name": "a", "input_schema": {}, "annotations": null}],
    });
    wrong(
        &list,
        "`mcp_list_tools.tools[0].annotations` must be an object, not null",
    );
    right(&json!({"id": "ws_1", "type": "web_search_call", "status": "completed"}));
}

#[test]
fn a_list_agrees_with_its_entries() {
    let list = |first: Value, last: Value, data: Value| json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": false});
    let check = |list: &Value| check_list(list, |_| Ok(())).map_err(|fault| fault.to_string());
    let two = json!([{"id": "a"}, {"id": "b"}]);
    check(&list(json!("a"), json!("b"), two.clone())).unwrap();
    check(&list(Value::Null, Value::Null, json!([]))).unwrap();
    for (broken, expected) in [
        (
            list(json!("a"), json!("a"), two.clone()),
            "are those of the entries",
        ),
        (
            list(Value::Null, Value::Null, two),
            "are those of the entries",
        ),
        (
            list(json!("a"), Value::Null, json!([])),
            "are those of the entries",
        ),
        (
            list(json!("a"), json!("a"), json!([{"id": "a"}, {"id": "a"}])),
            "the same id",
        ),
        (
            list(json!("a"), json!("a"), json!([{}])),
            "`list.data[0].id` is missing",
        ),
        (json!({"object": "page"}), "`list.object` must be list"),
    ] {
        let fault = check(&broken).unwrap_err();
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn a_refusal_says_what_clients_read() {
    let right = json!({"error": {"message": "no", "type": "t", "param": null, "code": "c"}});
    check_error(&right).unwrap();
    for name in ["message", "type", "param", "code"] {
        let mut broken = right.clone();
        drop_member(&mut broken["error"], name);
        let fault = check_error(&broken).unwrap_err().to_string();
        assert_eq!(fault, format!("`answer.error.{name}` is missing"));
    }
    check_error(&json!({"error": "no"})).unwrap_err();
}
