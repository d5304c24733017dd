//! Keys that somebody takes back.

use futures::future::join_all;
use response_domain::api_key::ApiKey;
use response_domain::ports::api_key::ApiKeyStore;

use super::sample::{all, brought, fresh, keep, key_id, later};

pub async fn a_key_that_is_taken_back_stays_as_it_was(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    keep(store, &fresh(2), 2).await;
    let expected = ApiKey {
        revoked_at: Some(later(10)),
        ..fresh(1)
    };
    for seconds in [10, 20, 5] {
        let revoked = store.revoke_key(key_id(1), later(seconds)).await;
        assert_eq!(revoked.ok(), Some(Some(expected.clone())));
    }
    assert_eq!(all(store).await, [expected.clone(), fresh(2)]);
    // It is still found, as what it is now.
    assert_eq!(brought(store, 1, later(30)).await, Some(expected));
}

pub async fn of_many_who_take_it_back_one_says_when(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    let revoked = join_all((0..12).map(|second| store.revoke_key(key_id(1), later(second)))).await;
    let mut moments = revoked.into_iter().map(|revoked| {
        let key = revoked.ok().flatten();
        key.and_then(|key| key.revoked_at)
    });
    let first = moments.next().flatten();
    assert!(first.is_some());
    assert!(moments.all(|moment| moment == first), "all hear the same");
}

pub async fn what_is_no_key_cannot_be_taken_back(store: &dyn ApiKeyStore) {
    keep(store, &fresh(1), 1).await;
    let revoked = store.revoke_key(key_id(2), later(0)).await;
    assert_eq!(revoked.ok(), Some(None));
    assert_eq!(all(store).await, [fresh(1)]);
}
