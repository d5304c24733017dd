//! The doors of webhooks: where endpoints and deliveries are kept, how one is worded, how one is sent. That
//! a delivery exists belongs to the [`UnitOfWork`](crate::work::UnitOfWork) that ends its response; here is
//! what happens afterwards. An implementation keeps what `testkit::webhook_suite` shows.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::caller::OwnerId;
use crate::id::{EndpointId, EventId, ResponseId, WorkerId};
use crate::page::Paged;
use crate::ports::store::StoreError;
use crate::response::Response;
use crate::time::Timestamp;
use crate::webhook::{
    Answer, Attempt, DeliveryKey, DeliveryLease, Due, Endpoint, GaveUp, Lane, Outcome, SendFault,
    SigningSecret, WebhookDelivery, WebhookEvent,
};

/// Registered endpoints. Every read and write takes the owner: what belongs to somebody else does not exist.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// Keeps a new endpoint, unless its owner has `at_most` already.
    async fn add(&self, endpoint: &Endpoint, at_most: u32) -> Result<Added, StoreError>;

    /// One endpoint.
    async fn find(&self, owner: &OwnerId, id: EndpointId) -> Result<Option<Endpoint>, StoreError>;

    /// A page of endpoints, newest first: at most `limit`, those behind `after`.
    async fn page(
        &self,
        owner: &OwnerId,
        limit: u16,
        after: Option<EndpointId>,
    ) -> Result<Paged<Endpoint>, StoreError>;

    /// Puts `endpoint` in the place of the one it was made of, with the next revision.
    /// [`StoreError::Stale`] when that is not the latest any more, or is gone.
    async fn replace(&self, endpoint: &Endpoint) -> Result<(), StoreError>;

    /// Forgets an endpoint and all its deliveries; `false` when there is none.
    async fn remove(&self, owner: &OwnerId, id: EndpointId) -> Result<bool, StoreError>;
}

/// Whether an endpoint was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was.
    Kept,
    /// Its owner has as many as allowed.
    Full,
}

/// What a process wants to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueClaim {
    /// The process.
    pub worker: WorkerId,
    /// Which of those that are due.
    pub lane: Lane,
    /// How many it has room for.
    pub at_most: u16,
    /// After which time a delivery is due again that nothing was recorded of.
    pub hold: Duration,
}

/// Deliveries that are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxDepth {
    /// How many are still to arrive.
    pub pending: u64,
    /// For how long the oldest has been due that nobody has claimed; none when none is due.
    pub overdue: Option<Duration>,
}

/// The deliveries. All times are those of one clock, the database's where several processes share one.
#[async_trait]
pub trait WebhookOutbox: Send + Sync {
    /// Takes those of a lane that have been due longest. Each is claimed by one process only.
    async fn claim(&self, claim: &DueClaim) -> Result<Vec<Due>, StoreError>;

    /// Writes down an attempt and what follows from it, for the delivery and for its endpoint. A delivery
    /// that is tried again is so in [`Lane::Patient`], and so are those still unsent to an endpoint that
    /// took this one not; an endpoint that is disabled by it gets the next revision.
    /// [`StoreError::Stale`], and nothing is written, when the lease is not the latest any more.
    async fn record(
        &self,
        lease: &DeliveryLease,
        attempt: &Attempt,
        outcome: &Outcome,
    ) -> Result<(), StoreError>;

    /// Gives a delivery up that was not tried. [`StoreError::Stale`] as above.
    async fn give_up(&self, lease: &DeliveryLease, why: GaveUp) -> Result<(), StoreError>;

    /// Gives up what was not tried, all for the same reason. Nothing happens to those whose lease is not the
    /// latest any more.
    async fn give_up_all(&self, leases: &[DeliveryLease], why: GaveUp) -> Result<(), StoreError> {
        for lease in leases {
            match self.give_up(lease, why).await {
                Ok(()) | Err(StoreError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Lets deliveries wait that there is no room for now, in [`Lane::Patient`], untried. Nothing happens to
    /// those whose lease is not the latest any more.
    async fn postpone(&self, leases: &[DeliveryLease], by: Duration) -> Result<(), StoreError>;

    /// Makes what `worker` has claimed due at once, in its lane, untried. Answers how many.
    async fn give_back(&self, worker: WorkerId) -> Result<u64, StoreError>;

    /// The same for what processes have claimed that are gone.
    async fn rescue(&self) -> Result<u64, StoreError>;

    /// What is under way.
    async fn depth(&self) -> Result<OutboxDepth, StoreError>;

    /// All deliveries of a response with their attempts, that of the request first; empty when there are
    /// none, or no such response.
    async fn of_response(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<WebhookDelivery>, StoreError>;

    /// Deliveries to an endpoint, those of the newest responses first: at most `limit`, those behind
    /// `after`.
    async fn of_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        limit: u16,
        after: Option<ResponseId>,
    ) -> Result<Paged<WebhookDelivery>, StoreError>;

    /// Begins a delivery again that has arrived or was given up: due at once, its schedule from the
    /// beginning, its attempts kept. One that is pending becomes due at once, unless it is claimed. `false`
    /// when there is none.
    async fn redeliver(&self, owner: &OwnerId, key: DeliveryKey) -> Result<bool, StoreError>;
}

/// One thing to post.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The same at every attempt.
    pub id: EventId,
    /// When this attempt is made; signed.
    pub at: Timestamp,
    /// What is told.
    pub event: WebhookEvent,
    /// Of which response.
    pub response: ResponseId,
    /// To which endpoint; none for the address of a request.
    pub endpoint: Option<EndpointId>,
    /// The address.
    pub url: Arc<str>,
    /// The body, JSON.
    pub body: Vec<u8>,
    /// What signs it, the newest first; unsigned when there is none.
    pub secrets: Vec<SigningSecret>,
}

/// Why an address is not accepted; for whoever named it, so it says nothing about the network inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAllowed(pub String);

/// Posts letters.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Posts one; takes no longer than it may. That it fails is an answer.
    async fn send(&self, letter: Letter) -> Result<Answer, SendFault>;

    /// The place an address leads to, by which is counted how much is under way there: the same text for
    /// all that lead to one scheme, host and port, however they are written.
    fn origin(&self, url: &str) -> Box<str>;

    /// Whether this address would be tried at all. Its name is looked up only when something is sent.
    fn admit(&self, url: &str) -> Result<(), NotAllowed>;
}

/// Words the bodies.
pub trait WebhookPayloads: Send + Sync {
    /// The whole of a response that ended.
    fn full(&self, event: WebhookEvent, response: &Response) -> Vec<u8>;

    /// A whole response that nobody asked for, to try an endpoint out with.
    fn sample(&self, event: WebhookEvent, response: ResponseId, ended: Timestamp) -> Vec<u8>;

    /// That a response ended.
    fn thin(&self, event: WebhookEvent, response: ResponseId, ended: Timestamp) -> Vec<u8>;
}
