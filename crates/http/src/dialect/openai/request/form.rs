//! How the answer is to look and how hard the model is to think: `text` and `reasoning`.

use std::sync::Arc;

use response_domain::json::Json;
use serde::Serialize;
use serde_json::value::RawValue;

use super::echo::json_of;
use super::faults::{Faults, Path};
use super::members::Members;

/// The field `text`.
#[derive(Default)]
pub(super) struct Text<'a> {
    /// The form of the answer, as chat completions name it; none when it is plain text.
    pub(super) response_format: Option<Json>,
    /// How much to say.
    pub(super) verbosity: Option<Arc<str>>,
    /// The field, as it is told again.
    pub(super) shown: Option<ShownText<'a>>,
}

#[derive(Serialize)]
pub(super) struct ShownText<'a> {
    format: Format<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'static str>,
}

/// A form of an answer.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    Text,
    JsonObject,
    JsonSchema(NamedSchema<'a>),
}

#[derive(Serialize)]
struct NamedSchema<'a> {
    name: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Arc<str>>,
    schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// A form of an answer in the words of chat completions.
#[derive(Serialize)]
struct ChatFormat<'s, 'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<&'s NamedSchema<'a>>,
}

impl<'s, 'a> ChatFormat<'s, 'a> {
    /// None of plain text, which needs no form.
    fn of(format: &'s Format<'a>) -> Option<Self> {
        let (r#type, json_schema) = match format {
            Format::Text => return None,
            Format::JsonObject => ("json_object", None),
            Format::JsonSchema(schema) => ("json_schema", Some(schema)),
        };
        Some(Self {
            r#type,
            json_schema,
        })
    }
}

pub(super) fn text<'a>(json: &'a RawValue, faults: &mut Faults) -> Option<Text<'a>> {
    const WORDS: &[&str; 3] = &["low", "medium", "high"];
    let at = Path::field("text");
    let text = Members::read(at, json, &["format", "verbosity"], faults)?;
    let verbosity = text.word("verbosity", WORDS, faults);
    let format = match text.get("format") {
        Some(json) => format(&text.at("format"), json, faults)?,
        None => Format::Text,
    };
    Some(Text {
        response_format: ChatFormat::of(&format).as_ref().map(json_of),
        verbosity: verbosity.map(Arc::from),
        shown: Some(ShownText { format, verbosity }),
    })
}

fn format<'a>(at: &Path<'_>, json: &'a RawValue, faults: &mut Faults) -> Option<Format<'a>> {
    const MEMBERS: &[&str; 5] = &["type", "name", "description", "schema", "strict"];
    const WORDS: &[&str; 3] = &["json_object", "json_schema", "text"];
    let format = Members::read(*at, json, MEMBERS, faults)?;
    format.required("type", faults)?;
    match format.word("type", WORDS, faults)? {
        "text" => Some(Format::Text),
        "json_object" => Some(Format::JsonObject),
        _ => schema(&format, faults).map(Format::JsonSchema),
    }
}

fn schema<'a>(format: &Members<'a, '_, 5>, faults: &mut Faults) -> Option<NamedSchema<'a>> {
    let name: Option<Arc<str>> = format.required_name("name", NAME_LENGTH, faults);
    let name = name.filter(|name| faults.is_plain_name(&format.at("name"), name));
    let description = format.text("description", faults);
    let strict = format.truth("strict", faults);
    let schema = format.required("schema", faults);
    let schema = schema.filter(|json| faults.is_object(&format.at("schema"), json));
    Some(NamedSchema {
        name: name?,
        description,
        schema: schema?,
        strict,
    })
}

/// The longest name of a function or a schema.
pub(super) const NAME_LENGTH: usize = 64;

impl Faults {
    /// Whether a name is of letters, digits, `_` and `-` only; a fault when not.
    pub(super) fn is_plain_name(&mut self, at: &Path<'_>, name: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.bytes().all(is_plain) {
            return true;
        }
        self.mismatch::<()>(at, "^[a-zA-Z0-9_-]+$").is_some()
    }

    /// Whether a value is an object; a fault when not.
    pub(super) fn is_object(&mut self, at: &Path<'_>, json: &RawValue) -> bool {
        if json.get().starts_with('{') {
            return true;
        }
        self.wrong_type::<()>(at, "an object", json).is_some()
    }
}

/// The field `reasoning`, as it is told again.
#[derive(Serialize, Default)]
pub(super) struct Reasoning {
    /// How hard to think.
    pub(super) effort: Option<&'static str>,
    /// Which summary is wanted. Models here write none.
    summary: Option<&'static str>,
}

pub(super) fn reasoning(json: &RawValue, faults: &mut Faults) -> Option<Reasoning> {
    const MEMBERS: &[&str; 3] = &["effort", "summary", "generate_summary"];
    const EFFORTS: &[&str; 7] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    const SUMMARIES: &[&str; 3] = &["auto", "concise", "detailed"];
    let at = Path::field("reasoning");
    let reasoning = Members::read(at, json, MEMBERS, faults)?;
    let effort = reasoning.word("effort", EFFORTS, faults);
    let summary = reasoning.word("summary", SUMMARIES, faults);
    let earlier = reasoning.word("generate_summary", SUMMARIES, faults);
    Some(Reasoning {
        effort,
        summary: summary.or(earlier),
    })
}
