//! Accepting a request: check it, find what it builds on, and hand it to a driver or to the queue. A
//! foreground response is not written here; it gets its row when it ends, wants a tool, or has run for a
//! while.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use response_domain::caller::{Caller, OwnerId};
use response_domain::event::Event;
use response_domain::id::{ConversationId, ResponseId};
use response_domain::item::Item;
use response_domain::ports::llm::CallContext;
use response_domain::response::Response;
use response_domain::run::{Run, Start, Stop, pairs};
use response_domain::spec::{Delivery, Draft, ResponseSpec, Storage};
use tokio::sync::mpsc;

use crate::Engine;
use crate::drive::Held;
use crate::error::CreateError;
use crate::journal::{Direct, Form};
use crate::live::Live;
use crate::stop::Reason;

/// A request for a response.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// What is asked, types checked.
    pub draft: Draft,
    /// The id of the request, passed on upstream.
    pub request_id: Arc<str>,
}

/// A response that is on its way.
#[derive(Debug)]
pub enum Created {
    /// Its caller waits.
    Waiting(Waiting),
    /// Its caller reads along.
    Streaming(Reader),
    /// It waits in the queue.
    Queued(Arc<Response>),
}

/// A run that somebody waits for. Dropping it before the end stops the run.
#[derive(Debug)]
pub struct Waiting {
    id: ResponseId,
    presence: Presence,
}

impl Waiting {
    /// Which response.
    pub fn id(&self) -> ResponseId {
        self.id
    }

    /// The ended response.
    pub async fn ended(self) -> Arc<Response> {
        self.presence.0.ended().await
    }
}

/// A run that somebody reads along. Dropping it before the end stops the run.
#[derive(Debug)]
pub struct Reader {
    id: ResponseId,
    events: mpsc::Receiver<Vec<Event>>,
    _presence: Presence,
}

impl Reader {
    /// Which response.
    pub fn id(&self) -> ResponseId {
        self.id
    }

    /// The next events, in the groups in which they happened; `None` after the last.
    pub async fn next(&mut self) -> Option<Vec<Event>> {
        self.events.recv().await
    }

    /// The same, for streams.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<Event>>> {
        Pin::new(&mut self.events).poll_recv(context)
    }
}

/// Somebody who wants the answer: a run nobody wants is stopped.
#[derive(Debug)]
struct Presence(Arc<Live>);

impl Drop for Presence {
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.stop.stop(Reason::End(Stop::ByCaller));
        }
    }
}

/// A request that passed every check, with all it builds on.
pub(crate) struct Accepted {
    pub(crate) owner: OwnerId,
    pub(crate) spec: ResponseSpec,
    pub(crate) context: CallContext,
    pub(crate) history: Arc<[Arc<Item>]>,
    pub(crate) seen: u32,
    pub(crate) input: Vec<Arc<Item>>,
}

/// Groups of events that may wait for a reader before the run waits too. A group is what came from the
/// model at once, so this bounds the memory that a slow reader costs.
const READER_BUFFER: usize = 16;

impl Engine {
    /// Accepts a request and sets its run going, or puts it into the queue.
    pub async fn create(&self, request: Request) -> Result<Created, CreateError> {
        let Request {
            caller,
            draft,
            request_id,
        } = request;
        let spec = ResponseSpec::check(draft, &self.0.policy.spec).map_err(CreateError::Refused)?;
        if spec.delivery == Delivery::Background {
            self.admit_callback(&spec)?;
            self.admit_to_queue(&caller).await?;
            let accepted = self.accept(caller, spec, request_id).await?;
            return self.enqueue(accepted).await.map(Created::Queued);
        }
        let place = self.0.launch.admit()?;
        let (held, created) = self.begin(self.accept(caller, spec, request_id).await?);
        self.launch(held, place);
        Ok(created)
    }

    /// A request whose spec is good, with all it builds on.
    async fn accept(
        &self,
        caller: Caller,
        spec: ResponseSpec,
        request_id: Arc<str>,
    ) -> Result<Accepted, CreateError> {
        let history = self.history(&caller.owner, &spec).await?;
        let id = ResponseId::new(self.0.ports.ids.next());
        let conversation = match (&history, spec.storage) {
            (Some(history), _) => Some(history.conversation),
            (None, Storage::Stored) => Some(ConversationId::new(self.0.ports.ids.next())),
            (None, Storage::Passing) => None,
        };
        let owner = caller.owner;
        let context = CallContext {
            user: user(&spec, &owner),
            credential: caller.credential,
            request_id,
            response: id,
            conversation,
        };
        self.check_tools(&spec, &context).await?;
        let input = self.input(&owner, id, &spec).await?;
        let (history, seen): (Arc<[Arc<Item>]>, u32) = match history {
            Some(history) => (history.items.into(), history.seen),
            None => (Arc::from([]), 0),
        };
        if let Some(unpaired) = pairs::unpaired(&history, &input) {
            return Err(CreateError::Unpaired(unpaired));
        }
        Ok(Accepted {
            owner,
            spec,
            context,
            history,
            seen,
            input,
        })
    }

    /// The run of an accepted request, and what its caller holds of it.
    fn begin(&self, accepted: Accepted) -> (Held, Created) {
        let Accepted {
            owner,
            spec,
            context,
            history,
            seen,
            input,
        } = accepted;
        let id = context.response;
        let at = self.0.ports.clock.now();
        let policy = &self.0.policy;
        let rules = policy.rules(&spec);
        let delivery = spec.delivery;
        let spec = Arc::new(spec);
        let run = Run::new(Start {
            response: id,
            spec: Arc::clone(&spec),
            rules,
            history: Arc::clone(&history),
            input: input.clone(),
            at,
        });
        let mut response = Response::accept(id, owner, spec, context.conversation, at);
        response.seen = seen;
        let response = Arc::new(response);
        let live = Arc::new(Live::new(response, input, history));
        let presence = Presence(Arc::clone(&live));
        let (reader, created) = match delivery {
            Delivery::Stream => {
                let (sender, events) = mpsc::channel(READER_BUFFER);
                (
                    Some(sender),
                    Created::Streaming(Reader {
                        id,
                        events,
                        _presence: presence,
                    }),
                )
            }
            Delivery::Wait | Delivery::Background => {
                (None, Created::Waiting(Waiting { id, presence }))
            }
        };
        (
            Held {
                run,
                live,
                context,
                form: Form::Live(Direct::new(
                    reader,
                    policy.reader_patience,
                    policy.write_after,
                )),
                written: 0,
                time: policy.run_timeout,
            },
            created,
        )
    }
}

/// Whom upstream calls are made for: the caller's label for an end user, or else the owner.
pub(crate) fn user(spec: &ResponseSpec, owner: &OwnerId) -> Arc<str> {
    spec.user
        .clone()
        .unwrap_or_else(|| Arc::from(owner.as_str()))
}
