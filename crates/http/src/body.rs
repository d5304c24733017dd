//! The body of a request: read within its limits, or given up in a way that ends the connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::FaceOptions;
use crate::problem::{Kind, Problem};
use crate::room::{Body, Room};

/// Bytes of a body that are made room for before they have come.
const ROOM: usize = 64 * 1024;

/// A body that is on its way.
pub(crate) struct Incoming {
    /// None once it was taken.
    payload: Option<web::Payload>,
    room: Room,
    has_ended: bool,
}

impl Incoming {
    /// What is read of it takes room.
    pub(crate) fn new(payload: web::Payload, room: Room) -> Self {
        Self {
            payload: Some(payload),
            room,
            has_ended: false,
        }
    }

    /// The whole body, whose media type and length are as they must be.
    pub(crate) async fn read(
        &mut self,
        request: &HttpRequest,
        options: &FaceOptions,
    ) -> Result<Body, Problem> {
        check_media_type(request.headers())?;
        if let Some(length) = length(request.headers()) {
            if length > options.body_bytes {
                return Err(Problem::too_large(options.body_bytes));
            }
            self.room.has(length)?;
        }
        let whole = self.gather(options.body_bytes);
        match tokio::time::timeout(options.body_timeout, whole).await {
            Ok(body) => body,
            Err(_late) => Err(late()),
        }
    }

    async fn gather(&mut self, most: usize) -> Result<Body, Problem> {
        let mut part = self.room.part();
        let mut whole = BytesMut::new();
        let mut only = Bytes::new();
        let payload = self.payload.as_mut();
        let Some(payload) = payload else {
            return Err(broken_off());
        };
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_broken| broken_off())?;
            if whole.len() + only.len() + chunk.len() > most {
                return Err(Problem::too_large(most));
            }
            part.grow(chunk.len())?;
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
        self.has_ended = true;
        let bytes = if whole.is_empty() {
            only
        } else {
            whole.freeze()
        };
        Ok(Body::new(bytes, part))
    }

    /// What comes on the connection from now on, for a request that changes its protocol.
    pub(crate) fn take(&mut self) -> Option<web::Payload> {
        self.payload.take()
    }

    /// The answer to this body's request. When a body of unknown length was not read to its end, the
    /// connection ends behind the answer: the server would otherwise go on reading what nobody wants,
    /// for as long as the client goes on sending.
    pub(crate) fn answered(self, request: &HttpRequest, answer: HttpResponse) -> HttpResponse {
        if self.has_ended || !request.chunked().unwrap_or(false) {
            return answer;
        }
        let Some(unread) = self.payload else {
            return answer;
        };
        answer.map_body(|_head, body| {
            BoxBody::new(Holding {
                body,
                _unread: unread,
            })
        })
    }
}

/// A body that holds on to the unread rest of its request; the server ends the connection of a request
/// whose rest somebody still holds.
struct Holding {
    body: BoxBody,
    _unread: web::Payload,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(context)
    }
}

/// The length that a body is announced to have; more than there can be when it is absurd.
fn length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    let length = length.parse::<u64>().ok()?;
    Some(usize::try_from(length).unwrap_or(usize::MAX))
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
