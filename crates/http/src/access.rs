//! The access log: one line for each request, written when its answer is out, or when its client
//! went away. Neither bodies nor credentials are in it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use tokio::time::Instant;

/// The line of one request; written when it is dropped.
#[derive(Debug)]
pub(crate) struct Line {
    method: Method,
    route: Option<String>,
    request: Arc<str>,
    response: Option<String>,
    status: Option<StatusCode>,
    begun: Instant,
}

impl Line {
    /// The line of a request that begins now.
    pub(crate) fn begin(request: &ServiceRequest, id: Arc<str>) -> Self {
        Self {
            method: request.method().clone(),
            route: request.match_pattern(),
            request: id,
            response: None,
            status: None,
            begun: Instant::now(),
        }
    }

    /// Notes what is answered.
    pub(crate) fn answered(&mut self, status: StatusCode, response: Option<String>) {
        self.status = Some(status);
        self.response = response;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let route = self.route.as_deref().unwrap_or("none");
        // What proxies write for a client that did not wait for its answer.
        let status = self.status.map_or(499, |status| status.as_u16());
        let duration = self.begun.elapsed().as_secs_f64() * 1e3;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    http.method = %self.method,
                    http.route = route,
                    http.status = status,
                    http.duration_ms = duration,
                    request.id = &*self.request,
                    response.id = self.response.as_deref(),
                    "request answered"
                )
            };
        }
        // Probes come every few seconds and say nothing while they succeed.
        if matches!(route, "/healthz" | "/readyz") && status == 200 {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

/// A body whose end, or whose reader's leaving, ends the line of its request.
#[derive(Debug)]
pub(crate) struct LoggedBody {
    body: BoxBody,
    line: Line,
}

impl LoggedBody {
    pub(crate) fn new(body: BoxBody, line: Line) -> Self {
        Self { body, line }
    }
}

impl MessageBody for LoggedBody {
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

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        let Self { body, line } = self;
        body.try_into_bytes().map_err(|body| Self { body, line })
    }
}
