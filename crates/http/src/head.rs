//! The head of a request: no longer than it needs to be, whatever the server below would take.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;

use crate::problem::{Kind, Problem};

/// The most bytes of a path with its query.
const TARGET: usize = 8 * 1024;
/// The most bytes of the names and values of all headers together.
const HEADERS: usize = 32 * 1024;

/// Refuses a head that is too long.
pub(crate) fn check(request: &HttpRequest) -> Result<(), Problem> {
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > TARGET) {
        let message = format!("the path and its query may have {TARGET} bytes");
        return Err(too_long(StatusCode::URI_TOO_LONG, "uri_too_long", message));
    }
    let headers = request.headers().iter();
    let length: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if length > HEADERS {
        let message =
            format!("the names and values of all headers together may have {HEADERS} bytes");
        return Err(too_long(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            message,
        ));
    }
    Ok(())
}

fn too_long(status: StatusCode, code: &'static str, message: String) -> Problem {
    Problem::new(status, Kind::InvalidRequest, code, message)
}
