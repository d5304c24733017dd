//! Every request about webhooks: what a database in trouble makes of them.

use std::time::Duration;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, EventId, ResponseId, WorkerId};
use response_domain::page::Paged;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::{Added, DueClaim, EndpointStore, OutboxDepth, WebhookOutbox};
use response_domain::webhook::{
    Attempt, DeliveryKey, DeliveryLease, Due, Endpoint, GaveUp, Outcome, WebhookDelivery,
};
use serde_json::{Value, json};

use crate::client::{Call, Reply};
use crate::deliveries::background;
use crate::sample::{id, put};
use crate::webhooks::WEBHOOKS;
use crate::world::{Plan, World};

const SECRET: &str = "password of postgres://10.0.0.7";

/// A request: method, path, body.
pub(crate) type Asked = (String, String, Value);

/// Every request about webhooks that asks the database.
pub(crate) fn every_request(endpoint: &str, response: ResponseId) -> Vec<Asked> {
    let event = EventId::of(response);
    let native = format!("{WEBHOOKS}/{endpoint}");
    let openai = "/openai/v1/webhook_endpoints";
    let made = json!({"url": "https://a.example", "events": ["*"]});
    let theirs =
        json!({"name": "n", "url": "https://a.example", "event_types": ["response.failed"]});
    [
        ("POST", WEBHOOKS.to_owned(), made),
        ("GET", WEBHOOKS.to_owned(), Value::Null),
        ("GET", native.clone(), Value::Null),
        ("PATCH", native.clone(), json!({"name": "other"})),
        ("PATCH", native.clone(), json!({})),
        ("POST", format!("{native}/rotate_secret"), json!({})),
        ("POST", format!("{native}/test"), json!({})),
        ("GET", format!("{native}/deliveries"), Value::Null),
        (
            "POST",
            format!("{native}/deliveries/{event}/redeliver"),
            Value::Null,
        ),
        (
            "GET",
            format!("/v1/responses/{response}/deliveries"),
            Value::Null,
        ),
        (
            "POST",
            format!("/v1/responses/{response}/deliveries/redeliver"),
            json!({ "webhook_id": endpoint }),
        ),
        ("POST", openai.to_owned(), theirs),
        ("GET", openai.to_owned(), Value::Null),
        ("GET", format!("{openai}/{endpoint}"), Value::Null),
        (
            "POST",
            format!("{openai}/{endpoint}"),
            json!({"name": "other"}),
        ),
        (
            "POST",
            format!("{openai}/{endpoint}/rotate_secret"),
            json!({}),
        ),
        (
            "POST",
            format!("{openai}/{endpoint}/test"),
            json!({"event_type": "response.completed"}),
        ),
        ("DELETE", native, Value::Null),
        ("DELETE", format!("{openai}/{endpoint}"), Value::Null),
    ]
    .into_iter()
    .map(|(method, path, body)| (method.to_owned(), path, body))
    .collect()
}

/// Sends a request in somebody's name.
pub(crate) async fn send_as(world: &World, who: &str, (method, path, body): &Asked) -> Reply {
    let call = Call::new(method, path).header("authorization", &format!("Bearer {who}"));
    let call = call.header("x-request-id", "same");
    match body {
        Value::Null => call.send(world).await,
        body => call.json(body).send(world).await,
    }
}

/// Keeps nothing, and answers nothing but errors.
struct Away(fn() -> StoreError);

#[async_trait]
impl EndpointStore for Away {
    async fn add(&self, _endpoint: &Endpoint, _at_most: u32) -> Result<Added, StoreError> {
        Err((self.0)())
    }
    async fn find(
        &self,
        _owner: &OwnerId,
        _id: EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        Err((self.0)())
    }
    async fn page(
        &self,
        _owner: &OwnerId,
        _limit: u16,
        _after: Option<EndpointId>,
    ) -> Result<Paged<Endpoint>, StoreError> {
        Err((self.0)())
    }
    async fn replace(&self, _endpoint: &Endpoint) -> Result<(), StoreError> {
        Err((self.0)())
    }
    async fn remove(&self, _owner: &OwnerId, _id: EndpointId) -> Result<bool, StoreError> {
        Err((self.0)())
    }
}

#[async_trait]
impl WebhookOutbox for Away {
    async fn claim(&self, _claim: &DueClaim) -> Result<Vec<Due>, StoreError> {
        Err((self.0)())
    }
    async fn record(
        &self,
        _lease: &DeliveryLease,
        _attempt: &Attempt,
        _outcome: &Outcome,
    ) -> Result<(), StoreError> {
        Err((self.0)())
    }
    async fn give_up(&self, _lease: &DeliveryLease, _why: GaveUp) -> Result<(), StoreError> {
        Err((self.0)())
    }
    async fn postpone(&self, _leases: &[DeliveryLease], _by: Duration) -> Result<(), StoreError> {
        Err((self.0)())
    }
    async fn give_back(&self, _worker: WorkerId) -> Result<u64, StoreError> {
        Err((self.0)())
    }
    async fn rescue(&self) -> Result<u64, StoreError> {
        Err((self.0)())
    }
    async fn depth(&self) -> Result<OutboxDepth, StoreError> {
        Err((self.0)())
    }
    async fn of_response(
        &self,
        _owner: &OwnerId,
        _id: ResponseId,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        Err((self.0)())
    }
    async fn of_endpoint(
        &self,
        _owner: &OwnerId,
        _id: EndpointId,
        _limit: u16,
        _after: Option<ResponseId>,
    ) -> Result<Paged<WebhookDelivery>, StoreError> {
        Err((self.0)())
    }
    async fn redeliver(&self, _owner: &OwnerId, _key: DeliveryKey) -> Result<bool, StoreError> {
        Err((self.0)())
    }
}

#[tokio::test]
async fn a_database_in_trouble_is_told_and_nothing_of_the_inside() {
    let away = Away(|| StoreError::Unavailable(SECRET.into()));
    let failing = Away(|| StoreError::Failed(SECRET.into()));
    for (store, status, wait) in [(away, 503, Some("1")), (failing, 500, None)] {
        let world = Plan::new([]).webhooks(store).build().await;
        put(&world, &background(1, None)).await;
        let endpoint = format!("webhook_{}", "0".repeat(26));
        for request in every_request(&endpoint, id(1)) {
            let reply = send_as(&world, "ada", &request).await;
            assert_eq!(reply.status, status, "{request:?}: {}", reply.text());
            assert_eq!(reply.header("retry-after"), wait, "{request:?}");
            assert!(!reply.text().contains("postgres"), "{}", reply.text());
        }
    }
}
