//! What a message says, as one text or as parts.

use std::fmt;
use std::ops::Range;

use response_domain::item::Part;
use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::plan::{Plan, Side};

/// What a message says: one text when it is nothing but text, otherwise parts. Texts of one message
/// stand on lines of their own, and messages that were joined are a blank line apart.
pub(super) struct Words<'a> {
    plan: &'a Plan<'a>,
    prompt: Option<&'a str>,
    instructions: Range<usize>,
    said: Option<(Side, Range<usize>)>,
}

impl<'a> Words<'a> {
    pub(super) fn instructions(plan: &'a Plan<'a>, before: usize) -> Self {
        Self {
            plan,
            prompt: plan.prompt,
            instructions: 0..before,
            said: None,
        }
    }

    pub(super) fn said(plan: &'a Plan<'a>, side: Side, range: &Range<usize>) -> Self {
        Self {
            plan,
            prompt: None,
            instructions: 0..0,
            said: Some((side, range.clone())),
        }
    }

    /// The same words, and behind them what a user says in the range.
    pub(super) fn and_user(mut self, range: &Range<usize>) -> Self {
        self.said = Some((Side::User, range.clone()));
        self
    }

    fn messages(&self) -> impl Iterator<Item = &'a [Part]> + use<'a> {
        let instructions = self.plan.said(Side::Instructions, &self.instructions);
        let (side, range) = self.said.clone().unwrap_or((Side::User, 0..0));
        instructions.chain(self.plan.said(side, &range))
    }

    fn is_text(&self) -> bool {
        let mut parts = self.messages().flatten();
        parts.all(|part| matches!(part, Part::Text(_)))
    }

    /// Whether nothing but blanks is in it.
    pub(super) fn is_empty(&self) -> bool {
        let is_blank = |part: &Part| matches!(part, Part::Text(text) if text.trim().is_empty());
        self.prompt.is_none() && self.messages().flatten().all(is_blank)
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if let Some(prompt) = self.prompt {
            f.write_str(prompt)?;
            gap = "\n\n";
        }
        for message in self.messages() {
            for part in message {
                let Part::Text(text) = part else { continue };
                if !text.is_empty() {
                    f.write_str(gap)?;
                    f.write_str(text)?;
                    gap = "\n";
                }
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
            seq.serialize_element(&WirePart::Text { text })?;
        }
        for part in self.messages().flatten() {
            match part {
                Part::Text(text) if text.is_empty() => {}
                Part::Text(text) | Part::Refusal(text) => {
                    seq.serialize_element(&WirePart::Text { text })?;
                }
                Part::File(_) => {}
                Part::Image { url, detail } => seq.serialize_element(&WirePart::Image {
                    image_url: Image {
                        url,
                        detail: detail.as_deref(),
                    },
                })?,
                Part::Other(json) => seq.serialize_element(json.raw())?,
            }
        }
        seq.end()
    }
}

#[derive(serde::Serialize)]
#[serde(tag = "type")]
enum WirePart<'a> {
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
