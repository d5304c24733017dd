//! Keys of this service: whose they are stands in the database.

use std::sync::Arc;
use std::time::Duration;

use response_domain::api_key::{ApiKey, KeyDigest, KeyStanding};
use response_domain::caller::{Caller, Credential, Means};
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::auth::{AuthError, Flaw};
use response_domain::time::Clock;

use crate::answers::{Answers, unavailable};
use crate::watch::checked;

/// The keys of this service.
pub(crate) struct OwnKeys {
    store: Arc<dyn ApiKeyStore>,
    answers: Answers<Option<Arc<ApiKey>>>,
    good_for: Duration,
    clock: Arc<dyn Clock>,
}

impl OwnKeys {
    pub(crate) fn new(
        store: Arc<dyn ApiKeyStore>,
        good_for: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            answers: Answers::new(good_for),
            good_for,
            clock,
        }
    }

    /// Who brings the key of this digest. What is kept of it is judged anew at each use.
    pub(crate) async fn caller(&self, digest: KeyDigest) -> Result<Caller, AuthError> {
        let key = self.answers.get(digest.0, self.look_up(&digest)).await?;
        let key = key.ok_or(AuthError::Invalid(Flaw::Key))?;
        match key.standing(self.clock.now()) {
            KeyStanding::Expired => Err(AuthError::Expired),
            KeyStanding::Revoked => Err(AuthError::Invalid(Flaw::Revoked)),
            KeyStanding::Good => Ok(Caller {
                owner: key.owner.clone(),
                // Upstream nobody knows such a key, and whoever got hold of it there could come in here.
                credential: Credential::Absent,
                expires: None,
                means: Means::ApiKey(key.id),
            }),
        }
    }

    async fn look_up(
        &self,
        digest: &KeyDigest,
    ) -> Result<(Option<Arc<ApiKey>>, Duration), AuthError> {
        let now = self.clock.now();
        let key = self.store.key_of(digest, now).await;
        checked(
            "own",
            match &key {
                Ok(Some(key)) if key.standing(now) == KeyStanding::Good => "good",
                Ok(_) => "refused",
                Err(_) => "failed",
            },
        );
        Ok((key.map_err(unavailable)?.map(Arc::new), self.good_for))
    }
}
