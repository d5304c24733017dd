//! The gateway's handlers: pass a request on to the service, log a guest in, refuse the rest.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::rt::task::JoinHandle;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use response_egress::{Body, Chunks, Inbound, Method, Outbound, Url};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::State;
use super::envelope::Problem;
use super::headers::{incoming, outgoing, request_id};
use crate::token;

/// How many chunks of an upload may be under way between the two connections.
const UPLOAD_CHUNKS: usize = 8;

/// How long a guest's token is said to be good for, in seconds.
const GUEST_SECONDS: u32 = 3600;

pub(super) async fn unknown(request: HttpRequest) -> HttpResponse {
    Problem::RouteNotFound.response(&request_id(&request))
}

/// A token for a guest: opaque, and checked by nobody.
pub(super) async fn guest_login() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "access_token": token::fresh("guest_"), "token_type": "Bearer", "expires_in": GUEST_SECONDS,
    }))
}

/// Passes a request on to the service and its answer back.
pub(super) async fn pass(
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let id = request_id(&request);
    let Some((method, url)) = target(&state, &request) else {
        return Problem::RouteNotFound.response(&id);
    };
    let mut outbound = Outbound::new(method, &url)
        .headers(outgoing(&request, &id))
        .deadline(Instant::now() + state.patience);
    let mut upload = None;
    if has_body(&request) {
        let (body, pump) = carry(payload);
        outbound = outbound.body(body);
        upload = Some(pump);
    }
    match state.client.send(outbound).await {
        Ok(inbound) => answer(&request, &id, inbound, upload),
        Err(error) => Problem::of(&error).response(&id),
    }
}

/// The service's URL for a request: its path as it was written, without the prefix. It is put
/// together as text and not joined, so that no path can name another host.
fn target(state: &State, request: &HttpRequest) -> Option<(Method, Url)> {
    let uri = request.uri();
    let path = uri.path().strip_prefix("/responses")?;
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let url = Url::parse(&format!("{}{path}{query}", state.service)).ok()?;
    let method = Method::from_bytes(request.method().as_str().as_bytes()).ok()?;
    Some((method, url))
}

fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key("transfer-encoding")
        || headers
            .get("content-length")
            .is_some_and(|length| length != "0")
}

/// Stops the upload when the request is over, whichever side ended it.
struct Upload(JoinHandle<()>);

impl Drop for Upload {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Carries an upload over to the client's task: the server's body may not leave its thread.
fn carry(mut payload: web::Payload) -> (Body, Upload) {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(UPLOAD_CHUNKS);
    let pump = actix_web::rt::spawn(async move {
        while let Some(chunk) = payload.next().await {
            if sender.send(chunk.map_err(io::Error::other)).await.is_err() {
                break;
            }
        }
    });
    let chunks = stream::unfold(receiver, async |mut receiver| {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    });
    (Body::wrap_stream(chunks), Upload(pump))
}

fn answer(
    request: &HttpRequest,
    id: &str,
    inbound: Inbound,
    upload: Option<Upload>,
) -> HttpResponse {
    let status = StatusCode::from_u16(inbound.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    for (name, value) in incoming(inbound.headers()) {
        response.append_header((name, value));
    }
    if !inbound.headers().contains_key("x-request-id") {
        response.insert_header(("x-request-id", id));
    }
    let length = inbound
        .header("content-length")
        .and_then(|length| length.parse().ok());
    let is_empty = matches!(status.as_u16(), 204 | 304) || length == Some(0);
    if is_empty {
        return response.finish();
    }
    match length {
        // The server leaves the body of an answer to HEAD out, and keeps its length.
        Some(length) if request.method() == "HEAD" => response.body(SizedStream::new(
            length,
            stream::empty::<io::Result<Bytes>>(),
        )),
        Some(length) => response.body(SizedStream::new(length, Download::new(inbound, upload))),
        None => response.streaming(Download::new(inbound, upload)),
    }
}

/// The service's body as it comes. Dropped by a client that leaves, it drops the connection to
/// the service.
struct Download {
    chunks: Chunks,
    _upload: Option<Upload>,
}

impl Download {
    fn new(inbound: Inbound, upload: Option<Upload>) -> Self {
        Self {
            chunks: inbound.chunks(None),
            _upload: upload,
        }
    }
}

impl Stream for Download {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks
            .poll_next_unpin(cx)
            .map(|item| item.map(|chunk| chunk.map_err(io::Error::other)))
    }
}
