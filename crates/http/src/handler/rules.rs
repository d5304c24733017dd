//! What a dialect lets callers do with a response that is under way.

use response_domain::response::Response;
use response_domain::spec::Delivery;
use response_engine::error::FollowError;

use crate::dialect::Responses;
use crate::problem::Problem;

/// The rules of a dialect.
pub(crate) trait Rules: Responses {
    /// What may be done with a response that is under way.
    const UNDER_WAY: UnderWay;
}

/// What may be done with a response that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnderWay {
    /// It can be read, stopped and forgotten.
    Anything,
    /// One in the background can be read and stopped; one in the foreground is between its caller and the
    /// server until it has ended, and is stopped by leaving.
    LittleInTheForeground,
}

/// Whether `response` can be read.
pub(super) fn may_read<D: Rules>(response: &Response) -> Result<(), Problem> {
    match D::UNDER_WAY {
        UnderWay::LittleInTheForeground if is_open(response) && !is_background(response) => {
            Err(Problem::no_such_response())
        }
        UnderWay::Anything | UnderWay::LittleInTheForeground => Ok(()),
    }
}

/// Why the events of a response are not told again, in the words of the dialect.
pub(super) fn not_followed<D: Rules>(error: FollowError) -> Problem {
    match (D::UNDER_WAY, &error) {
        (UnderWay::LittleInTheForeground, FollowError::NotKept) => Problem::bad_request(
            "response_not_streamable",
            "This response cannot be streamed because it was not created with background=true.",
        )
        .about("stream"),
        _ => error.into(),
    }
}

/// Whether `response` can be cancelled.
pub(super) fn may_cancel(response: &Response) -> Result<(), Problem> {
    if is_background(response) {
        return Ok(());
    }
    Err(Problem::bad_request(
        "response_not_cancellable",
        "Cannot cancel a synchronous response.",
    ))
}

/// Whether `response` can be forgotten.
pub(super) fn may_delete(response: &Response) -> Result<(), Problem> {
    if !is_open(response) {
        return Ok(());
    }
    Err(Problem::bad_request(
        "response_in_progress",
        "Cannot delete an in-flight response.",
    ))
}

fn is_open(response: &Response) -> bool {
    !response.status().is_ended()
}

fn is_background(response: &Response) -> bool {
    response.spec.delivery == Delivery::Background
}
