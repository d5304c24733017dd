//! The content of a message in a request: a text, or parts.

use std::sync::Arc;

use response_domain::item::Part;
use serde_json::value::RawValue;

use crate::dialect::elements::elements;
use crate::dialect::object::{Faults, kept, text};

/// What a message says; none when there is a fault.
pub(super) fn content(field: &str, json: &RawValue, faults: &mut Faults) -> Option<Vec<Part>> {
    match json.get().as_bytes().first() {
        Some(b'"') => Some(vec![Part::Text(faults.text(field, json)?)]),
        Some(b'[') => elements(field, json, faults, part),
        _ => faults.invalid(field, "a string or an array of parts"),
    }
}

fn part(field: &str, json: &RawValue, faults: &mut Faults) -> Option<Part> {
    let part = faults.object(field, json, &["type", "text", "image_url", "detail"])?;
    let at = |name: &str| format!("{field}.{name}");
    let Some(kind) = part.get("type") else {
        return faults.missing(&at("type"));
    };
    let kind: String = faults.text(&at("type"), kind)?;
    match kind.as_str() {
        "text" | "input_text" | "output_text" => match part.get("text") {
            Some(text) => Some(Part::Text(faults.text(&at("text"), text)?)),
            None => faults.missing(&at("text")),
        },
        "image_url" | "input_image" => match part.get("image_url") {
            Some(url) => image(&at("image_url"), url, part.get("detail"), faults),
            // Named otherwise, by the id of a file for one: the model server knows how.
            None if kind == "input_image" => Some(Part::Other(kept(json))),
            None => faults.missing(&at("image_url")),
        },
        _ => Some(Part::Other(kept(json))),
    }
}

/// An image, whose address stands alone or in an object with the detail.
fn image(
    field: &str,
    json: &RawValue,
    detail: Option<&RawValue>,
    faults: &mut Faults,
) -> Option<Part> {
    let (url, detail) = if json.get().starts_with('{') {
        let image = faults.object(field, json, &["url", "detail"])?;
        (image.get("url"), image.get("detail").or(detail))
    } else {
        (Some(json), detail)
    };
    let Some(url) = url else {
        return faults.missing(&format!("{field}.url"));
    };
    let url: Arc<str> = faults.text(field, url)?;
    if url.is_empty() {
        return faults.invalid(field, "an address or the id of an image");
    }
    Some(Part::Image {
        url,
        detail: detail.and_then(text),
    })
}
