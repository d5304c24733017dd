//! Being alive, and knowing what that means for the runs of this process.

use std::time::Duration;

use response_domain::ports::store::StoreError;
use tokio::time::Instant;

use crate::Engine;

/// Time between two signs of life.
pub const BEAT: Duration = Duration::from_secs(3);
/// A process that gives no sign of life for this long is taken for dead.
pub const TAKEN_FOR_DEAD: Duration = Duration::from_secs(15);
/// Time between two looks at how old the last sign of life is.
const DOUBT: Duration = Duration::from_secs(1);
/// Time between two searches for runs that nobody works on: a run whose process died is found at most
/// this long after that process is taken for dead.
const SWEEP: Duration = Duration::from_secs(3);

impl Engine {
    /// Signs on: from here on this process may hold runs, and works on those of the queue when it is to. To
    /// be done before the first request. A database that is away, or has no schema yet, is tried again from
    /// time to time.
    pub async fn sign_on(&self) {
        if let Err(missing) = self.readiness().await.schema {
            tracing::warn!("{missing}");
        }
        // The search signs this process's life first.
        self.look_for_lost_runs().await;
        self.listen();
        let engine = self.clone();
        self.0.launch.chore(async move {
            while engine.pause(BEAT).await {
                engine.beat_or_tell().await;
            }
        });
        let engine = self.clone();
        self.0.launch.chore(async move {
            while engine.pause(SWEEP).await {
                engine.look_for_lost_runs().await;
            }
        });
        let engine = self.clone();
        self.0.launch.chore(async move {
            while engine.pause(DOUBT).await {
                let left = engine.0.leases.doubt();
                if left > 0 {
                    crate::watch::doubted(left);
                    tracing::error!(
                        runs = left,
                        "no sign of life was answered for too long; the runs are left to others"
                    );
                }
            }
        });
        self.forget_the_old();
        self.work();
        self.send_webhooks();
    }

    async fn beat_or_tell(&self) {
        let beaten = self.beat().await;
        self.0
            .contact
            .take("the sign of life could not be written", beaten);
    }

    /// Signs this process's life, and puts right what it holds.
    pub(crate) async fn beat(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        let ports = &self.0.ports;
        let leases = ports.workers.beat(ports.worker).await?;
        for stray in self.0.leases.compare(&leases, begun) {
            tracing::warn!(
                response.id = %stray.response,
                "handing back a response that no run of this process works on"
            );
            ports.queue.hand_back(&stray).await?;
            ports.bus.send(response_domain::ports::bus::Nudge::Queued);
        }
        Ok(())
    }

    async fn look_for_lost_runs(&self) {
        let swept = self.sweep().await;
        self.0
            .contact
            .take("lost runs could not be looked for", swept);
    }

    /// Waits; false when the process ends first.
    pub(crate) async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = self.0.launch.closed().cancelled() => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}
