//! Keys to keep. Numbers make them: the same number, the same id and the same digest.

use std::time::Duration;

use response_domain::api_key::{ApiKey, KeyDigest};
use response_domain::id::ApiKeyId;
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::time::Timestamp;

use crate::store_suite::sample::{ada, at, id};

/// The id of the key of this number.
pub fn key_id(number: u8) -> ApiKeyId {
    ApiKeyId::new(id(u32::from(number)).raw())
}

/// The digest of the key of this number.
pub fn digest(number: u8) -> KeyDigest {
    let mut digest = [0xA5; 32];
    digest[0] = number;
    // Bytes that are no text.
    digest[1] = 0;
    KeyDigest(digest)
}

/// A key of ada's, as it was made.
pub fn fresh(number: u8) -> ApiKey {
    ApiKey {
        id: key_id(number),
        owner: ada(),
        label: None,
        created_at: at(i64::from(number) * 1_000),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

/// So many seconds after the first key was made.
pub fn later(seconds: u64) -> Timestamp {
    at(1_000).after(Duration::from_secs(seconds))
}

/// Keeps a key; it must succeed.
pub async fn keep(store: &dyn ApiKeyStore, key: &ApiKey, number: u8) {
    let kept = store.add_key(key, &digest(number)).await;
    assert!(kept.is_ok(), "{kept:?}");
}

/// The key of this number, brought at this moment.
pub async fn brought(store: &dyn ApiKeyStore, number: u8, seen: Timestamp) -> Option<ApiKey> {
    let found = store.key_of(&digest(number), seen).await;
    assert!(found.is_ok(), "{found:?}");
    found.ok().flatten()
}

/// All keys of everybody.
pub async fn all(store: &dyn ApiKeyStore) -> Vec<ApiKey> {
    let all = store.keys_of(None).await;
    assert!(all.is_ok(), "{all:?}");
    all.unwrap_or_default()
}
