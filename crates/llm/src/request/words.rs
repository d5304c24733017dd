//! What a message says, as one text or as parts.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use response_domain::item::Part;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::file::{self, WireFile};
use super::message::wire_name;
use super::plan::{Plan, Side, Speech, UserTurn};
use crate::concession::Concession;

/// Stands before what is left of the past.
const SUMMARY: &str = "What was said so far, in short; the conversation goes on from here:";

/// What a message says: one text when it is nothing but text, otherwise parts. Texts of one message
/// stand on lines of their own, and messages that were joined are a blank line apart.
pub(super) struct Words<'a> {
    plan: &'a Plan<'a>,
    prompt: Option<&'a str>,
    instructions: Range<usize>,
    returned: Range<usize>,
    said: Option<(Side, Range<usize>)>,
}

impl<'a> Words<'a> {
    pub(super) fn instructions(plan: &'a Plan<'a>, before: usize) -> Self {
        Self {
            prompt: plan.prompt,
            instructions: 0..before,
            ..Self::nothing(plan)
        }
    }

    pub(super) fn said(plan: &'a Plan<'a>, side: Side, range: &Range<usize>) -> Self {
        Self {
            said: Some((side, range.clone())),
            ..Self::nothing(plan)
        }
    }

    pub(super) fn of_user(plan: &'a Plan<'a>, turn: &UserTurn) -> Self {
        let words = if turn.under {
            Self::instructions(plan, plan.items.len())
        } else {
            Self::nothing(plan)
        };
        Self {
            returned: turn.returned.clone(),
            said: Some((Side::User, turn.said.clone())),
            ..words
        }
    }

    fn nothing(plan: &'a Plan<'a>) -> Self {
        Self {
            plan,
            prompt: None,
            instructions: 0..0,
            returned: 0..0,
            said: None,
        }
    }

    fn speeches(&self) -> impl Iterator<Item = Speech<'a>> {
        let instructions = self.plan.said(Side::Instructions, &self.instructions);
        let (side, range) = self.said.clone().unwrap_or((Side::User, 0..0));
        instructions
            .chain(self.plan.returned(&self.returned))
            .chain(self.plan.said(side, &range))
    }

    fn pieces(&self, speech: Speech<'a>) -> impl Iterator<Item = Piece<'a>> {
        let plan = self.plan;
        let (lead, parts, rest) = match speech {
            Speech::Message(parts) => (None, parts, None),
            Speech::Summary(text) => (Some(Cow::Borrowed(SUMMARY)), &[][..], Some(text)),
            Speech::Returned(number, call, parts) => {
                let name = wire_name(&call.name, plan.tools);
                let lead = format!("The call call{number:05} of the tool `{name}` returned:");
                (Some(Cow::Owned(lead)), parts, None)
            }
        };
        // The text of an output stands where its call is answered.
        let is_told = matches!(speech, Speech::Returned(..));
        let parts = parts
            .iter()
            .filter(move |part| !(is_told && matches!(part, Part::Text(_))))
            .map(|part| self.piece(part));
        lead.map(Piece::Text)
            .into_iter()
            .chain(parts)
            .chain(rest.map(|text| Piece::Text(Cow::Borrowed(text))))
            .filter(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()))
    }

    fn piece(&self, part: &'a Part) -> Piece<'a> {
        match part {
            Part::Text(text) | Part::Refusal(text) => Piece::Text(Cow::Borrowed(text)),
            Part::File(part) if !file::is_sent_whole(part) => {
                Piece::Text(file::address(part).into())
            }
            Part::File(part) if self.plan.conceded.has(Concession::FilesAsText) => {
                match file::told(part) {
                    Some(text) => Piece::Text(text.into()),
                    None => Piece::Part(WirePart::File(WireFile(part))),
                }
            }
            Part::File(part) => Piece::Part(WirePart::File(WireFile(part))),
            Part::Image { url, detail } => {
                let detail = detail.as_deref();
                let image_url = Image { url, detail };
                Piece::Part(WirePart::Image(Tagged::Image { image_url }))
            }
            Part::Other(json) => Piece::Part(WirePart::Other(json.raw())),
        }
    }

    fn is_text(&self) -> bool {
        let mut pieces = self.speeches().flat_map(|speech| self.pieces(speech));
        pieces.all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// Whether nothing but blanks is in it.
    pub(super) fn is_empty(&self) -> bool {
        let mut pieces = self.speeches().flat_map(|speech| self.pieces(speech));
        self.prompt.is_none()
            && pieces.all(|piece| matches!(piece, Piece::Text(text) if text.trim().is_empty()))
    }
}

/// A piece of what is said; texts are not empty.
enum Piece<'a> {
    Text(Cow<'a, str>),
    Part(WirePart<'a>),
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if let Some(prompt) = self.prompt {
            f.write_str(prompt)?;
            gap = "\n\n";
        }
        for speech in self.speeches() {
            for piece in self.pieces(speech) {
                let Piece::Text(text) = piece else { continue };
                f.write_str(gap)?;
                f.write_str(&text)?;
                gap = "\n";
            }
            if !gap.is_empty() {
                gap = "\n\n";
            }
        }
        Ok(())
    }
}

impl Serialize for Words<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_text() {
            return serializer.collect_str(self);
        }
        let mut seq = serializer.serialize_seq(None)?;
        if let Some(text) = self.prompt {
            seq.serialize_element(&Tagged::Text { text })?;
        }
        for piece in self.speeches().flat_map(|speech| self.pieces(speech)) {
            match piece {
                Piece::Text(text) => seq.serialize_element(&Tagged::Text { text: &text })?,
                Piece::Part(part) => seq.serialize_element(&part)?,
            }
        }
        seq.end()
    }
}

/// A part that is no text.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum WirePart<'a> {
    Image(Tagged<'a>),
    File(WireFile<'a>),
    Other(&'a RawValue),
}

#[derive(serde::Serialize)]
#[serde(tag = "type")]
enum Tagged<'a> {
    #[serde(rename = "text")]
    Text { text: &'a str },
    #[serde(rename = "image_url")]
    Image { image_url: Image<'a> },
}

#[derive(serde::Serialize)]
struct Image<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}
