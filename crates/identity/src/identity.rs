//! All the means by which a caller is recognised, in order.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use response_domain::caller::{Caller, Presented};
use response_domain::ports::auth::{AuthError, Authenticator, Flaw};
use response_domain::time::Clock;
use response_egress::EgressClient;
use tokio::runtime::Handle;

use crate::options::{Options, OptionsError};

/// Recognises callers by the means that the options open.
pub struct Identity {
    _options: Options,
}

impl Identity {
    /// With these options. What it has to fetch goes through this client and on this runtime.
    pub fn new(
        options: Options,
        _client: EgressClient,
        _clock: Arc<dyn Clock>,
        _runtime: Handle,
    ) -> Result<Self, OptionsError> {
        Ok(Self { _options: options })
    }

    /// Fetches the keys of the issuers, and goes on doing so until this is dropped.
    pub fn start(&self) {}
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for Identity {
    async fn authenticate(&self, _presented: Presented) -> Result<Caller, AuthError> {
        Err(AuthError::Invalid(Flaw::Unknown))
    }
}
