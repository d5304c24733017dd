//! Stopping a run from outside, with the reason.

use std::sync::OnceLock;

use response_domain::run::Stop;
use tokio_util::sync::CancellationToken;

/// Why a driver is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The run is to end; the driver records how.
    End(Stop),
    /// Somebody else ended the response or goes on with it; nothing is recorded.
    Lost,
    /// Somebody else is to go on with it, from where it was last recorded.
    HandBack,
}

/// Stops one run. The first reason stands.
#[derive(Debug, Default)]
pub(crate) struct StopSource {
    token: CancellationToken,
    reason: OnceLock<Reason>,
}

impl StopSource {
    /// Stops the run for this reason; false when it is being stopped already.
    pub(crate) fn stop(&self, reason: Reason) -> bool {
        let is_first = self.reason.set(reason).is_ok();
        self.token.cancel();
        is_first
    }

    /// Waits until the run is to stop, and says why.
    pub(crate) async fn stopped(&self) -> Reason {
        self.token.cancelled().await;
        self.reason
            .get()
            .copied()
            .unwrap_or(Reason::End(Stop::ByCaller))
    }
}
