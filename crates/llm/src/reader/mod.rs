//! Bytes of an answer into deltas, whatever the chunking: the same bytes give the same deltas however
//! they were cut. Memory is bounded by the length of the answer, which the caller limits.

mod arguments;
mod calls;
mod decoder;
mod finish;
mod leak;
mod tags;
mod texts;

use std::sync::Arc;

use response_domain::ports::llm::{Delta, LlmError, ModelTurn};
use response_domain::spec::ToolChoice;
use response_domain::tool::ToolSpec;
use response_egress::{Bytes, Frame, SseReader};

use self::decoder::Decoder;
use crate::correction::{Correction, Corrections};
use crate::error;

/// What was asked, as far as it helps to read the answer.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The tools that may be called.
    pub tools: Arc<[Arc<ToolSpec>]>,
    /// Whether a tool has to be called, and which.
    pub choice: ToolChoice,
    /// The most tokens that were asked for.
    pub max_tokens: Option<u32>,
    /// The tokens that the model takes, if that is known.
    pub context_length: Option<u32>,
    /// How reasoning begins when it stands in the text.
    pub opening: Opening,
}

impl Asked {
    /// What `turn` asks.
    pub fn of(turn: &ModelTurn) -> Self {
        Self {
            tools: match turn.choice {
                ToolChoice::None => Arc::from([]),
                _ => Arc::clone(&turn.tools),
            },
            choice: turn.choice.clone(),
            max_tokens: turn.spec.controls.max_tokens,
            context_length: None,
            opening: Opening::Marked,
        }
    }
}

/// How a model begins to reason in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Opening {
    /// With a mark, if it reasons there at all.
    #[default]
    Marked,
    /// Without one: its template wrote the mark, and only the closing one is in the answer. Text is
    /// then held back until that comes, or until the end if it does not.
    Unmarked,
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Open,
    /// It has told why it stops; what may still come are token counts and the end.
    Stopping,
    /// It is complete. What follows is of no interest.
    Complete,
}

/// Reads one answer: push what came, then say that nothing more comes.
#[derive(Debug)]
pub struct AnswerReader {
    frames: SseReader,
    decoder: Decoder,
    corrections: Corrections,
}

impl AnswerReader {
    /// A reader for the answer to what was asked. A single event of more than `max_event_bytes` is an
    /// error.
    pub fn new(asked: Asked, max_event_bytes: usize) -> Self {
        Self {
            frames: SseReader::new(max_event_bytes),
            decoder: Decoder::new(asked),
            corrections: Corrections::default(),
        }
    }

    /// Takes the next bytes of a stream of events and adds the deltas that they make. After an error
    /// the reader has no further use.
    pub fn push(&mut self, chunk: Bytes, out: &mut Vec<Delta>) -> Result<Progress, LlmError> {
        self.frames.push(chunk);
        while let Some(frame) = self
            .frames
            .next_frame()
            .map_err(|error| error::too_long(error.limit))?
        {
            if self.frame(&frame, out)? == Progress::Complete {
                return Ok(Progress::Complete);
            }
        }
        Ok(self.decoder.progress())
    }

    /// Takes the end of a stream of events. An answer that neither said `[DONE]` nor why it stops is
    /// [`Broken`](response_domain::ports::llm::LlmErrorKind::Broken).
    pub fn end(&mut self, out: &mut Vec<Delta>) -> Result<(), LlmError> {
        while self.decoder.progress() != Progress::Complete {
            let rest = self.frames.finish();
            let Some(frame) = rest.map_err(|error| error::too_long(error.limit))? else {
                break;
            };
            // A frame that the end cut in two is not one that the server wrote wrongly.
            match self.frame(&frame, out) {
                Err(fault) if fault.kind == UNREADABLE => return Err(error::cut_off()),
                other => other?,
            };
        }
        match self.decoder.progress() {
            Progress::Complete => Ok(()),
            Progress::Stopping => self.decoder.complete(&mut self.corrections.out(out)),
            Progress::Open => Err(error::cut_off()),
        }
    }

    /// Takes an answer that came in one piece, as one JSON document.
    pub fn whole(&mut self, document: &[u8], out: &mut Vec<Delta>) -> Result<(), LlmError> {
        self.decoder.whole(document, &mut self.corrections.out(out))
    }

    /// How the reasoning in the text began, when this answer showed it.
    pub fn opening(&self) -> Option<Opening> {
        self.decoder.opening()
    }

    /// Whether a call came without any arguments although its tool requires some.
    pub fn lost_arguments(&self) -> bool {
        self.decoder.lost_arguments()
    }

    /// Tells of something that was put right outside the reader.
    pub(crate) fn correct(
        &mut self,
        correction: Correction,
        detail: Option<Arc<str>>,
        out: &mut Vec<Delta>,
    ) {
        self.corrections.out(out).correct_with(correction, detail);
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Delta>) -> Result<Progress, LlmError> {
        let data = frame.data.trim_ascii();
        if data == b"[DONE]" {
            self.decoder.complete(&mut self.corrections.out(out))?;
        } else if frame.event.as_deref() == Some(b"error") {
            return Err(Decoder::told(data));
        } else if !data.is_empty() {
            let mut out = self.corrections.out(out);
            self.decoder.chunk(data, &mut out)?;
        }
        Ok(self.decoder.progress())
    }
}

const UNREADABLE: response_domain::ports::llm::LlmErrorKind =
    response_domain::ports::llm::LlmErrorKind::Unreadable;
