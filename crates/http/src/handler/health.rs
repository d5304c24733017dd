//! `GET /healthz`, `GET /readyz` and `GET /health/auth`: whether the process lives, whether it can do its work,
//! and whether it can tell who calls.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use bytes::Bytes;
use response_engine::read::{Intake, Readiness};
use serde::Serialize;

use super::{Answer, Mounted, json};
use crate::body::Incoming;
use crate::dialect::{Dialect, put_json};
use crate::middleware::request_id;

/// Alive; touches nothing.
pub(crate) async fn alive<D: Dialect>(
    _at: &Mounted<D>,
    _request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    Ok(json(
        StatusCode::OK,
        Bytes::from_static(br#"{"status":"ok"}"#),
    ))
}

/// Able to recognise callers, by all the means there are.
pub(crate) async fn auth<D: Dialect>(
    at: &Mounted<D>,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let Err(reason) = at.face.authenticator.readiness().await else {
        return alive(at, request, body).await;
    };
    let request_id = request_id(request);
    let report = NoRecognition {
        status: "failing",
        error: Trouble {
            message: &reason,
            r#type: "upstream_error",
            code: "authentication_unavailable",
            param: None,
            request_id: &request_id,
        },
    };
    let mut out = bytes::BytesMut::new();
    put_json(&mut out, &report);
    Ok(json(StatusCode::SERVICE_UNAVAILABLE, out.freeze()))
}

#[derive(Serialize)]
struct NoRecognition<'a> {
    status: &'static str,
    error: Trouble<'a>,
}

/// Able to work, check by check.
pub(crate) async fn ready<D: Dialect>(
    at: &Mounted<D>,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let readiness = at.face.engine.readiness().await;
    let checks = checks(&readiness);
    let is_ready = checks.iter().all(|check| check.status == "ok");
    let request_id = request_id(request);
    let (status, word) = if is_ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    let report = Report {
        status: word,
        error: (!is_ready).then(|| Trouble::of(&request_id)),
        checks,
    };
    let mut out = bytes::BytesMut::new();
    put_json(&mut out, &report);
    Ok(json(status, out.freeze()))
}

#[derive(Serialize)]
struct Report<'a> {
    status: &'static str,
    checks: [Check<'a>; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Trouble<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// The error that every refusal bears, also this one.
#[derive(Serialize)]
struct Trouble<'a> {
    message: &'a str,
    r#type: &'static str,
    code: &'static str,
    param: Option<&'static str>,
    request_id: &'a str,
}

impl<'a> Trouble<'a> {
    fn of(request_id: &'a str) -> Self {
        Self {
            message: "the service is not ready",
            r#type: "upstream_error",
            code: "not_ready",
            param: None,
            request_id,
        }
    }
}

/// Why the database does not answer is for the log: anybody may ask whether the service is ready.
fn checks(readiness: &Readiness) -> [Check<'_>; 4] {
    if let Err(reason) = &readiness.reachable {
        tracing::warn!(reason, "the database does not answer");
    }
    let check = |name, trouble: Option<_>| Check {
        name,
        status: if trouble.is_none() { "ok" } else { "failing" },
        message: trouble,
    };
    let draining = (readiness.intake == Intake::Draining).then_some("the service is shutting down");
    [
        check(
            "database",
            readiness
                .reachable
                .as_ref()
                .err()
                .map(|_reason| "the database does not answer"),
        ),
        check(
            "schema",
            readiness.schema.as_ref().err().map(String::as_str),
        ),
        check("keys", readiness.keys.as_ref().err().map(String::as_str)),
        check("intake", draining),
    ]
}
