//! The rules of a stream, each with a change that breaks it and what is told then.

use serde_json::{Value, json};

use super::sample::{drop_frame, edit, find, numbered, repeat, swap};

/// What is told, and the change that it is told of.
pub(super) type Mutation = (&'static str, fn(&mut Vec<Value>));

/// What holds of the frames of both.
pub(super) const FRAMES: &[Mutation] = &[
    ("counts the frames from 0", |it| {
        it[3]["sequence_number"] = json!(7);
    }),
    ("counts the frames from 0", |it| {
        it[0]["sequence_number"] = json!(1);
    }),
    ("counts the frames from 0", |it| {
        it[0]["sequence_number"] = json!("0");
    }),
    ("there is no such event", |it| {
        it[3]["type"] = json!("response.output_item.begun");
    }),
    ("there is no such event", |it| {
        it[3]["type"] = json!("keepalive");
    }),
    ("there is no such event", |it| it[3]["type"] = Value::Null),
    ("makes clients throw", |it| {
        it[3]["error"] = json!({"message": "no"});
    }),
    ("`item_id` is missing", |it| {
        edit(it, "response.output_text.delta", 0, |event| {
            event.as_object_mut().unwrap().remove("item_id");
        });
    }),
    ("`delta` must be a text, not 1", |it| {
        edit(it, "response.output_text.delta", 0, |event| {
            event["delta"] = json!(1);
        });
    }),
];

/// What holds of the response in both.
pub(super) const RESPONSES: &[Mutation] = &[
    ("begins with `response.created`", |it| {
        drop_frame(it, "response.created", 0);
    }),
    ("begins with `response.created`", |it| {
        repeat(it, "response.created", 0);
    }),
    ("told once, in order", |it| {
        repeat(it, "response.in_progress", 0);
    }),
    ("nothing happens before `response.in_progress`", |it| {
        drop_frame(it, "response.in_progress", 0);
    }),
    ("nothing follows the end", |it| {
        repeat(it, "response.completed", 0);
    }),
    ("a stream ends with", |it| {
        drop_frame(it, "response.completed", 0);
    }),
    ("the response in it is in_progress, not queued", |it| {
        edit(it, "response.in_progress", 0, |event| {
            event["response"]["status"] = json!("queued");
        });
    }),
    ("the response in it is completed, not cancelled", |it| {
        edit(it, "response.completed", 0, |event| {
            event["response"]["status"] = json!("cancelled");
            event["response"]["completed_at"] = Value::Null;
        });
    }),
    ("a response keeps its `id`", |it| {
        edit(it, "response.completed", 0, |event| {
            event["response"]["id"] = json!("resp_2");
        });
    }),
    ("a response keeps its `model`", |it| {
        edit(it, "response.in_progress", 0, |event| {
            event["response"]["model"] = json!("n");
        });
    }),
    ("a response begins without output", |it| {
        let output = it.last().unwrap()["response"]["output"].clone();
        edit(it, "response.in_progress", 0, |event| {
            event["response"]["output"] = output.clone();
        });
    }),
    ("the output is what was told", |it| {
        edit(it, "response.completed", 0, |event| {
            event["response"]["output"][1]["content"][0]["text"] = json!("other");
        });
    }),
    ("the output is what was told", |it| {
        edit(it, "response.completed", 0, |event| {
            event["response"]["output"]
                .as_array_mut()
                .unwrap()
                .swap(0, 1);
        });
    }),
    ("is not in the output", |it| {
        edit(it, "response.completed", 0, |event| {
            event["response"]["output"].as_array_mut().unwrap().pop();
        });
    }),
    ("the output holds what was not told", |it| {
        edit(it, "response.completed", 0, |event| {
            let output = event["response"]["output"].as_array_mut().unwrap();
            output.push(output[0].clone());
        });
    }),
    ("was added and never done", |it| {
        drop_frame(it, "response.output_item.done", 1);
    }),
];

/// What holds of items in both.
pub(super) const ITEMS: &[Mutation] = &[
    ("numbered without gap from 0, in the order", |it| {
        edit(it, "response.output_item.added", 1, |event| {
            event["output_index"] = json!(4);
        });
    }),
    ("no item was added at this `output_index`", |it| {
        edit(it, "response.output_item.done", 1, |event| {
            event["output_index"] = json!(9);
        });
    }),
    ("the item at this place is", |it| {
        edit(it, "response.output_text.delta", 0, |event| {
            event["item_id"] = json!("msg_9");
        });
    }),
    ("the item at this place is", |it| {
        edit(it, "response.output_item.done", 1, |event| {
            event["item"]["id"] = json!("rs_9");
        });
    }),
    ("no two items have the same id", |it| {
        let id = it[find(it, "response.output_item.added", 0)]["item"]["id"].clone();
        edit(it, "response.output_item.added", 1, |event| {
            event["item"]["id"] = id.clone();
        });
    }),
    ("in progress when it is added", |it| {
        edit(it, "response.output_item.added", 2, |event| {
            event["item"]["status"] = json!("completed");
        });
    }),
    ("empty when it is added", |it| {
        edit(it, "response.output_item.added", 2, |event| {
            let part =
                json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
            event["item"]["content"] = json!([part]);
        });
    }),
    ("no arguments and no output when it is added", |it| {
        edit(it, "response.output_item.added", 4, |event| {
            event["item"]["arguments"] = json!("{");
        });
    }),
    ("an item keeps its `call_id`", |it| {
        edit(it, "response.output_item.done", 4, |event| {
            event["item"]["call_id"] = json!("c");
        });
    }),
    ("an item keeps its `name`", |it| {
        edit(it, "response.output_item.done", 4, |event| {
            event["item"]["name"] = json!("c");
        });
    }),
    ("not in progress", |it| {
        edit(it, "response.output_item.done", 2, |event| {
            event["item"]["status"] = json!("in_progress");
        });
    }),
    ("an item is done once", |it| {
        repeat(it, "response.output_item.done", 2);
    }),
    ("nothing is told of an item that is done", |it| {
        let late = it[find(it, "response.output_text.delta", 0)].clone();
        let at = find(it, "response.output_item.done", 2);
        it.insert(at + 1, late);
        numbered(it);
    }),
    ("an item holds the parts that were told", |it| {
        edit(it, "response.output_item.done", 2, |event| {
            event["item"]["content"][0]["text"] = json!("other");
        });
    }),
    ("an item holds the parts that were told", |it| {
        edit(it, "response.output_item.done", 2, |event| {
            event["item"]["content"] = json!([]);
        });
    }),
    ("an item is done when its parts are closed", |it| {
        drop_frame(it, "response.content_part.done", 1);
    }),
    ("a call has the arguments that were told", |it| {
        edit(it, "response.output_item.done", 4, |event| {
            event["item"]["arguments"] = json!("{}");
        });
    }),
    ("a call is done when its arguments were told", |it| {
        drop_frame(it, "response.function_call_arguments.done", 0);
    }),
    ("the arguments are what their deltas were", |it| {
        drop_frame(it, "response.function_call_arguments.delta", 0);
    }),
    ("nothing is told of arguments that are whole", |it| {
        repeat(it, "response.function_call_arguments.done", 0);
    }),
    ("arguments are of the kind of their call", |it| {
        let id = it[find(it, "response.output_item.added", 2)]["item"]["id"].clone();
        edit(it, "response.function_call_arguments.delta", 0, |event| {
            event["output_index"] = json!(2);
            event["item_id"] = id.clone();
        });
        let moved = it.remove(find(it, "response.function_call_arguments.delta", 0));
        let at = find(it, "response.content_part.added", 1);
        it.insert(at, moved);
        numbered(it);
    }),
];

/// What holds of the parts of items in both.
pub(super) const PARTS: &[Mutation] = &[
    ("parts are numbered without gap from 0", |it| {
        edit(it, "response.content_part.added", 1, |event| {
            event["content_index"] = json!(1);
        });
    }),
    ("a part of this item is output_text or refusal", |it| {
        edit(it, "response.content_part.added", 1, |event| {
            event["part"]["type"] = json!("reasoning_text");
        });
    }),
    ("a part of this item is reasoning_text", |it| {
        edit(it, "response.content_part.added", 0, |event| {
            event["part"]["type"] = json!("output_text");
        });
    }),
    ("a part begins empty", |it| {
        edit(it, "response.content_part.added", 1, |event| {
            event["part"]["text"] = json!("a");
        });
    }),
    ("one is closed before the other begins", |it| {
        repeat(it, "response.content_part.added", 1);
        edit(it, "response.content_part.added", 2, |event| {
            event["content_index"] = json!(1);
        });
    }),
    ("part 0 was not added", |it| {
        drop_frame(it, "response.content_part.added", 1);
    }),
    ("part 3 was not added", |it| {
        edit(it, "response.output_text.delta", 1, |event| {
            event["content_index"] = json!(3);
        });
    }),
    ("the whole text is what its deltas were", |it| {
        drop_frame(it, "response.output_text.delta", 0);
    }),
    ("the whole text is what its deltas were", |it| {
        swap(
            it,
            "response.output_text.delta",
            0,
            "response.output_text.delta",
            1,
        );
    }),
    ("nothing is added to a text that is whole", |it| {
        swap(
            it,
            "response.output_text.delta",
            1,
            "response.output_text.done",
            0,
        );
        let whole = it[find(it, "response.output_text.delta", 0)]["delta"].clone();
        edit(it, "response.output_text.done", 0, |event| {
            event["text"] = whole.clone();
        });
    }),
    ("a text is told whole once", |it| {
        repeat(it, "response.output_text.done", 0);
    }),
    ("a part is closed when its text is whole", |it| {
        drop_frame(it, "response.output_text.done", 0);
    }),
    ("a part is closed once", |it| {
        repeat(it, "response.content_part.done", 1);
    }),
    ("a part holds the text that was told", |it| {
        edit(it, "response.content_part.done", 1, |event| {
            event["part"]["text"] = json!("other");
        });
    }),
    ("a part holds the annotations that were told", |it| {
        edit(it, "response.content_part.done", 1, |event| {
            event["part"]["annotations"] = json!([{"type": "url_citation"}]);
        });
    }),
];

/// What tool servers do, which only OpenAI tells.
pub(super) const STEPS: &[Mutation] = &[
    ("in_progress does not follow Begun", |it| {
        repeat(it, "response.mcp_call.in_progress", 0);
    }),
    ("completed does not follow Nothing", |it| {
        drop_frame(it, "response.mcp_list_tools.in_progress", 0);
    }),
    ("completes or fails before its item is done", |it| {
        drop_frame(it, "response.mcp_list_tools.completed", 0);
    }),
    (
        "the arguments of a call are told while it is in progress",
        |it| {
            drop_frame(it, "response.mcp_call.in_progress", 0);
        },
    ),
    ("a call comes back when its arguments were told", |it| {
        swap(
            it,
            "response.mcp_call_arguments.done",
            0,
            "response.mcp_call.completed",
            0,
        );
    }),
    ("what failed has an error, or is incomplete", |it| {
        edit(it, "response.mcp_call.completed", 0, |event| {
            event["type"] = json!("response.mcp_call.failed");
        });
    }),
    ("what completed has no error", |it| {
        edit(it, "response.output_item.done", 3, |event| {
            event["item"]["error"] = json!({"type": "mcp_tool_execution_error", "content": []});
        });
    }),
    ("a step is of the kind of its item", |it| {
        edit(it, "response.mcp_call.completed", 0, |event| {
            event["type"] = json!("response.mcp_list_tools.completed");
        });
    }),
    ("arguments bear the name of their call", |it| {
        edit(it, "response.function_call_arguments.done", 0, |event| {
            event["name"] = json!("b");
        });
    }),
    ("`name` is missing", |it| {
        edit(it, "response.function_call_arguments.done", 0, |event| {
            event.as_object_mut().unwrap().remove("name");
        });
    }),
    ("`logprobs` is missing", |it| {
        edit(it, "response.output_text.delta", 0, |event| {
            event.as_object_mut().unwrap().remove("logprobs");
        });
    }),
    ("there is no such event", |it| {
        edit(it, "response.reasoning_text.delta", 0, |event| {
            event["type"] = json!("response.reasoning.delta");
        });
    }),
    ("there is no such event", |it| {
        it[4]["type"] = json!("jan:thing");
    }),
];

/// What Open Responses does not know.
pub(super) const OPEN: &[Mutation] = &[
    ("there is no such event", |it| {
        edit(it, "response.reasoning.delta", 0, |event| {
            event["type"] = json!("response.reasoning_text.delta");
        });
    }),
    ("there is no such event", |it| {
        edit(it, "response.output_item.added", 3, |event| {
            event["type"] = json!("response.mcp_call.in_progress");
        });
    }),
    ("Open Responses has no item mcp_call", |it| {
        edit(it, "response.output_item.added", 3, |event| {
            event["item"]["type"] = json!("mcp_call");
        });
    }),
];
