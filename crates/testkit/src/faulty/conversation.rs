//! The doors of conversations and of keys, on the way to the store behind.

use std::sync::Arc;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::conversation::Conversation;
use response_domain::id::{ConversationId, ItemId};
use response_domain::item::Item;
use response_domain::json::Json;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::{IdempotencyKey, KeyStore, KeyUse, Keyed};
use response_domain::ports::store::StoreError;
use response_domain::work::UnitOfWork;

use super::FaultyStore;

#[async_trait]
impl<S: ConversationStore> ConversationStore for FaultyStore<S> {
    async fn open(
        &self,
        owner: &OwnerId,
        conversation: &Conversation,
        items: &[Arc<Item>],
    ) -> Result<(), StoreError> {
        let open = self.inner.open(owner, conversation, items);
        self.go(self.writes.next(), open).await
    }

    async fn conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        self.inner.conversation(owner, id).await
    }

    async fn describe(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        metadata: &Json,
    ) -> Result<Option<Conversation>, StoreError> {
        let describe = self.inner.describe(owner, id, metadata);
        self.go(self.writes.next(), describe).await
    }

    async fn close(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError> {
        self.go(self.writes.next(), self.inner.close(owner, id))
            .await
    }

    async fn append(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        items: &[Arc<Item>],
    ) -> Result<bool, StoreError> {
        self.go(self.writes.next(), self.inner.append(owner, id, items))
            .await
    }

    async fn remove(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        item: ItemId,
    ) -> Result<bool, StoreError> {
        self.go(self.writes.next(), self.inner.remove(owner, id, item))
            .await
    }

    async fn is_busy(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError> {
        self.inner.is_busy(owner, id).await
    }
}

#[async_trait]
impl<S: KeyStore> KeyStore for FaultyStore<S> {
    async fn key_use(&self, owner: &OwnerId, key: &str) -> Result<Option<KeyUse>, StoreError> {
        self.inner.key_use(owner, key).await
    }

    async fn commit_keyed(
        &self,
        work: UnitOfWork,
        key: &IdempotencyKey,
    ) -> Result<Keyed, StoreError> {
        self.go(self.writes.next(), self.inner.commit_keyed(work, key))
            .await
    }

    async fn forget_keys(&self, at_most: u16) -> Result<u32, StoreError> {
        self.inner.forget_keys(at_most).await
    }
}
