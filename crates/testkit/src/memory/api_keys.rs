//! The keys that the service gives out.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use response_domain::api_key::{ApiKey, KeyDigest};
use response_domain::caller::OwnerId;
use response_domain::id::ApiKeyId;
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;

use super::MemoryStore;

/// How exact it is when a key was last seen.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// All keys, by their digests.
#[derive(Debug, Default)]
pub(super) struct ApiKeys(BTreeMap<[u8; 32], ApiKey>);

impl ApiKeys {
    fn sorted(&self, fits: impl Fn(&ApiKey) -> bool) -> Vec<ApiKey> {
        let mut keys: Vec<ApiKey> = self.0.values().filter(|key| fits(key)).cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        keys
    }
}

#[async_trait]
impl ApiKeyStore for MemoryStore {
    async fn add_key(&self, key: &ApiKey, digest: &KeyDigest) -> Result<(), StoreError> {
        let keys = &mut self.state().api_keys.0;
        if keys.contains_key(&digest.0) || keys.values().any(|known| known.id == key.id) {
            return Err(StoreError::Stale);
        }
        keys.insert(digest.0, key.clone());
        Ok(())
    }

    async fn key_of(
        &self,
        digest: &KeyDigest,
        seen: Timestamp,
    ) -> Result<Option<ApiKey>, StoreError> {
        let mut state = self.state();
        let Some(key) = state.api_keys.0.get_mut(&digest.0) else {
            return Ok(None);
        };
        let found = key.clone();
        let is_noted = |last: Timestamp| seen.since(last) < NOTED_EVERY;
        if !key.last_used_at.is_some_and(is_noted) {
            key.last_used_at = Some(seen);
        }
        Ok(Some(found))
    }

    async fn keys_of(&self, owner: Option<&OwnerId>) -> Result<Vec<ApiKey>, StoreError> {
        let fits = |key: &ApiKey| owner.is_none_or(|owner| key.owner == *owner);
        Ok(self.state().api_keys.sorted(fits))
    }

    async fn revoke_key(&self, id: ApiKeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        let mut state = self.state();
        let key = state.api_keys.0.values_mut().find(|key| key.id == id);
        Ok(key.map(|key| {
            key.revoked_at.get_or_insert(at);
            key.clone()
        }))
    }
}
