//! Runs whose process is gone: those of the foreground are ended, those of the background go on elsewhere.
//! What it was about to tell others tell.

use std::sync::Arc;

use response_domain::lease::Lease;
use response_domain::ports::bus::Nudge;
use response_domain::ports::store::StoreError;
use response_domain::status::StatusName;
use response_domain::work::{Guard, UnitOfWork};

use crate::Engine;
use crate::journal::tell;

/// Runs that one search takes.
const BATCH: u16 = 100;

impl Engine {
    /// Looks after the runs whose process is gone, and answers how many there were. This process signs its
    /// life first: after a time without the database its own runs would look lost.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        self.beat().await?;
        let ended = self.end_orphans().await? + self.rescue().await?;
        self.rescue_webhooks().await?;
        self.0.ports.keys.forget_keys(BATCH).await?;
        crate::watch::queue(&self.0.ports.queue.depth().await?);
        crate::watch::outbox(&self.0.ports.outbox.depth().await?);
        Ok(ended)
    }

    /// Ends the foreground runs of processes that are gone.
    async fn end_orphans(&self) -> Result<usize, StoreError> {
        let ports = &self.0.ports;
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
                    executions,
                    ..UnitOfWork::of(Guard::Open, response)
                };
                match ports.store.commit(work).await {
                    Ok(_nobody_waits_for_a_webhook) => {
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

    /// Puts the background runs of processes that are gone back into the queue, and ends those that were
    /// lost too often.
    async fn rescue(&self) -> Result<usize, StoreError> {
        let ports = &self.0.ports;
        let attempts = self.0.policy.background.max_attempts;
        let mut rescued = 0;
        loop {
            let found = ports.queue.rescue(ports.worker, attempts, BATCH).await?;
            crate::watch::rescued(&found);
            for id in &found.again {
                tracing::warn!(response.id = %id, "a response whose worker is gone waits again");
            }
            if !found.again.is_empty() {
                ports.bus.send(Nudge::Queued);
            }
            for lease in &found.spent {
                self.give_up(*lease).await?;
            }
            let together = found.again.len() + found.spent.len();
            rescued += together;
            if together < usize::from(BATCH) {
                return Ok(rescued);
            }
        }
    }

    /// Lets others send what processes had claimed that are gone.
    async fn rescue_webhooks(&self) -> Result<(), StoreError> {
        let ports = &self.0.ports;
        let rescued = ports.outbox.rescue().await?;
        if rescued > 0 {
            tracing::warn!(
                webhooks = rescued,
                "webhooks whose process is gone are due again"
            );
            ports.bus.send(Nudge::Due);
        }
        Ok(())
    }

    async fn give_up(&self, lease: Lease) -> Result<(), StoreError> {
        let ports = &self.0.ports;
        let id = lease.response;
        let Some(taken) = ports.queue.take_up(&lease).await? else {
            return Ok(());
        };
        let Some(ended) = taken.standing.response.lost(ports.clock.now()) else {
            return Ok(());
        };
        let work = taken.standing.end(ended, &[], Guard::Leased(lease));
        match ports.store.commit(work).await {
            Ok(committed) => {
                tell(ports, committed);
                crate::watch::ended(StatusName::Failed);
                tracing::error!(response.id = %id, "a response was lost too often and is given up");
                ports.bus.send(Nudge::Ended(id));
                Ok(())
            }
            // It was cancelled meanwhile.
            Err(StoreError::Stale) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
