//! What a handler takes out of a request: the caller, ids, the text of its body.

use std::str::FromStr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, CONNECTION, HeaderMap, HeaderName, HeaderValue};
use response_domain::caller::{Assertion, Credential, Presented};
use response_domain::id::{ConversationId, EndpointId, EventId, ResponseId};
use response_domain::ports::auth::{AuthError, Flaw};

use crate::json_text::{self, MOST_VALUES, TextFault};
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

/// Who a gateway says the sender is: these headers and no others.
const NAMES: [&str; 4] = [
    "x-user-subject",
    "x-user-id",
    "x-consumer-custom-id",
    "x-consumer-id",
];

/// What a gateway says about the sender, if anybody says anything. When one of the names is given twice, is no
/// text, or is said to be for this connection alone, no name counts: one of them may be the sender's own, past a
/// gateway that adds its names and does not replace them.
fn assertion(headers: &HeaderMap) -> Option<Arc<Assertion>> {
    let text = |name| {
        let text = headers.get(HeaderName::from_static(name))?;
        let text = text.to_str().ok()?.trim();
        (!text.is_empty()).then_some(text)
    };
    let either = |one, other| text(one).or_else(|| text(other)).map(Arc::from);
    let is_clear = NAMES.iter().all(|name| is_clear(headers, name));
    let assertion = Assertion {
        user: either("x-user-subject", "x-user-id").filter(|_| is_clear),
        consumer: either("x-consumer-custom-id", "x-consumer-id").filter(|_| is_clear),
        is_anonymous: headers.contains_key(HeaderName::from_static("x-anonymous-consumer")),
        proof: text(PROOF)
            .filter(|_| self::is_clear(headers, PROOF))
            .map(|proof| proof.to_owned().into()),
    };
    (assertion != Assertion::default()).then(|| Arc::new(assertion))
}

const PROOF: &str = "x-gateway-auth";

/// Whether a header is given at most once, as text, and not for one connection.
fn is_clear(headers: &HeaderMap, name: &'static str) -> bool {
    let mut values = headers.get_all(HeaderName::from_static(name));
    let is_text = values.next().is_none_or(|value| value.to_str().is_ok());
    let is_alone = is_text && values.next().is_none();
    let hops = headers.get_all(CONNECTION);
    let is_for_a_hop = hops
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|option| option.trim().eq_ignore_ascii_case(name));
    is_alone && !is_for_a_hop
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
            TextFault::TooMany(at) => format!(
                "the body may hold at most {MOST_VALUES} values; it holds more at byte {at}"
            ),
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// What these headers, one to a line, say of the sender: the user, the consumer, whether it is nobody in
    /// particular, and the proof.
    fn said(headers: &str) -> String {
        let mut request = TestRequest::default();
        for line in headers.split(';').filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request = request.append_header((name, value));
        }
        let request = request.to_http_request();
        let Some(assertion) = presented(&request).unwrap().assertion else {
            return "nothing".to_owned();
        };
        let name = |name: &Option<Arc<str>>| name.as_deref().unwrap_or("-").to_owned();
        let (user, consumer) = (name(&assertion.user), name(&assertion.consumer));
        let proof = assertion.proof.as_ref().map_or("-", |proof| proof.as_str());
        let kind = if assertion.is_anonymous {
            "anonymous"
        } else {
            "known"
        };
        format!("{user} {consumer} {kind} {proof}")
    }

    /// Headers and what they say.
    const SAID: &[(&str, &str)] = &[
        ("", "nothing"),
        ("X-User-Subject:ada", "ada - known -"),
        ("X-User-ID:ada", "ada - known -"),
        ("x-USER-subject: ada ;X-User-ID:7", "ada - known -"),
        ("X-User-Subject:;X-User-ID:7", "7 - known -"),
        ("X-User-Subject: ;X-User-ID: ", "nothing"),
        ("X-Consumer-ID:c", "- c known -"),
        ("X-Consumer-Custom-ID:own;X-Consumer-ID:c", "- own known -"),
        ("X-User-ID:ada;X-Consumer-ID:c", "ada c known -"),
        ("X-Gateway-Auth:proof;X-User-ID:ada", "ada - known proof"),
        (
            "X-Anonymous-Consumer:true;X-User-ID:ada",
            "ada - anonymous -",
        ),
        ("X-Anonymous-Consumer:false", "- - anonymous -"),
        ("X-Anonymous-Consumer:", "- - anonymous -"),
        // A name given twice, and with it every other.
        ("X-User-ID:ada;X-User-ID:bob", "nothing"),
        ("X-User-ID:ada;X-User-ID:ada", "nothing"),
        (
            "X-User-Subject:eve;X-User-Subject:ada;X-User-ID:eve",
            "nothing",
        ),
        ("X-User-ID:ada;X-User-ID:bob;X-Consumer-ID:c", "nothing"),
        ("X-Consumer-ID:c;X-Consumer-ID:d;X-User-ID:ada", "nothing"),
        (
            "X-Gateway-Auth:a;X-Gateway-Auth:b;X-User-ID:ada",
            "ada - known -",
        ),
        // For one connection only.
        ("Connection:close, x-user-id;X-User-ID:ada", "nothing"),
        ("Connection:X-User-Subject;X-User-ID:eve", "nothing"),
        (
            "Connection:close;Connection:X-Gateway-Auth;X-Gateway-Auth:a",
            "nothing",
        ),
        (
            "Connection:x-anonymous-consumer;X-Anonymous-Consumer:1",
            "- - anonymous -",
        ),
        // Not these headers.
        ("X_User_ID:ada", "nothing"),
        ("X-User_ID:ada;X_USER_SUBJECT:ada", "nothing"),
        ("X-User-Subjects:ada;X-User:ada;User-ID:ada", "nothing"),
        (
            "X-Consumer-Username:ada;X-Credential-Identifier:ada",
            "nothing",
        ),
        (
            "X-Forwarded-For:10.0.0.1;X-Real-IP:10.0.0.1;Forwarded:for=10.0.0.1",
            "nothing",
        ),
        (
            "Remote-User:ada;X-Remote-User:ada;X-Forwarded-User:ada",
            "nothing",
        ),
        // What is no text.
        ("X-User-ID:\u{fc}", "nothing"),
        ("X-User-Subject:\u{fc};X-User-ID:ada", "nothing"),
    ];

    #[test]
    fn what_is_said_of_a_sender_is_read_from_these_headers_and_no_others() {
        for (headers, expected) in SAID {
            assert_eq!(said(headers), *expected, "{headers}");
        }
    }

    #[test]
    fn the_peer_is_whoever_holds_the_connection() {
        let request = TestRequest::default()
            .peer_addr("[::ffff:10.0.0.7]:1".parse().unwrap())
            .insert_header(("x-forwarded-for", "10.0.0.1"))
            .to_http_request();
        let peer = presented(&request).unwrap().peer;
        assert_eq!(peer, Some("10.0.0.7".parse().unwrap()));
    }
}
