//! The keys by which callers mark their requests.

use std::collections::BTreeMap;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::ports::idempotency::{IdempotencyKey, KEY_LIFE, KeyStore, KeyUse, Keyed};
use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;
use response_domain::work::{Committed, Guard, UnitOfWork};

use super::MemoryStore;

/// What each key of each owner stands for, and since when.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<(OwnerId, String), (KeyUse, Timestamp)>);

fn is_past(since: Timestamp, now: Timestamp) -> bool {
    now.since(since) > KEY_LIFE
}

impl Keys {
    fn find(&self, owner: &OwnerId, key: &str, now: Timestamp) -> Option<KeyUse> {
        let known = self.0.get(&(owner.clone(), key.to_owned()));
        let known = known.filter(|(_, since)| !is_past(*since, now));
        known.map(|(key_use, _)| *key_use)
    }

    fn forget(&mut self, at_most: usize, now: Timestamp) -> usize {
        let mut past: Vec<_> = self
            .0
            .iter()
            .filter(|(_, (_, since))| is_past(*since, now))
            .map(|(name, (_, since))| (*since, name.clone()))
            .collect();
        past.sort();
        past.truncate(at_most);
        for (_, name) in &past {
            self.0.remove(name);
        }
        past.len()
    }
}

#[async_trait]
impl KeyStore for MemoryStore {
    async fn key_use(&self, owner: &OwnerId, key: &str) -> Result<Option<KeyUse>, StoreError> {
        let state = self.state();
        Ok(state.keys.find(owner, key, self.now(&state)))
    }

    async fn commit_keyed(
        &self,
        work: UnitOfWork,
        key: &IdempotencyKey,
    ) -> Result<Keyed, StoreError> {
        if !matches!(work.guard, Guard::New(_) | Guard::Queued(_)) {
            return Err(StoreError::Failed("not the first write".into()));
        }
        let mut state = self.state();
        let now = self.now(&state);
        let (owner, response) = (work.response.owner.clone(), work.response.id);
        match state.keys.find(&owner, &key.text, now) {
            Some(known) if known.response == response => {
                return Ok(Keyed::Written(Committed::default()));
            }
            Some(_) => return Ok(Keyed::Taken),
            None => {}
        }
        let committed = state.write(work, now)?;
        let fingerprint = key.fingerprint;
        let key_use = KeyUse {
            fingerprint,
            response,
        };
        let name = (owner, key.text.to_string());
        state.keys.0.insert(name, (key_use, now));
        Ok(Keyed::Written(committed))
    }

    async fn forget_keys(&self, at_most: u16) -> Result<u32, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        let forgotten = state.keys.forget(usize::from(at_most), now);
        Ok(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}
