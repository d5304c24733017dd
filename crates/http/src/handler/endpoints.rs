//! Webhook endpoints: registering, reading, changing and forgetting them, replacing their secrets, trying
//! them out.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use bytes::BytesMut;
use response_domain::caller::Caller;
use response_domain::id::EndpointId;
use response_domain::webhook::Endpoint;
use response_engine::endpoints::Unsealed;

use super::{Answer, Mounted, json};
use crate::body::Incoming;
use crate::dialect::{Endpoints, Trial};
use crate::query::Query;
use crate::visit::note_object;
use crate::{extract, list};

/// Registers one. Its secret is in the answer, for the first time and, until it is replaced, the last.
pub(crate) async fn create<D: Endpoints>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let draft = at
        .read(request, body, |text| at.dialect.endpoint(text))
        .await?;
    let engine = &at.face.engine;
    let made = engine.register_endpoint(&owner, draft, D::PAYLOAD).await?;
    let mut answer = at.unsealed(D::MADE, &made);
    // Relative to where it was created, so it holds behind a gateway's prefix too.
    let path = HeaderValue::from_str(&format!("webhooks/{}", made.endpoint.id));
    if let (StatusCode::CREATED, Ok(path)) = (D::MADE, path) {
        answer.headers_mut().insert(LOCATION, path);
    }
    Ok(answer)
}

/// The caller's own, newest first.
pub(crate) async fn list<D: Endpoints>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let query = Query::of(request);
    let limit = query.limit()?;
    let after = query.id::<EndpointId>("after", "the id of a webhook endpoint (`webhook_…`)")?;
    let page = at.face.engine.endpoints(&owner, limit, after).await?;
    let show = |endpoint: &_, out: &mut _| at.dialect.show_endpoint(endpoint, None, out);
    let body = list::json(&page, |endpoint| endpoint.id, show);
    Ok(json(StatusCode::OK, body))
}

/// One as it is.
pub(crate) async fn get<D: Endpoints>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::endpoint_id(request)?;
    let endpoint = at.face.engine.endpoint(&owner, id).await?;
    Ok(at.sealed(&endpoint))
}

/// Changes what the body names, and nothing when it names nothing.
pub(crate) async fn change<D: Endpoints>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let id = extract::endpoint_id(request)?;
    let change = at
        .read(request, body, |text| at.dialect.endpoint_change(text))
        .await?;
    let engine = &at.face.engine;
    let endpoint = match change {
        Some(draft) => engine.change_endpoint(&owner, id, draft).await?,
        None => engine.endpoint(&owner, id).await?,
    };
    Ok(at.sealed(&endpoint))
}

/// Forgets one, and what was to be sent to it.
pub(crate) async fn delete<D: Endpoints>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::endpoint_id(request)?;
    at.face.engine.forget_endpoint(&owner, id).await?;
    let mut out = BytesMut::new();
    at.dialect.show_endpoint_deleted(id, &mut out);
    Ok(json(StatusCode::OK, out.freeze()))
}

/// Gives one another secret, which is in the answer.
pub(crate) async fn rotate_secret<D: Endpoints>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let id = extract::endpoint_id(request)?;
    let rotation = at
        .read_if_any(request, body, |text| at.dialect.rotation(text))
        .await?;
    let engine = &at.face.engine;
    let rotated = engine.rotate_secret(&owner, id, rotation).await?;
    Ok(at.unsealed(StatusCode::OK, &rotated))
}

/// Sends one a made-up event, now and once.
pub(crate) async fn test<D: Endpoints>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let id = extract::endpoint_id(request)?;
    let event = at
        .read_if_any(request, body, |text| at.dialect.trial(text))
        .await?;
    let trial = Trial {
        endpoint: id,
        event,
        attempt: at.face.engine.test_endpoint(&owner, id, event).await?,
    };
    let mut out = BytesMut::new();
    at.dialect.show_trial(&trial, &mut out)?;
    Ok(json(StatusCode::OK, out.freeze()))
}

/// Every event that an endpoint can want.
pub(crate) async fn event_types<D: Endpoints>(
    at: &Mounted<D>,
    _caller: Caller,
    _request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let mut out = BytesMut::new();
    at.dialect.show_event_types(&mut out);
    Ok(json(StatusCode::OK, out.freeze()))
}

impl<D: Endpoints> Mounted<D> {
    /// An endpoint without its secret.
    fn sealed(&self, endpoint: &Endpoint) -> HttpResponse {
        let mut out = BytesMut::with_capacity(512);
        self.dialect.show_endpoint(endpoint, None, &mut out);
        json(StatusCode::OK, out.freeze())
    }

    /// An endpoint with its secret, which nobody on the way is to keep.
    fn unsealed(&self, status: StatusCode, unsealed: &Unsealed) -> HttpResponse {
        let Unsealed { endpoint, secret } = unsealed;
        let mut out = BytesMut::with_capacity(512);
        self.dialect.show_endpoint(endpoint, Some(secret), &mut out);
        let mut answer = json(status, out.freeze());
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        note_object(&mut answer, &endpoint.id);
        answer
    }
}
