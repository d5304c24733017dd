//! A part of a message, of reasoning or of an output, as it is shown: always in the form of a part, never as
//! a mere text.

use response_domain::item::{FilePart, Part, Role};
use response_domain::json::Json;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// A part.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shape<'a> {
    Text(Text<'a>),
    OutputText(OutputText<'a>),
    Refusal(Refusal<'a>),
    Image(Image<'a>),
    File(File<'a>),
    Video(Video),
    Other(&'a RawValue),
}

/// A text that has nothing to itself.
#[derive(Serialize)]
pub(super) struct Text<'a> {
    r#type: &'static str,
    text: &'a str,
}

/// What a model says.
#[derive(Serialize)]
pub(super) struct OutputText<'a> {
    r#type: &'static str,
    annotations: [(); 0],
    logprobs: [(); 0],
    text: &'a str,
}

#[derive(Serialize)]
pub(super) struct Refusal<'a> {
    r#type: &'static str,
    refusal: &'a str,
}

/// A picture, by its address or by its id.
#[derive(Serialize)]
pub(super) struct Image<'a> {
    r#type: &'static str,
    detail: &'a str,
    #[serde(rename = "image_url")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct File<'a> {
    r#type: &'static str,
    #[serde(rename = "filename", skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "file_data", skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(rename = "file_url", skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(rename = "file_id", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

/// A video, which is kept in the form of model servers.
#[derive(Serialize)]
pub(super) struct Video {
    r#type: &'static str,
    #[serde(rename = "video_url")]
    url: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ChatPart {
    VideoUrl { video_url: ChatVideo },
}

#[derive(Deserialize)]
struct ChatVideo {
    url: String,
}

impl Video {
    fn of(raw: &Json) -> Option<Self> {
        let ChatPart::VideoUrl { video_url } = serde_json::from_str(raw.as_str()).ok()?;
        Some(Self {
            r#type: "input_video",
            url: video_url.url,
        })
    }
}

impl<'a> Text<'a> {
    pub(super) fn reasoning(text: &'a str) -> Self {
        Self {
            r#type: "reasoning_text",
            text,
        }
    }

    pub(super) fn summary(text: &'a str) -> Self {
        Self {
            r#type: "summary_text",
            text,
        }
    }

    fn input(text: &'a str) -> Self {
        Self {
            r#type: "input_text",
            text,
        }
    }
}

impl<'a> OutputText<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            r#type: "output_text",
            annotations: [],
            logprobs: [],
            text,
        }
    }
}

impl<'a> Image<'a> {
    /// An address has a scheme, which an id has not.
    fn of(url: &'a str, detail: Option<&'a str>) -> Self {
        let is_address = url.contains(':');
        Self {
            r#type: "input_image",
            detail: detail.unwrap_or("auto"),
            url: is_address.then_some(url),
            file_id: (!is_address).then_some(url),
        }
    }
}

impl<'a> File<'a> {
    fn of(file: &'a FilePart) -> Self {
        let FilePart {
            name,
            data,
            url,
            id,
        } = file;
        Self {
            r#type: "input_file",
            name: name.as_deref(),
            data: data.as_deref(),
            url: url.as_deref(),
            id: id.as_deref(),
        }
    }
}

impl<'a> Shape<'a> {
    fn of(part: &'a Part, role: Role) -> Self {
        match part {
            Part::Text(text) if role == Role::Assistant => Self::OutputText(OutputText::of(text)),
            Part::Text(text) => Self::Text(Text::input(text)),
            Part::Refusal(refusal) => Self::Refusal(Refusal {
                r#type: "refusal",
                refusal,
            }),
            Part::Image { url, detail } => Self::Image(Image::of(url, detail.as_deref())),
            Part::File(file) => Self::File(File::of(file)),
            Part::Other(raw) => match Video::of(raw) {
                Some(video) => Self::Video(video),
                None => Self::Other(raw.raw()),
            },
        }
    }
}

/// The parts of what this role says.
pub(super) struct Parts<'a>(pub(super) &'a [Part], pub(super) Role);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(parts, role) = self;
        serializer.collect_seq(parts.iter().map(|part| Shape::of(part, *role)))
    }
}
