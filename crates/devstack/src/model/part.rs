//! Parts of a message: texts, pictures, files. The model looks at what is not text as far as a stand-in
//! can, and says what it saw.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::request::Refused;

/// The kinds of parts that are known.
const KNOWN: [&str; 7] = [
    "text",
    "refusal",
    "image_url",
    "file",
    "input_audio",
    "audio_url",
    "video_url",
];

/// How much of a file of text is quoted, in characters.
const QUOTED: usize = 120;

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: Option<String>,
    image_url: Option<Picture>,
    file: Option<File>,
}

#[derive(Debug, Deserialize)]
struct Picture {
    url: String,
    detail: Option<String>,
}

#[derive(Debug, Deserialize)]
struct File {
    #[serde(rename = "filename")]
    name: Option<String>,
    #[serde(rename = "file_data")]
    data: Option<String>,
    #[serde(rename = "file_id")]
    id: Option<String>,
}

impl Part {
    /// What a strict server refuses of it, in a message of this role.
    pub(super) fn check(&self, role: &str) -> Result<(), Refused> {
        let kind = self.kind.as_str();
        if !KNOWN.contains(&kind) {
            return Err(Refused::bad(format!(
                "Unsupported chat content part type: '{kind}'. Supported types: {KNOWN:?}"
            )));
        }
        let is_said = matches!(kind, "text" | "refusal");
        if role == "tool" && !is_said {
            return Err(Refused::bad(format!(
                "a message with role 'tool' has a part of type '{kind}'"
            )));
        }
        let is_whole = match kind {
            "text" => self.text.is_some(),
            "image_url" => self.image_url.is_some(),
            "file" => self.file.as_ref().is_some_and(File::is_whole),
            _ => true,
        };
        if is_whole {
            Ok(())
        } else {
            Err(Refused::bad(format!(
                "a part of type '{kind}' lacks what it should hold"
            )))
        }
    }

    /// What is seen of a part that is no text.
    pub(super) fn seen(&self) -> Option<String> {
        if let Some(picture) = &self.image_url {
            let detail = picture.detail.as_ref();
            let detail = detail.map_or(String::new(), |detail| format!(", detail {detail}"));
            return Some(match Contents::of(&picture.url) {
                Some(Contents { kind, bytes }) => {
                    format!("a picture ({kind}, {} bytes{detail})", bytes.len())
                }
                None => format!("a picture at {}{detail}", picture.url),
            });
        }
        if let Some(file) = &self.file {
            return Some(file.seen());
        }
        let kind = self.kind.as_str();
        (!matches!(kind, "text" | "refusal")).then(|| format!("something of type {kind}"))
    }
}

impl File {
    fn contents(&self) -> Option<Contents<'_>> {
        Contents::of(self.data.as_deref()?)
    }

    fn is_whole(&self) -> bool {
        match &self.data {
            Some(_) => self.name.is_some() && self.contents().is_some(),
            None => self.id.is_some(),
        }
    }

    fn seen(&self) -> String {
        let Some(Contents { kind, bytes }) = self.contents() else {
            return format!("the file {}", self.id.as_deref().unwrap_or("?"));
        };
        let name = self.name.as_deref().unwrap_or("?");
        let seen = format!("the file \"{name}\" ({kind}, {} bytes)", bytes.len());
        match std::str::from_utf8(&bytes) {
            Ok(text) if kind.starts_with("text/") => {
                let quoted: String = text.chars().take(QUOTED).collect();
                format!("{seen} that says \"{quoted}\"")
            }
            _ => seen,
        }
    }
}

/// What a `data:` address holds.
struct Contents<'a> {
    kind: &'a str,
    bytes: Vec<u8>,
}

impl<'a> Contents<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
        let kind = head.split(';').next().unwrap_or_default();
        let bytes = if head.ends_with(";base64") {
            STANDARD.decode(data).ok()?
        } else {
            data.as_bytes().to_vec()
        };
        Some(Self { kind, bytes })
    }
}
