//! Which headers go through the gateway, and which it sets itself. The server and the client
//! use two versions of the same header types, so names and values are carried over as bytes.

use actix_web::HttpRequest;
use actix_web::http::header::{
    HeaderMap as ServerHeaders, HeaderName as ServerName, HeaderValue as ServerValue,
};
use response_egress::header::{HeaderMap, HeaderName, HeaderValue};

use crate::token;

/// Headers that concern one connection only. `Expect` is answered by the gateway's own server.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
];

/// Headers by which a gateway tells a service who is calling; a client's own are worthless.
const GATEWAY_ONLY: [&str; 5] = [
    "x-consumer-",
    "x-user-",
    "x-gateway-auth",
    "x-auth-method",
    "x-forwarded-",
];

/// What the service is sent: the client's headers without those it may not pass on, and where
/// the request came from.
pub(super) fn outgoing(request: &HttpRequest, request_id: &str) -> HeaderMap {
    let named = connection_names(request.headers());
    let mut headers = HeaderMap::with_capacity(request.headers().len() + 5);
    for (name, value) in request.headers() {
        let name = name.as_str();
        let stays = HOP_BY_HOP.contains(&name)
            || GATEWAY_ONLY.iter().any(|prefix| name.starts_with(prefix))
            || named.iter().any(|listed| listed == name);
        if !stays
            && let Ok(name) = HeaderName::from_bytes(name.as_bytes())
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            headers.append(name, value);
        }
    }
    let peer = request.peer_addr().map(|peer| peer.ip().to_string());
    let host = request
        .headers()
        .get("host")
        .and_then(|host| host.to_str().ok());
    let own = [
        ("x-request-id", Some(request_id)),
        ("x-forwarded-for", peer.as_deref()),
        ("x-forwarded-host", host),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-prefix", Some("/responses")),
    ];
    for (name, value) in own {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Headers that a `Connection` header declares to be of this connection too.
fn connection_names(headers: &ServerHeaders) -> Vec<String> {
    let values = headers
        .get_all("connection")
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

/// What the client is sent: the service's headers without those of its connection. The length
/// is left out too, because the body carries it.
pub(super) fn incoming(headers: &HeaderMap) -> impl Iterator<Item = (ServerName, ServerValue)> {
    headers
        .iter()
        .filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()) && *name != "content-length")
        .filter_map(|(name, value)| {
            let name = ServerName::from_bytes(name.as_str().as_bytes()).ok()?;
            Some((name, ServerValue::from_bytes(value.as_bytes()).ok()?))
        })
}

/// The client's own request id when it is short and plain, a new one otherwise.
pub(super) fn request_id(request: &HttpRequest) -> String {
    let own = request
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok());
    let sane =
        |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    own.filter(sane)
        .map_or_else(|| token::fresh("req_"), str::to_owned)
}
