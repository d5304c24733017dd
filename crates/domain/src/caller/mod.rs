//! Who calls, and with what. The owner is decided by what a request brings to say who sends it, never by its
//! body.

mod access;
mod credential;
mod owner;
mod presented;

pub use access::{Access, ToolSecret, ToolSecrets};
pub use credential::Credential;
pub use owner::{InvalidSubject, OwnerId};
pub use presented::{Assertion, Presented};

use crate::id::ApiKeyId;
use crate::time::Timestamp;

/// A caller that was recognised.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose responses this caller sees.
    pub owner: OwnerId,
    /// What upstream calls on its behalf carry.
    pub credential: Credential,
    /// When the credential stops being good, if it says so.
    pub expires: Option<Timestamp>,
    /// How it was recognised.
    pub means: Means,
}

/// How a caller was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// Not at all: everybody is the guest.
    Guest,
    /// By a token that its issuer signed.
    Token,
    /// By a key of this service.
    ApiKey(ApiKeyId),
    /// By a key that another service vouches for.
    ForeignKey,
    /// By the word of the gateway.
    Gateway,
}

impl Means {
    /// Its word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Token => "token",
            Self::ApiKey(_) => "api_key",
            Self::ForeignKey => "foreign_key",
            Self::Gateway => "gateway",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_credential_is_never_printed() {
        let caller = Caller {
            owner: OwnerId::new("ada"),
            credential: Credential::bearer("s3cret".into()),
            expires: None,
            means: Means::Token,
        };
        assert!(!format!("{caller:?}").contains("s3cret"));
        let assertion = Assertion {
            proof: Some("s3cret".to_owned().into()),
            ..Assertion::default()
        };
        assert!(!format!("{assertion:?}").contains("s3cret"));
    }
}
