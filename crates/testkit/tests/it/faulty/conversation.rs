//! The same on the way into a conversation, and under a key.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::{KeyStore, Keyed};
use response_domain::ports::store::StoreError;
use response_testkit::conversation_suite::sample::{
    item_id, items, known, made, open, put_in, told,
};
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::idempotency_suite::sample::{WRITTEN, begin, key, response_of};
use response_testkit::memory::MemoryStore;
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{ada, conversation, id, json};

use super::{FATES, expected, learned};

type Store = FaultyStore<MemoryStore>;

/// A change of the conversation of number 1, and what tells that it was made.
struct Change {
    make: fn(&Store) -> BoxFuture<'_, Result<(), StoreError>>,
    is_made: fn(&Fixture) -> BoxFuture<'_, bool>,
}

const CHANGES: [Change; 5] = [
    Change {
        make: |store| {
            async {
                let other = made(2);
                store.open(&ada(), &other, &items(20, 1)).await
            }
            .boxed()
        },
        is_made: |fixture| async { known(fixture, 2).await.is_some() }.boxed(),
    },
    Change {
        make: |store| {
            async {
                let described = store.describe(&ada(), conversation(1), &json("{}")).await;
                described.map(drop)
            }
            .boxed()
        },
        is_made: |fixture| {
            async {
                let known = known(fixture, 1).await;
                known.is_some_and(|known| known.metadata == json("{}"))
            }
            .boxed()
        },
    },
    Change {
        make: |store| async { store.close(&ada(), conversation(1)).await.map(drop) }.boxed(),
        is_made: |fixture| async { known(fixture, 1).await.is_none() }.boxed(),
    },
    Change {
        make: |store| {
            async {
                let put = store.append(&ada(), conversation(1), &items(20, 1)).await;
                put.map(drop)
            }
            .boxed()
        },
        is_made: |fixture| async { told(fixture, 1).await.len() == 2 }.boxed(),
    },
    Change {
        make: |store| {
            async {
                let removed = store.remove(&ada(), conversation(1), item_id(10, 0)).await;
                removed.map(drop)
            }
            .boxed()
        },
        is_made: |fixture| async { told(fixture, 1).await.is_empty() }.boxed(),
    },
];

#[tokio::test]
async fn changes_of_conversations_share_the_fates_of_commits() {
    for fate in FATES {
        for (number, change) in (0..).zip(&CHANGES) {
            let inner = Arc::new(MemoryStore::default());
            let fixture = Fixture::around(Arc::clone(&inner));
            open(&fixture, 1, &items(10, 1)).await;
            let store = FaultyStore::new(inner, move |_| fate);
            let answer = (change.make)(&store).now_or_never();
            let is_made = (change.is_made)(&fixture).await;
            assert_eq!(
                (is_made, learned(answer.as_ref())),
                expected(fate),
                "{number} {fate:?}"
            );
            assert_eq!(store.commits(), 1);
        }
    }
}

#[tokio::test]
async fn what_is_only_asked_has_no_fate() {
    let inner = Arc::new(MemoryStore::default());
    let fixture = Fixture::around(Arc::clone(&inner));
    open(&fixture, 1, &[]).await;
    assert!(put_in(&fixture, 1, &items(10, 1)).await);
    let store = FaultyStore::new(inner, |_| Fate::Away);
    assert_eq!(
        store.conversation(&ada(), conversation(1)).await.unwrap(),
        Some(made(1))
    );
    assert!(!store.is_busy(&ada(), conversation(1)).await.unwrap());
    assert_eq!(store.key_use(&ada(), "a").await.unwrap(), None);
    assert_eq!(store.forget_keys(1).await.unwrap(), 0);
    assert_eq!(store.commits(), 0);
}

#[tokio::test]
async fn first_writes_under_a_key_share_the_fates_of_commits() {
    for fate in FATES {
        let inner = Arc::new(MemoryStore::default());
        let fixture = Fixture::around(Arc::clone(&inner));
        let plan = move |number| if number == 1 { fate } else { Fate::Written };
        let store = FaultyStore::new(inner, plan);
        let key = key("a", 1);
        let answer = store.commit_keyed(begin(1), &key).now_or_never();
        let written = response_of(&fixture, "a").await == Some(id(1));
        assert_eq!(
            (written, learned(answer.as_ref())),
            expected(fate),
            "{fate:?}"
        );
        // Whoever did not learn of it asks again, and gets what there is.
        let again = store.commit_keyed(begin(1), &key).await.unwrap();
        assert_eq!(again, WRITTEN);
        let other = store.commit_keyed(begin(2), &key).await.unwrap();
        assert_eq!(other, Keyed::Taken);
        assert_eq!(store.commits(), 3);
    }
}
