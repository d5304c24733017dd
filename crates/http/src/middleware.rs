//! What surrounds every request: its id, its line in the access log.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest};
use response_domain::id::{IdGenerator, ResponseId};

use tokio::time::Instant;

use crate::access::{Line, LoggedBody};
use crate::audit::Audit;
use crate::visit::Visit;

/// The id of a request, on its way in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The id of the response that an answer is about.
pub(crate) const RESPONSE_ID: HeaderName = HeaderName::from_static("x-response-id");

const LONGEST_ID: usize = 128;

/// The id of this request: the caller's, or one made for it.
pub(crate) fn request_id(request: &HttpRequest) -> Arc<str> {
    Arc::clone(&Visit::of(request).origin().request)
}

/// Gives a request its id, its lines in the logs, and the headers that every answer has.
pub(crate) async fn surround(
    ids: Arc<dyn IdGenerator>,
    audit: Audit,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<LoggedBody>, actix_web::Error> {
    let id = brought(&request).map_or_else(|| made(&*ids), Arc::from);
    let client = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let visit = Visit::new(Arc::clone(&id), client);
    let mut line = Line::begin(&request, visit.clone(), audit);
    request.extensions_mut().insert(visit.clone());
    let mut answer = match next.call(request).await {
        Ok(answer) => answer,
        Err(error) => {
            line.answered(error.as_response_error().status_code(), None);
            return Err(error);
        }
    };
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let response = headers.get(RESPONSE_ID).and_then(|id| id.to_str().ok());
    let response = response.map(str::to_owned);
    visit.put_headers(headers);
    visit.answered(answer.response(), response.as_deref());
    line.answered(answer.status(), response);
    Ok(answer.map_body(|_head, body| LoggedBody::new(body, line)))
}

/// Says in the words of OpenAI how long an answer took, and which version of their API it follows.
pub(crate) async fn timed(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    const PROCESSING: HeaderName = HeaderName::from_static("openai-processing-ms");
    const VERSION: HeaderName = HeaderName::from_static("openai-version");
    const THEIRS: HeaderValue = HeaderValue::from_static("2020-10-01");
    let begun = Instant::now();
    let mut answer = next.call(request).await?;
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let headers = answer.headers_mut();
    headers.insert(PROCESSING, took.into());
    headers.insert(VERSION, THEIRS);
    Ok(answer)
}

/// The id that the caller brought, if it can be trusted in headers and logs.
fn brought(request: &ServiceRequest) -> Option<&str> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    ((1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_sane)).then_some(id)
}

fn made(ids: &dyn IdGenerator) -> Arc<str> {
    let id = ResponseId::new(ids.next()).to_string();
    id.replacen(ResponseId::PREFIX, "req", 1).into()
}
