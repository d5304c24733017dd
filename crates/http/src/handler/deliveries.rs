//! What was sent to whom about the ends of responses, and sending it once more.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use bytes::BytesMut;
use response_domain::caller::{Caller, OwnerId};
use response_domain::id::{EventId, ResponseId};
use response_domain::page::{More, Paged};
use response_domain::webhook::{DeliveryKey, WebhookDelivery};

use super::{Answer, Mounted, about, json};
use crate::body::Incoming;
use crate::dialect::Deliveries;
use crate::query::Query;
use crate::{extract, list};

/// Those to an endpoint, of the newest responses first.
pub(crate) async fn of_endpoint<D: Deliveries>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::endpoint_id(request)?;
    let query = Query::of(request);
    let limit = query.limit()?;
    let after = query.id::<EventId>("after", "the id of an event (`evt_…`)")?;
    let after = after.map(|event| ResponseId::new(event.raw()));
    let engine = &at.face.engine;
    let page = engine.endpoint_deliveries(&owner, id, limit, after).await?;
    Ok(json(StatusCode::OK, at.page(&page)))
}

/// All of a response.
pub(crate) async fn of_response<D: Deliveries>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::response_id(request)?;
    // There are as many as the owner has endpoints, and one, so they are shown whole.
    let page = Paged {
        entries: at.face.engine.deliveries(&owner, id).await?,
        more: More::Nothing,
    };
    Ok(about(id, at.page(&page)))
}

/// Tells an endpoint again of the response whose event the path names.
pub(crate) async fn redeliver_to_endpoint<D: Deliveries>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let key = DeliveryKey {
        endpoint: Some(extract::endpoint_id(request)?),
        response: extract::event(request)?,
    };
    at.redelivered(&owner, key).await
}

/// Tells the address of the request again, or the endpoint that the body names.
pub(crate) async fn redeliver_response<D: Deliveries>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let response = extract::response_id(request)?;
    let endpoint = at
        .read_if_any(request, body, |text| at.dialect.redelivery(text))
        .await?;
    let key = DeliveryKey { response, endpoint };
    at.redelivered(&owner, key).await
}

impl<D: Deliveries> Mounted<D> {
    fn page(&self, page: &Paged<WebhookDelivery>) -> bytes::Bytes {
        let show = |delivery: &_, out: &mut _| self.dialect.show_delivery(delivery, out);
        list::json(page, |delivery| EventId::of(delivery.key.response), show)
    }

    async fn redelivered(&self, owner: &OwnerId, key: DeliveryKey) -> Answer {
        let delivery = self.face.engine.redeliver(owner, key).await?;
        let mut out = BytesMut::with_capacity(512);
        self.dialect.show_delivery(&delivery, &mut out);
        Ok(about(key.response, out.freeze()))
    }
}
