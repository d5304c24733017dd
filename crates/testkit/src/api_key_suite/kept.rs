//! Keys are kept, found and listed.

use futures::future::join_all;
use response_domain::api_key::{ApiKey, KeyDigest};
use response_domain::caller::OwnerId;
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::store::StoreError;

use super::sample::{all, brought, digest, fresh, keep, key_id, later};
use crate::store_suite::sample::{ada, at};

pub async fn a_key_is_found_by_its_digest(store: &dyn ApiKeyStore) {
    let full = ApiKey {
        label: Some("the nightly run".into()),
        created_at: at(2_001),
        expires_at: Some(at(3_000_001)),
        revoked_at: Some(at(4_000_002)),
        last_used_at: Some(at(5_000_003)),
        ..fresh(2)
    };
    keep(store, &fresh(1), 1).await;
    keep(store, &full, 2).await;
    assert_eq!(brought(store, 1, later(0)).await, Some(fresh(1)));
    // Whatever it is good for.
    assert_eq!(brought(store, 2, at(5_000_004)).await, Some(full));
}

pub async fn another_digest_is_nobodys(store: &dyn ApiKeyStore) {
    assert_eq!(brought(store, 1, later(0)).await, None);
    keep(store, &fresh(1), 1).await;
    for bit in [0, 100, 255] {
        let mut other = digest(1);
        if let Some(byte) = other.0.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        let found = store.key_of(&other, later(0)).await;
        assert_eq!(found.ok(), Some(None), "bit {bit}");
    }
    let nothing = store.key_of(&KeyDigest([0; 32]), later(0)).await;
    assert_eq!(nothing.ok(), Some(None));
}

pub async fn odd_owners_and_labels_are_told_apart(store: &dyn ApiKeyStore) {
    let texts = [
        "ada",
        "Ada",
        "ada ",
        "a\0b",
        "a\u{FFFD}0b",
        "%",
        "' OR 1=1 --",
        "",
    ];
    for (number, text) in (1..).zip(texts) {
        let key = ApiKey {
            owner: OwnerId::new(text),
            label: Some(text.into()),
            ..fresh(number)
        };
        keep(store, &key, number).await;
    }
    for (number, text) in (1..).zip(texts) {
        let of_owner = store.keys_of(Some(&OwnerId::new(text))).await;
        let of_owner = of_owner.unwrap_or_default();
        let ids: Vec<_> = of_owner.iter().map(|key| key.id).collect();
        assert_eq!(ids, [key_id(number)], "{text:?}");
        let found = brought(store, number, later(0)).await;
        let found = found.map(|key| (key.owner, key.label));
        let expected = (OwnerId::new(text), Some(text.into()));
        assert_eq!(found, Some(expected), "{text:?}");
    }
}

pub async fn an_id_and_a_digest_are_one_keys_only(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    let mut other = fresh(2);
    other.owner = OwnerId::new("bob");
    let same_digest = store.add_key(&other, &digest(1)).await;
    assert!(matches!(same_digest, Err(StoreError::Stale)));
    other.id = key_id(1);
    let same_id = store.add_key(&other, &digest(2)).await;
    assert!(matches!(same_id, Err(StoreError::Stale)));
    assert_eq!(all(store).await, [fresh(1)]);
    assert_eq!(brought(store, 2, later(0)).await, None);
}

pub async fn of_many_with_one_digest_one_is_kept(store: &dyn ApiKeyStore) {
    let keys: Vec<ApiKey> = (1..=12).map(fresh).collect();
    let digest = digest(1);
    let kept = keys.iter().map(|key| store.add_key(key, &digest));
    let kept = join_all(kept).await;
    let stale = |kept: &&Result<(), StoreError>| matches!(kept, Err(StoreError::Stale));
    assert_eq!(kept.iter().filter(|kept| kept.is_ok()).count(), 1);
    assert_eq!(kept.iter().filter(stale).count(), keys.len() - 1);
    assert_eq!(all(store).await.len(), 1);
}

pub async fn keys_are_listed_oldest_first(store: &dyn ApiKeyStore) {
    assert_eq!(all(store).await, []);
    let mut expected = Vec::new();
    // Made at three moments, several at the same.
    for number in (1..=9).rev() {
        let owner = if number % 2 == 0 { "bob" } else { "ada" };
        let key = ApiKey {
            owner: OwnerId::new(owner),
            created_at: at(i64::from(number % 3)),
            ..fresh(number)
        };
        keep(store, &key, number).await;
        expected.push(key);
    }
    expected.sort_by_key(|key| (key.created_at, key.id));
    assert_eq!(all(store).await, expected);
    expected.retain(|key| key.owner == ada());
    assert_eq!(store.keys_of(Some(&ada())).await.ok(), Some(expected));
    let nobody = store.keys_of(Some(&OwnerId::new("carol"))).await;
    assert_eq!(nobody.ok(), Some(Vec::new()));
}
