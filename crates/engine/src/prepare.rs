//! What a request builds on: the history it continues, the tools it names, the items it brings.

use std::collections::HashMap;
use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::failure::Failure;
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::{Item, ItemBody, ItemStatus};
use response_domain::ports::llm::CallContext;
use response_domain::ports::store::{History, HistoryRef};
use response_domain::spec::{InputItem, ResponseSpec, ToolChoice, ToolSelection};
use response_domain::status::StatusName;

use crate::Engine;
use crate::error::CreateError;

impl Engine {
    /// The items before the response, when it continues something.
    pub(crate) async fn history(
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
    pub(crate) async fn check_tools(
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
    pub(crate) async fn input(
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
