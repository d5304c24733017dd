//! Items as a caller sends them, made items of ours: references are looked up, and what the caller was
//! given to keep is opened.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::entry;
use response_domain::id::{ItemId, RawId, ResponseId};
use response_domain::item::{
    CallId, FunctionCallOutput, Item, ItemBody, ItemStatus, OutputVerdict, Runner,
};
use response_domain::ports::store::StoreError;
use response_domain::spec::InputItem;

use crate::Engine;

/// Why items cannot be taken.
pub(crate) enum Unresolved {
    /// There is no such item to refer to.
    Missing(ItemId),
    /// It does not open.
    Sealed {
        /// Its place among those sent.
        place: usize,
    },
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Unresolved {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A body, and whether it was finished.
type Known = (ItemBody, ItemStatus);

impl Engine {
    /// What was sent as items numbered from 0 under `parent`.
    pub(crate) async fn resolve(
        &self,
        owner: &OwnerId,
        parent: RawId,
        sent: &[InputItem],
    ) -> Result<Vec<Arc<Item>>, Unresolved> {
        let stored = self.referred(owner, sent).await?;
        let mut items = Vec::with_capacity(sent.len());
        let mut add = |(body, status): Known| {
            let ordinal = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let id = ItemId::new(parent, ordinal);
            items.push(Arc::new(Item {
                id,
                turn: 0,
                status,
                body,
            }));
        };
        for (place, item) in sent.iter().enumerate() {
            match item {
                InputItem::New(body) => {
                    let body = self.opened(owner, body, place)?;
                    add((body, ItemStatus::Completed));
                }
                InputItem::Reference(id) => {
                    let known = stored.get(id).ok_or(Unresolved::Missing(*id))?;
                    known.iter().cloned().for_each(&mut add);
                }
            }
        }
        Ok(items)
    }

    /// The stored items that are referred to; the call of a tool server with what came of it.
    async fn referred(
        &self,
        owner: &OwnerId,
        sent: &[InputItem],
    ) -> Result<HashMap<ItemId, Vec<Known>>, Unresolved> {
        let wanted: Vec<ItemId> = sent
            .iter()
            .filter_map(|item| match item {
                InputItem::Reference(id) => Some(*id),
                InputItem::New(_) => None,
            })
            .collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let store = &self.0.ports.store;
        let found = store.items_by_id(owner, &wanted).await?;
        let parents: HashSet<RawId> = found
            .iter()
            .filter(|item| is_server_call(item))
            .map(|item| item.id.parent)
            .collect();
        let mut around = Vec::new();
        for parent in parents {
            around.extend(store.items(owner, ResponseId::new(parent)).await?);
        }
        let known = |item: &Arc<Item>| (named(item), item.status);
        let with_output = |item: Arc<Item>| {
            let output = entry::output_of(&around, &item).map(known);
            let output = output.or_else(|| unanswered(&item));
            let all = std::iter::once(known(&item)).chain(output).collect();
            (item.id, all)
        };
        Ok(found.into_iter().map(with_output).collect())
    }

    /// The body with what is sealed in it opened. Reasoning that does not open is another service's, and
    /// says nothing here.
    fn opened(
        &self,
        owner: &OwnerId,
        body: &ItemBody,
        place: usize,
    ) -> Result<ItemBody, Unresolved> {
        let mut body = body.clone();
        match &mut body {
            ItemBody::Reasoning(reasoning) if reasoning.text.is_empty() => {
                let sealed = reasoning.sealed.as_deref();
                if let Some(text) = sealed.and_then(|sealed| self.open_content(owner, sealed)) {
                    reasoning.text = text;
                }
            }
            ItemBody::Compaction(compaction) if compaction.text.is_empty() => {
                compaction.text = self
                    .open_content(owner, &compaction.sealed)
                    .ok_or(Unresolved::Sealed { place })?;
            }
            _ => {}
        }
        Ok(body)
    }
}

/// What a model reads of the call of a tool server that never came back.
fn unanswered(item: &Item) -> Option<Known> {
    let call = item.as_call().filter(|_| is_server_call(item))?;
    let output = FunctionCallOutput {
        verdict: OutputVerdict::Complaint,
        ..FunctionCallOutput::text(call.call_id.clone(), "The call was not made.")
    };
    Some((ItemBody::FunctionCallOutput(output), ItemStatus::Completed))
}

/// The body of a stored item as it stands under another id. What waits for leave keeps the name by which its
/// caller knows it.
fn named(item: &Item) -> ItemBody {
    let mut body = item.body.clone();
    if let ItemBody::FunctionCall(call) = &mut body
        && matches!(call.runner, Runner::Asks(_))
    {
        call.call_id = CallId(item.id.to_string().into());
    }
    body
}

fn is_server_call(item: &Item) -> bool {
    item.as_call()
        .is_some_and(|call| matches!(call.runner, Runner::Server(_)))
}
