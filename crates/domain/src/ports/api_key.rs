//! Where the keys are kept that this service gives out. An implementation keeps what
//! `testkit::api_key_suite` shows.

use async_trait::async_trait;

use crate::api_key::{ApiKey, KeyDigest};
use crate::caller::OwnerId;
use crate::id::ApiKeyId;
use crate::ports::store::StoreError;
use crate::time::Timestamp;

/// Keeps keys, in any standing: whether one lets somebody in is for the caller to judge.
#[async_trait]
pub trait ApiKeyStore: Send + Sync {
    /// Adds a key, whose id and digest are nobody else's.
    async fn add_key(&self, key: &ApiKey, digest: &KeyDigest) -> Result<(), StoreError>;

    /// The key of this digest, and notes that it was seen at this moment. Seen again within a minute it
    /// writes nothing; a note that cannot be written keeps nobody out.
    async fn key_of(
        &self,
        digest: &KeyDigest,
        seen: Timestamp,
    ) -> Result<Option<ApiKey>, StoreError>;

    /// All keys of an owner, or of everybody, oldest first.
    async fn keys_of(&self, owner: Option<&OwnerId>) -> Result<Vec<ApiKey>, StoreError>;

    /// Takes a key back, and answers it; one that was taken back before stays as it is. `None` when there is
    /// no such key.
    async fn revoke_key(&self, id: ApiKeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError>;
}
