//! A connection: what its client says, what it is told, and when it ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::CloseCode;
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use response_domain::caller::Presented;
use response_engine::allowances::StreamPlace;
use response_engine::create::Memory;
use tokio::time::{Instant, Sleep};

use super::turn::{Ask, Told, Turn};
use super::waiting::{Flood, MOST_WAITING, Request, Waiting};
use super::wire::{Breach, Inbox, Message, put_close, put_ping, put_pong, put_text};
use super::words::put_refusal;
use crate::audit::Origin;
use crate::dialect::Responses;
use crate::handler::Mounted;
use crate::problem::{Kind, Problem};
use crate::room::Full;

/// How long a connection takes requests.
const LONGEST: Duration = Duration::from_hours(1);
/// How long a client may take to say that it heard the end.
const FAREWELL: Duration = Duration::from_secs(2);
/// So many questions whether it is there may stand unanswered.
const MOST_UNANSWERED: u8 = 3;
/// Bytes that are gathered, when more is at hand, before they are sent.
const ENOUGH: usize = 16 * 1024;

/// How a connection was opened.
pub(super) struct Opening {
    /// Asked anew with each request: a credential may stop being good.
    pub(super) presented: Presented,
    /// The request that opened it; the id of each request on it begins with the id of this one.
    pub(super) origin: Origin,
}

/// A connection and what it is at.
pub(super) struct Session<D> {
    at: Mounted<D>,
    opening: Opening,
    _place: StreamPlace,
    /// Requests so far.
    requests: u64,
    inbox: Inbox,
    waiting: Waiting,
    turn: Turn<D>,
    /// The last response, if it can be continued.
    memory: Option<Memory>,
    out: BytesMut,
    stage: Stage,
    /// When there was nothing to say for too long; after the farewell, when to end without an answer.
    quiet: Pin<Box<Sleep>>,
    /// Questions whether the client is there, since it was heard last.
    unanswered: u8,
    old: Pin<Box<Sleep>>,
    closing: Pin<Box<dyn Future<Output = ()>>>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It takes requests.
    Open,
    /// It takes none any more; what is under way is told to its end.
    Ending(Ending),
    /// The farewell was said, and that of the client is waited for.
    Farewell,
    /// It is over.
    Over,
}

/// Why a connection takes no more requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It has lasted as long as it may.
    Old,
    /// The process ends.
    Shutdown,
}

/// What happens next.
enum Happening {
    Heard(Result<Message, Breach>),
    Told(Told),
    Quiet,
    Old,
    Closing,
    Left,
}

impl<D: Responses> Session<D> {
    /// Holds a place among the streams until it is over.
    pub(super) fn new(
        at: Mounted<D>,
        opening: Opening,
        place: StreamPlace,
        payload: web::Payload,
    ) -> Self {
        let most = at.face.options.body_bytes;
        let closing = at.face.engine.closing();
        Self {
            quiet: Box::pin(tokio::time::sleep(at.face.options.heartbeat)),
            old: Box::pin(tokio::time::sleep(LONGEST)),
            closing: Box::pin(closing),
            inbox: Inbox::new(payload, &at.shared.room, most),
            waiting: Waiting::new(most),
            at,
            opening,
            _place: place,
            requests: 0,
            turn: Turn::Idle,
            memory: None,
            out: BytesMut::with_capacity(4 * 1024),
            stage: Stage::Open,
            unanswered: 0,
        }
    }

    /// The next bytes for the client; none when the connection is over.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        while self.out.is_empty() && self.stage != Stage::Over {
            let happening = self.happening().await;
            self.take(happening);
        }
        while self.out.len() < ENOUGH && self.stage != Stage::Over {
            let Some(happening) = self.happening().now_or_never() else {
                break;
            };
            self.take(happening);
        }
        if self.out.is_empty() {
            return None;
        }
        if self.stage != Stage::Farewell {
            self.rest(self.at.face.options.heartbeat);
        }
        Some(self.out.split().freeze())
    }

    /// What happens next. Nothing is lost when it is not waited for.
    async fn happening(&mut self) -> Happening {
        let Self {
            inbox,
            turn,
            quiet,
            old,
            closing,
            stage,
            ..
        } = self;
        let is_open = *stage == Stage::Open;
        if *stage == Stage::Farewell {
            return tokio::select! {
                () = poll_fn(|context| inbox.poll_end(context)) => Happening::Left,
                () = quiet => Happening::Left,
            };
        }
        tokio::select! {
            heard = poll_fn(|context| inbox.poll_next(context)) => Happening::Heard(heard),
            told = turn.next() => Happening::Told(told),
            () = quiet => Happening::Quiet,
            () = old, if is_open => Happening::Old,
            () = closing, if is_open => Happening::Closing,
        }
    }

    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Heard(Ok(message)) => self.hear(message),
            Happening::Heard(Err(breach)) => self.break_off(breach),
            Happening::Told(told) => self.tell(told),
            Happening::Quiet => self.ask_who_is_there(),
            Happening::Old => self.stage = Stage::Ending(Ending::Old),
            Happening::Closing => self.stage = Stage::Ending(Ending::Shutdown),
            Happening::Left => self.stage = Stage::Over,
        }
        self.go_on();
    }

    fn hear(&mut self, message: Message) {
        let request = match message {
            Message::Text(text) => Request::Asked(text),
            Message::Binary => Request::NoText,
            Message::Ping(bytes) => return put_pong(&mut self.out, &bytes),
            Message::Pong => return,
            Message::Close(_) => {
                put_close(&mut self.out, CloseCode::Normal, "");
                self.turn = Turn::Idle;
                self.stage = Stage::Over;
                return;
            }
        };
        if let Err(Flood) = self.waiting.add(request) {
            self.say_farewell(CloseCode::Policy, "too many requests wait");
        }
    }

    fn break_off(&mut self, breach: Breach) {
        let (code, why) = match breach {
            Breach::Gone => {
                self.turn = Turn::Idle;
                self.stage = Stage::Over;
                return;
            }
            Breach::TooLong => {
                let problem = Problem::too_large(self.at.face.options.body_bytes);
                self.refuse(problem);
                (CloseCode::Size, "the message is too long")
            }
            Breach::NoRoom => {
                self.refuse(Full.into());
                (CloseCode::Again, "the server is overloaded")
            }
            Breach::Protocol => (CloseCode::Protocol, "this is not the WebSocket protocol"),
            Breach::NotText => (CloseCode::Invalid, "the text is not UTF-8"),
        };
        self.say_farewell(code, why);
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Message(message) => put_text(&mut self.out, &message),
            Told::Refused(refused) => {
                self.memory = refused.remembered(self.memory.take());
                self.say(&refused.problem);
            }
            Told::Ended(ended) => self.memory = ended.remembered(self.memory.take()),
        }
    }

    fn ask_who_is_there(&mut self) {
        if self.inbox.has_heard() {
            self.unanswered = 0;
        }
        if self.unanswered >= MOST_UNANSWERED {
            self.turn = Turn::Idle;
            self.stage = Stage::Over;
            return;
        }
        self.unanswered = self.unanswered.saturating_add(1);
        put_ping(&mut self.out);
        self.rest(self.at.face.options.heartbeat);
    }

    /// Begins what is next in turn, once what was before it is over.
    fn go_on(&mut self) {
        while self.turn.is_idle() {
            let ending = match self.stage {
                Stage::Farewell | Stage::Over => return,
                Stage::Open => None,
                Stage::Ending(ending) => Some(ending),
            };
            match (self.waiting.next(), ending) {
                (None, None) => return,
                (None, Some(ending)) => return self.end(ending),
                (Some(_), Some(Ending::Old)) => return self.end(Ending::Old),
                // The engine says that it takes no more.
                (Some(request), None | Some(Ending::Shutdown)) => self.begin(request),
            }
        }
    }

    fn begin(&mut self, request: Request) {
        self.requests = self.requests.saturating_add(1);
        let text = match request {
            Request::Asked(text) => text,
            Request::TooMany => return self.refuse(too_many()),
            Request::NoText => return self.refuse(no_text()),
        };
        let ask = Ask {
            at: self.at.clone(),
            presented: self.opening.presented.clone(),
            origin: Origin {
                request: self.request_id(),
                ..self.opening.origin.clone()
            },
            text,
            memory: self.memory.clone(),
        };
        self.turn = Turn::Asked(Box::pin(ask.answer()));
    }

    fn request_id(&self) -> Arc<str> {
        format!("{}.{}", self.opening.origin.request, self.requests).into()
    }

    fn refuse(&mut self, problem: Problem) {
        let problem = self.at.worded(problem, &self.request_id());
        self.say(&problem);
    }

    /// Says a problem that is in the words of the dialect already.
    fn say(&mut self, problem: &Problem) {
        let id = self.request_id();
        put_refusal(self.at.dialect, problem, &id, &mut self.out);
    }

    fn end(&mut self, ending: Ending) {
        match ending {
            Ending::Old => {
                self.refuse(too_old());
                self.say_farewell(CloseCode::Normal, "the connection has lasted long enough");
            }
            Ending::Shutdown => {
                self.say_farewell(CloseCode::Away, "the server is shutting down");
            }
        }
    }

    /// Says that nothing more comes. What is under way is stopped. The client gets a while to read it: a
    /// connection that ends while something of the client is unread may take the last words with it.
    fn say_farewell(&mut self, code: CloseCode, why: &str) {
        put_close(&mut self.out, code, why);
        self.turn = Turn::Idle;
        self.stage = Stage::Farewell;
        self.rest(FAREWELL);
    }

    fn rest(&mut self, time: Duration) {
        self.quiet.as_mut().reset(Instant::now() + time);
    }
}

fn too_many() -> Problem {
    let message = format!("at most {MOST_WAITING} requests may wait on a connection");
    Problem::new(
        actix_web::http::StatusCode::TOO_MANY_REQUESTS,
        Kind::RateLimit,
        "too_many_requests",
        message,
    )
}

fn no_text() -> Problem {
    Problem::bad_request("invalid_message", "a message must be a text that is JSON")
}

fn too_old() -> Problem {
    Problem::bad_request(
        "websocket_connection_limit_reached",
        "a connection takes requests for 60 minutes; open another one",
    )
}
