//! Responses over a WebSocket: a client asks in messages, one response after another, and is told each as it
//! comes. The connection remembers its last response, so that one which is stored nowhere can be continued.
//!
//! All of it happens in the body of the answer that switches protocols: the server asks for more of that body
//! only while the client reads, and drops it when the client is gone, and with it the run.

use std::convert::Infallible;

use actix_http::ws::{HandshakeError, hash_key, verify_handshake};
use actix_web::body::BodyStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use actix_web::{HttpRequest, HttpResponse};
use futures::stream;
use response_domain::caller::Caller;

use self::session::{Opening, Session};
use crate::body::Incoming;
use crate::dialect::Responses;
use crate::extract;
use crate::handler::{Answer, Mounted};
use crate::problem::{Kind, Problem};
use crate::visit::Visit;

mod session;
mod turn;
mod waiting;
mod wire;
mod words;

#[cfg(any(test, fuzzing))]
pub(crate) use self::wire::fuzz::hold_messages;

/// `GET /responses` with an upgrade: opens a WebSocket.
pub(crate) async fn connect<D: Responses>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    if let Err(error) = verify_handshake(request.head()) {
        return Ok(not_a_handshake(at, request, error));
    }
    let key = request.headers().get(SEC_WEBSOCKET_KEY);
    let accept = hash_key(key.map_or(&[], HeaderValue::as_bytes));
    let accept = HeaderValue::from_bytes(&accept).map_err(Problem::internal)?;
    let opening = Opening {
        presented: extract::presented(request)?,
        origin: Visit::of(request).origin().clone(),
    };
    let place = at.face.engine.open_stream(&owner)?;
    let Some(payload) = body.take() else {
        return Err(Problem::internal("the body of an upgrade was taken before"));
    };
    let session = Session::new(at.clone(), opening, place, payload);
    let frames = stream::unfold(session, async |mut session| {
        let bytes = session.next().await?;
        Some((Ok::<_, Infallible>(bytes), session))
    });
    Ok(HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((SEC_WEBSOCKET_ACCEPT, accept))
        .body(BodyStream::new(frames)))
}

/// Says what an upgrade must be like.
fn not_a_handshake<D: Responses>(
    at: &Mounted<D>,
    request: &HttpRequest,
    error: HandshakeError,
) -> HttpResponse {
    let (status, message) = match error {
        HandshakeError::GetMethodRequired
        | HandshakeError::NoWebsocketUpgrade
        | HandshakeError::NoConnectionUpgrade => (
            StatusCode::UPGRADE_REQUIRED,
            "this path takes GET only to open a WebSocket: `Connection: Upgrade`, `Upgrade: websocket`",
        ),
        HandshakeError::UnsupportedVersion | HandshakeError::NoVersionHeader => (
            StatusCode::UPGRADE_REQUIRED,
            "`Sec-WebSocket-Version` must be 13",
        ),
        HandshakeError::BadWebsocketKey => (
            StatusCode::BAD_REQUEST,
            "`Sec-WebSocket-Key` must be 16 bytes in base64",
        ),
    };
    let kind = Kind::InvalidRequest;
    let problem = Problem::new(status, kind, "websocket_required", message);
    let mut answer = at.refused(request, problem);
    if status == StatusCode::UPGRADE_REQUIRED {
        let headers = answer.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    answer
}
