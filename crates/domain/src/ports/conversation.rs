//! Conversations. Every stored response belongs to one; those that nobody made come into being with their
//! first response. An implementation keeps what `testkit::conversation_suite` shows.

use std::sync::Arc;

use async_trait::async_trait;

use crate::caller::OwnerId;
use crate::conversation::Conversation;
use crate::id::{ConversationId, ItemId};
use crate::item::Item;
use crate::json::Json;
use crate::ports::store::StoreError;

/// Keeps conversations. Their items are read with
/// [`ResponseStore::history`](crate::ports::store::ResponseStore::history).
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Makes a conversation that begins with these items, whose ids share one parent that is nobody else's.
    async fn open(
        &self,
        owner: &OwnerId,
        conversation: &Conversation,
        items: &[Arc<Item>],
    ) -> Result<(), StoreError>;

    /// A conversation; one that came into being with a response has that one's time and no metadata until
    /// it is described.
    async fn conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError>;

    /// Puts `metadata` in the place of what there was, and answers the conversation.
    async fn describe(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        metadata: &Json,
    ) -> Result<Option<Conversation>, StoreError>;

    /// Forgets a conversation: nothing can be attached to it any more, and it is not found. Its responses
    /// and their items stay. `false` when there is none.
    async fn close(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError>;

    /// Appends items, whose ids share one parent that is nobody else's. `false` when there is no such
    /// conversation.
    async fn append(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        items: &[Arc<Item>],
    ) -> Result<bool, StoreError>;

    /// Takes an item out of a conversation: responses that come later do not see it, those before it did.
    /// An item that was put there by hand is gone; one of a response stays with that. `false` when it is
    /// not in the conversation.
    async fn remove(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        item: ItemId,
    ) -> Result<bool, StoreError>;

    /// Whether a response of this conversation is queued or in progress, as far as it is written.
    async fn is_busy(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError>;
}
