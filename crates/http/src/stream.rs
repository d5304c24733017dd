//! The events of a run as a stream of frames, through a dialect. Frames are numbered here, as they are
//! shown, so every dialect's numbers are dense from 0 whatever it leaves out.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use bytes::{BufMut, Bytes, BytesMut};
use response_domain::event::Event;
use response_domain::failure::{Failure, FailureCode};
use response_domain::response::Response;
use response_domain::status::Change;
use response_engine::create::Reader;
use tokio::time::{Instant, Sleep};

use crate::dialect::{Dialect, Mark, Shown};
use crate::middleware::RESPONSE_ID;

/// Bytes that are gathered, when more is at hand, before they are sent.
const ENOUGH: usize = 16 * 1024;

/// A comment: it says nothing, but shows everybody on the way that the connection lives.
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// An answer that is read along. Dropping it before its end stops the run.
pub(crate) fn answer<D: Dialect>(dialect: D, reader: Reader, heartbeat: Duration) -> HttpResponse {
    const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
    let id = reader.id().to_string();
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header((
            CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-transform"),
        ))
        .insert_header((UNBUFFERED, HeaderValue::from_static("no")))
        .insert_header((RESPONSE_ID, id.as_str()));
    answer.body(EventStream::new(dialect, reader, id, heartbeat))
}

struct EventStream<D> {
    dialect: D,
    reader: Reader,
    response: String,
    next: u64,
    stage: Stage,
    frames: BytesMut,
    heartbeat: Duration,
    quiet: Pin<Box<Sleep>>,
}

/// How far a stream has come.
enum Stage {
    /// Nothing was told yet.
    Before,
    /// It runs; the response as it was told last.
    Running(Arc<Response>),
    /// The end was told.
    Over,
}

impl<D: Dialect> EventStream<D> {
    fn new(dialect: D, reader: Reader, response: String, heartbeat: Duration) -> Self {
        Self {
            dialect,
            reader,
            response,
            next: 0,
            stage: Stage::Before,
            frames: BytesMut::with_capacity(4 * 1024),
            heartbeat,
            quiet: Box::pin(tokio::time::sleep(heartbeat)),
        }
    }

    fn render(&mut self, event: &Event) {
        match event {
            Event::Created(response) | Event::Started(response) => {
                self.stage = Stage::Running(Arc::clone(response));
            }
            Event::Ended(_) => self.stage = Stage::Over,
            _ => {}
        }
        let mark = Mark {
            response: &self.response,
            number: self.next,
        };
        if self.dialect.frame(event, mark, &mut self.frames) == Shown::Frame {
            self.next += 1;
        }
    }

    /// The run broke without a word; the reader is told that it failed.
    fn render_break(&mut self) {
        let Stage::Running(last) = &self.stage else {
            self.stage = Stage::Over;
            return;
        };
        let mut response = Response::clone(last);
        let failure = Failure::new(
            FailureCode::Internal,
            "an internal error ended the response",
        );
        let at = response.times.updated;
        if response.change(Change::Fail(failure), at).is_ok() {
            tracing::error!(response.id = self.response, "the stream broke off");
            self.render(&Event::Ended(Arc::new(response)));
        }
        self.stage = Stage::Over;
    }

    /// Renders what is at hand; whether more may come.
    fn gather(&mut self, context: &mut Context<'_>) {
        while self.frames.len() < ENOUGH && !matches!(self.stage, Stage::Over) {
            match self.reader.poll_next(context) {
                Poll::Ready(Some(events)) => {
                    for event in &events {
                        self.render(event);
                    }
                }
                Poll::Ready(None) => self.render_break(),
                Poll::Pending => return,
            }
        }
    }

    fn rest(&mut self) {
        let due = Instant::now() + self.heartbeat;
        self.quiet.as_mut().reset(due);
    }
}

impl<D: Dialect> MessageBody for EventStream<D> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let stream = &mut *self;
        stream.gather(context);
        if !stream.frames.is_empty() {
            stream.rest();
            return Poll::Ready(Some(Ok(stream.frames.split().freeze())));
        }
        if matches!(stream.stage, Stage::Over) {
            return Poll::Ready(None);
        }
        match stream.quiet.as_mut().poll(context) {
            Poll::Ready(()) => {
                stream.rest();
                Poll::Ready(Some(Ok(Bytes::from_static(HEARTBEAT))))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Writes a number in decimal digits.
pub(crate) fn put_number(out: &mut BytesMut, number: u64) {
    const MOST_DIGITS: usize = 20;
    let mut digits = [b'0'; MOST_DIGITS];
    let mut rest = number;
    let mut begin = MOST_DIGITS;
    for slot in digits.iter_mut().rev() {
        // One digit fits a byte.
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        begin -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(begin..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_everywhere() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX] {
            let mut out = BytesMut::new();
            put_number(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
