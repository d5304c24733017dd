//! Being alive, and ending what those who are not left behind.

use std::sync::Arc;
use std::time::Duration;

use response_domain::ports::store::StoreError;
use response_domain::work::{Guard, UnitOfWork};

use crate::Engine;

/// Time between two signs of life. A process is taken for dead after five times as long.
pub const BEAT: Duration = Duration::from_secs(3);
/// Time between two searches for runs that nobody works on.
const SWEEP: Duration = Duration::from_secs(5);
/// Runs that one search takes.
const BATCH: u16 = 100;

impl Engine {
    /// Signs on: from here on this process may hold runs. To be done before the first request. A database
    /// that is away, or has no schema yet, is tried again from time to time.
    pub async fn sign_on(&self) {
        // The search signs this process's life first.
        self.look_for_orphans().await;
        let (beating, sweeping) = (self.clone(), self.clone());
        self.0.launch.chore(async move {
            while beating.pause(BEAT).await {
                beating.beat().await;
            }
        });
        self.0.launch.chore(async move {
            while sweeping.pause(SWEEP).await {
                sweeping.look_for_orphans().await;
            }
        });
    }

    async fn beat(&self) {
        if let Err(error) = self.0.ports.workers.beat(self.0.ports.worker).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the sign of life could not be written"
            );
        }
    }

    async fn look_for_orphans(&self) {
        if let Err(error) = self.sweep().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "lost runs could not be looked for"
            );
        }
    }

    /// Ends the runs whose process is gone, and answers how many there were. This process signs its life
    /// first: after a time without the database its own runs would look lost.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let ports = &self.0.ports;
        ports.workers.beat(ports.worker).await?;
        let mut ended = 0;
        loop {
            let orphans = ports.workers.orphans(BATCH).await?;
            let found = orphans.len();
            for orphan in orphans {
                let Some(response) = orphan.interrupted(ports.clock.now()) else {
                    continue;
                };
                let executions = response.progress.executions.clone();
                let response = Arc::new(response);
                let id = response.id;
                let work = UnitOfWork {
                    guard: Guard::Open,
                    response,
                    items: Vec::new(),
                    executions,
                };
                match ports.store.commit(work).await {
                    Ok(()) => {
                        tracing::info!(response.id = %id, "ended a response whose process is gone");
                        ended += 1;
                    }
                    // Another process was faster.
                    Err(StoreError::Stale) => {}
                    Err(error) => return Err(error),
                }
            }
            if found < usize::from(BATCH) {
                return Ok(ended);
            }
        }
    }

    /// Waits; false when the process ends first.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = self.0.launch.closed().cancelled() => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}
