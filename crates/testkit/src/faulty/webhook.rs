//! The doors of webhooks, on the way to the store behind.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, ResponseId, WorkerId};
use response_domain::page::Paged;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::{Added, DueClaim, EndpointStore, OutboxDepth, WebhookOutbox};
use response_domain::webhook::{
    Attempt, DeliveryKey, DeliveryLease, Due, Endpoint, GaveUp, Outcome, WebhookDelivery,
};

use super::FaultyStore;

#[async_trait]
impl<S: EndpointStore> EndpointStore for FaultyStore<S> {
    async fn add(&self, endpoint: &Endpoint, at_most: u32) -> Result<Added, StoreError> {
        self.inner.add(endpoint, at_most).await
    }

    async fn find(&self, owner: &OwnerId, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.inner.find(owner, id).await
    }

    async fn page(
        &self,
        owner: &OwnerId,
        limit: u16,
        after: Option<EndpointId>,
    ) -> Result<Paged<Endpoint>, StoreError> {
        self.inner.page(owner, limit, after).await
    }

    async fn replace(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        self.inner.replace(endpoint).await
    }

    async fn remove(&self, owner: &OwnerId, id: EndpointId) -> Result<bool, StoreError> {
        self.inner.remove(owner, id).await
    }
}

#[async_trait]
impl<S: WebhookOutbox> WebhookOutbox for FaultyStore<S> {
    async fn claim(&self, claim: &DueClaim) -> Result<Vec<Due>, StoreError> {
        if self.inner.depth().await?.overdue.is_none() {
            return self.inner.claim(claim).await;
        }
        self.go(self.claims.next(), self.inner.claim(claim)).await
    }

    async fn record(
        &self,
        lease: &DeliveryLease,
        attempt: &Attempt,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let record = self.inner.record(lease, attempt, outcome);
        self.go(self.writes.next(), record).await
    }

    async fn give_up(&self, lease: &DeliveryLease, why: GaveUp) -> Result<(), StoreError> {
        self.go(self.writes.next(), self.inner.give_up(lease, why))
            .await
    }

    async fn postpone(&self, leases: &[DeliveryLease], by: Duration) -> Result<(), StoreError> {
        self.inner.postpone(leases, by).await
    }

    async fn give_back(&self, worker: WorkerId) -> Result<u64, StoreError> {
        self.inner.give_back(worker).await
    }

    async fn rescue(&self) -> Result<u64, StoreError> {
        self.inner.rescue().await
    }

    async fn depth(&self) -> Result<OutboxDepth, StoreError> {
        self.inner.depth().await
    }

    async fn of_response(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        self.inner.of_response(owner, id).await
    }

    async fn of_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        limit: u16,
        after: Option<ResponseId>,
    ) -> Result<Paged<WebhookDelivery>, StoreError> {
        self.inner.of_endpoint(owner, id, limit, after).await
    }

    async fn redeliver(&self, owner: &OwnerId, key: DeliveryKey) -> Result<bool, StoreError> {
        self.inner.redeliver(owner, key).await
    }
}
