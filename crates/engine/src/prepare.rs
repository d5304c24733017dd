//! What a request builds on: the history it continues and the tools it names.

use std::sync::Arc;

use response_domain::caller::{OwnerId, ToolSecrets};
use response_domain::failure::Failure;
use response_domain::id::{ConversationId, ResponseId};
use response_domain::item::Item;
use response_domain::ports::llm::CallContext;
use response_domain::ports::store::{self, HistoryRef};
use response_domain::spec::{
    ResponseSpec, ServerOffer, Storage, ToolChoice, ToolOffer, ToolSelection,
};
use response_domain::status::StatusName;

use crate::Engine;
use crate::create::Memory;
use crate::error::CreateError;

/// The items before a response.
pub(crate) struct History {
    /// Their conversation; none when they are stored nowhere.
    pub(crate) conversation: Option<ConversationId>,
    /// See [`store::History::seen`].
    pub(crate) seen: u32,
    pub(crate) items: Arc<[Arc<Item>]>,
}

impl From<store::History> for History {
    fn from(history: store::History) -> Self {
        Self {
            conversation: Some(history.conversation),
            seen: history.seen,
            items: history.items.into(),
        }
    }
}

impl Engine {
    /// The items before the response, when it continues something.
    pub(crate) async fn history(
        &self,
        owner: &OwnerId,
        spec: &ResponseSpec,
        memory: Option<&Memory>,
    ) -> Result<Option<History>, CreateError> {
        let store = &self.0.ports.store;
        if let Some(id) = spec.previous {
            // What its end was told of has ended, also while its driver still tidies up.
            if let Some(known) = self.0.launch.live().find(owner, id)
                && !known.is_over()
                && !known.response().status().is_ended()
            {
                return Err(CreateError::PreviousInProgress(id));
            }
            let Some(history) = store.history(owner, HistoryRef::Response(id)).await? else {
                return remembered(memory, id, spec).map(Some);
            };
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
            return Ok(Some(history.into()));
        }
        let Some(id) = spec.conversation else {
            return Ok(None);
        };
        let history = store.history(owner, HistoryRef::Conversation(id)).await?;
        history
            .map(|history| Some(history.into()))
            .ok_or(CreateError::ConversationNotFound(id))
    }

    /// Tools that the request names must be available.
    pub(crate) async fn check_tools(
        &self,
        spec: &ResponseSpec,
        context: &CallContext,
    ) -> Result<(), CreateError> {
        let named: &[_] = match &spec.tools {
            ToolSelection::Only(requests) => requests,
            ToolSelection::All | ToolSelection::Nothing => &[],
            ToolSelection::Offered(offers) => {
                return self.check_servers(offers, &context.tool_secrets);
            }
        };
        let chosen = match &spec.tool_choice {
            ToolChoice::Named(name) => Some(name),
            ToolChoice::Auto
            | ToolChoice::None
            | ToolChoice::Required
            | ToolChoice::Server { .. } => None,
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

    /// The servers that the request brings must be known, or be somewhere that may be called.
    fn check_servers(
        &self,
        offers: &[ToolOffer],
        secrets: &ToolSecrets,
    ) -> Result<(), CreateError> {
        let registry = &self.0.ports.registry;
        for (index, offer) in offers.iter().enumerate() {
            let ToolOffer::Server(ServerOffer { label, url, .. }) = offer else {
                continue;
            };
            let label = Arc::clone(label);
            match url {
                None if !registry.labels().contains(&label) => {
                    return Err(CreateError::UnknownServer { index, label });
                }
                None => {}
                Some(url) => {
                    let admitted = registry.admit(secrets.address(&label, url));
                    admitted.map_err(|reason| CreateError::ServerNotAllowed {
                        index,
                        label,
                        reason,
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// What the connection remembers of a response that is not stored.
fn remembered(
    memory: Option<&Memory>,
    id: ResponseId,
    spec: &ResponseSpec,
) -> Result<History, CreateError> {
    // What is stored cannot build on what is not: nobody could tell later what it saw.
    let known = memory
        .filter(|memory| memory.response == id && spec.storage == Storage::Passing)
        .ok_or(CreateError::PreviousNotFound(id))?;
    Ok(History {
        conversation: None,
        seen: 0,
        items: Arc::clone(&known.items),
    })
}
