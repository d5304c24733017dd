//! Who is calling. The answer decides the owner; nothing in a body can.

use std::time::Duration;

use async_trait::async_trait;

use crate::caller::{Caller, Presented};
use crate::ports::store::Cause;

/// Why a caller is turned away.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It brought nothing.
    #[error("a credential is required: `Authorization: Bearer …` or `X-API-Key: …`")]
    Missing,
    /// What it brought is not good. Which check it failed is for the log: whoever forges one learns nothing.
    #[error("the credential is not valid")]
    Invalid(Flaw),
    /// What it brought was good once.
    #[error("the credential has expired")]
    Expired,
    /// Nobody can tell at this moment.
    #[error("credentials cannot be checked at the moment")]
    Unavailable {
        /// When it is worth trying again.
        retry_after: Duration,
        /// Why not, for the log.
        #[source]
        cause: Cause,
    },
}

/// What is wrong with a credential, in one word for the log and the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// It is not of any kind that is taken here.
    Unknown,
    /// It is too long, or not built as it must be.
    Malformed,
    /// Its algorithm is not one of those that are taken.
    Algorithm,
    /// Nobody is known by its issuer.
    Issuer,
    /// Its issuer has no such key.
    Key,
    /// Its signature does not fit.
    Signature,
    /// It is meant for somebody else.
    Audience,
    /// It is not good yet.
    NotYet,
    /// It says too little, or something that it must not say.
    Claims,
    /// It was taken back.
    Revoked,
}

impl Flaw {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Issuer => "issuer",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::NotYet => "not_yet",
            Self::Claims => "claims",
            Self::Revoked => "revoked",
        }
    }
}

/// Turns what was presented into a caller.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The caller that sent a request with this.
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError>;

    /// Whether callers can be recognised at the moment, by all the means there are; otherwise why not.
    async fn readiness(&self) -> Result<(), String> {
        Ok(())
    }
}
