//! `GET /`, `GET /openapi.json` and `GET /docs`: what this is and how it is spoken to.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::BytesMut;
use serde_json::json as value;

use super::{Answer, Mounted, json};
use crate::body::Incoming;
use crate::dialect::{Dialect, put_json};

/// Where to read on. The addresses are relative, so they hold behind a gateway's prefix too.
pub(crate) async fn index<D: Dialect>(
    _at: &Mounted<D>,
    _request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let mut out = BytesMut::new();
    put_json(
        &mut out,
        &value!({
            "service": "response-api",
            "version": env!("CARGO_PKG_VERSION"),
            "responses": "v1/responses",
            "docs": "docs",
            "openapi": "openapi.json",
        }),
    );
    Ok(json(StatusCode::OK, out.freeze()))
}

/// The document for machines.
pub(crate) async fn openapi<D: Dialect>(
    at: &Mounted<D>,
    _request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    Ok(json(StatusCode::OK, at.document.clone()))
}

/// The page for people; it reads the other one, and nothing from anywhere else.
pub(crate) async fn page<D: Dialect>(
    _at: &Mounted<D>,
    _request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    const PAGE: &str = include_str!("../openapi/docs.html");
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                          script-src 'unsafe-inline'; connect-src 'self'; \
                          base-uri 'none'; frame-ancestors 'none'";
    const CONTENT_SECURITY_POLICY: HeaderName = HeaderName::from_static("content-security-policy");
    Ok(HttpResponse::Ok()
        .insert_header((
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ))
        .insert_header((CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
        .body(PAGE))
}
