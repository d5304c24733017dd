//! When a key was last seen.

use futures::future::join_all;
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::time::Timestamp;

use super::sample::{all, brought, digest, fresh, keep, later};

async fn last_used(store: &dyn ApiKeyStore) -> Option<Timestamp> {
    all(store).await.first().and_then(|key| key.last_used_at)
}

pub async fn a_use_is_noted_as_exactly_as_a_minute(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    keep(store, &fresh(2), 2).await;
    for (seconds, noted) in [
        (10, 10),
        (11, 10),
        (69, 10),
        (70, 70),
        (71, 70),
        (1_000, 1_000),
    ] {
        let found = brought(store, 1, later(seconds)).await;
        assert!(found.is_some());
        assert_eq!(
            last_used(store).await,
            Some(later(noted)),
            "after {seconds} s"
        );
    }
    let other = all(store).await;
    let other = other.get(1).map(|key| key.last_used_at);
    assert_eq!(other, Some(None), "only the key that was brought");
}

pub async fn who_saw_it_earlier_takes_nothing_back(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    brought(store, 1, later(100)).await;
    brought(store, 1, later(5)).await;
    assert_eq!(last_used(store).await, Some(later(100)));
}

pub async fn many_who_bring_it_at_once_all_find_it(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    let digest = digest(1);
    let found = join_all((0..24).map(|second| store.key_of(&digest, later(second)))).await;
    for found in found {
        let id = found.ok().flatten().map(|key| key.id);
        assert_eq!(id, Some(fresh(1).id));
    }
    let noted = last_used(store).await;
    assert!(noted.is_some_and(|noted| noted <= later(24)), "{noted:?}");
}

pub async fn looking_at_keys_is_no_use_of_them(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    for _ in 0..2 {
        assert_eq!(all(store).await, [fresh(1)]);
    }
    let revoked = store.revoke_key(fresh(1).id, later(1)).await;
    let revoked = revoked.ok().flatten();
    assert_eq!(revoked.map(|key| key.last_used_at), Some(None));
}
