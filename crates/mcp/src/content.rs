//! The content of a tool's answer, block by block, as text: what is only bytes is told by its kind
//! and size.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::clean::clean;

/// A string in structured content that is longer and looks like base64 is told by its size only.
const MAX_BASE64: usize = 1024;

/// The text of each block.
pub(crate) fn content(raw: &RawValue) -> Option<Vec<String>> {
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

/// JSON text with long base64 strings told by their size. Text that cannot be read stays.
pub(crate) fn without_base64(json: &str) -> String {
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
