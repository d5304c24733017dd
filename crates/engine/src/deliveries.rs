//! What was sent to whom, and sending it once more; only one's own.

use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, ResponseId};
use response_domain::page::Paged;
use response_domain::ports::bus::Nudge;
use response_domain::webhook::{DeliveryKey, WebhookDelivery};

use crate::Engine;
use crate::error::{EndpointError, ReadError};

/// A delivery that was tried so often is not sent again: every attempt is kept and shown.
const ATTEMPTS: usize = 100;

impl Engine {
    /// The deliveries of a response, that of the request's own address first.
    pub async fn deliveries(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<WebhookDelivery>, ReadError> {
        let deliveries = self.0.ports.outbox.of_response(owner, id).await?;
        if deliveries.is_empty() {
            self.get(owner, id).await?;
        }
        Ok(deliveries)
    }

    /// A page of the deliveries to an endpoint, those of the newest responses first.
    pub async fn endpoint_deliveries(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        limit: u16,
        after: Option<ResponseId>,
    ) -> Result<Paged<WebhookDelivery>, EndpointError> {
        self.endpoint(owner, id).await?;
        let outbox = &self.0.ports.outbox;
        Ok(outbox.of_endpoint(owner, id, limit, after).await?)
    }

    /// Sends a delivery again, under the same id; how it stands then.
    pub async fn redeliver(
        &self,
        owner: &OwnerId,
        key: DeliveryKey,
    ) -> Result<WebhookDelivery, EndpointError> {
        let ports = &self.0.ports;
        let attempts = self.delivery(owner, key).await?.attempts.len();
        if attempts >= ATTEMPTS {
            return Err(EndpointError::TriedEnough { attempts });
        }
        if !ports.outbox.redeliver(owner, key).await? {
            return Err(EndpointError::NoSuchDelivery);
        }
        ports.bus.send(Nudge::Due);
        self.delivery(owner, key).await
    }

    async fn delivery(
        &self,
        owner: &OwnerId,
        key: DeliveryKey,
    ) -> Result<WebhookDelivery, EndpointError> {
        let all = self.0.ports.outbox.of_response(owner, key.response).await?;
        let mut all = all.into_iter();
        all.find(|delivery| delivery.key == key)
            .ok_or(EndpointError::NoSuchDelivery)
    }
}
