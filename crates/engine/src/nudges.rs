//! What nudges are for: who is told what.

use futures::StreamExt;
use response_domain::ports::bus::Nudge;

use crate::Engine;

impl Engine {
    /// Passes nudges on to those who wait for them, until the process ends.
    pub(crate) fn listen(&self) {
        let engine = self.clone();
        let mut nudges = self.0.ports.bus.listen();
        self.0.launch.chore(async move {
            let closed = engine.0.launch.closed();
            while let Some(Some(nudge)) = closed.run_until_cancelled(nudges.next()).await {
                engine.take(nudge);
            }
        });
    }

    fn take(&self, nudge: Nudge) {
        let rooms = &self.0;
        match nudge {
            Nudge::Queued => rooms.queued.notify_one(),
            Nudge::Due => rooms.relay.wake(),
            Nudge::Logged(id) => rooms.followers.wake(id),
            Nudge::Ended(id) => {
                rooms.leases.let_go(id);
                rooms.followers.wake(id);
            }
            // What ended meanwhile the next heartbeat brings.
            Nudge::Anything => {
                rooms.queued.notify_one();
                rooms.relay.wake();
                rooms.followers.wake_all();
            }
        }
    }
}
