//! The content of a message in a request: a text, or parts.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use response_domain::item::Part;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::{Faults, kept, text};

/// The most elements an array of a request may have, whatever the server's limits are: what is longer
/// is not even counted.
const MOST_ELEMENTS: usize = 100_000;

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

/// The elements of an array, each read by `read` with its own field name; none when there is a fault.
pub(super) fn elements<T>(
    field: &str,
    json: &RawValue,
    faults: &mut Faults,
    read: impl FnMut(&str, &RawValue, &mut Faults) -> Option<T>,
) -> Option<Vec<T>> {
    let before = faults.0.len();
    let reader = Elements {
        field,
        faults,
        read,
        made: PhantomData,
    };
    let mut parser = serde_json::Deserializer::from_str(json.get());
    // The fault, if there is one, is among the faults.
    let read = parser.deserialize_seq(reader).ok()?;
    (faults.0.len() == before).then_some(read)
}

struct Elements<'f, T, R> {
    field: &'f str,
    faults: &'f mut Faults,
    read: R,
    made: PhantomData<T>,
}

impl<'de, T, R> Visitor<'de> for Elements<'_, T, R>
where
    R: FnMut(&str, &RawValue, &mut Faults) -> Option<T>,
{
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut made = Vec::new();
        let mut index = 0_usize;
        while let Some(json) = array.next_element::<&RawValue>()? {
            if index >= MOST_ELEMENTS {
                let must = format!("an array of at most {MOST_ELEMENTS} elements");
                let none: Option<()> = self.faults.invalid(self.field, &must);
                debug_assert!(none.is_none());
                return Err(serde::de::Error::custom(must));
            }
            let at = format!("{}[{index}]", self.field);
            made.extend((self.read)(&at, json, self.faults));
            index += 1;
        }
        Ok(made)
    }
}
