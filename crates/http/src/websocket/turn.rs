//! One request of a connection, from its message to the last event of its response.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use response_domain::caller::Presented;
use response_domain::id::ResponseId;
use response_domain::status::Status;
use response_engine::create::{Created, Memory, Reader, Request};
use response_engine::read::Whole;

use super::words::{Asked, Generation};
use crate::dialect::Responses;
use crate::problem::Problem;
use crate::stream::Messages;
use crate::{Face, extract};

/// What a connection is at.
pub(super) enum Turn<D> {
    /// Nothing.
    Idle,
    /// A request is looked at.
    Asked(Pin<Box<dyn Future<Output = Result<Answering<D>, Refused>>>>),
    /// Its response is told. Dropping it before its end stops the run.
    Answered(Box<Answering<D>>),
}

/// A response that is told.
pub(super) struct Answering<D> {
    messages: Messages<D>,
    /// The response it continues.
    previous: Option<ResponseId>,
}

/// A request that is not answered.
pub(super) struct Refused {
    pub(super) problem: Problem,
    /// The response it was to continue.
    previous: Option<ResponseId>,
}

/// What comes of a request next.
pub(super) enum Told {
    /// A message.
    Message(Bytes),
    /// Nothing more: it is refused.
    Refused(Box<Refused>),
    /// Nothing more: its response has ended.
    Ended(Ended),
}

/// A response that was told to its end.
pub(super) struct Ended {
    whole: Whole,
    /// The response it continues.
    previous: Option<ResponseId>,
}

impl<D: Responses> Turn<D> {
    /// What comes of it next; never anything of nothing. Nothing is lost when it is not waited for.
    pub(super) async fn next(&mut self) -> Told {
        loop {
            match self {
                Self::Idle => return pending().await,
                Self::Asked(answer) => match answer.await {
                    Ok(answering) => *self = Self::Answered(Box::new(answering)),
                    Err(refused) => {
                        *self = Self::Idle;
                        return Told::Refused(Box::new(refused));
                    }
                },
                Self::Answered(answering) => {
                    if let Some(message) = answering.messages.next().await {
                        return Told::Message(message);
                    }
                    let ended = Ended {
                        whole: answering.messages.whole(),
                        previous: answering.previous,
                    };
                    *self = Self::Idle;
                    return Told::Ended(ended);
                }
            }
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

/// A request as it came, with what the connection knows.
pub(super) struct Ask<D> {
    pub(super) face: Face,
    pub(super) dialect: D,
    /// What the connection was opened with.
    pub(super) presented: Presented,
    pub(super) request_id: Arc<str>,
    pub(super) text: Bytes,
    pub(super) memory: Option<Memory>,
}

impl<D: Responses> Ask<D> {
    /// Its response on its way, or why there is none.
    pub(super) async fn answer(self) -> Result<Answering<D>, Refused> {
        let (text, depth) = (self.text.clone(), self.face.options.json_depth);
        let previous = || Asked::previous_of(std::str::from_utf8(&text).ok()?);
        let answered = async {
            let text = extract::json(&text, depth)?;
            let asked = Asked::read(text)?;
            let messages = self.begin(text, asked.generation).await?;
            let previous = asked.previous;
            Ok(Answering { messages, previous })
        };
        answered.await.map_err(|problem| Refused {
            problem,
            previous: previous(),
        })
    }

    async fn begin(self, text: &str, generation: Generation) -> Result<Messages<D>, Problem> {
        // What was good when the connection was opened need not be good any more.
        let authenticator = &self.face.authenticator;
        let caller = authenticator.authenticate(self.presented).await?;
        let mut draft = self.dialect.parse(text)?;
        if draft.background == Some(true) {
            let message = "a request over a WebSocket cannot run in the background";
            return Err(Problem::bad_request("unsupported_parameter", message).about("background"));
        }
        draft.stream = Some(true);
        let request = Request {
            caller,
            draft,
            request_id: self.request_id,
            key: None,
            memory: self.memory,
        };
        let reader = match generation {
            Generation::Wanted => created(self.face.engine.create(request).await?)?,
            Generation::Later => self.face.engine.warm_up(request).await?,
        };
        Ok(Messages::new(self.dialect, reader))
    }
}

fn created(created: Created) -> Result<Reader, Problem> {
    match created {
        Created::Streaming(reader) => Ok(reader),
        Created::Waiting(_) | Created::Retold(_) | Created::Queued(_) => {
            Err(Problem::internal("a stream without a key is no stream"))
        }
    }
}

impl Refused {
    /// What the connection remembers then: a response that could not be continued is forgotten.
    pub(super) fn remembered(&self, memory: Option<Memory>) -> Option<Memory> {
        without(memory, self.previous)
    }
}

impl Ended {
    /// What the connection remembers then: this one, unless it failed; and not what it failed to continue.
    pub(super) fn remembered(self, memory: Option<Memory>) -> Option<Memory> {
        let Whole {
            response,
            items,
            history,
        } = self.whole;
        match response.status() {
            Status::Completed | Status::Incomplete(_) => Some(Memory {
                response: response.id,
                items: history.iter().cloned().chain(items).collect(),
            }),
            Status::Queued | Status::InProgress | Status::Failed(_) | Status::Cancelled => {
                without(memory, self.previous)
            }
        }
    }
}

fn without(memory: Option<Memory>, response: Option<ResponseId>) -> Option<Memory> {
    memory.filter(|memory| Some(memory.response) != response)
}
