//! What a tool answered, as text for the model, whatever form a server gives it and with nothing
//! said twice.

use std::fmt::Write as _;

use response_egress::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::clean::{cap, clean, whole_surrogates};
use crate::content::{content, without_base64};
use crate::message::RpcError;

/// How much of an error's text is passed on.
const MAX_ERROR: usize = 4 * 1024;

/// How long structured content may be that is compared with the text beside it.
const MAX_COMPARED: usize = 2 * 1024 * 1024;

/// A tool's answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    /// Whether the tool says that it failed.
    pub(crate) is_error: bool,
}

/// Reads the result of `tools/call`; `None` when it is no result of a tool.
pub(crate) fn read(result: &Bytes, limit: usize) -> Option<Outcome> {
    let text = std::str::from_utf8(result).ok()?;
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return None;
    }
    let read = from_json(text, limit).or_else(|| from_json(&whole_surrogates(text), limit));
    Some(read.unwrap_or_else(|| {
        // Blocks of no known shape: the model may still make sense of them.
        let text = clean(&without_base64(text)).into_owned();
        Outcome {
            text: cap(text, limit),
            is_error: false,
        }
    }))
}

/// What the model is told when a server answers a call with an error.
pub(crate) fn complaint(error: &RpcError) -> String {
    let mut text = format!(
        "The tool server refused the call with error {}: {}",
        error.code,
        error.message.trim()
    );
    let _ = match &error.data {
        Some(Value::String(data)) => write!(text, " ({data})"),
        Some(data) => write!(text, " ({data})"),
        None => Ok(()),
    };
    cap(clean(&text).into_owned(), MAX_ERROR)
}

#[derive(Deserialize)]
struct CallResult<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(
        borrow,
        default,
        rename = "structuredContent",
        alias = "structured_content"
    )]
    structured: Option<&'a RawValue>,
    #[serde(default, rename = "isError", alias = "is_error")]
    is_error: Option<bool>,
    #[serde(default, rename = "resultType")]
    kind: Option<String>,
}

fn from_json(text: &str, limit: usize) -> Option<Outcome> {
    let trimmed = text.trim();
    let finish = |text: String, is_error| Outcome {
        text: cap(text, limit),
        is_error,
    };
    if !trimmed.starts_with('{') {
        // Some bare servers answer with the content itself.
        let raw: &RawValue = serde_json::from_str(trimmed).ok()?;
        return Some(finish(joined(&content(raw)?), false));
    }
    let result: CallResult<'_> = serde_json::from_str(trimmed).ok()?;
    let is_error = result.is_error.unwrap_or(false);
    if result
        .kind
        .as_deref()
        .is_some_and(|kind| kind != "complete")
    {
        return Some(finish(
            "The tool wants further input from a person, which cannot be given here.".to_owned(),
            true,
        ));
    }
    if result.content.is_none() && result.structured.is_none() {
        // Others leave the envelope out. A flag alone is no answer.
        let told = without_base64(trimmed);
        return Some(finish(clean(&told).into_owned(), is_error));
    }
    let mut parts = match result.content {
        Some(raw) => content(raw)?,
        None => Vec::new(),
    };
    if let Some(structured) = result.structured
        && !says_already(&parts, structured)
    {
        parts.push(clean(&without_base64(structured.get())).into_owned());
    }
    Some(finish(joined(&parts), is_error))
}

fn joined(parts: &[String]) -> String {
    parts.join("\n")
}

/// Whether the text says what the structured content says: the same JSON, or what is left when
/// the envelope that frameworks put around a plain value is taken off.
fn says_already(parts: &[String], structured: &RawValue) -> bool {
    let is_empty = |part: &String| part.trim().is_empty();
    if structured.get().len() > MAX_COMPARED {
        // Much of both is not shown anyway.
        return !parts.iter().all(is_empty);
    }
    let Ok(structured) = serde_json::from_str::<Value>(structured.get()) else {
        return !parts.iter().all(is_empty);
    };
    if structured.is_null() {
        return true;
    }
    if parts.iter().all(is_empty) {
        return false;
    }
    if is_said(&joined(parts), &structured) {
        return true;
    }
    let only = structured.as_object().filter(|object| object.len() == 1);
    let Some(inner) = only.and_then(|object| object.values().next()) else {
        return false;
    };
    let each_said = |items: &Vec<Value>| {
        items.len() == parts.len()
            && items
                .iter()
                .zip(parts)
                .all(|(item, part)| is_said(part, item))
    };
    is_said(&joined(parts), inner) || inner.as_array().is_some_and(each_said)
}

fn is_said(text: &str, value: &Value) -> bool {
    let text = text.trim();
    value
        .as_str()
        .is_some_and(|value| clean(value).trim() == text)
        || (text.len() <= 2 * MAX_COMPARED
            && serde_json::from_str::<Value>(text).is_ok_and(|said| said == *value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(result: &str) -> String {
        match read(&Bytes::copy_from_slice(result.as_bytes()), 10_000) {
            None => "none".into(),
            Some(outcome) if outcome.is_error => format!("error: {}", outcome.text),
            Some(outcome) => outcome.text,
        }
    }

    #[test]
    fn every_kind_of_content_becomes_text() {
        let cases = [
            (
                r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
                "a\nb",
            ),
            (
                r#"{"content":"just text","is_error":true}"#,
                "error: just text",
            ),
            (
                r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#,
                "error: no",
            ),
            (r#"{"content":[]}"#, ""),
            (r#"{"content":["a",{"text":"b"},3]}"#, "a\nb\n3"),
            (
                r#"{"content":[{"type":"image","data":"aGVsbG8=","mimeType":"image/png"}]}"#,
                "[image: image/png, 5 bytes, not shown]",
            ),
            (
                r#"{"content":[{"type":"audio","data":"aGk=","mimeType":"audio/wav"}]}"#,
                "[audio: audio/wav, 2 bytes, not shown]",
            ),
            (
                r#"{"content":[{"type":"resource","resource":{"uri":"file:///a.txt","text":"inside"}}]}"#,
                "[resource file:///a.txt]\ninside",
            ),
            (
                r#"{"content":[{"type":"resource","resource":{"uri":"x:y","mimeType":"application/gzip","blob":"aGVsbG8="}}]}"#,
                "[resource x:y: application/gzip, 5 bytes, not shown]",
            ),
            (
                r#"{"content":[{"type":"resource_link","uri":"file:///b","name":"b","description":"the b","mimeType":"text/plain","size":7}]}"#,
                "[resource link: file:///b, b, the b, text/plain, 7 bytes]",
            ),
            (
                r#"{"content":[{"type":"hologram"}]}"#,
                "[hologram: of unknown type, not shown]",
            ),
            (r#"{"answer":42}"#, r#"{"answer":42}"#),
            (r#"[{"type":"text","text":"bare"}]"#, "bare"),
            (r#""bare""#, "bare"),
            ("42", "none"),
            ("null", "none"),
            (
                r#"{"resultType":"input_required","inputRequests":{}}"#,
                "error: The tool wants further input from a person, which cannot be given here.",
            ),
            (
                r#"{"resultType":"complete","content":[{"type":"text","text":"a"}]}"#,
                "a",
            ),
        ];
        for (result, expected) in cases {
            assert_eq!(shown(result), expected, "{result}");
        }
    }

    #[test]
    fn structured_content_is_said_once() {
        let data = r#"{"a":1,"b":[true,"x"]}"#;
        let quoted = serde_json::to_string(&"{\n  \"b\": [true, \"x\"],\n  \"a\": 1\n}").unwrap();
        let cases = [
            (format!(r#"{{"content":[],"structuredContent":{data}}}"#), data),
            (format!(r#"{{"structuredContent":{data}}}"#), data),
            (
                format!(r#"{{"content":[{{"type":"text","text":{quoted}}}],"structuredContent":{data}}}"#),
                "{\n  \"b\": [true, \"x\"],\n  \"a\": 1\n}",
            ),
            (
                r#"{"content":[{"type":"text","text":"3 found"}],"structuredContent":{"n":3}}"#.into(),
                "3 found\n{\"n\":3}",
            ),
            (
                r#"{"content":[{"type":"text","text":"hi"}],"structuredContent":{"result":"hi"}}"#.into(),
                "hi",
            ),
            (
                r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"2"}],"structuredContent":{"result":["a",2]}}"#.into(),
                "a\n2",
            ),
            (
                r#"{"content":[{"type":"text","text":"a"}],"structuredContent":null}"#.into(),
                "a",
            ),
        ];
        for (result, expected) in cases {
            assert_eq!(shown(&result), expected, "{result}");
        }
    }

    #[test]
    fn many_parts_are_cut_and_much_of_both_is_said_once() {
        let parts = vec!["0"; 100_000].join(",");
        let text = shown(&format!(r#"{{"content":[{parts}]}}"#));
        assert!(text.starts_with("0\n0\n"));
        assert!(
            text.ends_with("\n[95904 more parts, not shown]"),
            "{}",
            text.len()
        );
        let much = format!("[{}]", vec!["0"; 2_000_000].join(","));
        let both = format!(r#"{{"content":["in short"],"structuredContent":{much}}}"#);
        assert_eq!(shown(&both), "in short");
        let alone = shown(&format!(r#"{{"content":[],"structuredContent":{much}}}"#));
        assert!(alone.starts_with("[0,0,"));
    }

    #[test]
    fn base64_in_structured_content_is_told_by_its_size() {
        let picture = "QUJD".repeat(1000);
        let result = format!(
            r#"{{"content":[],"structuredContent":{{"name":"p","image":"{picture}","url":"data:image/png;base64,{picture}"}}}}"#
        );
        let text = shown(&result);
        assert_eq!(text.matches("[base64, 3000 bytes, not shown]").count(), 2);
        assert!(text.contains(r#""name":"p""#));
        let prose = "word ".repeat(1000);
        let result = format!(r#"{{"structuredContent":{{"text":"{prose}"}}}}"#);
        assert!(shown(&result).contains(&prose));
    }

    #[test]
    fn text_is_cleaned_capped_and_saved_from_half_characters() {
        assert_eq!(
            shown(r#"{"content":[{"text":"\u001b[31mred\u0000\u202e"}]}"#),
            "red"
        );
        assert_eq!(shown("[[\"\u{202e}a\u{9b}2J\"]]"), r#"["a"]"#);
        let picture = "QUJD".repeat(1_000);
        let bare = shown(&format!(r#"{{"a":"\u202e\u009b2Jb","c":"{picture}"}}"#));
        assert_eq!(bare, r#"{"a":"2Jb","c":"[base64, 3000 bytes, not shown]"}"#);
        assert_eq!(
            shown(r#"{"content":[{"text":"cut \ud83d"}]}"#),
            "cut \u{fffd}"
        );
        let long = format!(r#"{{"content":[{{"text":"{}"}}]}}"#, "x".repeat(20_000));
        let text = shown(&long);
        assert!(text.starts_with(&"x".repeat(10_000)));
        assert!(text.ends_with("[cut off: the result has 20000 bytes, the first 10000 are shown]"));
    }

    #[test]
    fn an_error_is_told_to_the_model_in_one_piece() {
        let error = RpcError {
            code: -32602,
            message: "Invalid params\u{1b}[0m".into(),
            data: Some(serde_json::json!({"q": "missing"})),
        };
        assert_eq!(
            complaint(&error),
            "The tool server refused the call with error -32602: Invalid params ({\"q\":\"missing\"})"
        );
    }
}
