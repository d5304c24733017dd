//! All the means by which a caller is recognised, in order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use response_domain::caller::{Caller, Credential, Means, Presented};
use response_domain::ports::auth::{AuthError, Authenticator, Flaw};
use response_domain::time::Clock;
use response_egress::EgressClient;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::foreign::{self, ForeignKeys};
use crate::gateway::{Gate, Word};
use crate::jwks::Surroundings;
use crate::options::{Options, OptionsError};
use crate::own::OwnKeys;
use crate::token::{self, Verifier};
use crate::{expiry, keys};

/// Recognises callers by the means that the options open.
pub struct Identity {
    gate: Option<Gate>,
    own_keys: Option<OwnKeys>,
    foreign_keys: Option<ForeignKeys>,
    tokens: Option<Verifier>,
    runtime: Handle,
    /// What fetches keys ahead. It ends when this goes.
    tasks: Mutex<JoinSet<()>>,
}

impl Identity {
    /// With these options. What it has to fetch goes through this client and on this runtime.
    pub fn new(
        options: Options,
        client: EgressClient,
        clock: Arc<dyn Clock>,
        runtime: Handle,
    ) -> Result<Self, OptionsError> {
        let around = Surroundings {
            client,
            clock,
            runtime,
        };
        let good_for = options.key_cache;
        let own = |store| OwnKeys::new(store, good_for, Arc::clone(&around.clock));
        let foreign = |url| match around.client.vet(&url) {
            Ok(()) => Ok(ForeignKeys::new(url, around.client.clone(), good_for)),
            Err(refusal) => Err(OptionsError::ForeignKeysUrl {
                reason: refusal.to_string(),
            }),
        };
        let tokens = |tokens| Verifier::new(tokens, &around);
        let identity = Self {
            gate: options.gateway.as_ref().map(Gate::new).transpose()?,
            own_keys: options.own_keys.map(own),
            foreign_keys: options.foreign_keys.map(foreign).transpose()?,
            tokens: options.tokens.map(tokens).transpose()?,
            runtime: around.runtime,
            tasks: Mutex::default(),
        };
        identity.has_means()?;
        Ok(identity)
    }

    fn has_means(&self) -> Result<(), OptionsError> {
        let means = [
            self.gate.is_some(),
            self.own_keys.is_some(),
            self.foreign_keys.is_some(),
            self.tokens.is_some(),
        ];
        means
            .contains(&true)
            .then_some(())
            .ok_or(OptionsError::NoMeans)
    }

    /// Fetches the keys of the issuers, and goes on doing so until this is dropped. Once is enough.
    pub fn start(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if !tasks.is_empty() {
            return;
        }
        for keeper in self.tokens.iter().flat_map(Verifier::keepers) {
            tasks.spawn_on(Arc::clone(keeper).keep(), &self.runtime);
        }
    }

    /// Who this is by the gateway's word.
    fn by_gateway(&self, presented: &Presented) -> Result<Option<Caller>, AuthError> {
        let Some(gate) = &self.gate else {
            return Ok(None);
        };
        let owner = match gate.word(presented)? {
            // To Kong whoever has a token of an issuer is one and the same consumer: who it is says the token.
            Some(Word::Consumer(_)) if self.can_judge(&presented.credential) => return Ok(None),
            Some(Word::User(owner) | Word::Consumer(owner)) => owner,
            None => return Ok(None),
        };
        let (credential, expires) = match &presented.credential {
            Credential::Absent => (Credential::Absent, None),
            Credential::Bearer(text) | Credential::ApiKey(text) if keys::is_meant_for_us(text) => {
                (Credential::Absent, None)
            }
            bearer @ Credential::Bearer(token) => (bearer.clone(), expiry::of(token)),
            key @ Credential::ApiKey(_) => (key.clone(), None),
        };
        Ok(Some(Caller {
            owner,
            credential,
            expires,
            means: Means::Gateway,
        }))
    }

    /// Whether this credential is of a kind that is judged here.
    fn can_judge(&self, credential: &Credential) -> bool {
        let is_key = |text: &str| {
            let is_foreign = text.starts_with(foreign::PREFIX) && !keys::is_meant_for_us(text);
            (keys::is_meant_for_us(text) && self.own_keys.is_some())
                || (is_foreign && self.foreign_keys.is_some())
        };
        match credential {
            Credential::Absent => false,
            Credential::ApiKey(text) => is_key(text),
            Credential::Bearer(text) => {
                is_key(text) || (self.tokens.is_some() && token::is_like_one(text))
            }
        }
    }

    /// Who this is by a key of either kind; `None` when it is no key.
    async fn by_key(
        &self,
        text: &str,
        credential: &Credential,
    ) -> Result<Option<Caller>, AuthError> {
        if keys::is_meant_for_us(text) {
            // One with a slip of the pen is not asked about elsewhere: it is nearly a secret of ours.
            return match (&self.own_keys, keys::digest(text)) {
                (Some(own), Some(digest)) => own.caller(digest).await.map(Some),
                (Some(_), None) => Err(AuthError::Invalid(Flaw::Malformed)),
                (None, _) => Err(AuthError::Invalid(Flaw::Unknown)),
            };
        }
        let foreign = self.foreign_keys.as_ref();
        let Some(foreign) = foreign.filter(|_| text.starts_with(foreign::PREFIX)) else {
            return Ok(None);
        };
        Ok(Some(Caller {
            owner: foreign.owner(text).await?,
            credential: credential.clone(),
            expires: None,
            means: Means::ForeignKey,
        }))
    }

    /// Who this is by a token.
    async fn by_token(&self, token: &str, credential: &Credential) -> Result<Caller, AuthError> {
        let verifier = self.tokens.as_ref();
        let Some(verifier) = verifier.filter(|_| token::is_like_one(token)) else {
            return Err(AuthError::Invalid(Flaw::Unknown));
        };
        let (owner, expires) = verifier.verify(token).await?;
        Ok(Caller {
            owner,
            credential: credential.clone(),
            expires: Some(expires),
            means: Means::Token,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for Identity {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        if let Some(caller) = self.by_gateway(&presented)? {
            return Ok(caller);
        }
        let credential = &presented.credential;
        match credential {
            Credential::Absent => Err(AuthError::Missing),
            Credential::ApiKey(text) => {
                let caller = self.by_key(text, credential).await?;
                caller.ok_or(AuthError::Invalid(Flaw::Unknown))
            }
            Credential::Bearer(text) => match self.by_key(text, credential).await? {
                Some(caller) => Ok(caller),
                None => self.by_token(text, credential).await,
            },
        }
    }

    async fn readiness(&self) -> Result<(), String> {
        let keepers = self.tokens.iter().flat_map(Verifier::keepers);
        let missing: Vec<String> = keepers.filter_map(|keeper| keeper.missing()).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing.join("; "))
        }
    }
}
