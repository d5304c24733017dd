//! An answer on its way: bytes in, groups of deltas out, with the clocks that say when to give up and the
//! rules for its end. Dropping it closes the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};
use response_domain::ports::llm::{Delta, LlmError, LlmErrorKind, TurnMode};
use response_egress::{Bytes, Chunks, EgressError, Inbound};

use crate::correction::Correction;
use crate::error;
use crate::manners::Manners;
use crate::options::ChatOptions;
use crate::reader::{AnswerReader, Asked, Progress};

mod clock;
mod form;

use clock::Clock;
pub(crate) use clock::Deadlines;
use form::Form;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Chunks,
    form: Form,
    reader: AnswerReader,
    mode: TurnMode,
    /// What is to be given with the next group, or, for an answer that is wanted whole, at the end.
    deltas: Vec<Delta>,
    state: State,
    clock: Clock,
    /// How many bytes may still come.
    room: usize,
    limit: usize,
    memory: Memory,
}

#[derive(Debug)]
enum State {
    Flowing,
    /// The answer is told; the rest of the body is read for the connection's sake.
    Draining,
    Failed(LlmError),
    Over,
}

/// Where what was learned of the model is kept.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) manners: Arc<Manners>,
    pub(crate) model: Arc<str>,
}

/// What an answer needs besides its bytes.
#[derive(Debug)]
pub(crate) struct Start {
    /// How the answer was asked for.
    pub(crate) mode: TurnMode,
    /// Whether a stream would have been better.
    pub(crate) avoids_stream: bool,
    pub(crate) asked: Asked,
    /// How the request was changed, if it was.
    pub(crate) adapted: Option<Arc<str>>,
    pub(crate) memory: Memory,
    pub(crate) deadlines: Deadlines,
}

impl Answer {
    /// An answer whose headers have come with status 200.
    pub(crate) fn new(
        inbound: Inbound,
        start: Start,
        options: &ChatOptions,
    ) -> Result<Self, LlmError> {
        let form = Form::told(&inbound)?;
        let mut reader = AnswerReader::new(start.asked, options.max_answer_bytes);
        let mut deltas = Vec::new();
        if start.avoids_stream {
            reader.correct(Correction::StreamAvoided, None, &mut deltas);
        }
        if start.adapted.is_some() {
            reader.correct(Correction::RequestAdapted, start.adapted, &mut deltas);
        }
        let mut answer = Self {
            body: inbound.chunks(None),
            form,
            reader,
            mode: start.mode,
            deltas,
            state: State::Flowing,
            clock: Clock::new(start.deadlines),
            room: options.max_answer_bytes,
            limit: options.max_answer_bytes,
            memory: start.memory,
        };
        answer.note_form();
        Ok(answer)
    }

    /// Says so when the answer is not of the form that was asked for.
    fn note_form(&mut self) {
        let correction = match (&self.form, self.mode) {
            (Form::Document(_), TurnMode::Streamed) => Correction::NotStreamed,
            (Form::Events, TurnMode::Whole) => Correction::NotWhole,
            _ => return,
        };
        self.reader.correct(correction, None, &mut self.deltas);
    }

    fn take(&mut self, mut chunk: Bytes) -> Result<(), LlmError> {
        self.room = self
            .room
            .checked_sub(chunk.len())
            .ok_or_else(|| error::too_long(self.limit))?;
        if matches!(self.form, Form::Untold) {
            let Some(form) = Form::shown(&mut chunk)? else {
                return Ok(());
            };
            self.form = form;
            self.note_form();
        }
        match &mut self.form {
            Form::Document(document) => {
                document.extend_from_slice(&chunk);
                self.clock.came(Progress::Open);
            }
            Form::Events | Form::Untold => {
                let progress = self.reader.push(chunk, &mut self.deltas)?;
                self.clock.came(progress);
                if progress == Progress::Complete {
                    self.told();
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self) -> Result<(), LlmError> {
        match &mut self.form {
            Form::Document(document) => {
                let document = std::mem::take(document);
                self.reader.whole(&document, &mut self.deltas)?;
            }
            Form::Events => self.reader.end(&mut self.deltas)?,
            Form::Untold => return Err(error::cut_off()),
        }
        self.told();
        self.state = State::Over;
        Ok(())
    }

    /// The connection broke. An answer that had said why it stops is whole all the same.
    fn broke(&mut self, fault: EgressError) -> Result<(), LlmError> {
        if self.clock.is_stopping {
            return self.ended();
        }
        let message = "the connection to the model server broke in the middle of its answer";
        Err(error::caused(LlmErrorKind::Broken, message, fault))
    }

    fn timed_out(&mut self) -> Result<(), LlmError> {
        if self.clock.is_stopping {
            self.ended()
        } else if self.clock.turn_is_over() {
            Err(error::turn_too_long())
        } else {
            Err(error::silent())
        }
    }

    /// All deltas of the answer are there.
    fn told(&mut self) {
        self.state = State::Draining;
        self.clock.drain();
        let Memory { manners, model } = &self.memory;
        if let Some(opening) = self.reader.opening() {
            manners.opens(model, opening);
        }
        if self.reader.lost_arguments() {
            manners.lost_arguments(model, self.mode);
        }
    }

    /// Whether all of it is given at the end.
    fn comes_at_once(&self) -> bool {
        self.mode == TurnMode::Whole || matches!(self.form, Form::Document(_))
    }

    /// What can be given now.
    fn group(&mut self) -> Option<Vec<Delta>> {
        let is_due = !self.comes_at_once() || !matches!(self.state, State::Flowing);
        (is_due && !self.deltas.is_empty()).then(|| std::mem::take(&mut self.deltas))
    }

    /// Reads what is there of the rest of the body.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.body.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(chunk))) if chunk.len() <= self.room => {
                    self.room -= chunk.len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.clock.poll(cx),
            }
        }
    }

    /// One step: something came, or did not come in time.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LlmError>> {
        match self.body.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(chunk))) => Poll::Ready(self.take(chunk)),
            Poll::Ready(Some(Err(fault))) => Poll::Ready(self.broke(fault)),
            Poll::Ready(None) => Poll::Ready(self.ended()),
            Poll::Pending => {
                ready!(self.clock.poll(cx));
                Poll::Ready(self.timed_out())
            }
        }
    }
}

impl Stream for Answer {
    type Item = Result<Vec<Delta>, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.state, State::Over) {
                State::Flowing => {
                    this.state = State::Flowing;
                    if let Err(fault) = ready!(this.poll_step(cx)) {
                        this.state = State::Failed(fault);
                    }
                    // Often the body ends right behind the answer; the connection is free again then even
                    // if nobody asks for more.
                    if matches!(this.state, State::Draining) && this.poll_rest(cx).is_ready() {
                        this.state = State::Over;
                    }
                    let broken = matches!(this.state, State::Failed(_));
                    if broken && this.comes_at_once() {
                        this.deltas.clear();
                    }
                    if let Some(group) = this.group() {
                        return Poll::Ready(Some(Ok(group)));
                    }
                }
                State::Draining => {
                    this.state = State::Draining;
                    ready!(this.poll_rest(cx));
                    this.state = State::Over;
                }
                State::Failed(fault) => return Poll::Ready(Some(Err(fault))),
                State::Over => return Poll::Ready(None),
            }
        }
    }
}
