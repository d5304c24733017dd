//! Ending in two stages: first nothing new and time for what is under way, then an orderly end for
//! what is left.

use std::time::Duration;

use response_domain::ports::bus::Nudge;
use response_domain::run::Stop;

use crate::Engine;
use crate::stop::Reason;

impl Engine {
    /// Returns when this process takes no more requests.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.launch.intake_closed().clone().cancelled_owned()
    }

    /// Takes no more requests from now on.
    pub fn drain(&self) {
        self.0.launch.drain();
    }

    /// Lets the runs under way end by themselves until `patience` is over, then stops those that are left:
    /// a foreground run ends as failed, `interrupted`, a background run is handed back for others to go on
    /// with. Returns when none is left, at the latest `grace` after that.
    pub async fn shut_down(&self, patience: impl Future<Output = ()>, grace: Duration) {
        self.drain();
        let launch = &self.0.launch;
        let runs = async {
            for live in launch.live().all() {
                live.ended().await;
            }
            self.0.leases.are_none().await;
            self.0.relay.is_idle().await;
        };
        tokio::select! {
            () = runs => {}
            () = patience => {
                let left = launch.live().all();
                for live in &left {
                    live.stop.stop(Reason::End(Stop::ByShutdown));
                }
                let handed_back = self.0.leases.let_go_of_all();
                tracing::info!(
                    stopped = left.len(),
                    handed_back,
                    "the runs that are left do not end here"
                );
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
        self.give_webhooks_back().await;
        if let Err(error) = self.0.ports.workers.leave(self.0.ports.worker).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the process could not sign off"
            );
        }
    }

    /// What this process claimed and did not get to, others send at once.
    async fn give_webhooks_back(&self) {
        let ports = &self.0.ports;
        match ports.outbox.give_back(ports.worker).await {
            Ok(0) => {}
            Ok(webhooks) => {
                tracing::info!(webhooks, "webhooks are left to others");
                ports.bus.send(Nudge::Due);
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "webhooks could not be given back; they are due again after a while"
            ),
        }
    }
}
