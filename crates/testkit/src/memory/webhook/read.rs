//! What is due, and what an owner sees of it.

use response_domain::page::{More, Paged};
use response_domain::time::Timestamp;
use response_domain::webhook::{DeliveryKey, Due, Lane, Target, WebhookDelivery};

use super::super::state::State;
use super::Webhooks;
use super::row::Entry;
use response_domain::ports::webhook::{DueClaim, OutboxDepth};

/// The first of these, and whether there are more.
pub(super) fn paged<T>(mut all: impl Iterator<Item = T>, limit: u16) -> Paged<T> {
    let entries = all.by_ref().take(usize::from(limit)).collect();
    let more = if all.next().is_some() {
        More::Follows
    } else {
        More::Nothing
    };
    Paged { entries, more }
}

impl Webhooks {
    /// Where a delivery goes; none when it is to an endpoint that is gone.
    fn target(&self, key: DeliveryKey, entry: &Entry) -> Option<Target> {
        if let Some(url) = &entry.callback {
            return Some(Target::Callback(url.clone()));
        }
        let endpoint = self.endpoints.get(&key.endpoint?)?;
        Some(Target::Endpoint {
            url: endpoint.spec.url.clone(),
            payload: endpoint.spec.payload,
            secrets: endpoint.secrets.clone(),
            state: endpoint.state,
            failing_since: endpoint.failing_since,
        })
    }

    /// What is due in a lane, longest first.
    fn waiting(&self, lane: Lane, now: Timestamp) -> Vec<DeliveryKey> {
        let mut waiting: Vec<(Timestamp, DeliveryKey)> = self
            .deliveries
            .iter()
            .filter(|(_, entry)| entry.lane == lane)
            .filter_map(|(key, entry)| Some((entry.due()?, *key)))
            .filter(|(due, _)| *due <= now)
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, key)| key).collect()
    }

    pub(super) fn claim(&mut self, claim: &DueClaim, now: Timestamp) -> Vec<Due> {
        let most = usize::from(claim.at_most);
        let waiting = self.waiting(claim.lane, now).into_iter().take(most);
        waiting
            .filter_map(|key| {
                let target = self.target(key, self.deliveries.get(&key)?)?;
                let entry = self.deliveries.get_mut(&key)?;
                Some(Due {
                    lease: entry.claim(key, claim, now),
                    owner: entry.owner.clone(),
                    event: entry.event,
                    created: entry.created,
                    tried: entry.tried,
                    tried_in_all: u32::try_from(entry.attempts.len()).unwrap_or(u32::MAX),
                    target,
                })
            })
            .collect()
    }

    /// A delivery as its owner sees it.
    pub(super) fn shown(&self, key: DeliveryKey, entry: &Entry) -> Option<WebhookDelivery> {
        Some(WebhookDelivery {
            key,
            event: entry.event,
            url: self.target(key, entry)?.url().clone(),
            created: entry.created,
            state: entry.state,
            attempts: entry.attempts.clone(),
        })
    }

    pub(super) fn depth(&self, now: Timestamp) -> OutboxDepth {
        let pending = self.deliveries.values().filter_map(Entry::due);
        let waiting = self.deliveries.values().filter(|it| it.worker.is_none());
        let oldest = waiting.filter_map(Entry::due).min();
        OutboxDepth {
            pending: u64::try_from(pending.count()).unwrap_or(u64::MAX),
            overdue: oldest.filter(|due| *due <= now).map(|due| now.since(due)),
        }
    }
}

impl State {
    /// Makes what processes have claimed that are gone due at once; how many there were.
    pub(super) fn rescue_deliveries(&mut self, now: Timestamp) -> u64 {
        let claimed = self.webhooks.deliveries.values();
        let lost: Vec<_> = claimed
            .filter_map(|entry| entry.worker)
            .filter(|worker| self.is_gone(*worker, now))
            .collect();
        lost.into_iter()
            .map(|worker| self.webhooks.give_back(worker, now))
            .sum()
    }
}
