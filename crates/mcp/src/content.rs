//! The content of a tool's answer, block by block, as text: what is only bytes is told by its kind
//! and size.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::clean::{clean, without_hidden};
use crate::few::Few;

/// A string in structured content that is longer and looks like base64 is told by its size only.
const MAX_BASE64: usize = 1024;

/// How many blocks of an answer are read.
const MAX_BLOCKS: usize = 4_096;

/// The text of each block.
pub(crate) fn content(raw: &RawValue) -> Option<Vec<String>> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'[') => {
            let blocks: Few<'_, MAX_BLOCKS> = serde_json::from_str(text).ok()?;
            let mut texts: Vec<String> =
                blocks.kept.into_iter().map(block).collect::<Option<_>>()?;
            if blocks.more > 0 {
                texts.push(format!("[{} more parts, not shown]", blocks.more));
            }
            Some(texts)
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
        return Some(clean(&without_base64(json)).into_owned());
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

/// JSON text with long base64 strings told by their size, and without escapes of what steers or hides; the rest
/// stays to the letter, whatever it is.
pub(crate) fn without_base64(json: &str) -> String {
    let mut shown = String::new();
    let mut rest = json;
    while let Some((before, text)) = rest.split_once('"') {
        shown.push_str(before);
        shown.push('"');
        let end = end_of_string(text);
        let (text, after) = text.split_at_checked(end).unwrap_or((text, ""));
        match base64_length(text) {
            Some(bytes) => {
                let _ = write!(shown, "[base64, {bytes} bytes, not shown]");
            }
            None => shown.push_str(&without_hidden(text)),
        }
        rest = after;
        if let Some(after) = after.strip_prefix('"') {
            shown.push('"');
            rest = after;
        }
    }
    shown.push_str(rest);
    shown
}

/// Where the quotation mark stands that ends a string.
fn end_of_string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.unwrap_or(text.len())
}

/// How many bytes a string stands for that is long, and of base64's characters alone, with or without the
/// beginning of a data URL; strokes may be escaped.
fn base64_length(text: &str) -> Option<usize> {
    let digits = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,").map_or("", |(_, digits)| digits),
        None => text,
    };
    if digits.len() <= MAX_BASE64 {
        return None;
    }
    let mut escapes = 0;
    let mut rest = digits.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' | b'/' | b'-' | b'_' | b'=' => {}
            b'\\' if rest.next() == Some(b'/') => escapes += 1,
            byte if byte.is_ascii_alphanumeric() => {}
            _ => return None,
        }
    }
    Some(decoded_length(digits) - escapes * 3 / 4)
}
