//! Stopping a run from outside, with the reason.

use std::sync::OnceLock;

use response_domain::run::Stop;
use tokio_util::sync::CancellationToken;

/// Stops one run. The first reason stands.
#[derive(Debug, Default)]
pub(crate) struct StopSource {
    token: CancellationToken,
    reason: OnceLock<Stop>,
}

impl StopSource {
    /// Stops the run for this reason.
    pub(crate) fn stop(&self, reason: Stop) {
        // A run that is already being stopped keeps its first reason.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    /// Waits until the run is to stop, and says why.
    pub(crate) async fn stopped(&self) -> Stop {
        self.token.cancelled().await;
        self.reason.get().copied().unwrap_or(Stop::ByCaller)
    }
}
