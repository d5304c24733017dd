//! Registered webhook endpoints: keeping them, and trying one out; only one's own.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, EventId, ResponseId};
use response_domain::page::Paged;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::{Added, Letter, NotAllowed};
use response_domain::spec::{Fault, ResponseSpec, SpecFaults};
use response_domain::webhook::{
    Attempt, Callback, Disabled, Endpoint, EndpointDraft, EndpointSpec, EndpointState, Payload,
    Secrets, SigningSecret, WebhookEvent,
};

use crate::Engine;
use crate::error::{CreateError, EndpointError};

/// The most endpoints of one owner.
pub const ENDPOINTS: u32 = 100;

/// How often a change is tried that others are faster than, and the longest pause before the next try.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(100);
/// The most tests at once: whoever asks for one waits for it.
pub(crate) const TESTS: usize = 64;

/// An endpoint, and the secret that its owner sees this once.
#[derive(Debug, Clone)]
pub struct Unsealed {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its secret.
    pub secret: SigningSecret,
}

/// How a secret is replaced.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The one that its owner made up; otherwise one is made.
    pub secret: Option<Arc<str>>,
    /// What becomes of the one until now.
    pub old: OldSecret,
}

/// What becomes of a secret that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldSecret {
    /// It goes on signing, beside the other, for a day.
    SignsForADay,
    /// It signs nothing more.
    Dropped,
}

impl Engine {
    /// Registers an endpoint; its payload is `payload` when the draft names none.
    pub async fn register_endpoint(
        &self,
        owner: &OwnerId,
        draft: EndpointDraft,
        payload: Payload,
    ) -> Result<Unsealed, EndpointError> {
        let ports = &self.0.ports;
        let spec = self.checked(&draft, None, payload)?;
        let secret = self.secret(draft.secret.as_deref())?;
        let id = EndpointId::new(ports.ids.next());
        let sealed = ports.vault.seal_signing(&secret, owner, id)?;
        let at = ports.clock.now();
        let endpoint = Endpoint {
            id,
            owner: owner.clone(),
            spec,
            state: match draft.active {
                Some(false) => EndpointState::Disabled {
                    at,
                    why: Disabled::ByOwner,
                },
                Some(true) | None => EndpointState::Active,
            },
            secrets: Secrets::new(&secret, sealed),
            failing_since: None,
            created: at,
            updated: at,
            revision: 0,
        };
        match ports.endpoints.add(&endpoint, ENDPOINTS).await? {
            Added::Kept => Ok(Unsealed { endpoint, secret }),
            Added::Full => Err(EndpointError::Full { at_most: ENDPOINTS }),
        }
    }

    /// One endpoint.
    pub async fn endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
    ) -> Result<Endpoint, EndpointError> {
        let found = self.0.ports.endpoints.find(owner, id).await?;
        found.ok_or(EndpointError::NotFound)
    }

    /// A page of endpoints, newest first.
    pub async fn endpoints(
        &self,
        owner: &OwnerId,
        limit: u16,
        after: Option<EndpointId>,
    ) -> Result<Paged<Endpoint>, EndpointError> {
        Ok(self.0.ports.endpoints.page(owner, limit, after).await?)
    }

    /// Changes what a draft names; what is as it should be already is not written again. One that is made
    /// active again begins anew: what it did not take before is not held against it.
    pub async fn change_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        draft: EndpointDraft,
    ) -> Result<Endpoint, EndpointError> {
        let at = self.0.ports.clock.now();
        self.change(owner, id, |endpoint| {
            let payload = endpoint.spec.payload;
            endpoint.spec = self.checked(&draft, Some(&endpoint.spec), payload)?;
            match (draft.active, endpoint.state) {
                (Some(true), EndpointState::Disabled { .. }) => {
                    endpoint.state = EndpointState::Active;
                    endpoint.failing_since = None;
                }
                (Some(false), EndpointState::Active) => {
                    endpoint.state = EndpointState::Disabled {
                        at,
                        why: Disabled::ByOwner,
                    };
                }
                (Some(_) | None, _) => {}
            }
            Ok(())
        })
        .await
    }

    /// Forgets an endpoint, and what was to be sent to it.
    pub async fn forget_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
    ) -> Result<(), EndpointError> {
        let existed = self.0.ports.endpoints.remove(owner, id).await?;
        existed.then_some(()).ok_or(EndpointError::NotFound)
    }

    /// Gives an endpoint another secret.
    pub async fn rotate_secret(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        rotation: Rotation,
    ) -> Result<Unsealed, EndpointError> {
        let ports = &self.0.ports;
        let secret = self.secret(rotation.secret.as_deref())?;
        let sealed = ports.vault.seal_signing(&secret, owner, id)?;
        let kept_from = match rotation.old {
            OldSecret::SignsForADay => Some(ports.clock.now()),
            OldSecret::Dropped => None,
        };
        let rotated = self.change(owner, id, |endpoint| {
            endpoint.secrets = endpoint.secrets.rotated(&secret, sealed.clone(), kept_from);
            Ok(())
        });
        Ok(Unsealed {
            endpoint: rotated.await?,
            secret,
        })
    }

    /// Sends a made-up event to an endpoint, now and once, also to one that is disabled; what came of it.
    pub async fn test_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        event: WebhookEvent,
    ) -> Result<Attempt, EndpointError> {
        let ports = &self.0.ports;
        let endpoint = self.endpoint(owner, id).await?;
        let place = self.0.tests.try_acquire();
        let _place = place.map_err(|_full| EndpointError::TooManyTests)?;
        let at = ports.clock.now();
        let event = event.in_words_of(endpoint.spec.payload);
        let response = ResponseId::new(ports.ids.next());
        let letter = Letter {
            id: EventId::of(response),
            at,
            event,
            response,
            endpoint: Some(id),
            url: Arc::clone(&endpoint.spec.url),
            body: match endpoint.spec.payload {
                Payload::Thin => ports.payloads.thin(event, response, at),
                Payload::Full => ports.payloads.sample(event, response, at),
            },
            secrets: self.signing(&endpoint.secrets, owner, id)?,
        };
        Ok(self.post(letter).await)
    }

    /// The secrets that sign what is sent to an endpoint now. One that was replaced and does not open any
    /// more is left out: the newest is enough.
    pub(crate) fn signing(
        &self,
        secrets: &Secrets,
        owner: &OwnerId,
        id: EndpointId,
    ) -> Result<Vec<SigningSecret>, EndpointError> {
        let ports = &self.0.ports;
        let mut sealed = secrets.signing_at(ports.clock.now());
        let open = |sealed| ports.vault.open_signing(sealed, owner, id);
        let newest = sealed.next().map(open).transpose()?;
        let older = sealed.filter_map(|sealed| match open(sealed) {
            Ok(secret) => Some(secret),
            Err(error) => {
                tracing::warn!(
                    endpoint.id = %id,
                    error = &error as &dyn std::error::Error,
                    "a replaced secret of a webhook endpoint cannot be opened; the newest signs alone"
                );
                None
            }
        });
        Ok(newest.into_iter().chain(older).collect())
    }

    /// The address that a request names must be one that may be called, as far as can be told.
    pub(crate) fn admit_callback(&self, spec: &ResponseSpec) -> Result<(), CreateError> {
        // What cannot be read the checks of the request refused.
        let Ok(Some(callback)) = Callback::of(&spec.metadata) else {
            return Ok(());
        };
        let admitted = self.0.ports.sender.admit(&callback.url);
        admitted.map_err(|refusal| {
            CreateError::Refused(SpecFaults(vec![not_callable(callback.field, &refusal)]))
        })
    }

    fn checked(
        &self,
        draft: &EndpointDraft,
        before: Option<&EndpointSpec>,
        payload: Payload,
    ) -> Result<EndpointSpec, EndpointError> {
        let checked = EndpointSpec::check(draft, before, payload);
        let url = draft.url.as_deref().filter(|url| !url.is_empty());
        let refusal = url.and_then(|url| self.0.ports.sender.admit(url).err());
        let mut faults: Vec<_> = refusal.iter().map(|it| not_callable("url", it)).collect();
        match checked {
            Ok(spec) if faults.is_empty() => return Ok(spec),
            Ok(_) => {}
            Err(SpecFaults(others)) => faults.extend(others),
        }
        Err(EndpointError::Refused(SpecFaults(faults)))
    }

    fn secret(&self, own: Option<&str>) -> Result<SigningSecret, EndpointError> {
        match own {
            Some(text) => SigningSecret::parse(text).map_err(|weak| {
                let fault = Fault::invalid("secret", format!("`secret`: {weak}"));
                EndpointError::Refused(SpecFaults(vec![fault]))
            }),
            None => Ok(self.0.ports.vault.fresh_signing()?),
        }
    }

    /// Reads, changes and writes an endpoint, again when another change was faster.
    async fn change(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        mut change: impl FnMut(&mut Endpoint) -> Result<(), EndpointError>,
    ) -> Result<Endpoint, EndpointError> {
        let ports = &self.0.ports;
        for _ in 0..TRIES {
            let before = self.endpoint(owner, id).await?;
            let mut endpoint = before.clone();
            change(&mut endpoint)?;
            if endpoint == before {
                return Ok(before);
            }
            endpoint.updated = ports.clock.now();
            match ports.endpoints.replace(&endpoint).await {
                Ok(()) => {
                    endpoint.revision = endpoint.revision.saturating_add(1);
                    return Ok(endpoint);
                }
                Err(StoreError::Stale) => tokio::time::sleep(PAUSE.mul_f64(self.noise())).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(EndpointError::Contended)
    }
}

fn not_callable(field: &str, refusal: &NotAllowed) -> Fault {
    Fault::invalid(field, format!("`{field}` cannot be called: {refusal}"))
}
