//! The arguments of one call as they grow: how much of them is certain enough to be told, and what
//! may be mended without guessing.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// Follows JSON text to the end of its first value, however it is cut. It counts brackets outside
/// strings and judges nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depth {
    open: u32,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Takes more text; answers where, in this text, the bracket stands that closed the first one.
    /// The place is behind it.
    pub(super) fn feed(&mut self, text: &str) -> Option<usize> {
        for (place, byte) in text.bytes().enumerate() {
            if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                match byte {
                    b'"' => self.in_string = false,
                    b'\\' => self.escaped = true,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.open = self.open.saturating_add(1),
                    b'}' | b']' => {
                        self.open = self.open.saturating_sub(1);
                        if self.open == 0 {
                            return Some(place + 1);
                        }
                    }
                    _ => {}
                }
            }
        }
        None
    }

    pub(super) const fn in_string(self) -> bool {
        self.in_string
    }
}

/// The arguments of one call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    text: String,
    /// What of the text is certain.
    ready: usize,
    stage: Stage,
    mended: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Stage {
    /// Nothing but blanks so far.
    #[default]
    Blank,
    /// Inside the object.
    Object(Depth),
    /// The object is closed.
    Closed,
    /// It does not begin like an object; what it is shows at the end.
    Other,
    /// Something followed the object, which is whole: it is left out.
    CutOff,
    /// It cannot be mended and is passed on as it comes.
    AsIs,
}

/// What became of the arguments of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    AsSent,
    /// There were none.
    WereEmpty,
    Mended,
}

impl Arguments {
    /// Takes more of them.
    pub(super) fn push(&mut self, piece: &str) {
        match self.stage {
            Stage::Blank => {
                let begun = piece.trim_start();
                if begun.starts_with('{') {
                    self.object(Depth::default(), begun);
                } else if !begun.is_empty() {
                    self.text.push_str(begun);
                    self.stage = Stage::Other;
                }
            }
            Stage::Object(depth) => self.object(depth, piece),
            Stage::Closed => self.behind(piece),
            Stage::Other => self.text.push_str(piece),
            Stage::CutOff => {}
            Stage::AsIs => {
                self.text.push_str(piece);
                self.ready = self.text.len();
            }
        }
    }

    /// What is certain beyond the first `told` bytes.
    pub(super) fn ready(&self, told: usize) -> &str {
        self.text.get(told..self.ready).unwrap_or_default()
    }

    /// Whether a whole object is there.
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Closed | Stage::CutOff)
    }

    /// Whether nothing of them has come.
    pub(super) const fn is_blank(&self) -> bool {
        matches!(self.stage, Stage::Blank)
    }

    /// Nothing will take the place of an object that is whole. Says whether that made more certain.
    pub(super) fn settle(&mut self) -> bool {
        let held = self.is_complete() && self.ready < self.text.len();
        if held {
            self.ready = self.text.len();
        }
        held
    }

    /// Takes the end of them; all of the text is certain then.
    pub(super) fn end(&mut self) -> Ending {
        let mut ending = if self.mended {
            Ending::Mended
        } else {
            Ending::AsSent
        };
        match self.stage {
            Stage::Blank => {
                "{}".clone_into(&mut self.text);
                ending = Ending::WereEmpty;
            }
            Stage::Other => {
                if let Some(inner) = unpack(&self.text) {
                    self.text = inner;
                    ending = Ending::Mended;
                }
            }
            Stage::Object(_) | Stage::Closed | Stage::CutOff | Stage::AsIs => {}
        }
        self.ready = self.text.len();
        ending
    }

    fn object(&mut self, mut depth: Depth, piece: &str) {
        let Some(end) = depth.feed(piece) else {
            self.text.push_str(piece);
            self.ready = self.text.len();
            self.stage = Stage::Object(depth);
            return;
        };
        let (object, rest) = piece.split_at_checked(end).unwrap_or((piece, ""));
        self.text.push_str(object);
        self.stage = Stage::Closed;
        // An empty object that comes at once may be a placeholder for what follows.
        if self.ready > 0 || !is_empty_object(&self.text) {
            self.ready = self.text.len();
        }
        self.behind(rest);
    }

    /// Takes what stands behind the object.
    fn behind(&mut self, rest: &str) {
        let begun = rest.trim_start();
        if begun.is_empty() {
            return;
        }
        if self.ready == 0 && begun.starts_with('{') {
            self.text.clear();
            self.mended = true;
            return self.object(Depth::default(), begun);
        }
        if serde_json::from_str::<IgnoredAny>(&self.text).is_ok() {
            // Marks of the model's own format, or a second object: the first one stands.
            self.stage = Stage::CutOff;
            self.mended = true;
        } else {
            self.text.push_str(rest);
            self.stage = Stage::AsIs;
        }
        self.ready = self.text.len();
    }
}

fn is_empty_object(text: &str) -> bool {
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    inner.is_some_and(|inner| inner.trim().is_empty())
}

/// An object that was packed into a text once more, or `null` for no arguments.
fn unpack(text: &str) -> Option<String> {
    let text = text.trim();
    if text == "null" {
        return Some("{}".to_owned());
    }
    let inner: Cow<'_, str> = serde_json::from_str::<String>(text).ok()?.into();
    let inner = inner.trim();
    let is_object = inner.starts_with('{') && serde_json::from_str::<IgnoredAny>(inner).is_ok();
    is_object.then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments that come of these pieces, and what became of them.
    fn arguments(pieces: &[&str]) -> (String, Ending) {
        let mut arguments = Arguments::default();
        let mut told = String::new();
        for piece in pieces {
            arguments.push(piece);
            told.push_str(arguments.ready(told.len()));
        }
        let ending = arguments.end();
        told.push_str(arguments.ready(told.len()));
        (told, ending)
    }

    #[test]
    fn what_is_certain_to_be_meant_is_mended_and_the_rest_is_left() {
        use Ending::{AsSent, Mended, WereEmpty};
        let cases: &[(&[&str], &str, Ending)] = &[
            (&[r#"{"a":1}"#], r#"{"a":1}"#, AsSent),
            (
                &["{", r#""a":"}{"#, r#"\"]"#, r#""}"#],
                r#"{"a":"}{\"]"}"#,
                AsSent,
            ),
            (&[], "{}", WereEmpty),
            (&["", " \n"], "{}", WereEmpty),
            (&["{}"], "{}", AsSent),
            (&["{}", r#"{"a":1}"#], r#"{"a":1}"#, Mended),
            (&["{}", r#"{"a""#, ":1}"], r#"{"a":1}"#, Mended),
            (&[r#"{"a":1}{"b":2}"#], r#"{"a":1}"#, Mended),
            (&[r#"{"a":1}"#, r#"{"a":1}"#], r#"{"a":1}"#, Mended),
            (&[r#"{"a":1}<|call|>"#], r#"{"a":1}"#, Mended),
            (&[r#"{"a":1}"#, " \n", "}"], r#"{"a":1}"#, Mended),
            (&[r#""{\"a\":1}""#], r#"{"a":1}"#, Mended),
            (&["nu", "ll"], "{}", Mended),
            (&[r#"{"value": "#], r#"{"value": "#, AsSent),
            (&["{'a': 1}"], "{'a': 1}", AsSent),
            (&["{'a': 1}", " or so"], "{'a': 1} or so", AsSent),
            (&["weather in Oslo"], "weather in Oslo", AsSent),
            (&["[1]"], "[1]", AsSent),
        ];
        for (pieces, expected, ending) in cases {
            let (text, became) = arguments(pieces);
            assert_eq!((text.as_str(), became), (*expected, *ending), "{pieces:?}");
        }
    }

    #[test]
    fn each_piece_of_an_object_is_told_as_it_comes() {
        let mut arguments = Arguments::default();
        let mut told = 0;
        for piece in ["{\"q\":", "\"a ", "b\"", "}"] {
            arguments.push(piece);
            assert_eq!(arguments.ready(told), piece);
            told += piece.len();
        }
        assert!(arguments.is_complete());
    }
}
