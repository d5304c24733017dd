//! The access log: one line for each request, written and counted when its answer is out, or when its
//! client went away. Neither bodies nor credentials are in it.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use response_domain::caller::OwnerId;
use tokio::time::Instant;

use crate::audit::{Audit, Said};
use crate::metrics;
use crate::visit::Visit;

/// The line of one request; written when it is dropped.
pub(crate) struct Line {
    method: Method,
    route: Option<String>,
    visit: Visit,
    audit: Audit,
    response: Option<String>,
    status: Option<StatusCode>,
    begun: Instant,
}

impl Line {
    /// The line of a request that begins now.
    pub(crate) fn begin(request: &ServiceRequest, visit: Visit, audit: Audit) -> Self {
        Self {
            method: request.method().clone(),
            route: request.match_pattern(),
            visit,
            audit,
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
        let took = self.begun.elapsed();
        let duration = took.as_secs_f64() * 1e3;
        metrics::count(&self.method, route, status, took);
        let owner = self.visit.owner();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    http.method = %self.method,
                    http.route = route,
                    http.status = status,
                    http.duration_ms = duration,
                    request.id = &*self.visit.origin().request,
                    response.id = self.response.as_deref(),
                    caller.owner = owner.as_ref().map(OwnerId::as_str),
                    "request answered"
                )
            };
        }
        // Probes come every few seconds and say nothing while they succeed.
        let is_probe = matches!(route, "/healthz" | "/readyz" | "/health/auth" | "/metrics");
        if (is_probe && status == 200) || self.visit.said() == Said::Nothing {
            line!(debug);
        } else {
            line!(info);
        }
        self.audit.settle();
    }
}

/// A body whose end, or whose reader's leaving, ends the line of its request.
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn every_request_is_counted_by_method_route_and_status() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let numbers = recorder.handle();
        let made_up = Method::from_bytes(b"BREW").unwrap();
        ::metrics::with_local_recorder(&recorder, || {
            metrics::describe();
            let line = |method, status| {
                let request = TestRequest::with_uri("/secret").method(method);
                let mut line = Line::begin(
                    &request.to_srv_request(),
                    Visit::new("req-1".into(), None),
                    Audit::new(true),
                );
                if let Some(status) = status {
                    line.answered(status, None);
                }
            };
            line(Method::GET, Some(StatusCode::OK));
            line(Method::GET, Some(StatusCode::OK));
            line(made_up, Some(StatusCode::NOT_FOUND));
            line(Method::POST, None);
        });
        let text = numbers.render();
        for (method, status, count) in [("GET", 200, 2), ("other", 404, 1), ("POST", 499, 1)] {
            let labels = format!("{{method=\"{method}\",route=\"none\",status=\"{status}\"}}");
            let row = format!("jan_response_api_requests_total{labels} {count}");
            assert!(text.contains(&row), "{row} is not in\n{text}");
        }
        let row =
            "jan_response_api_request_duration_seconds_count{method=\"GET\",route=\"none\"} 2";
        assert!(text.contains(row), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
