//! Who asks, and for what.

use std::net::SocketAddr;

use super::super::load::{Answer, Exchange};
use super::super::process::Program;

/// Somebody who is known by one means.
#[derive(Debug)]
pub(super) struct Caller {
    /// The means.
    pub(super) name: &'static str,
    /// Whom it asks.
    pub(super) address: SocketAddr,
    pub(super) program: Program,
    /// What its requests bear, each line with its end.
    pub(super) headers: String,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) title: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    status: u16,
    /// What an answer has in it.
    answer: &'static str,
}

/// The least that a caller can be answered, and the usual.
pub(super) const WORKS: &[Work] = &[
    Work {
        title: "A request that needs a caller and nothing else",
        method: "GET",
        path: "/v1/responses/nothing",
        body: "",
        status: 404,
        answer: "response_not_found",
    },
    Work {
        title: "A plain request that is not stored",
        method: "POST",
        path: "/v1/responses",
        body: r#"{"model":"bench-plain","input":"Say something short.","tools":[],"store":false}"#,
        status: 200,
        answer: "A short answer.",
    },
];

impl Caller {
    pub(super) fn exchange(&self, work: &Work) -> Exchange {
        let Work {
            method, path, body, ..
        } = work;
        let headers = &self.headers;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Type: application/json\r\n\
             Accept: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        Exchange {
            request: request.into_bytes(),
            status: work.status,
            answer: Answer::Whole(work.answer.into()),
        }
    }
}
