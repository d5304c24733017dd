//! What is said in a message, or by a tool: a text, or parts.

use std::sync::Arc;

use response_domain::item::{FilePart, Part};
use serde::Serialize;
use serde_json::value::RawValue;

use super::echo::json_of;
use super::faults::{Faults, Path};
use super::members::Members;
use crate::dialect::elements::MOST_ELEMENTS;
use crate::dialect::object::kept;

/// The most characters of one text.
pub(super) const LONGEST_TEXT: usize = 10_485_760;

const MEMBERS: &[&str; 10] = &[
    "type",
    "text",
    "refusal",
    "image_url",
    "file_id",
    "detail",
    "file_url",
    "file_data",
    "filename",
    "video_url",
];

type PartMembers<'a, 'p> = Members<'a, 'p, 10>;

/// The types of parts that there are.
pub(super) const CONTENT: &[&str] = &[
    "input_text",
    "input_image",
    "input_file",
    "input_audio",
    "input_video",
    "output_text",
    "refusal",
    "summary_text",
    "reasoning_text",
];

/// What is said; none when there is a fault.
pub(super) fn content(
    at: &Path<'_>,
    json: &RawValue,
    kinds: &[&str],
    faults: &mut Faults,
) -> Option<Vec<Part>> {
    match json.get().as_bytes().first() {
        Some(b'"') => Some(vec![Part::Text(long_text(at, json, faults)?)]),
        Some(b'[') => faults.elements(at, json, MOST_ELEMENTS, |at, json, faults| {
            part(at, json, kinds, faults)
        }),
        _ => faults.wrong_type(at, "a string or an array of content parts", json),
    }
}

fn part(at: &Path<'_>, json: &RawValue, kinds: &[&str], faults: &mut Faults) -> Option<Part> {
    let part = Members::read(*at, json, MEMBERS, faults)?;
    let kind: String = part.required_text("type", faults)?;
    match kind.as_str() {
        "input_text" | "output_text" | "summary_text" | "reasoning_text" | "text" => {
            let text = part.required("text", faults)?;
            Some(Part::Text(long_text(&part.at("text"), text, faults)?))
        }
        "refusal" => Some(Part::Refusal(part.required_text("refusal", faults)?)),
        "input_image" => image(&part, faults),
        "input_file" => file(&part, faults),
        "input_video" => video(&part, faults),
        // It has the same form for a model server.
        "input_audio" => Some(Part::Other(kept(json))),
        _ => faults.unsupported(&part.at("type"), &kind, kinds),
    }
}

fn long_text(at: &Path<'_>, json: &RawValue, faults: &mut Faults) -> Option<Arc<str>> {
    let text: Arc<str> = faults.text(at, json)?;
    faults.fits(at, &text, 0, LONGEST_TEXT).then_some(text)
}

/// An image, by its address or by its id.
fn image(part: &PartMembers<'_, '_>, faults: &mut Faults) -> Option<Part> {
    const DETAILS: &[&str; 4] = &["low", "high", "auto", "original"];
    let detail = part.word("detail", DETAILS, faults);
    let name = if part.get("image_url").is_none() && part.get("file_id").is_some() {
        "file_id"
    } else {
        "image_url"
    };
    let url: Arc<str> = part.required_text(name, faults)?;
    let is_there = faults.fits(&part.at(name), &url, 1, usize::MAX);
    is_there.then_some(Part::Image {
        url,
        detail: detail.map(Arc::from),
    })
}

/// A video, in the form in which model servers take it.
fn video(part: &PartMembers<'_, '_>, faults: &mut Faults) -> Option<Part> {
    #[derive(Serialize)]
    struct Chat<'a> {
        r#type: &'static str,
        video_url: Video<'a>,
    }
    #[derive(Serialize)]
    struct Video<'a> {
        url: &'a RawValue,
    }
    let url = part.required("video_url", faults)?;
    faults.text::<String>(&part.at("video_url"), url)?;
    Some(Part::Other(json_of(&Chat {
        r#type: "video_url",
        video_url: Video { url },
    })))
}

/// A file, by its contents, its address or its id.
fn file(part: &PartMembers<'_, '_>, faults: &mut Faults) -> Option<Part> {
    let before = faults.count();
    let file = FilePart {
        name: part.text("filename", faults),
        data: part.text("file_data", faults),
        url: part.text("file_url", faults),
        id: part.text("file_id", faults),
    };
    if faults.count() > before {
        return None;
    }
    if file.data.is_none() && file.url.is_none() && file.id.is_none() {
        return faults.missing(&part.at("file_data"));
    }
    Some(Part::File(file))
}

/// The texts of parts that must all be of one type.
pub(super) fn texts(
    at: &Path<'_>,
    json: &RawValue,
    kind: &'static str,
    faults: &mut Faults,
) -> Option<Vec<Arc<str>>> {
    faults.elements(at, json, MOST_ELEMENTS, |at, json, faults| {
        let part = Members::read(*at, json, &["type", "text"], faults)?;
        let found: String = part.required_text("type", faults)?;
        if found != kind {
            return faults.unsupported(&part.at("type"), &found, &[kind]);
        }
        long_text(&part.at("text"), part.required("text", faults)?, faults)
    })
}
