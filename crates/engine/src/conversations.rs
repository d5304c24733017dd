//! Conversations and their items; only one's own.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::conversation::Conversation;
use response_domain::entry::{self, Entry};
use response_domain::id::{ConversationId, ItemId};
use response_domain::item::Item;
use response_domain::json::Json;
use response_domain::page::Paged;
use response_domain::ports::store::HistoryRef;
use response_domain::spec::InputItem;

use crate::Engine;
use crate::error::ConversationError;
use crate::read::{EntryWindow, cut_entries};

impl Engine {
    /// Begins a conversation with these items.
    pub async fn open_conversation(
        &self,
        owner: &OwnerId,
        metadata: Json,
        items: Vec<InputItem>,
    ) -> Result<Conversation, ConversationError> {
        let ports = &self.0.ports;
        let items = self.resolve(owner, ports.ids.next(), &items).await?;
        let conversation = Conversation {
            id: ConversationId::new(ports.ids.next()),
            created: ports.clock.now(),
            metadata,
        };
        let conversations = &ports.conversations;
        conversations.open(owner, &conversation, &items).await?;
        Ok(conversation)
    }

    /// A conversation.
    pub async fn conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Conversation, ConversationError> {
        let found = self.0.ports.conversations.conversation(owner, id).await?;
        found.ok_or(ConversationError::NotFound)
    }

    /// Puts `metadata` in the place of what a conversation had.
    pub async fn describe_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        metadata: &Json,
    ) -> Result<Conversation, ConversationError> {
        let conversations = &self.0.ports.conversations;
        let described = conversations.describe(owner, id, metadata).await?;
        described.ok_or(ConversationError::NotFound)
    }

    /// Forgets a conversation. Its responses and their items stay.
    pub async fn close_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<(), ConversationError> {
        let is_closed = self.0.ports.conversations.close(owner, id).await?;
        is_closed.then_some(()).ok_or(ConversationError::NotFound)
    }

    /// The entries of a conversation.
    pub async fn conversation_entries(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        window: EntryWindow,
    ) -> Result<Paged<Entry>, ConversationError> {
        let items = self.said_in(owner, id).await?;
        Ok(cut_entries(entry::transcript(&items), window))
    }

    /// One entry of a conversation.
    pub async fn conversation_entry(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        item: ItemId,
    ) -> Result<Entry, ConversationError> {
        let items = self.said_in(owner, id).await?;
        let mut entries = entry::transcript(&items).into_iter();
        entries
            .find(|entry| entry.item.id == item)
            .ok_or(ConversationError::ItemNotFound(item))
    }

    /// Appends items to a conversation, and answers them.
    pub async fn append_to_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        items: Vec<InputItem>,
    ) -> Result<Vec<Entry>, ConversationError> {
        let ports = &self.0.ports;
        let items = self.resolve(owner, ports.ids.next(), &items).await?;
        if ports.conversations.append(owner, id, &items).await? {
            return Ok(entry::transcript(&items));
        }
        Err(ConversationError::NotFound)
    }

    /// Takes an entry out of a conversation, and answers the conversation.
    pub async fn remove_from_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        item: ItemId,
    ) -> Result<Conversation, ConversationError> {
        let conversation = self.conversation(owner, id).await?;
        let items = self.said_in(owner, id).await?;
        let found = items.iter().find(|known| known.id == item);
        let found = found.ok_or(ConversationError::ItemNotFound(item))?;
        let conversations = &self.0.ports.conversations;
        // The output first: a call without one counts for nothing.
        if let Some(output) = entry::output_of(&items, found) {
            conversations.remove(owner, id, output.id).await?;
        }
        if conversations.remove(owner, id, item).await? {
            return Ok(conversation);
        }
        Err(ConversationError::ItemNotFound(item))
    }

    async fn said_in(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Vec<Arc<Item>>, ConversationError> {
        let from = HistoryRef::Conversation(id);
        let history = self.0.ports.store.history(owner, from).await?;
        Ok(history.ok_or(ConversationError::NotFound)?.items)
    }
}
