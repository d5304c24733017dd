//! Chunks into deltas: what a chunk says is parted among text, reasoning and calls, and the end is put
//! together when it is certain.

use std::sync::Arc;

use response_domain::ports::llm::{Delta, LlmError, LlmErrorKind};
use response_domain::response::Finish;
use response_domain::usage::Usage;

use super::calls::{Calls, Piece, Place};
use super::finish::Reason;
use super::texts::Texts;
use super::{Asked, Opening, Progress};
use crate::correction::{Correction, Out};
use crate::error::{self, Trouble};
use crate::refusal::{CONTEXT_LENGTH, speaks_of_context};
use crate::wire::{Call, Chunk, Content, Extent, Function, Message};

/// The answer so far.
#[derive(Debug)]
pub(super) struct Decoder {
    asked: Asked,
    texts: Texts,
    calls: Calls,
    usage: Option<Usage>,
    reason: Option<Box<str>>,
    progress: Progress,
    /// Whether anything was said.
    begun: bool,
    /// Whether a call came without the arguments it must have.
    lost_arguments: bool,
    /// Whether any answer came, though it be empty.
    answered: bool,
}

impl Decoder {
    pub(super) fn new(asked: Asked) -> Self {
        Self {
            texts: Texts::new(Arc::clone(&asked.tools), &asked.choice, asked.opening),
            asked,
            lost_arguments: false,
            calls: Calls::default(),
            usage: None,
            reason: None,
            progress: Progress::Open,
            begun: false,
            answered: false,
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    pub(super) fn opening(&self) -> Option<Opening> {
        self.texts.opening()
    }

    pub(super) fn lost_arguments(&self) -> bool {
        self.lost_arguments
    }

    /// Takes one chunk of a stream.
    pub(super) fn chunk(&mut self, data: &[u8], out: &mut Out<'_>) -> Result<(), LlmError> {
        let chunk: Chunk<'_> = match serde_json::from_slice(data) {
            Ok(chunk) => chunk,
            Err(_) if self.progress == Progress::Stopping => {
                out.correct(Correction::UnreadableAfterEnd);
                return Ok(());
            }
            Err(cause) => return Err(error::unreadable(data, &cause)),
        };
        if chunk.is_error() {
            return Err(Self::told(data));
        }
        self.take(chunk, Place::First, out)
    }

    /// Takes an answer that came in one piece.
    pub(super) fn whole(&mut self, document: &[u8], out: &mut Out<'_>) -> Result<(), LlmError> {
        let chunk: Chunk<'_> = serde_json::from_slice(document)
            .map_err(|cause| error::unreadable(document, &cause))?;
        if chunk.is_error() {
            return Err(Self::told(document));
        }
        self.take(chunk, Place::Whole, out)?;
        if !self.answered {
            return Err(error::plain(
                LlmErrorKind::Unreadable,
                "the model server sent an answer without a message",
            ));
        }
        self.complete(out)
    }

    /// The answer says that it is whole.
    pub(super) fn complete(&mut self, out: &mut Out<'_>) -> Result<(), LlmError> {
        if self.progress == Progress::Complete {
            return Ok(());
        }
        self.progress = Progress::Complete;
        self.texts.end(&mut self.calls, out);
        let lacks_arguments = self.calls.end(&self.asked, out);
        let finish = self.finish(out)?;
        // Of a call that was cut short it is no wonder.
        self.lost_arguments = lacks_arguments && finish != Finish::Length;
        if finish == Finish::Length && self.is_cut_by_context() {
            out.correct(Correction::LengthByContext);
        }
        if let Some(usage) = self.usage {
            out.push(Delta::Usage(usage));
        }
        out.push(Delta::Finish(finish));
        Ok(())
    }

    /// The fault that `data` tells of.
    pub(super) fn told(data: &[u8]) -> LlmError {
        let excerpt = error::excerpt(&String::from_utf8_lossy(data));
        let (kind, message) = if speaks_of_context(&excerpt.to_ascii_lowercase()) {
            (LlmErrorKind::ContextLength, CONTEXT_LENGTH)
        } else {
            (
                LlmErrorKind::Broken,
                "the model server told of an error instead of answering",
            )
        };
        error::caused(kind, message, Trouble::Told { excerpt })
    }

    fn take(&mut self, chunk: Chunk<'_>, place: Place, out: &mut Out<'_>) -> Result<(), LlmError> {
        if let Some(usage) = chunk.usage() {
            self.usage = Some(usage);
        }
        let Some(mut choice) = chunk.choice.0 else {
            return Ok(());
        };
        if let Some((message, extent)) = choice.take() {
            match extent {
                Extent::Piece => self.message(&message, place, out)?,
                // A stream may end with all of it once more.
                Extent::Whole if self.begun => {}
                Extent::Whole => self.whole_message(&message, out)?,
            }
            self.begun |= message.says_anything();
            self.answered = true;
        }
        if !choice.finish_reason.is_empty() {
            self.reason = Some(choice.finish_reason.as_str().into());
            self.progress = Progress::Stopping;
            // Where no token was left to say anything with, some servers send no message.
            self.answered = true;
        }
        Ok(())
    }

    fn whole_message(&mut self, message: &Message<'_>, out: &mut Out<'_>) -> Result<(), LlmError> {
        let closes = match &message.content {
            Content::Text(text) => text.contains("</think>") || text.contains("</mm:think>"),
            Content::Nothing | Content::Parts(_) => false,
        };
        if closes {
            self.texts.expect(Opening::Unmarked);
        }
        self.message(message, Place::Whole, out)
    }

    fn message(
        &mut self,
        message: &Message<'_>,
        place: Place,
        out: &mut Out<'_>,
    ) -> Result<(), LlmError> {
        self.reasoning(message.reasoning(), out);
        self.content(&message.content, out);
        self.text(message.refusal.as_str(), out);
        let calls = message.tool_calls.as_deref().unwrap_or_default();
        for (number, call) in calls.iter().enumerate() {
            let place = match place {
                Place::First if number > 0 => Place::Further,
                place => place,
            };
            self.call(call, place, out)?;
        }
        match &message.function_call {
            Some(function) if calls.is_empty() => {
                let piece = Piece {
                    index: None,
                    id: "",
                    name: function.name.as_str(),
                    arguments: function.arguments,
                    place,
                };
                self.piece(&piece, out)
            }
            _ => Ok(()),
        }
    }

    fn content(&mut self, content: &Content<'_>, out: &mut Out<'_>) {
        match content {
            Content::Nothing => {}
            Content::Text(text) => self.text(text, out),
            Content::Parts(parts) => {
                for part in parts {
                    self.thinking(&part.thinking, out);
                    self.text(part.text.as_str(), out);
                }
            }
        }
    }

    fn thinking(&mut self, thinking: &Content<'_>, out: &mut Out<'_>) {
        match thinking {
            Content::Nothing => {}
            Content::Text(text) => self.reasoning(text, out),
            Content::Parts(parts) => {
                for part in parts {
                    self.reasoning(part.text.as_str(), out);
                }
            }
        }
    }

    fn text(&mut self, text: &str, out: &mut Out<'_>) {
        if !text.is_empty() {
            self.texts.push(text, out);
        }
    }

    fn reasoning(&mut self, text: &str, out: &mut Out<'_>) {
        if !text.is_empty() {
            self.texts.reasoned();
            out.push(Delta::Reasoning(text.into()));
        }
    }

    fn call(&mut self, call: &Call<'_>, place: Place, out: &mut Out<'_>) -> Result<(), LlmError> {
        let nothing = Function::default();
        let function = call.function.as_ref().unwrap_or(&nothing);
        self.piece(
            &Piece {
                index: call.index.0,
                id: call.id.as_str(),
                name: function.name.as_str(),
                arguments: function.arguments,
                place,
            },
            out,
        )
    }

    fn piece(&mut self, piece: &Piece<'_>, out: &mut Out<'_>) -> Result<(), LlmError> {
        if self.calls.is_empty() {
            self.texts.called(out);
        }
        self.calls.push(piece, out)
    }

    /// Why it stopped, as the calls and the given reason say together.
    fn finish(&mut self, out: &mut Out<'_>) -> Result<Finish, LlmError> {
        let usual = if self.calls.is_empty() {
            Finish::Stop
        } else {
            Finish::ToolCalls
        };
        let Some(given) = self.reason.take() else {
            out.correct(Correction::FinishReasonAbsent);
            return Ok(usual);
        };
        let (finish, correction) = match Reason::of(&given) {
            Reason::Fault => return Err(Self::told(given.as_bytes())),
            Reason::Unknown => (usual, Some(Correction::FinishReasonUnknown)),
            // What was cut may be a call that is not whole.
            Reason::Known(cut @ (Finish::Length | Finish::ContentFilter)) => (cut, None),
            Reason::Known(Finish::Stop) if usual == Finish::Stop => (usual, None),
            Reason::Known(Finish::ToolCalls)
                if usual == Finish::ToolCalls && given.eq_ignore_ascii_case(usual.as_str()) =>
            {
                (usual, None)
            }
            Reason::Known(_) => (usual, Some(Correction::FinishReasonCorrected)),
        };
        if let Some(correction) = correction {
            let given: String = given.chars().filter(|c| !c.is_control()).take(40).collect();
            out.correct_with(correction, Some(given.into()));
        }
        Ok(finish)
    }

    /// Whether it was not the asked limit that cut the answer: fewer tokens came than were allowed, or
    /// those read and written fill the context.
    fn is_cut_by_context(&self) -> bool {
        let Some(usage) = self.usage else {
            return false;
        };
        let allowed = self.asked.max_tokens.map(u64::from);
        let below_limit = allowed.is_some_and(|most| (1..most).contains(&usage.completion));
        let context = self.asked.context_length.map(u64::from);
        let at_limit = allowed.is_some_and(|most| usage.completion >= most);
        below_limit || (!at_limit && context.is_some_and(|context| usage.total() >= context))
    }
}
