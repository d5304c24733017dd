//! What a handler takes out of a request: the caller, ids, the text of its body.

use std::str::FromStr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use response_domain::caller::{Assertion, Credential, Presented};
use response_domain::id::{ConversationId, EndpointId, EventId, ResponseId};
use response_domain::ports::auth::{AuthError, Flaw};

use crate::json_text::{self, TextFault};
use crate::problem::Problem;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a request brings to say who sends it.
pub(crate) fn presented(request: &HttpRequest) -> Result<Presented, AuthError> {
    let headers = request.headers();
    Ok(Presented {
        credential: credential(headers)?,
        peer: request.peer_addr().map(|peer| peer.ip().to_canonical()),
        assertion: assertion(headers),
    })
}

/// What a gateway says about the sender, if anybody says anything. A header that stands twice says nothing:
/// one of the two may be the sender's own.
fn assertion(headers: &HeaderMap) -> Option<Arc<Assertion>> {
    let text = |name| {
        let mut values = headers.get_all(HeaderName::from_static(name));
        let only = values.next().filter(|_| values.next().is_none());
        let text = only?.to_str().ok()?.trim();
        (!text.is_empty()).then_some(text)
    };
    let either = |one, other| text(one).or_else(|| text(other)).map(Arc::from);
    let assertion = Assertion {
        user: either("x-user-subject", "x-user-id"),
        consumer: either("x-consumer-custom-id", "x-consumer-id"),
        is_anonymous: headers.contains_key(HeaderName::from_static("x-anonymous-consumer")),
        proof: text("x-gateway-auth").map(|proof| proof.to_owned().into()),
    };
    (assertion != Assertion::default()).then(|| Arc::new(assertion))
}

/// What a caller presents: a bearer token, or else a key.
fn credential(headers: &HeaderMap) -> Result<Credential, AuthError> {
    let text = |value: &HeaderValue| {
        let text = value
            .to_str()
            .map_err(|_not_text| AuthError::Invalid(Flaw::Malformed))?;
        Ok(text.trim().to_owned())
    };
    let presented = |name| headers.get(name).map(text).transpose();
    if let Some(authorization) = presented(AUTHORIZATION)?.filter(|text| !text.is_empty()) {
        return match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Credential::bearer(token.trim().to_owned()))
            }
            Some(_) | None => Err(AuthError::Invalid(Flaw::Unknown)),
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

/// The webhook endpoint that the path names.
pub(crate) fn endpoint_id(request: &HttpRequest) -> Result<EndpointId, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    EndpointId::from_str(text).map_err(|_no_id| Problem::no_such_endpoint())
}

/// The response whose end was the event that the path names.
pub(crate) fn event(request: &HttpRequest) -> Result<ResponseId, Problem> {
    let text = request.match_info().get("event_id").unwrap_or_default();
    let id = EventId::from_str(text).map_err(|_no_id| Problem::no_such_delivery())?;
    Ok(ResponseId::new(id.raw()))
}

/// The conversation that the path names.
pub(crate) fn conversation_id(request: &HttpRequest) -> Result<ConversationId, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    ConversationId::from_str(text).map_err(|_no_id| Problem::no_such_conversation())
}

/// The key by which the caller marks the request, if it does.
pub(crate) fn idempotency_key(request: &HttpRequest) -> Result<Option<Arc<str>>, Problem> {
    const LONGEST: usize = 255;
    let mut keys = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let text = key.to_str().unwrap_or_default();
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=LONGEST).contains(&text.len()) && keys.next().is_none() {
        return Ok(Some(text.into()));
    }
    Err(Problem::invalid(
        "Idempotency-Key",
        format!("`Idempotency-Key` must be one text of 1 to {LONGEST} visible ASCII characters"),
    ))
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
