//! Accepting a request: check it, find what it builds on, and hand it to a driver or to the queue. A
//! foreground response is not written here; it gets its row when it ends, wants a tool, or has run for a
//! while.

use std::sync::Arc;

use response_domain::caller::{Caller, OwnerId, ToolSecrets};
use response_domain::event::Event;
use response_domain::id::{ConversationId, ResponseId};
use response_domain::item::Item;
use response_domain::ports::idempotency::IdempotencyKey;
use response_domain::ports::llm::CallContext;
use response_domain::response::Response;
use response_domain::run::{Run, Start, pairs};
use response_domain::spec::{Delivery, Draft, Overlap, ResponseSpec, Storage, Unanswered};
use tokio::sync::mpsc;

use crate::Engine;
use crate::attach::Attached;
use crate::drive::Held;
use crate::error::CreateError;
use crate::journal::{Direct, Form, OnLeave};
use crate::live::Live;
use crate::waiting::Presence;
pub use crate::waiting::{Reader, Waiting};

/// A request for a response.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// What is asked, types checked.
    pub draft: Draft,
    /// The id of the request, passed on upstream.
    pub request_id: Arc<str>,
    /// Marks the request, so that the same again is not a second one.
    pub key: Option<IdempotencyKey>,
    /// The response before it on the same connection, which may be stored nowhere.
    pub memory: Option<Memory>,
}

/// A response that a connection remembers.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Which one.
    pub response: ResponseId,
    /// All that it saw and said.
    pub items: Arc<[Arc<Item>]>,
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
    /// It was asked for before, under the same key, and its caller wants to read it: what it told can be
    /// made up when it has ended.
    Retold(Waiting),
}

/// What a request brings besides its spec.
pub(crate) struct Wish {
    pub(crate) caller: Caller,
    pub(crate) tool_secrets: ToolSecrets,
    pub(crate) overlap: Overlap,
    pub(crate) unanswered: Unanswered,
    pub(crate) request_id: Arc<str>,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) memory: Option<Memory>,
}

/// A request that passed every check, with all it builds on.
pub(crate) struct Accepted {
    pub(crate) owner: OwnerId,
    pub(crate) spec: ResponseSpec,
    pub(crate) context: CallContext,
    pub(crate) history: Arc<[Arc<Item>]>,
    pub(crate) seen: u32,
    pub(crate) input: Vec<Arc<Item>>,
    pub(crate) attached: Option<Attached>,
}

/// Groups of events that may wait for a reader before the run waits too. A group is what came from the
/// model at once, so this bounds the memory that a slow reader costs.
const READER_BUFFER: usize = 16;

impl Engine {
    /// Accepts a request and sets its run going, or puts it into the queue. The same request again, under
    /// the same key, is answered with the same response.
    pub async fn create(&self, request: Request) -> Result<Created, CreateError> {
        let (wish, spec) = self.check(request)?;
        let owner = wish.caller.owner.clone();
        let key = wish.key.clone();
        if let Some(key) = &key
            && let Some(known) = self.known(&owner, key, &spec).await?
        {
            return Ok(known);
        }
        if spec.delivery == Delivery::Background {
            self.admit_callback(&spec)?;
            self.admit_tokens(&owner)?;
            self.admit_to_queue(&wish.caller).await?;
            let accepted = self.accept(wish, spec.clone()).await?;
            return match self.enqueue(accepted, key.as_ref()).await? {
                Some(response) => Ok(Created::Queued(response)),
                None => self.known_now(&owner, key, &spec).await,
            };
        }
        let place = self.admit_run(&owner)?;
        let Some(key) = key else {
            let (held, created) = self.begin(self.accept(wish, spec).await?, OnLeave::Stops);
            self.launch(held, place);
            return Ok(created);
        };
        let accepted = self.accept(wish, spec.clone()).await?;
        let (mut held, created) = self.begin(accepted, OnLeave::GoesOn);
        if self.mark(&key, &mut held).await? {
            self.launch(held, place);
            return Ok(created);
        }
        self.known_now(&owner, Some(key), &spec).await
    }

    /// A request whose spec is good, taken apart.
    pub(crate) fn check(&self, request: Request) -> Result<(Wish, ResponseSpec), CreateError> {
        let Request {
            caller,
            mut draft,
            request_id,
            key,
            memory,
        } = request;
        let tool_secrets = std::mem::take(&mut draft.tool_secrets);
        let (overlap, unanswered) = (draft.overlap, draft.unanswered);
        let spec = ResponseSpec::check(draft, &self.0.policy.spec).map_err(CreateError::Refused)?;
        let wish = Wish {
            caller,
            tool_secrets,
            overlap,
            unanswered,
            request_id,
            key,
            memory,
        };
        Ok((wish, spec))
    }

    /// A request whose spec is good, with all it builds on.
    pub(crate) async fn accept(
        &self,
        wish: Wish,
        spec: ResponseSpec,
    ) -> Result<Accepted, CreateError> {
        let Caller {
            owner, credential, ..
        } = wish.caller;
        let attached = match (wish.overlap, spec.conversation) {
            (Overlap::Refused, Some(conversation)) => {
                Some(self.attach(&owner, conversation).await?)
            }
            (Overlap::Allowed, _) | (Overlap::Refused, None) => None,
        };
        let history = self.history(&owner, &spec, wish.memory.as_ref()).await?;
        let id = ResponseId::new(self.0.ports.ids.next());
        let conversation = match (&history, spec.storage) {
            (Some(history), _) => history.conversation,
            (None, Storage::Stored) => Some(ConversationId::new(self.0.ports.ids.next())),
            (None, Storage::Passing) => None,
        };
        let context = CallContext {
            user: user(&spec, &owner),
            credential,
            tool_secrets: wish.tool_secrets,
            request_id: wish.request_id,
            response: id,
            conversation,
        };
        self.check_tools(&spec, &context).await?;
        let input = self.resolve(&owner, id.raw(), &spec.items).await?;
        let (history, seen): (Arc<[Arc<Item>]>, u32) = match history {
            Some(history) => (history.items, history.seen),
            None => (Arc::from([]), 0),
        };
        if let Some(unpaired) = pairs::unpaired(&history, &input, wish.unanswered) {
            return Err(CreateError::Unpaired(unpaired));
        }
        Ok(Accepted {
            owner,
            spec,
            context,
            history,
            seen,
            input,
            attached,
        })
    }

    /// The run of an accepted request, and what its caller holds of it.
    fn begin(&self, accepted: Accepted, on_leave: OnLeave) -> (Held, Created) {
        let Accepted {
            owner,
            spec,
            context,
            history,
            seen,
            input,
            attached,
        } = accepted;
        let id = context.response;
        let at = self.0.ports.clock.now();
        let policy = &self.0.policy;
        let rules = policy.rules(&spec);
        let delivery = spec.delivery;
        let seal = self.reasoning_seal(&spec, &owner);
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
        let presence = Presence::new(Arc::clone(&live), on_leave);
        let (reader, created) = watched(delivery, id, presence);
        (
            Held {
                run,
                live,
                context,
                form: Form::Live(Direct::new(
                    reader,
                    on_leave,
                    policy.reader_patience,
                    policy.write_after,
                )),
                written: 0,
                time: policy.run_timeout,
                seal,
                attached,
            },
            created,
        )
    }
}

/// What a caller holds of its run, and where the run tells it what happens.
fn watched(
    delivery: Delivery,
    id: ResponseId,
    presence: Presence,
) -> (Option<mpsc::Sender<Vec<Event>>>, Created) {
    match delivery {
        Delivery::Stream => {
            let (sender, events) = mpsc::channel(READER_BUFFER);
            let reader = Reader::new(id, events, presence);
            (Some(sender), Created::Streaming(reader))
        }
        Delivery::Wait | Delivery::Background => {
            (None, Created::Waiting(Waiting::here(id, presence)))
        }
    }
}

/// Whom upstream calls are made for: the caller's label for an end user, or else the owner.
pub(crate) fn user(spec: &ResponseSpec, owner: &OwnerId) -> Arc<str> {
    spec.user
        .clone()
        .unwrap_or_else(|| Arc::from(owner.subject()))
}
