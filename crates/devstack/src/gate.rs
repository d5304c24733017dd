//! Where requests wait until a test lets them go on.

use tokio::sync::watch;

/// A gate that is open at first; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Gate {
    pub(crate) fn close(&self) {
        self.0.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until the gate is open.
    pub(crate) async fn pass(&self) {
        let mut gate = self.0.subscribe();
        // The sender lives in this gate, so the wait cannot end for the want of one.
        let _ = gate.wait_for(|is_open| *is_open).await;
    }
}
