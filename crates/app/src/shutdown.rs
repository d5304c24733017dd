//! Signals, and the two stages of an orderly end: nothing new and time for what runs, then a stop.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::App;

/// How long taking leave of the tool servers may take.
const LEAVE: Duration = Duration::from_secs(1);

/// The signals that end the process.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// How long the two stages may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For runs to end by themselves.
    pub soft: Duration,
    /// For those that were stopped to write their end.
    pub hard: Duration,
}

impl Signals {
    /// Listens from now on; an error when the process may not.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl App {
    /// Ends every run, then takes leave of the tool servers and the database; a second signal ends the waiting.
    pub async fn shut_down(&self, signals: &mut Signals, patience: Patience) {
        let hurry = async {
            tokio::select! {
                () = tokio::time::sleep(patience.soft) => {}
                () = signals.next() => tracing::info!("asked again: not waiting any longer"),
            }
        };
        self.engine.shut_down(hurry, patience.hard).await;
        self.tools.close(LEAVE).await;
        self.store.close().await;
    }
}
