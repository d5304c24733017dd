//! The events of a response as a stream of frames, through a dialect: as the body of an answer, or message by
//! message.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use actix_web::body::{self, BodySize, MessageBody};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::{Bytes, BytesMut};
use response_domain::event::Event;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_engine::allowances::StreamPlace;
use response_engine::create::{Reader, Waiting};
use response_engine::follow::Follower;
use tokio::time::{Instant, Sleep};

use self::source::{Next, Source};
use self::teller::{Stage, Teller};
use crate::dialect::Responses;
use crate::middleware::RESPONSE_ID;

mod frames;
mod messages;
mod source;
mod teller;

pub(crate) use frames::{Form, Frame, Frames, make_one_line, put_number};
pub(crate) use messages::Messages;

/// Bytes that are gathered, when more is at hand, before they are sent.
const ENOUGH: usize = 16 * 1024;

/// An answer that is read along. Dropping it before its end stops the run.
pub(crate) fn answer<D: Responses>(
    dialect: D,
    reader: Reader,
    heartbeat: Duration,
) -> HttpResponse {
    let id = reader.id().to_string();
    let source = Source::Run(reader);
    begin(&id).body(EventStream::new(dialect, source, id, heartbeat))
}

/// An answer that tells a response once it has ended, as somebody would have read it along.
pub(crate) fn retold<D: Responses>(
    dialect: D,
    waiting: Waiting,
    place: StreamPlace,
    heartbeat: Duration,
) -> HttpResponse {
    let id = waiting.id().to_string();
    let source = Source::of_end(waiting, place);
    begin(&id).body(EventStream::new(dialect, source, id, heartbeat))
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
        stream.teller.after = after;
        Self(stream)
    }

    /// Reads up to the first frame that is to be told, or to the end.
    pub(crate) async fn reach(&mut self) -> Result<(), NoReplay> {
        let stream = &mut self.0;
        poll_fn(|context| {
            stream.gather(context);
            if stream.frames.is_empty() && !stream.teller.is_over() {
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        stream.rest();
        let teller = &mut stream.teller;
        // Where the end has a mark, a stream of nothing but that is an answer.
        let has_nothing_to_tell = stream.frames.is_empty();
        match &mut teller.stage {
            Stage::Cut(error) if has_nothing_to_tell => {
                Err(error.take().map_or(NoReplay::Deleted, NoReplay::Unreadable))
            }
            Stage::Over
                if has_nothing_to_tell && teller.after.is_some_and(|it| it >= teller.next) =>
            {
                Err(NoReplay::BeyondTheEnd(teller.next.saturating_sub(1)))
            }
            _ => Ok(()),
        }
    }

    /// The answer that tells it.
    pub(crate) fn answer(self) -> HttpResponse {
        let mut answer = begin(&self.0.teller.response);
        answer.body(self.0)
    }
}

struct EventStream<D> {
    teller: Teller<D>,
    source: Source,
    /// Events that wait for room, oldest first.
    waiting: vec::IntoIter<Event>,
    frames: BytesMut,
    heartbeat: Duration,
    quiet: Pin<Box<Sleep>>,
}

impl<D: Responses> EventStream<D> {
    fn new(dialect: D, source: Source, response: String, heartbeat: Duration) -> Self {
        Self {
            teller: Teller::new(dialect, response, Form::Sse),
            source,
            waiting: vec::IntoIter::default(),
            frames: BytesMut::with_capacity(4 * 1024),
            heartbeat,
            quiet: Box::pin(tokio::time::sleep(heartbeat)),
        }
    }

    /// Renders what is at hand, up to what is sent at a time.
    fn gather(&mut self, context: &mut Context<'_>) {
        let Self {
            teller,
            source,
            waiting,
            frames,
            ..
        } = self;
        while frames.len() < ENOUGH && !teller.is_over() {
            if let Some(event) = waiting.next() {
                teller.tell(&event, frames);
                continue;
            }
            match source.poll_next(context) {
                Poll::Ready(Next::Events(events)) => *waiting = events.into_iter(),
                Poll::Ready(Next::RunIsOver) => teller.tell_break(frames),
                Poll::Ready(Next::LogIsOver) => teller.stage = Stage::Cut(None),
                Poll::Ready(Next::Unreadable(error)) => teller.stage = Stage::Cut(Some(error)),
                Poll::Pending => return,
            }
        }
    }

    fn rest(&mut self) {
        let due = Instant::now() + self.heartbeat;
        self.quiet.as_mut().reset(due);
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
        if stream.teller.is_over() {
            stream.teller.end();
            return Poll::Ready(None);
        }
        match stream.quiet.as_mut().poll(context) {
            Poll::Ready(()) => {
                stream.rest();
                let heartbeat = stream.teller.dialect.heartbeat();
                Poll::Ready(Some(Ok(Bytes::from_static(heartbeat))))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
