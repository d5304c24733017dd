//! What the face counts, and how it is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

/// Requests that were answered, or left by their clients, by method, route and status.
const REQUESTS: &str = "jan_response_api_requests_total";
/// How long they took, to the last byte, by method and route.
const DURATION: &str = "jan_response_api_request_duration_seconds";
/// Credentials that were refused, by what is wrong with them.
const REFUSED: &str = "jan_response_api_refused_credentials_total";

/// Writes down what the process counts, as the text that Prometheus reads. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<dyn Fn() -> String + Send + Sync>);

impl Metrics {
    /// `render` writes everything down as it is at the moment.
    pub fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }

    pub(crate) fn render(&self) -> String {
        (self.0)()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Says what the names mean. Without a recorder nothing is counted.
pub(crate) fn describe() {
    describe_counter!(
        REQUESTS,
        "Requests answered, or left by their clients (status 499)"
    );
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time from a request to the last byte of its answer, streams included"
    );
    describe_counter!(
        REFUSED,
        "Requests refused for what they bring to say who sends them, by what is wrong with it"
    );
}

/// Counts a credential that was refused for a reason.
pub(crate) fn count_refused_credential(reason: &'static str) {
    counter!(REFUSED, "reason" => reason).increment(1);
}

/// Counts one request.
pub(crate) fn count(method: &Method, route: &str, status: u16, took: Duration) {
    let method = word(method);
    let route = route.to_owned();
    counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!(DURATION, "method" => method, "route" => route).record(took);
}

/// The method, unless somebody made it up: every word costs a row for ever.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
