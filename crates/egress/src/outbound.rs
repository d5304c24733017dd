//! A request that is about to leave.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request};
use tokio::time::Instant;
use url::Url;

/// A request that is about to leave: where to, with which headers and body, and until when
/// the headers of its answer must have come.
#[derive(Debug)]
pub struct Outbound {
    pub(crate) request: Request,
    pub(crate) deadline: Option<Instant>,
}

impl Outbound {
    /// A request without headers and body. The URL is parsed once, by the caller, and kept.
    pub fn new(method: Method, url: &Url) -> Self {
        Self {
            request: Request::new(method, url.clone()),
            deadline: None,
        }
    }

    /// A GET request.
    pub fn get(url: &Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST request.
    pub fn post(url: &Url) -> Self {
        Self::new(Method::POST, url)
    }

    /// Replaces all headers by a prepared map.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        *self.request.headers_mut() = headers;
        self
    }

    /// Sets one header, in place of an earlier one of that name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Sets the body: bytes, text, or a stream made by [`Body::wrap_stream`].
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = Some(body.into());
        self
    }

    /// Sets a body that is JSON already, and its content type.
    #[must_use]
    pub fn json(self, body: impl Into<Body>) -> Self {
        self.header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
    }

    /// Until when connection, sending and the headers of the answer must be done. Without
    /// one only the connection has a limit.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The headers as they stand, for a caller that adds some of its own.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.request.headers_mut()
    }
}
