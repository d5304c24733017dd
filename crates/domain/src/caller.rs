//! Who calls, and with what. The owner is decided by the credential alone, never by a body.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::time::Timestamp;

/// To whom a response belongs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(Arc<str>);

impl OwnerId {
    /// The owner of this name.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a caller proves itself with; passed on upstream as it came. Never printed, and wiped from
/// memory when the last copy goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The caller brought none.
    Absent,
    /// `Authorization: Bearer …`.
    Bearer(Arc<Zeroizing<String>>),
    /// `X-API-Key: …`.
    ApiKey(Arc<Zeroizing<String>>),
}

impl Credential {
    /// A bearer token, without the word `Bearer`.
    pub fn bearer(token: String) -> Self {
        Self::Bearer(Arc::new(Zeroizing::new(token)))
    }

    /// A key for `X-API-Key`.
    pub fn api_key(key: String) -> Self {
        Self::ApiKey(Arc::new(Zeroizing::new(key)))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Bearer(_) => "Bearer(…)",
            Self::ApiKey(_) => "ApiKey(…)",
        })
    }
}

/// A caller whose credential was accepted.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose responses this caller sees.
    pub owner: OwnerId,
    /// What upstream calls on its behalf carry.
    pub credential: Credential,
    /// When the credential stops being good, if it says so.
    pub expires: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_never_printed() {
        let caller = Caller {
            owner: OwnerId::new("ada"),
            credential: Credential::bearer("s3cret".into()),
            expires: None,
        };
        assert!(!format!("{caller:?}").contains("s3cret"));
    }
}
