//! One request to a tool server and its answer: posted once, read as JSON or as a stream of
//! events, whichever comes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt as _;
use response_domain::caller::Credential;
use response_egress::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use response_egress::{Bytes, EgressError, Events, Inbound, Outbound, SseReader, StatusCode};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::fault::{Fault, Page, SessionSign};
use crate::link::{Era, Link};
use crate::message::{self, Awaited, Malformed, Message};
use crate::pace::Pace;
use crate::server::Server;

/// How much of a refusal is read.
const REFUSAL_LIMIT: usize = 64 * 1024;
/// How many messages may come before the answer.
const MAX_MESSAGES: usize = 100_000;
/// How much they may have, as a multiple of what the answer may have.
const MAX_TIMES: usize = 4;
/// How long to wait before a stream that broke off is taken up again.
const RESUME_DELAY: Duration = Duration::from_millis(500);
/// How long a stream may stay open behind its answer.
const END_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a stream is taken up again without anything new coming.
const MAX_IDLE_RESUMES: u32 = 2;

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// A request that is ready to go.
pub(crate) struct Post<'a> {
    pub(crate) awaited: Awaited<'a>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) credential: &'a Credential,
    /// How much the answer may have.
    pub(crate) limit: usize,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The result, as JSON text.
    pub(crate) result: Bytes,
    /// The session that the answer names.
    pub(crate) session: Option<HeaderValue>,
}

impl Server {
    /// Sends the request once and waits for its answer. Progress that the server reports moves
    /// the pace.
    pub(crate) async fn exchange(
        self: &Arc<Self>,
        post: Post<'_>,
        link: &Link,
        pace: &mut Pace,
    ) -> Result<Reply, Fault> {
        let outbound = Outbound::post(&self.url)
            .headers(post.headers)
            .json(post.body)
            .deadline(pace.until());
        let inbound = self
            .common
            .client
            .send(outbound)
            .await
            .map_err(Fault::of_egress)?;
        if !inbound.status().is_success() {
            return Err(refusal(inbound, pace.until()).await);
        }
        let session = inbound.headers().get("mcp-session-id").cloned();
        let mut reading = Reading {
            server: self,
            link,
            credential: post.credential,
            awaited: post.awaited,
            limit: post.limit,
            pace,
            messages: 0,
            bytes: 0,
            has_foreign: false,
            malformed: None,
        };
        let result = if is_stream(&inbound) {
            reading.stream(inbound).await?
        } else {
            reading.whole(inbound).await?
        };
        Ok(Reply { result, session })
    }
}

/// Whether the body is a stream of events.
pub(crate) fn is_stream(inbound: &Inbound) -> bool {
    inbound
        .media_type()
        .is_some_and(|media| media.eq_ignore_ascii_case("text/event-stream"))
}

async fn refusal(inbound: Inbound, until: Instant) -> Fault {
    let status = inbound.status();
    let body = inbound
        .bytes_up_to(REFUSAL_LIMIT, until)
        .await
        .unwrap_or_default();
    Fault::Refused {
        status,
        error: message::read_error(&body),
        session: SessionSign::read(&String::from_utf8_lossy(&body)),
    }
}

/// The answer while it is read.
struct Reading<'a> {
    server: &'a Arc<Server>,
    link: &'a Link,
    credential: &'a Credential,
    awaited: Awaited<'a>,
    limit: usize,
    pace: &'a mut Pace,
    messages: usize,
    bytes: usize,
    /// Whether an answer came that is none to this request.
    has_foreign: bool,
    malformed: Option<Malformed>,
}

impl Reading<'_> {
    async fn whole(&mut self, inbound: Inbound) -> Result<Bytes, Fault> {
        let status = inbound.status();
        let says_html = inbound
            .media_type()
            .is_some_and(|media| media.eq_ignore_ascii_case("text/html"));
        let body = inbound
            .bytes_capped(self.limit, self.pace.until())
            .await
            .map_err(Fault::of_egress)?;
        let start = body.trim_ascii_start();
        if start.is_empty() {
            return Err(Fault::Protocol(match status {
                StatusCode::ACCEPTED => "it accepted the request (HTTP 202) without answering it",
                _ => "its answer is empty",
            }));
        }
        if says_html || start.starts_with(b"<") {
            return Err(Fault::WebPage(page(start)));
        }
        if !start.starts_with(b"{") && !start.starts_with(b"[") {
            return self.unlabelled_stream(body);
        }
        let messages = message::read(&body, self.awaited).map_err(Fault::Malformed)?;
        match self.sort(messages)? {
            Some(result) => Ok(result),
            None => Err(Fault::Protocol("its answer is to no request that was sent")),
        }
    }

    /// Events that came under another media type.
    fn unlabelled_stream(&mut self, body: Bytes) -> Result<Bytes, Fault> {
        let mut reader = SseReader::new(self.limit);
        reader.push(body);
        while let Ok(Some(frame)) = reader.finish() {
            if let Some(result) = self.frame(&frame.data)? {
                return Ok(result);
            }
        }
        Err(Fault::Malformed(
            self.malformed.unwrap_or(Malformed::NotRpc),
        ))
    }

    /// Reads events up to the answer. Where the stream breaks off and its events had ids, it is
    /// taken up again behind the last one.
    async fn stream(&mut self, inbound: Inbound) -> Result<Bytes, Fault> {
        let mut events = inbound.events(None, self.limit);
        let mut last = None;
        let mut idle_resumes = 0;
        loop {
            let before = last.clone();
            let end = match self.events(&mut events, &mut last).await {
                Ok(result) => {
                    self.let_end(events);
                    return Ok(result);
                }
                Err(fault @ (Fault::Cut | Fault::Broken(_))) => fault,
                Err(fault) => return Err(fault),
            };
            idle_resumes = if last == before { idle_resumes + 1 } else { 0 };
            let Some(id) = last.as_ref().filter(|_| idle_resumes < MAX_IDLE_RESUMES) else {
                return Err(end);
            };
            match self.resume(id).await {
                Some(resumed) => events = resumed,
                None => return Err(end),
            }
        }
    }

    /// Reads events until the answer comes or the stream ends.
    async fn events(
        &mut self,
        events: &mut Events,
        last: &mut Option<Bytes>,
    ) -> Result<Bytes, Fault> {
        loop {
            let frame = timeout_at(self.pace.until(), events.next())
                .await
                .map_err(|_elapsed| Fault::Timeout)?;
            let frame = match frame {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    return Err(self.malformed.map_or(Fault::Cut, Fault::Malformed));
                }
                Err(EgressError::Broken(error)) => {
                    return Err(Fault::Broken(EgressError::Broken(error)));
                }
                Err(error) => return Err(Fault::of_egress(error)),
            };
            if let Some(id) = frame.id.filter(|id| !id.is_empty()) {
                *last = Some(id);
            }
            if let Some(result) = self.frame(&frame.data)? {
                return Ok(result);
            }
        }
    }

    /// Reads behind the caller's back what the server sends after the answer, which is nothing
    /// but the end: a connection whose body was read to the end can serve again.
    fn let_end(&self, mut events: Events) {
        if events.next().now_or_never().is_none() {
            self.server.common.background.spawn(async move {
                drop(timeout(END_TIMEOUT, events.next()).await);
            });
        }
    }

    /// What one event brings: the result, an error, or neither.
    fn frame(&mut self, data: &Bytes) -> Result<Option<Bytes>, Fault> {
        if data.trim_ascii().is_empty() {
            return Ok(None);
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(data.len());
        if self.messages > MAX_MESSAGES || self.bytes / MAX_TIMES > self.limit {
            return Err(Fault::Protocol("it sent messages without end"));
        }
        match message::read(data, self.awaited) {
            Ok(messages) => self.sort(messages),
            Err(Malformed::Both) => Err(Fault::Malformed(Malformed::Both)),
            // Servers send pings and notices of their own; that the answer was no message shows
            // when the stream ends without it.
            Err(malformed) => {
                self.malformed = Some(malformed);
                Ok(None)
            }
        }
    }

    fn sort(&mut self, messages: Vec<Message>) -> Result<Option<Bytes>, Fault> {
        for message in messages {
            match message {
                Message::Result(result) => return Ok(Some(result)),
                Message::Error(error) => return Err(Fault::Rpc(error)),
                Message::Progress => self.pace.progress(),
                Message::ListChanged => self.server.common.changed.store(true, Ordering::Relaxed),
                Message::Asked(question) => {
                    self.server.answer(self.link, self.credential, &question);
                }
                Message::Foreign if self.has_foreign => {}
                Message::Foreign => {
                    self.has_foreign = true;
                    self.server.log_foreign_answer();
                }
                Message::Other => {}
            }
        }
        Ok(None)
    }

    /// The stream from behind the event with this id on, if the server still has it.
    async fn resume(&mut self, id: &Bytes) -> Option<Events> {
        if self.link.era != Era::Handshake {
            return None;
        }
        let at = Instant::now() + RESUME_DELAY;
        if at >= self.pace.until() {
            return None;
        }
        sleep_until(at).await;
        let mut headers = self.server.headers(self.link, self.credential, "");
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(LAST_EVENT, HeaderValue::from_bytes(id).ok()?);
        let outbound = Outbound::get(&self.server.url)
            .headers(headers)
            .deadline(self.pace.until());
        let inbound = self.server.common.client.send(outbound).await.ok()?;
        let goes_on = inbound.status().is_success() && is_stream(&inbound);
        goes_on.then(|| inbound.events(None, self.limit))
    }
}

/// What a web page seems to be, by the words of its beginning.
fn page(body: &[u8]) -> Page {
    let start = body.get(..body.len().min(REFUSAL_LIMIT)).unwrap_or(body);
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let signs = ["password", "login", "log in", "sign in", "signin", "sso"];
    if signs.iter().any(|sign| text.contains(sign)) {
        Page::Login
    } else {
        Page::Other
    }
}
