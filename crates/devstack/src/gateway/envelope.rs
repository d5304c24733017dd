//! The platform's error envelope, for what the gateway itself has to refuse.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use response_egress::{EgressError, Refusal};
use serde_json::json;

/// What the gateway says instead of an answer of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    RouteNotFound,
    UrlTooLong,
    ServiceUnavailable,
    ServiceTimeout,
}

impl Problem {
    /// Why a call of the service failed, as its client may know it.
    pub(super) fn of(error: &EgressError) -> Self {
        match error {
            EgressError::Timeout(_) => Self::ServiceTimeout,
            EgressError::Refused(Refusal::TooLong { .. }) => Self::UrlTooLong,
            _ => Self::ServiceUnavailable,
        }
    }

    pub(super) fn response(self, request_id: &str) -> HttpResponse {
        let (status, kind, code, message) = match self {
            Self::RouteNotFound => (
                404,
                "not_found_error",
                "route_not_found",
                "the gateway has no such route",
            ),
            Self::UrlTooLong => (
                414,
                "invalid_request_error",
                "url_too_long",
                "the URL is too long",
            ),
            Self::ServiceUnavailable => (
                502,
                "upstream_error",
                "service_unavailable",
                "the service cannot be reached",
            ),
            Self::ServiceTimeout => (
                504,
                "upstream_error",
                "service_timeout",
                "the service did not answer in time",
            ),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        HttpResponse::build(status)
            .insert_header(("x-request-id", request_id))
            .json(json!({
                "error": {
                    "message": message, "type": kind, "code": code, "param": null,
                    "request_id": request_id,
                },
            }))
    }
}
