//! A bus between the processes of one test: each of them holds the same one.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream;
use response_domain::ports::bus::{Nudge, NudgeBus, Nudges};
use tokio::sync::broadcast::{self, error::RecvError};

/// How many nudges a listener may be behind before it misses some.
const ROOM: usize = 256;

/// Carries nudges at once, to all who listen. Who falls behind gets [`Nudge::Anything`] for what it missed.
#[derive(Debug)]
pub struct MemoryBus {
    sender: broadcast::Sender<Nudge>,
    silent: AtomicBool,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(ROOM),
            silent: AtomicBool::new(false),
        }
    }
}

impl MemoryBus {
    /// Loses every nudge from now on.
    pub fn break_down(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// Carries nudges again, and says that some were missed.
    pub fn recover(&self) {
        self.silent.store(false, Ordering::SeqCst);
        self.send(Nudge::Anything);
    }
}

impl NudgeBus for MemoryBus {
    fn send(&self, nudge: Nudge) {
        if !self.silent.load(Ordering::SeqCst) {
            // Without a listener there is nobody to tell.
            let _listeners = self.sender.send(nudge);
        }
    }

    fn listen(&self) -> Nudges {
        let receiver = self.sender.subscribe();
        Box::pin(stream::unfold(
            receiver,
            async |mut receiver| match receiver.recv().await {
                Ok(nudge) => Some((nudge, receiver)),
                Err(RecvError::Lagged(_)) => Some((Nudge::Anything, receiver)),
                Err(RecvError::Closed) => None,
            },
        ))
    }
}
