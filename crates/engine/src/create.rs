//! Accepting a request: check it, find what it builds on, and hand it to a driver. Nothing is written
//! here; a foreground response gets its row when it ends, wants a tool, or has run for a while.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use response_domain::caller::{Caller, OwnerId};
use response_domain::event::Event;
use response_domain::failure::Failure;
use response_domain::id::{ConversationId, ItemId, ResponseId};
use response_domain::item::{Item, ItemBody, ItemStatus};
use response_domain::ports::llm::CallContext;
use response_domain::ports::store::{History, HistoryRef};
use response_domain::response::Response;
use response_domain::run::{Run, Start, Stop, pairs};
use response_domain::spec::{
    Delivery, Draft, InputItem, ResponseSpec, Storage, ToolChoice, ToolSelection,
};
use response_domain::status::StatusName;
use tokio::sync::mpsc;

use crate::Engine;
use crate::drive::Held;
use crate::error::CreateError;
use crate::live::Live;

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
            self.0.stop.stop(Stop::ByCaller);
        }
    }
}

/// A request that passed every check, with all it builds on.
struct Accepted {
    owner: OwnerId,
    spec: ResponseSpec,
    context: CallContext,
    history: Arc<[Arc<Item>]>,
    seen: u32,
    input: Vec<Arc<Item>>,
}

/// Groups of events that may wait for a reader before the run waits too. A group is what came from the
/// model at once, so this bounds the memory that a slow reader costs.
const READER_BUFFER: usize = 16;

impl Engine {
    /// Accepts a request and sets its run going.
    pub async fn create(&self, request: Request) -> Result<Created, CreateError> {
        let Request {
            caller,
            draft,
            request_id,
        } = request;
        let spec = ResponseSpec::check(draft, &self.0.policy.spec).map_err(CreateError::Refused)?;
        if spec.delivery == Delivery::Background {
            return Err(CreateError::BackgroundUnavailable);
        }
        let place = self.0.launch.admit()?;
        let history = self.history(&caller.owner, &spec).await?;
        let id = ResponseId::new(self.0.ports.ids.next());
        let conversation = match (&history, spec.storage) {
            (Some(history), _) => Some(history.conversation),
            (None, Storage::Stored) => Some(ConversationId::new(self.0.ports.ids.next())),
            (None, Storage::Passing) => None,
        };
        let owner = caller.owner;
        let context = CallContext {
            user: spec
                .user
                .clone()
                .unwrap_or_else(|| Arc::from(owner.as_str())),
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
        let (held, created) = self.begin(Accepted {
            owner,
            spec,
            context,
            history,
            seen,
            input,
        });
        self.launch(held, place);
        Ok(created)
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
        let rules = self.0.policy.rules(&spec);
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
                reader,
            },
            created,
        )
    }

    async fn history(
        &self,
        owner: &OwnerId,
        spec: &ResponseSpec,
    ) -> Result<Option<History>, CreateError> {
        let store = &self.0.ports.store;
        if let Some(id) = spec.previous {
            if self
                .0
                .launch
                .live()
                .find(owner, id)
                .is_some_and(|live| !live.is_over())
            {
                return Err(CreateError::PreviousInProgress(id));
            }
            let history = store
                .history(owner, HistoryRef::Response(id))
                .await?
                .ok_or(CreateError::PreviousNotFound(id))?;
            if matches!(
                history.status,
                Some(StatusName::Queued | StatusName::InProgress)
            ) {
                return Err(CreateError::PreviousInProgress(id));
            }
            if spec
                .conversation
                .is_some_and(|conversation| conversation != history.conversation)
            {
                return Err(CreateError::PreviousElsewhere);
            }
            return Ok(Some(history));
        }
        let Some(id) = spec.conversation else {
            return Ok(None);
        };
        let history = store.history(owner, HistoryRef::Conversation(id)).await?;
        history
            .map(Some)
            .ok_or(CreateError::ConversationNotFound(id))
    }

    /// Tools that the request names must be available.
    async fn check_tools(
        &self,
        spec: &ResponseSpec,
        context: &CallContext,
    ) -> Result<(), CreateError> {
        let named: &[_] = match &spec.tools {
            ToolSelection::Only(requests) => requests,
            ToolSelection::All | ToolSelection::Nothing => &[],
        };
        let chosen = match &spec.tool_choice {
            ToolChoice::Named(name) => Some(name),
            ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => None,
        };
        if named.is_empty() && chosen.is_none() {
            return Ok(());
        }
        let tools = self.0.ports.registry.list(context).await.map_err(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the tools could not be listed"
            );
            CreateError::Tools(Failure::from(&error))
        })?;
        let is_known = |name: &str| tools.iter().any(|tool| &*tool.name == name);
        for (index, request) in named.iter().enumerate() {
            if !is_known(&request.name) {
                let name = Arc::clone(&request.name);
                return Err(CreateError::ToolNotAvailable {
                    index: Some(index),
                    name,
                });
            }
        }
        match chosen.filter(|name| !is_known(name)) {
            Some(name) => Err(CreateError::ToolNotAvailable {
                index: None,
                name: Arc::clone(name),
            }),
            None => Ok(()),
        }
    }

    /// The input as items of the response, references resolved.
    async fn input(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        spec: &ResponseSpec,
    ) -> Result<Vec<Arc<Item>>, CreateError> {
        let wanted: Vec<ItemId> = spec
            .items
            .iter()
            .filter_map(|item| match item {
                InputItem::Reference(id) => Some(*id),
                InputItem::New(_) => None,
            })
            .collect();
        let mut stored: HashMap<ItemId, Arc<Item>> = HashMap::new();
        if !wanted.is_empty() {
            let found = self.0.ports.store.items_by_id(owner, &wanted).await?;
            stored.extend(found.into_iter().map(|item| (item.id, item)));
        }
        let mut items = Vec::with_capacity(spec.items.len());
        for (ordinal, item) in (0..).zip(&spec.items) {
            let (body, status): (ItemBody, _) = match item {
                InputItem::New(body) => (body.clone(), ItemStatus::Completed),
                InputItem::Reference(reference) => {
                    let known = stored
                        .get(reference)
                        .ok_or(CreateError::ItemNotFound(*reference))?;
                    (known.body.clone(), known.status)
                }
            };
            items.push(Arc::new(Item {
                id: ItemId::new(id.raw(), ordinal),
                turn: 0,
                status,
                body,
            }));
        }
        Ok(items)
    }
}
