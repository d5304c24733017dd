//! The events of a response as a stream of frames, through a dialect. Frames are numbered here, as they
//! are shown, so every dialect's numbers are dense from 0 whatever it leaves out.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use actix_web::body::{self, BodySize, MessageBody};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::{BufMut, Bytes, BytesMut};
use response_domain::event::Event;
use response_domain::failure::{Failure, FailureCode};
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::Change;
use response_engine::create::Reader;
use response_engine::follow::Follower;
use tokio::time::{Instant, Sleep};

use self::source::{Next, Source};
use crate::dialect::{Mark, Responses, Shown};
use crate::middleware::RESPONSE_ID;

mod source;

/// Bytes that are gathered, when more is at hand, before they are sent.
const ENOUGH: usize = 16 * 1024;

/// A comment: it says nothing, but shows everybody on the way that the connection lives.
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// An answer that is read along. Dropping it before its end stops the run.
pub(crate) fn answer<D: Responses>(
    dialect: D,
    reader: Reader,
    heartbeat: Duration,
) -> HttpResponse {
    let id = reader.id().to_string();
    begin(&id).body(EventStream::new(
        dialect,
        Source::Run(reader),
        id,
        heartbeat,
    ))
}

/// The head of an answer that is a stream, and nothing behind it.
pub(crate) fn head(response: &Response) -> HttpResponse {
    begin(&response.id.to_string()).body(body::None::new())
}

fn begin(id: &str) -> HttpResponseBuilder {
    const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header((
            CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-transform"),
        ))
        .insert_header((UNBUFFERED, HeaderValue::from_static("no")))
        .insert_header((RESPONSE_ID, id));
    answer
}

/// The events of a background response told once more, from the first or from behind one.
pub(crate) struct Replay<D>(EventStream<D>);

/// Why there is nothing to tell.
pub(crate) enum NoReplay {
    /// There is no frame of the number behind which it was to begin; this is the last one.
    BeyondTheEnd(u64),
    /// The response was deleted while its events were read.
    Deleted,
    /// They could not be read.
    Unreadable(StoreError),
}

impl<D: Responses> Replay<D> {
    /// Tells what `follower` finds, but only frames with a greater number than `after`. Dropping it touches
    /// nothing.
    pub(crate) fn new(
        dialect: D,
        follower: Follower,
        after: Option<u64>,
        heartbeat: Duration,
    ) -> Self {
        let id = follower.response().id.to_string();
        let source = Source::of_log(follower);
        let mut stream = EventStream::new(dialect, source, id, heartbeat);
        stream.after = after;
        Self(stream)
    }

    /// Reads up to the first frame that is to be told, or to the end.
    pub(crate) async fn reach(&mut self) -> Result<(), NoReplay> {
        let stream = &mut self.0;
        poll_fn(|context| {
            stream.gather(context);
            if stream.frames.is_empty() && !stream.is_over() {
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        stream.rest();
        match &mut stream.stage {
            Stage::Cut(error) if stream.frames.is_empty() => {
                Err(error.take().map_or(NoReplay::Deleted, NoReplay::Unreadable))
            }
            Stage::Over if stream.after.is_some_and(|after| after >= stream.next) => {
                Err(NoReplay::BeyondTheEnd(stream.next.saturating_sub(1)))
            }
            _ => Ok(()),
        }
    }

    /// The answer that tells it.
    pub(crate) fn answer(self) -> HttpResponse {
        let mut answer = begin(&self.0.response);
        answer.body(self.0)
    }
}

struct EventStream<D> {
    dialect: D,
    source: Source,
    response: String,
    /// Events that wait for room, oldest first.
    waiting: vec::IntoIter<Event>,
    /// The number of the next frame.
    next: u64,
    /// Frames up to this one are counted and not told.
    after: Option<u64>,
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
    /// It ends before the end was told: the response was deleted, or the log could not be read. A client
    /// that goes on behind the last frame it has misses nothing.
    Cut(Option<StoreError>),
}

impl<D: Responses> EventStream<D> {
    fn new(dialect: D, source: Source, response: String, heartbeat: Duration) -> Self {
        Self {
            dialect,
            source,
            response,
            waiting: vec::IntoIter::default(),
            next: 0,
            after: None,
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
        let told = self.frames.len();
        if self.dialect.frame(event, mark, &mut self.frames) == Shown::Frame {
            if self.after.is_some_and(|after| self.next <= after) {
                self.frames.truncate(told);
            }
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

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over | Stage::Cut(_))
    }

    /// Renders what is at hand, up to what is sent at a time.
    fn gather(&mut self, context: &mut Context<'_>) {
        while self.frames.len() < ENOUGH && !self.is_over() {
            if let Some(event) = self.waiting.next() {
                self.render(&event);
                continue;
            }
            match self.source.poll_next(context) {
                Poll::Ready(Next::Events(events)) => self.waiting = events.into_iter(),
                Poll::Ready(Next::RunIsOver) => self.render_break(),
                Poll::Ready(Next::LogIsOver) => self.stage = Stage::Cut(None),
                Poll::Ready(Next::Unreadable(error)) => self.stage = Stage::Cut(Some(error)),
                Poll::Pending => return,
            }
        }
    }

    fn rest(&mut self) {
        let due = Instant::now() + self.heartbeat;
        self.quiet.as_mut().reset(due);
    }

    /// Ends the stream; what cut it short is for the log alone.
    fn end(&mut self) {
        if let Stage::Cut(Some(error)) = std::mem::replace(&mut self.stage, Stage::Over) {
            tracing::error!(
                response.id = self.response,
                error = &error as &dyn std::error::Error,
                "a stream was cut short: what was kept of the response could not be read"
            );
        }
    }
}

impl<D: Responses> MessageBody for EventStream<D> {
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
        if stream.is_over() {
            stream.end();
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
mod tests;
