//! Registered endpoints, and the deliveries on their way to them. What makes a delivery is part of a commit,
//! and what forgets it part of a deletion.
//!
//! All times are by the clock of the database, but for those that a caller gives. Whatever touches a delivery
//! and its endpoint locks the delivery first; who comes from the endpoint, and who takes several deliveries
//! at once, takes only those that nobody else has locked.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, ResponseId, WorkerId};
use response_domain::page::{More, Paged};
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::{Added, DueClaim, EndpointStore, OutboxDepth, WebhookOutbox};
use response_domain::webhook::{
    Attempt, DeliveryKey, DeliveryLease, Due, Endpoint, GaveUp, Lane, Outcome, WebhookDelivery,
};

use crate::{Store, answered};

mod claim;
mod endpoints;
mod hold;
mod marks;
mod read;
mod record;
mod row;
mod shown;

#[cfg(test)]
mod plans;

pub(crate) use marks::Marks;
pub(crate) use shown::DeliveryWord;

/// Behind every id.
const BEHIND_ALL: &str = "~";

/// How the key of a delivery names the address of the request.
const CALLBACK: &str = "";

#[async_trait]
impl EndpointStore for Store {
    async fn add(&self, endpoint: &Endpoint, at_most: u32) -> Result<Added, StoreError> {
        answered(self.add_endpoint(endpoint, at_most)).await
    }

    async fn find(&self, owner: &OwnerId, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        answered(self.find_endpoint(owner, id)).await
    }

    async fn page(
        &self,
        owner: &OwnerId,
        limit: u16,
        after: Option<EndpointId>,
    ) -> Result<Paged<Endpoint>, StoreError> {
        answered(self.page_of_endpoints(owner, limit, after)).await
    }

    async fn replace(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        answered(self.replace_endpoint(endpoint)).await
    }

    async fn remove(&self, owner: &OwnerId, id: EndpointId) -> Result<bool, StoreError> {
        self.remove_endpoint(owner, id).await
    }
}

#[async_trait]
impl WebhookOutbox for Store {
    async fn claim(&self, claim: &DueClaim) -> Result<Vec<Due>, StoreError> {
        answered(self.claim_due(claim)).await
    }

    async fn record(
        &self,
        lease: &DeliveryLease,
        attempt: &Attempt,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        answered(self.record_attempt(lease, attempt, outcome)).await
    }

    async fn give_up(&self, lease: &DeliveryLease, why: GaveUp) -> Result<(), StoreError> {
        answered(self.give_up_delivery(lease, why)).await
    }

    async fn give_up_all(&self, leases: &[DeliveryLease], why: GaveUp) -> Result<(), StoreError> {
        answered(self.give_up_deliveries(leases, why)).await
    }

    async fn postpone(&self, leases: &[DeliveryLease], by: Duration) -> Result<(), StoreError> {
        answered(self.postpone_deliveries(leases, by)).await
    }

    async fn give_back(&self, worker: WorkerId) -> Result<u64, StoreError> {
        answered(self.give_back_deliveries(worker)).await
    }

    async fn rescue(&self) -> Result<u64, StoreError> {
        answered(self.rescue_deliveries()).await
    }

    async fn depth(&self) -> Result<OutboxDepth, StoreError> {
        answered(self.depth_of_outbox()).await
    }

    async fn of_response(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        answered(self.deliveries_of_response(owner, id)).await
    }

    async fn of_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        limit: u16,
        after: Option<ResponseId>,
    ) -> Result<Paged<WebhookDelivery>, StoreError> {
        answered(self.deliveries_of_endpoint(owner, id, limit, after)).await
    }

    async fn redeliver(&self, owner: &OwnerId, key: DeliveryKey) -> Result<bool, StoreError> {
        answered(self.begin_again(owner, key)).await
    }
}

/// The first `limit` of these, which were asked for with one more.
fn paged<T>(mut entries: Vec<T>, limit: u16) -> Paged<T> {
    let limit = usize::from(limit);
    let more = if entries.len() > limit {
        More::Follows
    } else {
        More::Nothing
    };
    entries.truncate(limit);
    Paged { entries, more }
}

/// As its column has it.
const fn lane(lane: Lane) -> i32 {
    match lane {
        Lane::Prompt => 0,
        Lane::Patient => 1,
    }
}

/// The endpoint of a key as its column has it.
fn endpoint(key: DeliveryKey) -> String {
    key.endpoint
        .map_or_else(|| CALLBACK.to_owned(), |id| id.to_string())
}

/// The token of a lease as its column has it.
fn token(lease: &DeliveryLease) -> i64 {
    i64::try_from(lease.token).unwrap_or(i64::MAX)
}

/// A pause in microseconds; none is longer than a year.
fn micros(pause: Duration) -> i64 {
    const LONGEST: Duration = Duration::from_hours(366 * 24);
    i64::try_from(pause.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}
