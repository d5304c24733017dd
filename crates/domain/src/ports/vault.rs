//! Keeping secrets: sealed, and bound to the one thing each is for.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::caller::{Access, OwnerId};
use crate::id::{EndpointId, ResponseId};
use crate::ports::store::Cause;
use crate::webhook::SigningSecret;

/// A secret that nobody can read without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it.
    pub key: Arc<str>,
    /// What the vault made of it.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What a sealed secret belongs to. With another binding it does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Whose it is.
    pub owner: OwnerId,
    /// The one thing it may be used for.
    pub purpose: Purpose,
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Calling upstream on behalf of the caller of this response.
    Credential(ResponseId),
    /// Signing what this endpoint is sent.
    Signing(EndpointId),
    /// Bringing back what its owner was given to keep: reasoning, or what a conversation came down to.
    Content,
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// This process has no key.
    #[error("there is no vault key")]
    NoKey,
    /// It was sealed with a key that this process does not have.
    #[error("the vault has no key `{0}`")]
    UnknownKey(Arc<str>),
    /// It was changed, or belongs to something else.
    #[error("the sealed secret does not open")]
    Tampered,
    /// The cipher refused.
    #[error("the secret could not be sealed")]
    Cipher(#[source] Cause),
}

/// Seals and opens secrets. Takes no input or output, only time of the processor.
pub trait SecretVault: Send + Sync {
    /// Seals a secret for one purpose.
    fn seal(&self, secret: &[u8], binding: &Binding) -> Result<Sealed, VaultError>;

    /// Opens what was sealed for the same purpose, also under an older key.
    fn open(&self, sealed: &Sealed, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, VaultError>;

    /// A new secret for signing, from the randomness of the system. Needs no key.
    fn fresh_signing(&self) -> Result<SigningSecret, VaultError>;

    /// Seals what a response needs to act for its caller; `None` when the caller brought nothing.
    fn seal_access(
        &self,
        access: &Access,
        owner: &OwnerId,
        response: ResponseId,
    ) -> Result<Option<Sealed>, VaultError> {
        let Some(secret) = access.to_secret() else {
            return Ok(None);
        };
        let binding = Binding {
            owner: owner.clone(),
            purpose: Purpose::Credential(response),
        };
        self.seal(&secret, &binding).map(Some)
    }

    /// Opens what a response needs to act for its caller.
    fn open_access(
        &self,
        sealed: &Sealed,
        owner: &OwnerId,
        response: ResponseId,
    ) -> Result<Access, VaultError> {
        let binding = Binding {
            owner: owner.clone(),
            purpose: Purpose::Credential(response),
        };
        let secret = self.open(sealed, &binding)?;
        Access::from_secret(&secret).ok_or(VaultError::Tampered)
    }

    /// Seals the secret of an endpoint.
    fn seal_signing(
        &self,
        secret: &SigningSecret,
        owner: &OwnerId,
        endpoint: EndpointId,
    ) -> Result<Sealed, VaultError> {
        let binding = Binding {
            owner: owner.clone(),
            purpose: Purpose::Signing(endpoint),
        };
        self.seal(secret.expose().as_bytes(), &binding)
    }

    /// Opens the secret of an endpoint.
    fn open_signing(
        &self,
        sealed: &Sealed,
        owner: &OwnerId,
        endpoint: EndpointId,
    ) -> Result<SigningSecret, VaultError> {
        let binding = Binding {
            owner: owner.clone(),
            purpose: Purpose::Signing(endpoint),
        };
        let secret = self.open(sealed, &binding)?;
        let text = std::str::from_utf8(&secret).ok();
        text.and_then(|text| SigningSecret::parse(text).ok())
            .ok_or(VaultError::Tampered)
    }
}
