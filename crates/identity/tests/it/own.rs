//! Keys of this service: looked up seldom, judged each time, and never passed on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use response_domain::api_key::{ApiKey, KeyDigest};
use response_domain::caller::{Credential, Means, OwnerId};
use response_domain::id::{ApiKeyId, RawId};
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::auth::Authenticator;
use response_domain::ports::store::StoreError;
use response_domain::time::{Clock, Timestamp};
use response_identity::{Identity, Options, keys};
use response_testkit::clock::TestClock;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::{identity, no_options, pass, until, word};

/// A store of keys that counts, fails and stops when it is told to.
pub(crate) struct Keys {
    kept: Mutex<HashMap<KeyDigest, ApiKey>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) is_down: AtomicBool,
    /// Each look takes one of these for ever.
    looks: Semaphore,
}

impl Keys {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::default(),
            asked: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            looks: Semaphore::new(100_000),
        })
    }

    /// A fresh key of this owner, as text.
    pub(crate) async fn add(&self, owner: &str, expires_at: Option<Timestamp>) -> String {
        let fresh = keys::fresh().unwrap();
        let number = self.kept.lock().unwrap().len() as u128 + 1;
        let key = ApiKey {
            id: ApiKeyId::new(RawId::new(number)),
            owner: OwnerId::new(owner),
            label: None,
            created_at: Timestamp::from_micros(0),
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        self.add_key(&key, &fresh.digest).await.unwrap();
        fresh.text.to_string()
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ApiKeyStore for Keys {
    async fn add_key(&self, key: &ApiKey, digest: &KeyDigest) -> Result<(), StoreError> {
        self.kept.lock().unwrap().insert(*digest, key.clone());
        Ok(())
    }

    async fn key_of(
        &self,
        digest: &KeyDigest,
        _seen: Timestamp,
    ) -> Result<Option<ApiKey>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.looks.acquire().await.unwrap().forget();
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("s3cret".into()));
        }
        Ok(self.kept.lock().unwrap().get(digest).cloned())
    }

    async fn keys_of(&self, _owner: Option<&OwnerId>) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.kept.lock().unwrap().values().cloned().collect())
    }

    async fn revoke_key(&self, id: ApiKeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        let mut keys = self.kept.lock().unwrap();
        let key = keys.values_mut().find(|key| key.id == id);
        Ok(key.map(|key| {
            key.revoked_at = Some(at);
            key.clone()
        }))
    }
}

fn with(store: &Arc<Keys>, key_cache: Duration) -> (Arc<Identity>, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let options = Options {
        own_keys: Some(Arc::clone(store) as _),
        key_cache,
        ..no_options()
    };
    (identity(options, &clock), clock)
}

const CACHE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_key_lets_its_owner_in_in_either_header_and_is_not_passed_on() {
    let store = Keys::new();
    let (identity, clock) = with(&store, CACHE);
    let expires = clock.now().after(Duration::from_hours(1));
    let key = store.add("|ada", Some(expires)).await;
    for credential in [Credential::bearer(key.clone()), Credential::api_key(key)] {
        let caller = identity.authenticate(credential.into()).await.unwrap();
        assert_eq!(caller.owner.as_str(), "|ada");
        assert_eq!(caller.credential, Credential::Absent);
        assert_eq!(caller.means, Means::ApiKey(ApiKeyId::new(RawId::new(1))));
        assert_eq!(caller.expires, None, "nothing that is passed on expires");
    }
    assert_eq!(store.asked(), 1);
}

#[tokio::test]
async fn an_answer_about_a_key_is_good_for_as_long_as_it_may_be_kept() {
    let store = Keys::new();
    let (identity, clock) = with(&store, CACHE);
    let key = Credential::api_key(store.add("ada", None).await);
    let unknown = Credential::api_key(keys::fresh().unwrap().text.to_string());
    for round in 1..=2 {
        for _ in 0..5 {
            assert_eq!(word(&*identity, key.clone()).await, "ada");
            assert_eq!(word(&*identity, unknown.clone()).await, "(key)");
        }
        assert_eq!(store.asked(), round * 2);
        pass(&clock, CACHE).await;
    }
}

#[tokio::test]
async fn without_a_time_to_keep_answers_each_request_asks() {
    let store = Keys::new();
    let (identity, clock) = with(&store, Duration::ZERO);
    let key = Credential::api_key(store.add("ada", None).await);
    for asked in 1..=3 {
        assert_eq!(word(&*identity, key.clone()).await, "ada");
        assert_eq!(store.asked(), asked);
    }
    let id = ApiKeyId::new(RawId::new(1));
    store.revoke_key(id, clock.now()).await.unwrap();
    assert_eq!(word(&*identity, key).await, "(revoked)");
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_refused_once_the_answer_is_old() {
    let store = Keys::new();
    let (identity, clock) = with(&store, CACHE);
    let key = Credential::api_key(store.add("ada", None).await);
    assert_eq!(word(&*identity, key.clone()).await, "ada");
    let id = ApiKeyId::new(RawId::new(1));
    store.revoke_key(id, clock.now()).await.unwrap();
    pass(&clock, CACHE).await;
    assert_eq!(word(&*identity, key).await, "(revoked)");
}

#[tokio::test]
async fn a_key_expires_to_the_moment_although_the_answer_is_kept() {
    let store = Keys::new();
    let (identity, clock) = with(&store, Duration::from_hours(1));
    let expires = clock.now().after(Duration::from_secs(10));
    let key = Credential::api_key(store.add("ada", Some(expires)).await);
    assert_eq!(word(&*identity, key.clone()).await, "ada");
    clock.advance(Duration::from_micros(9_999_999));
    assert_eq!(word(&*identity, key.clone()).await, "ada");
    clock.advance(Duration::from_micros(1));
    assert_eq!(word(&*identity, key).await, "(expired)");
    assert_eq!(store.asked(), 1);
}

#[tokio::test]
async fn text_that_only_looks_like_a_key_never_reaches_the_database() {
    let store = Keys::new();
    let (identity, _clock) = with(&store, CACHE);
    let key = store.add("ada", None).await;
    let mut wrong = key.clone();
    wrong.replace_range(64.., if key.ends_with('0') { "1" } else { "0" });
    for (text, expected) in [
        (wrong, "(malformed)"),
        (format!("{key}0"), "(malformed)"),
        (key[..64].into(), "(malformed)"),
        (keys::PREFIX.into(), "(malformed)"),
        (key.to_uppercase(), "(unknown)"),
        (format!(" {key}"), "(unknown)"),
        ("sk_0123456789".into(), "(unknown)"),
        ("a.b.c".into(), "(unknown)"),
    ] {
        let outcome = word(&*identity, Credential::bearer(text.clone())).await;
        assert_eq!(outcome, expected, "{text}");
    }
    assert_eq!(store.asked(), 0);
}

#[tokio::test]
async fn a_database_that_is_away_keeps_out_whom_it_has_to_tell_and_nobody_else() {
    let store = Keys::new();
    let (identity, clock) = with(&store, CACHE);
    let known = Credential::api_key(store.add("ada", None).await);
    let other = Credential::api_key(store.add("bob", None).await);
    assert_eq!(word(&*identity, known.clone()).await, "ada");
    store.is_down.store(true, Ordering::SeqCst);
    assert_eq!(word(&*identity, known.clone()).await, "ada");
    let error = identity
        .authenticate(other.clone().into())
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("s3cret"));
    assert_eq!(word(&*identity, other.clone()).await, "(unavailable)");
    pass(&clock, CACHE).await;
    assert_eq!(word(&*identity, known).await, "(unavailable)");
    // A failure is no answer: nothing of it is kept.
    store.is_down.store(false, Ordering::SeqCst);
    assert_eq!(word(&*identity, other).await, "bob");
}

#[tokio::test]
async fn few_keys_are_looked_up_at_once_and_the_others_do_not_wait_for_ever() {
    let store = Keys::new();
    let (identity, _clock) = with(&store, CACHE);
    let known = Credential::api_key(store.add("ada", None).await);
    assert_eq!(word(&*identity, known.clone()).await, "ada");
    let held = store.looks.acquire_many(99_999).await.unwrap();
    let mut strangers = JoinSet::new();
    for _ in 0..100 {
        let identity = Arc::clone(&identity);
        let key = Credential::api_key(keys::fresh().unwrap().text.to_string());
        strangers.spawn(async move { word(&*identity, key).await });
    }
    until(|| store.asked() == 17).await;
    assert_eq!(
        word(&*identity, known).await,
        "ada",
        "who is known does not wait"
    );
    tokio::time::pause();
    for _ in 0..84 {
        let outcome = strangers.join_next().await.unwrap().unwrap();
        assert_eq!(outcome, "(unavailable)");
    }
    assert_eq!(store.asked(), 17);
    drop(held);
    for _ in 0..16 {
        let outcome = strangers.join_next().await.unwrap().unwrap();
        assert_eq!(outcome, "(key)");
    }
}
