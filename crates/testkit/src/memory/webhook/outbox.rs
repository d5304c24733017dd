//! Deliveries on their way.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, ResponseId, WorkerId};
use response_domain::page::Paged;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::{DueClaim, OutboxDepth, WebhookOutbox};
use response_domain::time::Timestamp;
use response_domain::webhook::{
    Attempt, DeliveryKey, DeliveryLease, DeliveryState, Due, GaveUp, Lane, Outcome, WebhookDelivery,
};

use super::super::MemoryStore;
use super::read::paged;
use super::row::Entry;
use super::{Webhooks, usual_lane};

impl Webhooks {
    /// The delivery of the latest lease.
    fn held(&mut self, lease: &DeliveryLease) -> Result<&mut Entry, StoreError> {
        let entry = self.deliveries.get_mut(&lease.key);
        entry
            .filter(|entry| entry.is_held_by(lease))
            .ok_or(StoreError::Stale)
    }

    pub(super) fn give_back(&mut self, worker: WorkerId, now: Timestamp) -> u64 {
        let entries = self.deliveries.values_mut();
        let claimed = entries.filter(|entry| entry.worker == Some(worker));
        claimed
            .map(|entry| entry.wait(Duration::ZERO, now))
            .fold(0, |count, ()| count + 1)
    }

    /// The lane in which a delivery that is over begins again: only who took the last one is not held up by
    /// those that did not.
    fn lane_again(&self, key: DeliveryKey, entry: &Entry) -> Lane {
        let arrived = matches!(entry.state, DeliveryState::Delivered { .. });
        match key.endpoint.and_then(|id| self.endpoints.get(&id)) {
            Some(endpoint) => usual_lane(endpoint),
            None if arrived => Lane::Prompt,
            None => Lane::Patient,
        }
    }
}

#[async_trait]
impl WebhookOutbox for MemoryStore {
    async fn claim(&self, claim: &DueClaim) -> Result<Vec<Due>, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        Ok(state.webhooks.claim(claim, now))
    }

    async fn record(
        &self,
        lease: &DeliveryLease,
        attempt: &Attempt,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        let entry = state.webhooks.held(lease)?;
        entry.record(attempt.clone(), outcome.verdict, now);
        if let Some(endpoint) = lease.key.endpoint {
            state.webhooks.affect(endpoint, outcome.effect, now);
        }
        Ok(())
    }

    async fn give_up(&self, lease: &DeliveryLease, why: GaveUp) -> Result<(), StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        state.webhooks.held(lease)?.give_up(why, now);
        Ok(())
    }

    async fn postpone(&self, leases: &[DeliveryLease], by: Duration) -> Result<(), StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        for lease in leases {
            if let Ok(entry) = state.webhooks.held(lease) {
                entry.lane = Lane::Patient;
                entry.wait(by, now);
            }
        }
        Ok(())
    }

    async fn give_back(&self, worker: WorkerId) -> Result<u64, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        Ok(state.webhooks.give_back(worker, now))
    }

    async fn rescue(&self) -> Result<u64, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        Ok(state.rescue_deliveries(now))
    }

    async fn depth(&self) -> Result<OutboxDepth, StoreError> {
        let state = self.state();
        Ok(state.webhooks.depth(self.now(&state)))
    }

    async fn of_response(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        let state = self.state();
        let webhooks = &state.webhooks;
        let deliveries = webhooks.deliveries.iter();
        let own = deliveries.filter(|(key, entry)| key.response == id && entry.owner == *owner);
        Ok(own
            .filter_map(|(key, entry)| webhooks.shown(*key, entry))
            .collect())
    }

    async fn of_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        limit: u16,
        after: Option<ResponseId>,
    ) -> Result<Paged<WebhookDelivery>, StoreError> {
        let state = self.state();
        let webhooks = &state.webhooks;
        let newest_first = webhooks.deliveries.iter().rev();
        let behind = newest_first
            .filter(|(key, entry)| key.endpoint == Some(id) && entry.owner == *owner)
            .filter(|(key, _)| after.is_none_or(|after| key.response < after))
            .filter_map(|(key, entry)| webhooks.shown(*key, entry));
        Ok(paged(behind, limit))
    }

    async fn redeliver(&self, owner: &OwnerId, key: DeliveryKey) -> Result<bool, StoreError> {
        let mut state = self.state();
        let now = self.now(&state);
        let webhooks = &mut state.webhooks;
        let known = webhooks.deliveries.get(&key);
        let Some(entry) = known.filter(|entry| entry.owner == *owner) else {
            return Ok(false);
        };
        let lane = webhooks.lane_again(key, entry);
        if let Some(entry) = webhooks.deliveries.get_mut(&key) {
            entry.again(lane, now);
        }
        Ok(true)
    }
}
