//! Files as servers take them. The format knows a file by its contents or by an id of the server's own;
//! an address is told as text, which a model with a tool for pages can make use of. A server that takes
//! no files is told those that are text as text ([`Concession::FilesAsText`]).
//!
//! [`Concession::FilesAsText`]: crate::concession::Concession::FilesAsText

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use response_domain::item::FilePart;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Base64 as clients write it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How much of a file is looked at to see whether it is text, in signs of base64.
const BEGINNING: usize = 4_096;

/// Media types by the ending of a name, for contents that come without one.
const MEDIA_TYPES: [(&str, &str); 8] = [
    ("pdf", "application/pdf"),
    ("json", "application/json"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("xml", "text/xml"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
];

/// Whether a file is sent as a file: an address alone cannot be.
pub(super) fn is_sent_whole(file: &FilePart) -> bool {
    file.data.is_some() || file.id.is_some()
}

/// A file of which only the address is known, in words.
pub(super) fn address(file: &FilePart) -> String {
    let url = file.url.as_deref().unwrap_or_default();
    match &file.name {
        Some(name) => format!("File \"{name}\": {url}"),
        None => format!("File: {url}"),
    }
}

/// A file of text, in words.
pub(super) fn told(file: &FilePart) -> Option<String> {
    let contents = contents(file)?;
    Some(match &file.name {
        Some(name) => format!("File \"{name}\":\n{contents}"),
        None => format!("File:\n{contents}"),
    })
}

/// Whether a file begins as text does.
pub(super) fn seems_text(file: &FilePart) -> bool {
    let Some(data) = file.data.as_deref() else {
        return false;
    };
    let bytes = match Form::of(data) {
        Some(Form::Base64(data)) => {
            let signs = data.bytes().filter(|byte| !byte.is_ascii_whitespace());
            BASE64
                .decode(signs.take(BEGINNING).collect::<Vec<u8>>())
                .ok()
        }
        Some(Form::Escaped(data)) => Some(unescaped(data)),
        None => None,
    };
    bytes.is_some_and(|bytes| match std::str::from_utf8(&bytes) {
        Ok(text) => is_text(text),
        // The beginning may end within a character.
        Err(fault) => {
            let whole = bytes.get(..fault.valid_up_to()).unwrap_or_default();
            let whole = std::str::from_utf8(whole).unwrap_or_default();
            fault.error_len().is_none() && is_text(whole)
        }
    })
}

/// What stands in a file of text.
pub(super) fn contents(file: &FilePart) -> Option<String> {
    let bytes = match Form::of(file.data.as_deref()?)? {
        Form::Base64(data) if data.bytes().any(|byte| byte.is_ascii_whitespace()) => {
            let joined: String = data.split_ascii_whitespace().collect();
            BASE64.decode(joined).ok()?
        }
        Form::Base64(data) => BASE64.decode(data).ok()?,
        Form::Escaped(data) => unescaped(data),
    };
    let text = String::from_utf8(bytes).ok()?;
    is_text(&text).then_some(text)
}

fn is_text(text: &str) -> bool {
    let is_sign = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    text.chars().all(is_sign)
}

/// How contents are written.
enum Form<'a> {
    Base64(&'a str),
    Escaped(&'a str),
}

impl<'a> Form<'a> {
    fn of(data: &'a str) -> Option<Self> {
        let Some(rest) = data.strip_prefix("data:") else {
            return Some(Self::Base64(data));
        };
        let (kind, data) = rest.split_once(',')?;
        Some(if kind.ends_with(";base64") {
            Self::Base64(data)
        } else {
            Self::Escaped(data)
        })
    }
}

/// The bytes of an address, in which `%` and two digits stand for those that cannot.
fn unescaped(data: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut rest = data.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| byte == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = behind
            .get(if escaped.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    bytes
}

/// A file as a part of a message.
pub(super) struct WireFile<'a>(pub(super) &'a FilePart);

impl Serialize for WireFile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", "file")?;
        map.serialize_entry("file", &Inner(self.0))?;
        map.end()
    }
}

struct Inner<'a>(&'a FilePart);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(file) = self;
        let mut map = serializer.serialize_map(None)?;
        match (&file.data, &file.id) {
            (Some(data), _) => {
                let (name, data) = named(file.name.as_deref(), data);
                map.serialize_entry("filename", &name)?;
                map.serialize_entry("file_data", &data)?;
            }
            (None, id) => map.serialize_entry("file_id", id)?,
        }
        map.end()
    }
}

/// Name and contents as servers insist on them: there is a name, and the contents say their type.
fn named<'a>(name: Option<&'a str>, data: &'a str) -> (Cow<'a, str>, Cow<'a, str>) {
    let ending = name.and_then(|name| name.rsplit_once('.'));
    let by_ending = MEDIA_TYPES
        .iter()
        .find(|(own, _)| ending.is_some_and(|(_, ending)| ending.eq_ignore_ascii_case(own)));
    let kind = match data.strip_prefix("data:") {
        Some(rest) => rest.split([';', ',']).next().unwrap_or_default(),
        None => by_ending.map_or("application/octet-stream", |(_, kind)| kind),
    };
    let by_kind = MEDIA_TYPES.iter().find(|(_, own)| *own == kind);
    let name = match (name, by_kind) {
        (Some(name), _) => Cow::Borrowed(name),
        (None, Some((ending, _))) => Cow::Owned(format!("file.{ending}")),
        (None, None) => Cow::Borrowed("file"),
    };
    let data = if data.starts_with("data:") {
        Cow::Borrowed(data)
    } else {
        Cow::Owned(format!("data:{kind};base64,{data}"))
    };
    (name, data)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn file(name: Option<&str>, data: &str) -> FilePart {
        FilePart {
            name: name.map(Arc::from),
            data: Some(Arc::from(data)),
            ..FilePart::default()
        }
    }

    #[test]
    fn a_file_has_a_name_and_a_type_on_the_wire() {
        for (name, data, expected) in [
            (
                Some("a.PDF"),
                "AAAA",
                r#"{"filename":"a.PDF","file_data":"data:application/pdf;base64,AAAA"}"#,
            ),
            (
                None,
                "AAAA",
                r#"{"filename":"file","file_data":"data:application/octet-stream;base64,AAAA"}"#,
            ),
            (
                None,
                "data:application/pdf;base64,AAAA",
                r#"{"filename":"file.pdf","file_data":"data:application/pdf;base64,AAAA"}"#,
            ),
        ] {
            let written = serde_json::to_string(&Inner(&file(name, data))).unwrap();
            assert_eq!(written, expected);
        }
        let known = FilePart {
            id: Some(Arc::from("file-1")),
            ..FilePart::default()
        };
        let written = serde_json::to_string(&WireFile(&known)).unwrap();
        assert_eq!(written, r#"{"type":"file","file":{"file_id":"file-1"}}"#);
    }

    #[test]
    fn text_is_found_in_every_form_of_data_and_nothing_else_is_taken_for_it() {
        for (data, expected) in [
            ("aGVsbG8=", Some("hello")),
            ("aGVsbG8", Some("hello")),
            ("aGVs\nbG8=", Some("hello")),
            ("data:text/plain;base64,aGVsbG8=", Some("hello")),
            (
                "data:text/plain;charset=utf-8;base64,aGVsbG8=",
                Some("hello"),
            ),
            ("data:text/plain,a%20b%zz%C3%BC%2", Some("a b%zzü%2")),
            ("data:,", Some("")),
            ("data:text/plain", None),
            ("JVBERi0xLjcA/w==", None),
            ("AAAA", None),
            ("not base64!", None),
        ] {
            let file = file(None, data);
            assert_eq!(contents(&file).as_deref(), expected, "{data}");
            assert_eq!(seems_text(&file), expected.is_some(), "{data}");
        }
        let long = BASE64.encode(format!("a{}", "ü".repeat(5_000)));
        assert!(seems_text(&file(None, &long)));
        let longer = BASE64.encode([&[b'a'; 5_000][..], &[0]].concat());
        assert!(seems_text(&file(None, &longer)));
        assert_eq!(contents(&file(None, &longer)), None);
        assert!(!seems_text(&FilePart::default()));
        assert_eq!(contents(&FilePart::default()), None);
    }
}
