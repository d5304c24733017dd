//! Forgetting what is past its time, a little at a time.

use std::time::Duration;

use response_domain::ports::store::StoreError;

use crate::Engine;

/// Time between two looks for what is past its time.
const LOOK: Duration = Duration::from_mins(1);
/// What is forgotten by one write: little enough that nobody waits for it.
const BATCH: u16 = 200;
/// Time between two such writes.
const BREATH: Duration = Duration::from_millis(100);

impl Engine {
    /// Forgets what is past its time, for as long as this process lives.
    pub(crate) fn forget_the_old(&self) {
        if self.0.policy.retention == response_domain::retention::Retention::default() {
            return;
        }
        let engine = self.clone();
        self.0.launch.chore(async move {
            while engine.pause(LOOK).await {
                let forgotten = engine.expire().await;
                engine
                    .0
                    .contact
                    .take("what is past its time could not be forgotten", forgotten);
            }
        });
    }

    /// Forgets all that is past its time, and answers how much it was. Ends early when the process does.
    pub async fn expire(&self) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        let Some(expiry) = self.0.policy.retention.expiry(self.0.ports.clock.now()) else {
            return Ok(forgotten);
        };
        loop {
            let found = self.0.ports.retention.expire(&expiry, BATCH).await?;
            forgotten += u64::from(found);
            if found < u32::from(BATCH) || !self.pause(BREATH).await {
                break;
            }
        }
        if forgotten > 0 {
            crate::watch::expired(forgotten);
            tracing::info!(forgotten, "forgot what is past its time");
        }
        Ok(forgotten)
    }
}
