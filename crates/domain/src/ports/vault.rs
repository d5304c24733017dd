//! Keeping a caller's credential while its response waits: sealed, and bound to that response.

use std::fmt;
use std::sync::Arc;

use crate::caller::{Credential, OwnerId};
use crate::id::ResponseId;
use crate::ports::store::Cause;

/// A credential that nobody can read without the key.
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

/// What a sealed credential belongs to. With another binding it does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Whose it is.
    pub owner: OwnerId,
    /// The one response it may be used for.
    pub response: ResponseId,
}

/// Why a credential cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// This process has no key.
    #[error("there is no vault key")]
    NoKey,
    /// It was sealed with a key that this process does not have.
    #[error("the vault has no key `{0}`")]
    UnknownKey(Arc<str>),
    /// It was changed, or belongs to something else.
    #[error("the sealed credential does not open")]
    Tampered,
    /// The cipher refused.
    #[error("the credential could not be sealed")]
    Cipher(#[source] Cause),
}

/// Seals and opens credentials. Takes no input or output, only time of the processor.
pub trait SecretVault: Send + Sync {
    /// Seals a credential for one response.
    fn seal(&self, credential: &Credential, binding: &Binding) -> Result<Sealed, VaultError>;

    /// Opens what was sealed for the same response, also under an older key.
    fn open(&self, sealed: &Sealed, binding: &Binding) -> Result<Credential, VaultError>;
}
