//! Who is calling. The answer decides the owner; nothing in a body can.

use async_trait::async_trait;

use crate::caller::{Caller, Credential};

/// Why a caller is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It brought nothing.
    #[error("a credential is required: `Authorization: Bearer …` or `X-API-Key: …`")]
    Missing,
    /// What it brought is not good.
    #[error("the credential is not valid")]
    Invalid,
    /// What it brought was good once.
    #[error("the credential has expired")]
    Expired,
}

/// Turns what was presented into a caller.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The caller that this credential stands for.
    async fn authenticate(&self, presented: Credential) -> Result<Caller, AuthError>;
}
