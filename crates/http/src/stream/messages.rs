//! The events of a run as messages: the frames of a stream without what stands around them.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memchr;
use response_domain::id::ResponseId;
use response_engine::create::Reader;
use response_engine::read::Whole;

use super::frames::Form;
use super::teller::Teller;
use crate::dialect::Responses;

/// A run that is read along message by message. Dropping it before its end stops the run.
pub(crate) struct Messages<D> {
    teller: Teller<D>,
    reader: Reader,
    waiting: VecDeque<Bytes>,
}

impl<D: Responses> Messages<D> {
    pub(crate) fn new(dialect: D, reader: Reader) -> Self {
        let id = reader.id().to_string();
        Self {
            teller: Teller::new(dialect, id, Form::Bare),
            reader,
            waiting: VecDeque::new(),
        }
    }

    /// The next message, one JSON text; none after the last. Nothing is lost when it is not waited for.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Some(message);
            }
            if self.teller.is_over() {
                return None;
            }
            let mut out = BytesMut::new();
            match self.reader.next().await {
                Some(events) => {
                    for event in &events {
                        self.teller.tell(event, &mut out);
                    }
                }
                None => self.teller.tell_break(&mut out),
            }
            self.waiting.extend(lines(out.freeze()));
        }
    }

    /// The id of its response.
    pub(crate) fn id(&self) -> ResponseId {
        self.reader.id()
    }

    /// The response as it was recorded last, and all that it saw and said; final after the last message.
    pub(crate) fn whole(&self) -> Whole {
        self.reader.whole()
    }
}

/// The lines of a text, without their ends.
fn lines(mut text: Bytes) -> Vec<Bytes> {
    let mut lines = Vec::new();
    while let Some(end) = memchr(b'\n', &text) {
        lines.push(text.split_to(end));
        text.advance(1);
    }
    lines
}
