//! What a tool answered, as text for the model: every kind of content, nothing twice, nothing
//! that is only bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use response_egress::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::clean::{cap, clean, whole_surrogates};
use crate::wire::RpcError;

/// A string in structured content that is longer and looks like base64 is told by its size only.
const MAX_BASE64: usize = 1024;
/// How much of an error's text is passed on.
const MAX_ERROR: usize = 4 * 1024;

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

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Option<Text<'a>>,
    #[serde(default, rename = "mimeType", alias = "mime_type")]
    mime: Option<String>,
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(default)]
    uri: String,
    #[serde(default, rename = "mimeType", alias = "mime_type")]
    mime: Option<String>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    blob: Option<Text<'a>>,
}

/// A string that is borrowed where it has no escapes, as base64 has none.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
        let stripped = clean(trimmed).into_owned();
        return Some(finish(without_base64(&stripped), is_error));
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

/// The text of each block.
fn content(raw: &RawValue) -> Option<Vec<String>> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'[') => {
            let blocks: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            blocks.into_iter().map(block).collect()
        }
        _ => Some(vec![block(raw)?]),
    }
}

fn block(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    if json.starts_with('"') {
        let Text(text) = serde_json::from_str(json).ok()?;
        return Some(clean(&text).into_owned());
    }
    if !json.starts_with('{') {
        return Some(json.to_owned());
    }
    let block: Block<'_> = serde_json::from_str(json).ok()?;
    let mime = block.mime.as_deref();
    let data = block.data.as_ref().map(|Text(data)| &**data);
    let text = match block.kind.as_deref() {
        Some("image" | "audio") => binary(block.kind.as_deref(), mime, data),
        Some("resource") => resource(block.resource?)?,
        Some("resource_link") => link(&block),
        kind => match (&block.text, kind) {
            (Some(Text(text)), _) => return Some(clean(text).into_owned()),
            (None, Some(kind)) => binary(Some(kind), mime, data),
            (None, None) => without_base64(json),
        },
    };
    Some(clean(&text).into_owned())
}

/// What stands for content that is no text.
fn binary(kind: Option<&str>, mime: Option<&str>, base64: Option<&str>) -> String {
    let kind = kind.unwrap_or("content");
    let mime = mime.unwrap_or("of unknown type");
    match base64 {
        Some(data) => format!(
            "[{kind}: {mime}, {} bytes, not shown]",
            decoded_length(data)
        ),
        None => format!("[{kind}: {mime}, not shown]"),
    }
}

fn decoded_length(base64: &str) -> usize {
    let digits = base64.trim_end_matches('=').len();
    digits / 4 * 3 + (digits % 4).saturating_sub(1)
}

fn resource(raw: &RawValue) -> Option<String> {
    let resource: Resource<'_> = serde_json::from_str(raw.get()).ok()?;
    let uri = &resource.uri;
    Some(match (resource.text, resource.blob) {
        (Some(Text(text)), _) if uri.is_empty() => text.into_owned(),
        (Some(Text(text)), _) => format!("[resource {uri}]\n{text}"),
        (None, blob) => {
            let kind = format!("resource {uri}");
            let blob = blob.as_ref().map(|Text(blob)| &**blob);
            binary(Some(kind.trim_end()), resource.mime.as_deref(), blob)
        }
    })
}

fn link(block: &Block<'_>) -> String {
    let uri = block.uri.as_deref().unwrap_or("without an address");
    let mut text = format!("[resource link: {uri}");
    let named = block.title.as_deref().or(block.name.as_deref());
    for part in [named, block.description.as_deref(), block.mime.as_deref()] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            text.push_str(", ");
            text.push_str(part);
        }
    }
    if let Some(size) = block.size {
        let _ = write!(text, ", {size} bytes");
    }
    text.push(']');
    text
}

/// Whether the text says what the structured content says: the same JSON, or what is left when
/// the envelope that frameworks put around a plain value is taken off.
fn says_already(parts: &[String], structured: &RawValue) -> bool {
    let is_empty = |part: &String| part.trim().is_empty();
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
        || serde_json::from_str::<Value>(text).is_ok_and(|said| said == *value)
}

/// JSON text with long base64 strings told by their size. Text that cannot be read stays.
fn without_base64(json: &str) -> String {
    if json.len() <= MAX_BASE64 {
        return json.to_owned();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(json) else {
        return json.to_owned();
    };
    if shorten(&mut value) {
        value.to_string()
    } else {
        json.to_owned()
    }
}

/// Whether anything was shortened.
fn shorten(value: &mut Value) -> bool {
    let mut shortened = false;
    match value {
        Value::String(text) if is_base64(text) => {
            let digits = text.rsplit(',').next().unwrap_or(text);
            *text = format!("[base64, {} bytes, not shown]", decoded_length(digits));
            return true;
        }
        Value::Array(items) => {
            for item in items {
                shortened |= shorten(item);
            }
        }
        Value::Object(fields) => {
            for field in fields.values_mut() {
                shortened |= shorten(field);
            }
        }
        _ => {}
    }
    shortened
}

/// Long, and of base64's characters alone, with or without the beginning of a data URL.
fn is_base64(text: &str) -> bool {
    let digits = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,").map_or("", |(_, digits)| digits),
        None => text,
    };
    digits.len() > MAX_BASE64
        && digits.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
        })
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
