//! One chunk of a streamed answer, or a whole one: they differ in the name of one field.

use std::borrow::Cow;
use std::fmt;

use response_domain::usage::Usage;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{Number, Text, pass_map};

/// A chunk, or a whole answer.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Chunk<'a> {
    /// The first choice; more than one is never asked for.
    #[serde(borrow, default, rename = "choices")]
    pub(crate) choice: FirstChoice<'a>,
    #[serde(default)]
    usage: Option<Counts>,
    /// A fault that is told with status 200.
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object: Text<'a>,
}

impl Chunk<'_> {
    /// The tokens, if it tells any.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let usage = self.usage.as_ref()?.usage();
        (usage != Usage::default()).then_some(usage)
    }

    /// Whether the whole of it is an error, as some servers write one.
    pub(crate) fn is_error(&self) -> bool {
        let told = |raw: &RawValue| !matches!(raw.get(), r#""""# | "false" | "0" | "{}" | "[]");
        self.error.is_some_and(told) || self.object.as_str() == "error"
    }
}

/// The choice of number 0, if there is one.
#[derive(Debug, Default)]
pub(crate) struct FirstChoice<'a>(pub(crate) Option<Choice<'a>>);

/// An answer, or a piece of it.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(default)]
    index: Number,
    #[serde(borrow, default)]
    delta: Option<Message<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    pub(crate) finish_reason: Text<'a>,
}

impl<'a> Choice<'a> {
    /// What it says, and whether that is all of it.
    pub(crate) fn take(&mut self) -> Option<(Message<'a>, Extent)> {
        let piece = self.delta.take().map(|message| (message, Extent::Piece));
        piece.or_else(|| self.message.take().map(|message| (message, Extent::Whole)))
    }
}

/// How much of an answer a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Piece,
    Whole,
}

/// What the model says.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow, default)]
    pub(crate) content: Content<'a>,
    #[serde(borrow, default)]
    reasoning_content: Text<'a>,
    #[serde(borrow, default)]
    reasoning: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) refusal: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) tool_calls: Option<Vec<Call<'a>>>,
    /// The form of a call before there were several.
    #[serde(borrow, default)]
    pub(crate) function_call: Option<Function<'a>>,
}

impl Message<'_> {
    /// Whether there is anything in it.
    pub(crate) fn says_anything(&self) -> bool {
        let content = match &self.content {
            Content::Nothing => false,
            Content::Text(text) => !text.is_empty(),
            Content::Parts(parts) => !parts.is_empty(),
        };
        let calls = self
            .tool_calls
            .as_ref()
            .is_some_and(|calls| !calls.is_empty());
        let other = self.function_call.is_some() || !self.refusal.is_empty();
        content || calls || other || !self.reasoning().is_empty()
    }

    /// The reasoning, under either of its names. Some servers send it under both.
    pub(crate) fn reasoning(&self) -> &str {
        if self.reasoning_content.is_empty() {
            self.reasoning.as_str()
        } else {
            self.reasoning_content.as_str()
        }
    }
}

/// A call, or a piece of one.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Call<'a> {
    #[serde(default)]
    pub(crate) index: Number,
    #[serde(borrow, default)]
    pub(crate) id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) function: Option<Function<'a>>,
}

/// What is called.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Function<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    /// Text by the format; some servers send the object itself.
    #[serde(borrow, default)]
    pub(crate) arguments: Option<&'a RawValue>,
}

/// What a message says: a text, or parts.
#[derive(Debug, Default)]
pub(crate) enum Content<'a> {
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

/// A part of what a message says.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Text<'a>,
    /// Thinking, as text or as parts of its own.
    #[serde(borrow, default)]
    pub(crate) thinking: Content<'a>,
}

#[derive(Debug, Default, serde::Deserialize)]
struct Counts {
    #[serde(default)]
    prompt_tokens: Number,
    #[serde(default)]
    completion_tokens: Number,
    #[serde(default)]
    prompt_tokens_details: Option<Details>,
    #[serde(default)]
    completion_tokens_details: Option<Details>,
    #[serde(default)]
    prompt_cache_hit_tokens: Number,
    #[serde(default)]
    reasoning_tokens: Number,
}

#[derive(Debug, Default, serde::Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Number,
    #[serde(default)]
    reasoning_tokens: Number,
}

impl Counts {
    fn usage(&self) -> Usage {
        let cached = self.prompt_tokens_details.as_ref();
        let cached = cached.map_or(0, |details| details.cached_tokens.count());
        let thought = self.completion_tokens_details.as_ref();
        let thought = thought.map_or(0, |details| details.reasoning_tokens.count());
        Usage {
            prompt: self.prompt_tokens.count(),
            cached: cached.max(self.prompt_cache_hit_tokens.count()),
            completion: self.completion_tokens.count(),
            reasoning: thought.max(self.reasoning_tokens.count()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FirstChoice<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoicesVisitor)
    }
}

struct ChoicesVisitor;

impl<'de> Visitor<'de> for ChoicesVisitor {
    type Value = FirstChoice<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of choices")
    }

    fn visit_unit<E>(self) -> Result<FirstChoice<'de>, E> {
        Ok(FirstChoice(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<FirstChoice<'de>, A::Error> {
        let mut first = None;
        while let Some(choice) = seq.next_element::<Choice<'de>>()? {
            if first.is_none() && choice.index.0.unwrap_or(0) == 0 {
                first = Some(choice);
            }
        }
        Ok(FirstChoice(first))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an array of parts")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
        Ok(Content::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
        Ok(Content::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Content<'de>, E> {
        Ok(Content::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content<'de>, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element()? {
            parts.push(part);
        }
        Ok(Content::Parts(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content<'de>, A::Error> {
        pass_map(map)?;
        Ok(Content::Nothing)
    }
}
