//! Nudges within this process.

use std::fmt;

use futures::stream;
use response_domain::ports::bus::{Nudge, Nudges};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many nudges a listener may be behind; one that is further behind is told to look at everything.
const BEHIND: usize = 4_096;

/// Tells everybody in this process.
pub(super) struct Local(broadcast::Sender<Nudge>);

impl Default for Local {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("listeners", &self.0.receiver_count())
            .finish()
    }
}

impl Local {
    pub(super) fn tell(&self, nudge: Nudge) {
        // Nobody needs to listen.
        let _ = self.0.send(nudge);
    }

    pub(super) fn listen(&self) -> Nudges {
        Box::pin(stream::unfold(self.0.subscribe(), async |mut nudges| {
            let nudge = match nudges.recv().await {
                Ok(nudge) => nudge,
                Err(RecvError::Lagged(_)) => Nudge::Anything,
                Err(RecvError::Closed) => return None,
            };
            Some((nudge, nudges))
        }))
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use response_domain::id::{RawId, ResponseId};

    use super::*;

    #[tokio::test]
    async fn everybody_hears_everything_from_when_they_listen() {
        let local = Local::default();
        local.tell(Nudge::Anything);
        let (mut one, mut other) = (local.listen(), local.listen());
        let logged = Nudge::Logged(ResponseId::new(RawId::new(1)));
        for nudge in [Nudge::Queued, logged] {
            local.tell(nudge);
            assert_eq!(one.next().await, Some(nudge));
        }
        assert_eq!(other.next().await, Some(Nudge::Queued));
        assert_eq!(other.next().await, Some(logged));
    }

    #[tokio::test]
    async fn whoever_is_far_behind_is_told_to_look_at_everything() {
        let local = Local::default();
        let mut slow = local.listen();
        for _ in 0..=BEHIND {
            local.tell(Nudge::Queued);
        }
        assert_eq!(slow.next().await, Some(Nudge::Anything));
        assert_eq!(slow.next().await, Some(Nudge::Queued));
    }

    #[tokio::test]
    async fn nudges_end_with_their_bus() {
        let local = Local::default();
        let mut nudges = local.listen();
        local.tell(Nudge::Queued);
        drop(local);
        assert_eq!(nudges.next().await, Some(Nudge::Queued));
        assert_eq!(nudges.next().await, None);
    }
}
