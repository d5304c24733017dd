//! Every request on its way through the face: when it begins, when more of its body is wanted, when it is over.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_http::{HttpMessage, Payload, Request, Response};
use actix_service::Service;
use bytes::Bytes;
use futures_core::Stream;

use super::pulse::{Length, Pulse, UnderWay, Wish};

/// What a request is answered, while its connection is told how far it is.
pub(crate) fn watched<S>(
    mut request: Request,
    face: &S,
) -> impl Future<Output = Result<Response<Watched>, S::Error>> + use<S>
where
    S: Service<Request>,
    S::Response: Into<Response<BoxBody>>,
{
    let pulse = request.conn_data::<Pulse>().cloned();
    let under_way = pulse.map(|pulse| {
        let length = length(&mut request);
        let under_way = pulse.begin(length);
        if length == Length::Unknown {
            let (payload, wish) = (request.take_payload(), under_way.wish());
            let payload = Box::pin(Wanted { payload, wish });
            *request.payload() = Payload::Stream { payload };
        }
        under_way
    });
    let answer = face.call(request);
    async move {
        let answer = answer.await?.into();
        Ok(answer.map_body(|_head, body| Watched {
            body,
            _under_way: under_way,
        }))
    }
}

fn length(request: &mut Request) -> Length {
    if matches!(request.payload(), Payload::None) {
        return Length::Known(0);
    }
    let headers = request.headers();
    if headers.contains_key(TRANSFER_ENCODING) {
        return Length::Unknown;
    }
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse().ok());
    length.map_or(Length::Unknown, Length::Known)
}

/// An answer whose end, or whose reader's leaving, ends its request.
pub(crate) struct Watched {
    body: BoxBody,
    _under_way: Option<UnderWay>,
}

impl MessageBody for Watched {
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

/// A body of unknown length, that tells whether somebody waits for more of it.
struct Wanted {
    payload: Payload,
    wish: Wish,
}

impl Stream for Wanted {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.payload).poll_next(context);
        self.wish.is_open(polled.is_pending());
        polled
    }
}
