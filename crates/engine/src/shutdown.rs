//! Ending in two stages: first nothing new and time for what is under way, then an orderly end for
//! what is left.

use std::time::Duration;

use response_domain::run::Stop;

use crate::Engine;

impl Engine {
    /// Takes no more requests from now on.
    pub fn drain(&self) {
        self.0.launch.drain();
    }

    /// Lets the runs under way end by themselves until `patience` is over, then stops those that are left;
    /// each of them ends as failed, `interrupted`. Returns when none is left, at the latest `grace` after
    /// that.
    pub async fn shut_down(&self, patience: impl Future<Output = ()>, grace: Duration) {
        self.drain();
        let launch = &self.0.launch;
        let runs = async {
            for live in launch.live().all() {
                live.ended().await;
            }
        };
        tokio::select! {
            () = runs => {}
            () = patience => {
                let left = launch.live().all();
                tracing::info!(runs = left.len(), "stopping the runs that are left");
                for live in &left {
                    live.stop.stop(Stop::ByShutdown);
                }
            }
        }
        launch.closed().cancel();
        launch.tasks().close();
        if tokio::time::timeout(grace, launch.tasks().wait())
            .await
            .is_err()
        {
            tracing::warn!("some runs did not end in time; the next start ends them");
        }
        if let Err(error) = self.0.ports.workers.leave(self.0.ports.worker).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the process could not sign off"
            );
        }
    }
}
