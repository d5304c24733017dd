//! The grammar of event streams, broken rule by rule: a stream that is right passes, and of each that is not
//! the frame and the rule are named.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use response_testkit::wire::{EndMark, Flavour, check_events, check_stream};
use serde_json::{Value, json};

mod objects;
mod rules;
mod sample;

use rules::{FRAMES, ITEMS, Mutation, OPEN, PARTS, RESPONSES, STEPS};
use sample::{drop_frame, edit, find, numbered, sse, stream};

fn refused(flavour: Flavour, mutations: &[Mutation]) {
    for (place, (expected, change)) in mutations.iter().enumerate() {
        let mut events = stream(flavour);
        change(&mut events);
        let fault = check_events(&events, flavour)
            .expect_err(expected)
            .to_string();
        assert!(
            fault.contains(expected),
            "{place}: {fault:?} says not {expected:?}"
        );
        let is_about_a_frame = fault.starts_with("frame ") || fault.starts_with("a stream ends");
        assert!(is_about_a_frame, "{place}: {fault}");
    }
}

#[test]
fn streams_that_are_right_pass() {
    for flavour in [Flavour::OpenAi, Flavour::OpenResponses] {
        check_events(&stream(flavour), flavour).unwrap();
        let events = check_stream(&sse(&stream(flavour)), flavour, EndMark::Required).unwrap();
        assert_eq!(events, stream(flavour));
    }
}

#[test]
fn what_is_queued_may_wait_run_or_fail() {
    let wait = |events: &mut Vec<Value>| {
        edit(events, "response.created", 0, |event| {
            event["response"]["status"] = json!("queued");
        });
        let mut queued = events[0].clone();
        queued["type"] = json!("response.queued");
        events.insert(1, queued);
        numbered(events);
    };
    let mut events = stream(Flavour::OpenAi);
    wait(&mut events);
    check_events(&events, Flavour::OpenAi).unwrap();
    let mut cancelled = events[..2].to_vec();
    let mut end = events[0].clone();
    end["type"] = json!("response.failed");
    end["response"]["status"] = json!("cancelled");
    cancelled.push(end);
    numbered(&mut cancelled);
    check_events(&cancelled, Flavour::OpenAi).unwrap();
}

#[test]
fn what_a_failed_response_had_begun_may_be_missing_from_its_output() {
    let mut events = stream(Flavour::OpenAi);
    let end = find(&events, "response.completed", 0);
    events.remove(find(&events, "response.output_item.done", 4));
    let last = events.len() - 1;
    assert_eq!(last, end - 1);
    events[last]["type"] = json!("response.failed");
    let response = &mut events[last]["response"];
    response["status"] = json!("failed");
    response["completed_at"] = Value::Null;
    response["error"] = json!({"code": "server_error", "message": "no"});
    let output = response["output"].as_array_mut().unwrap();
    let begun = output.pop().unwrap();
    numbered(&mut events);
    check_events(&events, Flavour::OpenAi).unwrap();
    let output = events[last]["response"]["output"].as_array_mut().unwrap();
    output.push(begun);
    check_events(&events, Flavour::OpenAi).unwrap();
    let output = events[last]["response"]["output"].as_array_mut().unwrap();
    output.remove(0);
    check_events(&events, Flavour::OpenAi).unwrap_err();
}

#[test]
fn a_call_without_arguments_may_be_told_without_deltas() {
    let mut events = stream(Flavour::OpenAi);
    drop_frame(&mut events, "response.function_call_arguments.delta", 0);
    for name in [
        "response.function_call_arguments.done",
        "response.output_item.done",
    ] {
        let nth = if name.ends_with("item.done") { 4 } else { 0 };
        edit(&mut events, name, nth, |event| {
            match event.get_mut("item") {
                Some(item) => item["arguments"] = json!("{}"),
                None => event["arguments"] = json!("{}"),
            }
        });
    }
    edit(&mut events, "response.completed", 0, |event| {
        event["response"]["output"][4]["arguments"] = json!("{}");
    });
    check_events(&events, Flavour::OpenAi).unwrap();
}

#[test]
fn each_rule_is_told_when_it_is_broken() {
    for flavour in [Flavour::OpenAi, Flavour::OpenResponses] {
        for rules in [FRAMES, RESPONSES, ITEMS, PARTS] {
            refused(flavour, rules);
        }
    }
    refused(Flavour::OpenAi, STEPS);
    refused(Flavour::OpenResponses, OPEN);
}

#[test]
fn annotations_and_summaries_are_told_piece_by_piece() {
    let mut events = stream(Flavour::OpenAi);
    let annotation = json!({"type": "url_citation", "url": "u", "title": "t"});
    let id = events[find(&events, "response.output_item.added", 2)]["item"]["id"].clone();
    let told = json!({
        "type": "response.output_text.annotation.added", "sequence_number": 0, "item_id": id,
        "output_index": 2, "content_index": 0, "annotation_index": 0, "annotation": annotation,
    });
    let at = find(&events, "response.output_text.done", 0);
    events.insert(at, told);
    numbered(&mut events);
    let fault = check_events(&events, Flavour::OpenAi)
        .unwrap_err()
        .to_string();
    assert!(
        fault.contains("holds the annotations that were told"),
        "{fault}"
    );
    let all = json!([annotation]);
    edit(&mut events, "response.content_part.done", 1, |event| {
        event["part"]["annotations"] = all.clone();
    });
    edit(&mut events, "response.output_item.done", 2, |event| {
        event["item"]["content"][0]["annotations"] = all.clone();
    });
    edit(&mut events, "response.completed", 0, |event| {
        event["response"]["output"][2]["content"][0]["annotations"] = all.clone();
    });
    check_events(&events, Flavour::OpenAi).unwrap();
    edit(
        &mut events,
        "response.output_text.annotation.added",
        0,
        |event| {
            event["annotation_index"] = json!(1);
        },
    );
    let fault = check_events(&events, Flavour::OpenAi)
        .unwrap_err()
        .to_string();
    assert!(fault.contains("annotations are numbered"), "{fault}");
}

/// What is told, and the change that makes bytes no stream of events.
type Corruption = (&'static str, fn(&str) -> String);

const BYTES: &[Corruption] = &[
    ("lines end in a line feed alone", |it| {
        it.replace('\n', "\r\n")
    }),
    ("ends behind a whole frame", |it| it.trim_end().to_owned()),
    ("ends behind a whole frame", |it| format!("{it}: ping\n")),
    ("nothing stands behind `data: [DONE]`", |it| {
        format!("{it}: ping\n\n")
    }),
    ("nothing stands behind `data: [DONE]`", |it| {
        format!("{it}data: [DONE]\n\n")
    }),
    ("`data: [DONE]` stands behind the last frame", |it| {
        it.replace("data: [DONE]\n\n", "")
    }),
    ("a frame is a line", |it| {
        it.replacen("event: ", "id: 1\nevent: ", 1)
    }),
    ("a frame is a line", |it| {
        it.replacen("\ndata: ", "\nid: 0\ndata: ", 1)
    }),
    ("a frame is a line", |it| {
        it.replacen("data: {", "data:{", 1)
    }),
    ("a frame is a line", |it| {
        it.replacen("event: response.created\n", "", 1)
    }),
    ("a frame is a line", |it| {
        it.replacen("event: ", "\nevent: ", 1)
    }),
    ("a frame is a line", |it| {
        it.replacen("{\"", "{\ndata: \"", 1)
    }),
    ("the data is no JSON", |it| {
        it.replacen("data: {", "data: {{", 1)
    }),
    ("the name of a frame is the type", |it| {
        it.replacen("event: response.", "event: ", 1)
    }),
];

#[test]
fn bytes_that_are_no_stream_of_events_are_told() {
    let right = String::from_utf8(sse(&stream(Flavour::OpenAi))).unwrap();
    for (place, (expected, change)) in BYTES.iter().enumerate() {
        let bytes = change(&right);
        assert_ne!(bytes, right, "{place}");
        let fault = check_stream(bytes.as_bytes(), Flavour::OpenAi, EndMark::Required);
        let fault = fault.expect_err(expected).to_string();
        assert!(
            fault.contains(expected),
            "{place}: {fault:?} says not {expected:?}"
        );
    }
    let fault = check_stream(b"\xff\n\n", Flavour::OpenAi, EndMark::Optional).unwrap_err();
    assert_eq!(fault.to_string(), "a stream is text in UTF-8");
}

#[test]
fn comments_may_stand_between_frames_and_the_mark_may_be_absent_where_it_may() {
    let right = String::from_utf8(sse(&stream(Flavour::OpenAi))).unwrap();
    let commented = right.replacen("event: ", ": ping\n\nevent: ", 5);
    check_stream(commented.as_bytes(), Flavour::OpenAi, EndMark::Required).unwrap();
    let markless = right.replace("data: [DONE]\n\n", "");
    check_stream(markless.as_bytes(), Flavour::OpenAi, EndMark::Optional).unwrap();
}
