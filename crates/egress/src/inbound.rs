//! An answer: its status and headers at once, its body in one of the bounded ways to read it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use crate::error::{EgressError, Waiting};
use crate::sse::{Frame, SseReader};

/// An answer whose headers have come and whose body has not been read.
#[derive(Debug)]
pub struct Inbound {
    response: Response,
}

/// What to do with a body that is larger than the cap.
#[derive(Clone, Copy)]
enum Excess {
    Refuse,
    Cut,
}

impl Inbound {
    pub(crate) fn new(response: Response) -> Self {
        Self { response }
    }

    /// The status, whatever it is: the crate judges none.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers as they came.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// One header as text, when it is there and is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The media type without its parameters, when the answer names one.
    pub fn media_type(&self) -> Option<&str> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim())
    }

    /// The whole body, refused as soon as it is known to exceed `max_bytes`.
    pub async fn bytes_capped(
        self,
        max_bytes: usize,
        deadline: Instant,
    ) -> Result<Bytes, EgressError> {
        self.collect(max_bytes, deadline, Excess::Refuse).await
    }

    /// The whole body as text; bytes that are not UTF-8 become replacement characters.
    pub async fn text_capped(
        self,
        max_bytes: usize,
        deadline: Instant,
    ) -> Result<String, EgressError> {
        let bytes = self.collect(max_bytes, deadline, Excess::Refuse).await?;
        Ok(match String::from_utf8(bytes.into()) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// The first `max_bytes` of the body; the rest is never read and the connection is closed.
    /// For answers of which only an excerpt is kept.
    pub async fn bytes_up_to(
        self,
        max_bytes: usize,
        deadline: Instant,
    ) -> Result<Bytes, EgressError> {
        self.collect(max_bytes, deadline, Excess::Cut).await
    }

    /// The beginning of the body, for a record of what was answered: what has come of the first
    /// `max_bytes` until the deadline, or until the connection broke. The rest is never read.
    pub async fn excerpt(mut self, max_bytes: usize, deadline: Instant) -> Bytes {
        let mut body = BytesMut::new();
        while body.len() < max_bytes {
            let Ok(Ok(Some(chunk))) = timeout_at(deadline, self.response.chunk()).await else {
                break;
            };
            body.extend_from_slice(&chunk);
        }
        body.truncate(max_bytes);
        body.freeze()
    }

    /// The body as it comes. With an idle timeout, a pause longer than that between two
    /// chunks, or before the first, ends the stream with [`EgressError::Timeout`].
    pub fn chunks(self, idle: Option<Duration>) -> Chunks {
        Chunks {
            stream: Some(self.response.bytes_stream().boxed()),
            idle: idle.map(|limit| Idle {
                limit,
                timer: Box::pin(sleep(limit)),
                waiting: true,
            }),
        }
    }

    /// The body as server-sent events, each of at most `max_event_bytes`.
    pub fn events(self, idle: Option<Duration>, max_event_bytes: usize) -> Events {
        Events {
            chunks: self.chunks(idle),
            reader: SseReader::new(max_event_bytes),
            at_end: false,
        }
    }

    async fn collect(
        mut self,
        max_bytes: usize,
        deadline: Instant,
        excess: Excess,
    ) -> Result<Bytes, EgressError> {
        let announced = self.response.content_length().unwrap_or(0);
        if matches!(excess, Excess::Refuse) && announced > max_bytes as u64 {
            return Err(EgressError::BodyTooLarge { limit: max_bytes });
        }
        let mut body = Collected::default();
        loop {
            let chunk = timeout_at(deadline, self.response.chunk())
                .await
                .map_err(|_elapsed| EgressError::Timeout(Waiting::Body))?
                .map_err(EgressError::in_body)?;
            let Some(mut chunk) = chunk else { break };
            let room = max_bytes - body.len();
            if chunk.len() > room {
                match excess {
                    Excess::Refuse => return Err(EgressError::BodyTooLarge { limit: max_bytes }),
                    Excess::Cut => {
                        chunk.truncate(room);
                        body.add(chunk, announced);
                        break;
                    }
                }
            }
            body.add(chunk, announced);
        }
        Ok(body.into_bytes())
    }
}

/// A body so far: a single chunk is kept as it came, more are joined.
#[derive(Default)]
struct Collected {
    first: Bytes,
    joined: BytesMut,
}

impl Collected {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn add(&mut self, chunk: Bytes, announced: u64) {
        if self.len() == 0 {
            self.first = chunk;
            return;
        }
        if self.joined.is_empty() {
            let announced = usize::try_from(announced).unwrap_or(0);
            self.joined
                .reserve(announced.max(self.first.len() + chunk.len()));
            self.joined
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&chunk);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() {
            self.first
        } else {
            self.joined.freeze()
        }
    }
}

/// The body of an answer as it comes. After an error the stream has ended; dropping it closes
/// the connection.
pub struct Chunks {
    stream: Option<BoxStream<'static, reqwest::Result<Bytes>>>,
    idle: Option<Idle>,
}

struct Idle {
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer runs for the chunk that is awaited now. A chunk that is there already
    /// does not touch the timer.
    waiting: bool,
}

impl Idle {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.waiting {
            self.timer.as_mut().reset(Instant::now() + self.limit);
            self.waiting = true;
        }
        self.timer.as_mut().poll(cx)
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(None);
        };
        let item = match stream.poll_next_unpin(cx) {
            Poll::Ready(item) => {
                if let Some(idle) = &mut this.idle {
                    idle.waiting = false;
                }
                item.map(|chunk| chunk.map_err(EgressError::in_body))
            }
            Poll::Pending => {
                let Some(idle) = &mut this.idle else {
                    return Poll::Pending;
                };
                std::task::ready!(idle.poll(cx));
                Some(Err(EgressError::Timeout(Waiting::NextChunk)))
            }
        };
        if !matches!(item, Some(Ok(_))) {
            this.stream = None;
        }
        Poll::Ready(item)
    }
}

impl std::fmt::Debug for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let idle = self.idle.as_ref().map(|idle| idle.limit);
        f.debug_struct("Chunks")
            .field("idle", &idle)
            .finish_non_exhaustive()
    }
}

/// The body of an answer as server-sent events.
#[derive(Debug)]
pub struct Events {
    chunks: Chunks,
    reader: SseReader,
    at_end: bool,
}

impl Events {
    /// The next event, or `None` when the body has ended. An event that the end of the body
    /// cut off before its blank line is given too: the caller judges whether it is whole.
    pub async fn next(&mut self) -> Result<Option<Frame>, EgressError> {
        loop {
            if let Some(frame) = self.reader.next_frame()? {
                return Ok(Some(frame));
            }
            if self.at_end {
                return Ok(None);
            }
            if let Some(chunk) = self.chunks.next().await {
                self.reader.push(chunk?);
            } else {
                self.at_end = true;
                return Ok(self.reader.finish()?);
            }
        }
    }
}
