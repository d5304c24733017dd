//! What a handler takes out of a request: the caller, ids, the body.

use std::str::FromStr;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue,
};
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use response_domain::caller::{Caller, Credential};
use response_domain::id::ResponseId;
use response_domain::ports::auth::{AuthError, Authenticator};

use crate::FaceOptions;
use crate::json_text::{self, TextFault};
use crate::problem::{Kind, Problem};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Bytes of a body that are made room for before they have come.
const ROOM: usize = 64 * 1024;

/// Who is calling.
pub(crate) async fn caller(
    request: &HttpRequest,
    authenticator: &dyn Authenticator,
) -> Result<Caller, Problem> {
    let presented = credential(request.headers())?;
    Ok(authenticator.authenticate(presented).await?)
}

/// What a caller presents: a bearer token, or else a key.
fn credential(headers: &HeaderMap) -> Result<Credential, AuthError> {
    let text = |value: &HeaderValue| {
        let text = value.to_str().map_err(|_not_text| AuthError::Invalid)?;
        Ok(text.trim().to_owned())
    };
    let presented = |name| headers.get(name).map(text).transpose();
    if let Some(authorization) = presented(AUTHORIZATION)?.filter(|text| !text.is_empty()) {
        return match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Credential::bearer(token.trim().to_owned()))
            }
            Some(_) | None => Err(AuthError::Invalid),
        };
    }
    Ok(presented(API_KEY)?
        .filter(|key| !key.is_empty())
        .map_or(Credential::Absent, Credential::api_key))
}

/// The response that the path names. What is no id names nothing.
pub(crate) fn response_id(request: &HttpRequest) -> Result<ResponseId, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    ResponseId::from_str(text).map_err(|_no_id| Problem::no_such_response())
}

/// The body, as text that is UTF-8 and within the limits, but may still be no JSON.
pub(crate) async fn body(
    request: &HttpRequest,
    payload: web::Payload,
    options: &FaceOptions,
) -> Result<Bytes, Problem> {
    check_media_type(request.headers())?;
    check_length(request.headers(), options.body_bytes)?;
    let read = read(payload, options.body_bytes);
    match tokio::time::timeout(options.body_timeout, read).await {
        Ok(body) => body,
        Err(_late) => Err(late()),
    }
}

/// The text of a body, checked as far as it can be without parsing it.
pub(crate) fn json(body: &[u8], depth: usize) -> Result<&str, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        bad_json(format!("the body is not UTF-8 at byte {at}"))
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(bad_json("the request needs a body: a JSON object"));
    }
    json_text::check(text, depth).map_err(|fault| {
        bad_json(match fault {
            TextFault::TooDeep(at) => {
                format!("the body may nest at most {depth} deep; it goes deeper at byte {at}")
            }
            TextFault::LoneSurrogate(at) => {
                format!("the escape at byte {at} of the body is half of a surrogate pair")
            }
        })
    })?;
    Ok(text)
}

/// A body that is not the JSON it should be.
pub(crate) fn bad_json(message: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::bad_request("invalid_json", message)
}

fn check_length(headers: &HeaderMap, most: usize) -> Result<(), Problem> {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length > most as u64 => Err(too_large(most)),
        Some(_) | None => Ok(()),
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(value) = headers.get(CONTENT_TYPE) {
        let media = value.to_str().unwrap_or_default();
        let essence = media.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        if essence != "application/json" && !essence.ends_with("+json") {
            return Err(unsupported("the body must be `application/json`"));
        }
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(unsupported("the body must not be compressed"))
        }
        Some(_) | None => Ok(()),
    }
}

async fn read(mut payload: web::Payload, most: usize) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    let mut only = Bytes::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| broken_off())?;
        if whole.len() + only.len() + chunk.len() > most {
            return Err(too_large(most));
        }
        if only.is_empty() && whole.is_empty() {
            // Most bodies come in one piece, which need not be copied.
            only = chunk;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(ROOM.min(most));
            whole.extend_from_slice(&std::mem::take(&mut only));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(if whole.is_empty() {
        only
    } else {
        whole.freeze()
    })
}

fn too_large(most: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        Kind::InvalidRequest,
        "body_too_large",
        format!("the body may have at most {most} bytes"),
    )
}

fn unsupported(message: &'static str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::InvalidRequest,
        "unsupported_media_type",
        message,
    )
}

fn late() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        Kind::InvalidRequest,
        "request_timeout",
        "the body did not come in time",
    )
}

fn broken_off() -> Problem {
    Problem::bad_request("invalid_body", "the body broke off before its end")
}
