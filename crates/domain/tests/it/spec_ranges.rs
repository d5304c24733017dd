//! The checks of a request, field by field: each on both sides of its range.

use std::sync::Arc;

use response_domain::json::Json;
use response_domain::spec::{Draft, ToolChoice, ToolRequest, ToolSelection};

use crate::spec::{call, faults, json, output, tool};

#[test]
fn every_number_has_two_sides() {
    type Set = fn(&mut Draft, f64);
    let rows: [(&str, Set, [f64; 2]); 4] = [
        (
            "temperature",
            |d, v| d.controls.temperature = Some(v),
            [0.0, 2.0],
        ),
        ("top_p", |d, v| d.controls.top_p = Some(v), [0.0, 1.0]),
        (
            "presence_penalty",
            |d, v| d.controls.presence_penalty = Some(v),
            [-2.0, 2.0],
        ),
        (
            "frequency_penalty",
            |d, v| d.controls.frequency_penalty = Some(v),
            [-2.0, 2.0],
        ),
    ];
    for (field, set, [least, most]) in rows {
        for good in [least, most] {
            assert_eq!(faults(|draft| set(draft, good)), [""; 0], "{field} {good}");
        }
        for bad in [least - 0.01, most + 0.01, f64::NAN] {
            assert_eq!(faults(|draft| set(draft, bad)), [field], "{field} {bad}");
        }
    }
    for (depth, fits) in [(0, false), (1, true), (15, true), (16, false), (-1, false)] {
        let found = faults(|draft| draft.max_tool_depth = Some(depth));
        assert_eq!(found.is_empty(), fits, "depth {depth}: {found:?}");
    }
    assert_eq!(faults(|draft| draft.controls.max_tokens = Some(1)), [""; 0]);
    assert_eq!(
        faults(|draft| draft.controls.max_tokens = Some(0)),
        ["max_tokens"]
    );
}

#[test]
fn every_text_has_two_ends() {
    type Set = fn(&mut Draft, Arc<str>);
    let rows: [(&str, Set, usize, usize); 7] = [
        ("model", |d, v| d.model = Some(v), 1, 256),
        ("user", |d, v| d.user = Some(v), 0, 512),
        (
            "reasoning_effort",
            |d, v| d.controls.reasoning_effort = Some(v),
            1,
            32,
        ),
        (
            "tools[0].function.name",
            |d, v| d.tools = Some(ToolSelection::Only(vec![tool(&v)])),
            1,
            128,
        ),
        (
            "tool_choice.function.name",
            |d, v| d.tool_choice = Some(ToolChoice::Named(v)),
            1,
            128,
        ),
        ("input.name", |d, v| d.items = vec![call(&v, "c")], 1, 128),
        ("input.call_id", |d, v| d.items = vec![output(&v)], 1, 256),
    ];
    for (field, set, least, most) in rows {
        let text = |length: usize| Arc::from("ü".repeat(length));
        for good in [least, most] {
            assert_eq!(
                faults(|draft| set(draft, text(good))),
                [""; 0],
                "{field} {good}"
            );
        }
        assert_eq!(faults(|draft| set(draft, text(most + 1))), [field]);
        if least > 0 {
            assert_eq!(faults(|draft| set(draft, text(least - 1))), [field]);
        }
    }
    let long = "ü".repeat(257);
    assert_eq!(
        faults(|draft| draft.items = vec![call("f", &long)]),
        ["input.call_id"]
    );
}

#[test]
fn what_is_carried_as_json_is_looked_into() {
    type Set = fn(&mut Draft, Json);
    let rows: [(&str, Set, &[&str], &[&str]); 4] = [
        (
            "stop",
            |d, v| d.controls.stop = Some(v),
            &[r#""a""#, "[]", r#"["a","b","c","d"]"#],
            &["1", "{}", "true", "[1]", r#"["a","b","c","d","e"]"#, "[[]]"],
        ),
        (
            "response_format",
            |d, v| d.controls.response_format = Some(v),
            &["{}", r#"{"type":"json_object"}"#],
            &["[]", r#""json""#, "1"],
        ),
        (
            "metadata",
            |d, v| d.metadata = Some(v),
            &["{}", r#"{"a":"123456789012"}"#],
            &["[]", r#""a""#, r#"{"a":"1234567890123"}"#],
        ),
        (
            "tools[0].function.parameters",
            |d, v| {
                let parameters = Some(v);
                d.tools = Some(ToolSelection::Only(vec![ToolRequest {
                    parameters,
                    ..tool("a")
                }]));
            },
            &["{}"],
            &["[]", "true"],
        ),
    ];
    for (field, set, good, bad) in rows {
        for text in good {
            assert_eq!(
                faults(|draft| set(draft, json(text))),
                [""; 0],
                "{field} {text}"
            );
        }
        for text in bad {
            assert_eq!(
                faults(|draft| set(draft, json(text))),
                [field],
                "{field} {text}"
            );
        }
    }
}
