//! Conversations: what was appended to them, by responses and by hand, and what was taken out.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::conversation::Conversation;
use response_domain::id::{ConversationId, ItemId, RawId, ResponseId};
use response_domain::item::Item;
use response_domain::json::Json;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;

use super::MemoryStore;
use super::row::Row;
use super::state::State;

/// All conversations, and the order in which things were appended to any of them.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    /// Those of which their owner said something.
    rows: BTreeMap<ConversationId, Said>,
    places: Vec<Place>,
    /// What was put there by hand, by the parent of the items.
    put: BTreeMap<RawId, Put>,
    /// What was taken out, with how many places of its conversation were taken before.
    taken_out: BTreeMap<ItemId, usize>,
}

#[derive(Debug)]
struct Said {
    owner: OwnerId,
    conversation: Conversation,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Closed,
}

#[derive(Debug)]
struct Put {
    at: Timestamp,
    owner: OwnerId,
    conversation: ConversationId,
    items: BTreeMap<ItemId, Arc<Item>>,
}

/// What has a place in a conversation.
#[derive(Debug)]
enum Place {
    Response(ResponseId),
    Put(RawId),
    /// Something was taken out.
    Removal(OwnerId, ConversationId),
}

impl Conversations {
    pub(super) fn append(&mut self, id: ResponseId) {
        self.places.push(Place::Response(id));
    }

    /// Whether items were put somewhere that have this parent.
    pub(super) fn has(&self, parent: RawId) -> bool {
        self.put.contains_key(&parent)
    }

    /// An item that its owner put somewhere.
    pub(super) fn item(&self, owner: &OwnerId, id: &ItemId) -> Option<Arc<Item>> {
        let put = self.put.get(&id.parent).filter(|put| put.owner == *owner);
        put.and_then(|put| put.items.get(id)).cloned()
    }

    /// When its owner made it, or it began, if its owner ever said something of it.
    pub(super) fn created(&self, id: ConversationId) -> Option<Timestamp> {
        self.rows.get(&id).map(|said| said.conversation.created)
    }

    /// Those of which owners said something, and those into which they put something.
    pub(super) fn spoken_of(&self) -> impl Iterator<Item = ConversationId> {
        let put = self.put.values().map(|put| put.conversation);
        self.rows.keys().copied().chain(put)
    }

    /// Those that hold what was put there, or where that was before that moment was not.
    pub(super) fn standing(
        &self,
        before: Option<Timestamp>,
    ) -> impl Iterator<Item = ConversationId> {
        let is_past = move |put: &Put| before.is_some_and(|before| put.at < before);
        let standing = self.put.values();
        let standing = standing.filter(move |put| !put.items.is_empty() || !is_past(put));
        standing.map(|put| put.conversation)
    }

    /// Forgets what was put somewhere before that moment; answers how often something was.
    pub(super) fn forget_put(&mut self, before: Timestamp, at_most: usize) -> usize {
        let past = |put: &&mut Put| put.at < before && !put.items.is_empty();
        let past = self.put.values_mut().filter(past).take(at_most);
        past.map(|put| put.items.clear()).count()
    }

    /// Forgets that there was such a conversation, and every place of it.
    pub(super) fn remove(&mut self, id: ConversationId, rows: &BTreeMap<ResponseId, Row>) {
        let put = &self.put;
        self.places.retain(|place| match place {
            Place::Response(response) => {
                let row = rows.get(response);
                row.is_none_or(|row| row.response.conversation != Some(id))
            }
            Place::Put(parent) => put.get(parent).is_none_or(|put| put.conversation != id),
            Place::Removal(_, conversation) => *conversation != id,
        });
        self.put.retain(|_, put| put.conversation != id);
        self.rows.remove(&id);
    }
}

impl State {
    fn put(
        &mut self,
        owner: &OwnerId,
        id: ConversationId,
        items: &[Arc<Item>],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(first) = items.first() else {
            return Ok(());
        };
        let parent = first.id.parent;
        if items.iter().any(|item| item.id.parent != parent) {
            return Err(StoreError::Failed("items of several parents".into()));
        }
        let conversations = &mut self.conversations;
        if conversations.has(parent) || self.rows.contains_key(&ResponseId::new(parent)) {
            return Err(StoreError::Stale);
        }
        let put = Put {
            at,
            owner: owner.clone(),
            conversation: id,
            items: items.iter().map(|it| (it.id, Arc::clone(it))).collect(),
        };
        conversations.put.insert(parent, put);
        conversations.places.push(Place::Put(parent));
        Ok(())
    }

    fn responses_of(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> impl Iterator<Item = &Row> + use<'_> {
        let owner = owner.clone();
        let rows = self.rows.values();
        rows.filter(move |row| row.is_in(&owner, id))
    }

    /// The conversation, as its owner or its responses say.
    fn conversation(&self, owner: &OwnerId, id: ConversationId) -> Option<Conversation> {
        if let Some(said) = self.conversations.rows.get(&id) {
            let is_there = said.owner == *owner && said.standing == Standing::Open;
            return is_there.then(|| said.conversation.clone());
        }
        let responses = self.responses_of(owner, id);
        let created = responses.map(|row| row.response.times.created).min()?;
        Some(Conversation {
            id,
            created,
            metadata: Json::empty_object(),
        })
    }

    fn say(&mut self, owner: &OwnerId, conversation: &Conversation, standing: Standing) {
        let said = Said {
            owner: owner.clone(),
            conversation: conversation.clone(),
            standing,
        };
        self.conversations.rows.insert(conversation.id, said);
    }

    /// The places that are taken in a conversation, in order.
    fn places(&self, owner: &OwnerId, id: ConversationId) -> impl Iterator<Item = &Place> {
        self.conversations
            .places
            .iter()
            .filter(move |place| match place {
                Place::Response(response) => {
                    let row = self.rows.get(response);
                    row.is_some_and(|row| row.is_in(owner, id))
                }
                Place::Put(parent) => {
                    let put = self.conversations.put.get(parent);
                    put.is_some_and(|put| put.owner == *owner && put.conversation == id)
                }
                Place::Removal(of, conversation) => of == owner && *conversation == id,
            })
    }

    /// How many places are taken in a conversation; `None` when there is none.
    pub(super) fn seen(&self, owner: &OwnerId, id: ConversationId) -> Option<usize> {
        let conversation = self.conversation(owner, id);
        conversation.map(|_| self.places(owner, id).count())
    }

    /// The items of a conversation, for whoever attached when so many places were taken.
    pub(super) fn talk(&self, owner: &OwnerId, id: ConversationId, seen: usize) -> Vec<Arc<Item>> {
        let items = self.places(owner, id).take(seen).flat_map(|place| {
            let items: Vec<Arc<Item>> = match place {
                Place::Response(response) => {
                    let row = self.rows.get(response).filter(|row| !row.deleted);
                    row.into_iter().flat_map(Row::items).collect()
                }
                Place::Put(parent) => {
                    let put = self.conversations.put.get(parent);
                    put.into_iter()
                        .flat_map(|put| put.items.values().cloned())
                        .collect()
                }
                Place::Removal(..) => Vec::new(),
            };
            items
        });
        let is_out = |item: &Arc<Item>| {
            let place = self.conversations.taken_out.get(&item.id);
            place.is_some_and(|&place| place < seen)
        };
        items.filter(|item| !is_out(item)).collect()
    }

    fn take_out(&mut self, owner: &OwnerId, id: ConversationId, item: ItemId) -> bool {
        let Some(seen) = self.seen(owner, id) else {
            return false;
        };
        let talk = self.talk(owner, id, seen);
        if talk.iter().all(|known| known.id != item) {
            return false;
        }
        let conversations = &mut self.conversations;
        if let Some(put) = conversations.put.get_mut(&item.parent) {
            put.items.remove(&item);
            return true;
        }
        conversations.taken_out.insert(item, seen);
        let removal = Place::Removal(owner.clone(), id);
        conversations.places.push(removal);
        true
    }
}

impl Row {
    fn is_in(&self, owner: &OwnerId, id: ConversationId) -> bool {
        self.response.owner == *owner && self.response.conversation == Some(id)
    }
}

#[async_trait]
impl ConversationStore for MemoryStore {
    async fn open(
        &self,
        owner: &OwnerId,
        conversation: &Conversation,
        items: &[Arc<Item>],
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        if state.conversations.rows.contains_key(&conversation.id) {
            return Err(StoreError::Stale);
        }
        state.put(owner, conversation.id, items, now)?;
        state.say(owner, conversation, Standing::Open);
        Ok(())
    }

    async fn conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        Ok(self.state().conversation(owner, id))
    }

    async fn describe(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        metadata: &Json,
    ) -> Result<Option<Conversation>, StoreError> {
        let mut state = self.state();
        let described = state.conversation(owner, id).map(|known| Conversation {
            metadata: metadata.clone(),
            ..known
        });
        if let Some(conversation) = &described {
            state.say(owner, conversation, Standing::Open);
        }
        Ok(described)
    }

    async fn close(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(conversation) = state.conversation(owner, id) else {
            return Ok(false);
        };
        state.say(owner, &conversation, Standing::Closed);
        Ok(true)
    }

    async fn append(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        items: &[Arc<Item>],
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        if state.conversation(owner, id).is_none() {
            return Ok(false);
        }
        state.put(owner, id, items, now)?;
        Ok(true)
    }

    async fn remove(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        item: ItemId,
    ) -> Result<bool, StoreError> {
        Ok(self.state().take_out(owner, id, item))
    }

    async fn is_busy(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError> {
        let state = self.state();
        let is_busy = state.responses_of(owner, id).any(Row::is_open);
        Ok(is_busy)
    }
}
