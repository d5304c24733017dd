//! A stream with an item of each kind, and what changes it.

use response_testkit::wire::Flavour;
use serde_json::{Value, json};

/// A stream that is right: a list of tools, reasoning, a message, the call of a server and one of the caller.
pub(super) fn stream(flavour: Flavour) -> Vec<Value> {
    let is_open = flavour == Flavour::OpenResponses;
    let list = list(is_open);
    let reasoning = json!({
        "id": "rs_1", "type": "reasoning", "status": "completed", "summary": [],
        "content": [{"type": "reasoning_text", "text": "Hm."}],
    });
    let message = json!({
        "id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "Noon.", "annotations": [], "logprobs": []}],
    });
    let server = server(is_open);
    let caller = json!({
        "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
        "name": "look", "arguments": "{\"a\":1}",
    });
    let items = [list, reasoning, message, server, caller];
    let mut events = vec![
        json!({"type": "response.created", "response": response("in_progress", &[])}),
        json!({"type": "response.in_progress", "response": response("in_progress", &[])}),
    ];
    for (place, item) in items.iter().enumerate() {
        tell(place, item, is_open, &mut events);
    }
    let response = response("completed", &items);
    events.push(json!({"type": "response.completed", "response": response}));
    numbered(&mut events);
    events
}

fn list(is_open: bool) -> Value {
    let tools = json!([{"name": "clock", "input_schema": {}, "description": "tells the time"}]);
    if is_open {
        return json!({
            "id": "mcpl_1", "type": "jan:mcp_list_tools", "status": "completed",
            "server_label": "s", "tools": tools,
        });
    }
    json!({"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "s", "tools": tools})
}

fn server(is_open: bool) -> Value {
    json!({
        "id": "mcp_1", "type": if is_open { "jan:mcp_call" } else { "mcp_call" },
        "status": "completed", "server_label": "s", "name": "clock", "arguments": "{}",
        "output": "noon", "error": null, "approval_request_id": null,
    })
}

/// A response that both flavours take.
pub(super) fn response(status: &str, output: &[Value]) -> Value {
    let usage = json!({
        "input_tokens": 1, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 3,
    });
    let is_over = status == "completed";
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "status": status,
        "completed_at": is_over.then_some(2), "background": false, "error": null,
        "incomplete_details": null, "instructions": null, "model": "m", "output": output,
        "parallel_tool_calls": true, "previous_response_id": null, "max_output_tokens": null,
        "max_tool_calls": null, "metadata": {}, "store": true, "temperature": 1.0, "top_p": 1.0,
        "presence_penalty": 0.0, "frequency_penalty": 0.0, "top_logprobs": 0, "tools": [],
        "tool_choice": "auto", "truncation": "disabled", "text": {"format": {"type": "text"}},
        "reasoning": {"effort": null, "summary": null}, "service_tier": "default",
        "usage": is_over.then_some(usage), "safety_identifier": null, "prompt_cache_key": null,
    })
}

/// Tells an item from its begin to its end.
fn tell(place: usize, item: &Value, is_open: bool, events: &mut Vec<Value>) {
    let id = &item["id"];
    let kind = item["type"].as_str().unwrap();
    let mut added = item.clone();
    for (name, empty) in [
        ("content", json!([])),
        ("tools", json!([])),
        ("arguments", json!("")),
        ("status", json!("in_progress")),
        ("output", Value::Null),
    ] {
        if added.get(name).is_some() {
            added[name] = empty;
        }
    }
    let step = |name: &str| {
        let name = format!("response.{name}");
        json!({"type": name, "item_id": id, "output_index": place})
    };
    let with = |name: &str, field: &str, value: &Value| {
        let mut event = step(name);
        event[field] = value.clone();
        event
    };
    events
        .push(json!({"type": "response.output_item.added", "output_index": place, "item": added}));
    match kind {
        "message" => tell_text("output_text", &item["content"][0], &step, events),
        "reasoning" if is_open => tell_text("reasoning", &item["content"][0], &step, events),
        "reasoning" => tell_text("reasoning_text", &item["content"][0], &step, events),
        "mcp_list_tools" => {
            events.push(step("mcp_list_tools.in_progress"));
            events.push(step("mcp_list_tools.completed"));
        }
        "mcp_call" => {
            events.push(step("mcp_call.in_progress"));
            let all = &item["arguments"];
            events.push(with("mcp_call_arguments.delta", "delta", all));
            events.push(with("mcp_call_arguments.done", "arguments", all));
            events.push(step("mcp_call.completed"));
        }
        "function_call" => {
            let all = &item["arguments"];
            events.push(with("function_call_arguments.delta", "delta", all));
            let mut done = with("function_call_arguments.done", "arguments", all);
            done["name"] = item["name"].clone();
            events.push(done);
        }
        _ => {}
    }
    events.push(json!({"type": "response.output_item.done", "output_index": place, "item": item}));
}

/// Tells a part in two deltas.
fn tell_text(name: &str, part: &Value, step: &dyn Fn(&str) -> Value, events: &mut Vec<Value>) {
    let told = |name: &str, field: &str, value: Value| {
        let mut event = step(name);
        event["content_index"] = json!(0);
        event[field] = value;
        if name.starts_with("output_text") {
            event["logprobs"] = json!([]);
        }
        event
    };
    let mut empty = part.clone();
    empty["text"] = json!("");
    let text = part["text"].as_str().unwrap();
    let (first, second) = text.split_at(2);
    events.push(told("content_part.added", "part", empty));
    events.push(told(&format!("{name}.delta"), "delta", json!(first)));
    events.push(told(&format!("{name}.delta"), "delta", json!(second)));
    events.push(told(&format!("{name}.done"), "text", json!(text)));
    events.push(told("content_part.done", "part", part.clone()));
}

/// Numbers the frames anew.
pub(super) fn numbered(events: &mut [Value]) {
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
}

/// Where the frame of this name stands, counted among those of its name.
pub(super) fn find(events: &[Value], name: &str, nth: usize) -> usize {
    let mut places = events.iter().enumerate();
    let found = places
        .by_ref()
        .filter(|(_, event)| event["type"] == name)
        .nth(nth);
    found.unwrap_or_else(|| panic!("no {name} {nth}")).0
}

pub(super) fn edit(events: &mut [Value], name: &str, nth: usize, change: impl Fn(&mut Value)) {
    let place = find(events, name, nth);
    change(&mut events[place]);
}

pub(super) fn drop_frame(events: &mut Vec<Value>, name: &str, nth: usize) {
    events.remove(find(events, name, nth));
    numbered(events);
}

pub(super) fn repeat(events: &mut Vec<Value>, name: &str, nth: usize) {
    let place = find(events, name, nth);
    events.insert(place, events[place].clone());
    numbered(events);
}

pub(super) fn swap(events: &mut [Value], one: &str, nth: usize, other: &str, nth_other: usize) {
    let (one, other) = (find(events, one, nth), find(events, other, nth_other));
    events.swap(one, other);
    numbered(events);
}

/// The stream as bytes.
pub(super) fn sse(events: &[Value]) -> Vec<u8> {
    let frame = |event: &Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    };
    let mut text: String = events.iter().map(frame).collect();
    text.push_str("data: [DONE]\n\n");
    text.into_bytes()
}
