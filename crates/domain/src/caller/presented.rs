//! What a request brings to say who sends it. Nothing of it is believed yet.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Credential;

/// What a request brings to say who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Its credential.
    pub credential: Credential,
    /// Who holds the other end of its connection, if that is known.
    pub peer: Option<IpAddr>,
    /// What it says about its sender besides, if anything.
    pub assertion: Option<Arc<Assertion>>,
}

impl From<Credential> for Presented {
    fn from(credential: Credential) -> Self {
        Self {
            credential,
            peer: None,
            assertion: None,
        }
    }
}

/// What a gateway says about whoever sent it a request. Anybody can say the same, so it means nothing unless
/// it came from the gateway.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Assertion {
    /// The subject of whoever issued its token: `X-User-Subject`, or else `X-User-ID`.
    pub user: Option<Arc<str>>,
    /// The gateway's own name for it: `X-Consumer-Custom-ID`, or else `X-Consumer-ID`.
    pub consumer: Option<Arc<str>>,
    /// Whether the gateway let it in without knowing it: `X-Anonymous-Consumer`.
    pub is_anonymous: bool,
    /// What shows that the gateway says so: `X-Gateway-Auth`.
    pub proof: Option<Zeroizing<String>>,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("user", &self.user)
            .field("consumer", &self.consumer)
            .field("is_anonymous", &self.is_anonymous)
            .finish_non_exhaustive()
    }
}
