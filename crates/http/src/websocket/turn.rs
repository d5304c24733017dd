//! One request of a connection, from its message to the last event of its response.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::http::StatusCode;
use bytes::Bytes;
use response_domain::caller::Presented;
use response_domain::id::ResponseId;
use response_domain::status::Status;
use response_engine::allowances::Cost;
use response_engine::create::{Created, Memory, Reader, Request};
use response_engine::read::Whole;

use super::words::{Asked, Generation};
use crate::audit::{Deed, Origin};
use crate::dialect::Responses;
use crate::extract;
use crate::handler::Mounted;
use crate::problem::Problem;
use crate::room::Body;
use crate::stream::Messages;

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
    /// In the words of the dialect.
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
    pub(super) at: Mounted<D>,
    /// What the connection was opened with.
    pub(super) presented: Presented,
    pub(super) origin: Origin,
    pub(super) text: Body,
    pub(super) memory: Option<Memory>,
}

impl<D: Responses> Ask<D> {
    /// Its response on its way, or why there is none.
    pub(super) async fn answer(mut self) -> Result<Answering<D>, Refused> {
        let mut deed = None;
        let memory = self.memory.take();
        let answered = self.begin(memory, &mut deed).await;
        let answered = answered.map_err(|problem| Refused {
            problem: self.at.worded(problem, &self.origin.request),
            previous: std::str::from_utf8(&self.text)
                .ok()
                .and_then(Asked::previous_of),
        });
        if let Some(mut deed) = deed {
            let status = match &answered {
                Ok(answering) => {
                    deed.about(Some(answering.messages.id().to_string()));
                    StatusCode::OK
                }
                Err(refused) => refused.problem.status,
            };
            deed.answered(status);
        }
        answered
    }

    async fn begin(
        &self,
        memory: Option<Memory>,
        deed: &mut Option<Deed>,
    ) -> Result<Answering<D>, Problem> {
        let (at, origin) = (&self.at, &self.origin);
        // What was good when the connection was opened need not be good any more.
        let caller = at.recognise(self.presented.clone()).await;
        let caller = caller.inspect_err(|error| {
            at.refuse_credential(error, origin);
        })?;
        *deed = at.shared.audit.begin("response.create", &caller, origin);
        at.face.engine.admit(&caller.owner, Cost::Heavy)?;
        let text = extract::json(&self.text, at.face.options.json_depth)?;
        let asked = Asked::read(text)?;
        let mut draft = at.dialect.parse(text)?;
        if draft.background == Some(true) {
            let message = "a request over a WebSocket cannot run in the background";
            return Err(Problem::bad_request("unsupported_parameter", message).about("background"));
        }
        draft.stream = Some(true);
        let request = Request {
            caller,
            draft,
            request_id: Arc::clone(&origin.request),
            key: None,
            memory,
        };
        let reader = match asked.generation {
            Generation::Wanted => created(at.face.engine.create(request).await?)?,
            Generation::Later => at.face.engine.warm_up(request).await?,
        };
        Ok(Answering {
            messages: Messages::new(at.dialect, reader),
            previous: asked.previous,
        })
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
