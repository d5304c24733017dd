//! `GET /metrics`: what the process counts.

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use super::{Answer, Mounted};
use crate::body::Incoming;
use crate::dialect::Dialect;

/// As it is at this moment.
pub(crate) async fn metrics<D: Dialect>(
    at: &Mounted<D>,
    _request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, TEXT))
        .body(at.face.metrics.render()))
}
