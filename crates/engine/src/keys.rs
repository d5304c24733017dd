//! Requests that bear a key: the same one again is the same response, wherever and however far it is.

use std::sync::{Arc, Mutex, PoisonError};

use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::ports::idempotency::{Fingerprint, IdempotencyKey, Keyed};
use response_domain::spec::{Delivery, ResponseSpec, Storage};
use response_domain::work::{Guard, UnitOfWork};

use crate::Engine;
use crate::create::{Created, Waiting};
use crate::drive::Held;
use crate::error::{CreateError, ReadError};
use crate::journal::tell;
use crate::live::{Live, Row};

/// The runs under way of requests that bear a key and are written nowhere.
#[derive(Default)]
pub(crate) struct PassingKeys(Mutex<Vec<PassingKey>>);

struct PassingKey {
    owner: OwnerId,
    key: IdempotencyKey,
    live: Arc<Live>,
}

impl PassingKeys {
    fn find(&self, owner: &OwnerId, text: &str) -> Option<(Fingerprint, Arc<Live>)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known
            .iter()
            .find(|it| it.owner == *owner && *it.key.text == *text && !it.live.is_over())?;
        Some((found.key.fingerprint, Arc::clone(&found.live)))
    }

    /// Notes what a key stands for; `false` when it stands for something else.
    fn note(&self, owner: &OwnerId, key: &IdempotencyKey, live: &Arc<Live>) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|it| !it.live.is_over());
        if known
            .iter()
            .any(|it| it.owner == *owner && it.key.text == key.text)
        {
            return false;
        }
        known.push(PassingKey {
            owner: owner.clone(),
            key: key.clone(),
            live: Arc::clone(live),
        });
        true
    }
}

impl Engine {
    /// What was asked for before under this key, as this request wants it.
    pub(crate) async fn known(
        &self,
        owner: &OwnerId,
        key: &IdempotencyKey,
        spec: &ResponseSpec,
    ) -> Result<Option<Created>, CreateError> {
        if spec.storage == Storage::Passing {
            return match self.0.passing_keys.find(owner, &key.text) {
                None => Ok(None),
                Some((asked, _)) if asked != key.fingerprint => Err(CreateError::KeyReused),
                Some((_, live)) => Ok(Some(joined(Waiting::joined(live), spec))),
            };
        }
        let Some(found) = self.0.ports.keys.key_use(owner, &key.text).await? else {
            return Ok(None);
        };
        if found.fingerprint != key.fingerprint {
            return Err(CreateError::KeyReused);
        }
        self.join(owner, found.response, spec).await.map(Some)
    }

    /// The same, when another request was faster to take the key.
    pub(crate) async fn known_now(
        &self,
        owner: &OwnerId,
        key: Option<IdempotencyKey>,
        spec: &ResponseSpec,
    ) -> Result<Created, CreateError> {
        let known = match &key {
            Some(key) => self.known(owner, key, spec).await?,
            None => None,
        };
        known.ok_or(CreateError::KeyReused)
    }

    async fn join(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        spec: &ResponseSpec,
    ) -> Result<Created, CreateError> {
        if let Some(live) = self.0.launch.live().find(owner, id) {
            return Ok(joined(Waiting::joined(live), spec));
        }
        let response = self.get(owner, id).await.map_err(|error| match error {
            ReadError::NotFound => CreateError::KeyReused,
            ReadError::Store(error) => CreateError::Store(error),
        })?;
        if spec.delivery == Delivery::Background {
            return Ok(Created::Queued(response));
        }
        let elsewhere = Waiting::elsewhere(self.clone(), owner.clone(), id);
        Ok(joined(elsewhere, spec))
    }

    /// Writes that `key` stands for the response that is about to run; `false` when it stands for another.
    pub(crate) async fn mark(
        &self,
        key: &IdempotencyKey,
        held: &mut Held,
    ) -> Result<bool, CreateError> {
        let response = held.live.response();
        if response.spec.storage == Storage::Passing {
            let keys = &self.0.passing_keys;
            return Ok(keys.note(&response.owner, key, &held.live));
        }
        let ports = &self.0.ports;
        let items = held.live.state().items.clone();
        held.written = items.len();
        let work = UnitOfWork {
            items,
            ..UnitOfWork::of(Guard::New(ports.worker), response)
        };
        match ports.keys.commit_keyed(work, key).await? {
            Keyed::Taken => Ok(false),
            Keyed::Written(committed) => {
                tell(ports, committed);
                held.live.state().row = Row::Present;
                Ok(true)
            }
        }
    }
}

fn joined(waiting: Waiting, spec: &ResponseSpec) -> Created {
    match spec.delivery {
        Delivery::Stream => Created::Retold(waiting),
        Delivery::Wait | Delivery::Background => Created::Waiting(waiting),
    }
}
