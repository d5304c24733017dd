//! The failure of a run as a problem: one table, from codes to answers.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::http::StatusCode;
use response_domain::failure::{Failure, FailureCode};
use response_domain::response::Response;

use super::{Kind, Problem, Repeat, SOON};

impl Problem {
    /// What a waiting caller is told of a failed run.
    pub(crate) fn of_run(response: &Response, failure: &Failure) -> Self {
        let mut problem = Self::from(failure);
        problem.response = Some(response.id);
        if !response.progress.executions.is_empty() {
            problem.repeat = Repeat::Futile;
        }
        problem
    }
}

/// How a failure is answered: status, family, the field at fault, and whether repeating is futile.
fn answer_to(code: FailureCode) -> (StatusCode, Kind, Option<&'static str>, Repeat) {
    use FailureCode as Code;
    use Repeat::{Free, Futile};
    match code {
        Code::ToolTimeout => (StatusCode::REQUEST_TIMEOUT, Kind::Execution, None, Futile),
        Code::ToolExecutionFailed
        | Code::MaxDepthExceeded
        | Code::MaxToolCallsExceeded
        | Code::ModelError
        | Code::InvalidModelOutput => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Execution,
            None,
            Futile,
        ),
        Code::ToolServerFailed => (
            StatusCode::FAILED_DEPENDENCY,
            Kind::InvalidRequest,
            Some("tools"),
            Futile,
        ),
        Code::ModelUnavailable => (StatusCode::BAD_GATEWAY, Kind::Upstream, None, Free),
        Code::ToolsUnavailable | Code::DatabaseUnavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, Kind::Upstream, None, Free)
        }
        Code::ModelTimeout => (StatusCode::GATEWAY_TIMEOUT, Kind::Upstream, None, Free),
        Code::TaskTimeout => (StatusCode::GATEWAY_TIMEOUT, Kind::Execution, None, Futile),
        Code::ModelNotFound => (
            StatusCode::BAD_REQUEST,
            Kind::InvalidRequest,
            Some("model"),
            Futile,
        ),
        Code::ContextLengthExceeded => (
            StatusCode::BAD_REQUEST,
            Kind::InvalidRequest,
            Some("input"),
            Futile,
        ),
        Code::ModelUnauthorized => (StatusCode::UNAUTHORIZED, Kind::Authentication, None, Futile),
        Code::UpstreamRateLimited => (StatusCode::TOO_MANY_REQUESTS, Kind::RateLimit, None, Free),
        Code::Interrupted => (StatusCode::SERVICE_UNAVAILABLE, Kind::Internal, None, Free),
        Code::WorkerLost | Code::Internal => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Internal,
            None,
            Futile,
        ),
    }
}

/// The family of a failure, as the error of a response names it.
pub(crate) fn kind_of(code: FailureCode) -> Kind {
    answer_to(code).1
}

/// A time in whole seconds, rounded up: who comes too early has to wait again.
pub(crate) fn whole_seconds(time: Duration) -> NonZeroU32 {
    let begun = u64::from(time.subsec_nanos() > 0);
    let seconds = time.as_secs().saturating_add(begun);
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    NonZeroU32::new(seconds).unwrap_or(SOON)
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        let (status, kind, field, repeat) = answer_to(failure.code);
        let asks_to_wait = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        Self {
            field: field.map(Box::from),
            repeat,
            retry_after: failure
                .retry_after
                .map(whole_seconds)
                .or(asks_to_wait.then_some(SOON)),
            ..Self::new(status, kind, failure.code.as_str(), failure.message.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers that the pages of the API promise: code, status, family, field, and whether a client
    /// may repeat the request by itself.
    const TABLE: &str = "
        tool_timeout            408 execution_error       -     no
        tool_execution_failed   500 execution_error       -     no
        tools_unavailable       503 upstream_error        -     yes
        tool_server_failed      424 invalid_request_error tools no
        max_depth_exceeded      500 execution_error       -     no
        max_tool_calls_exceeded 500 execution_error       -     no
        model_error             500 execution_error       -     no
        model_unavailable       502 upstream_error        -     yes
        model_timeout           504 upstream_error        -     yes
        model_not_found         400 invalid_request_error model no
        model_unauthorized      401 authentication_error  -     no
        invalid_model_output    500 execution_error       -     no
        upstream_rate_limited   429 rate_limit_error      -     yes
        context_length_exceeded 400 invalid_request_error input no
        task_timeout            504 execution_error       -     no
        interrupted             503 internal_error        -     yes
        worker_lost             500 internal_error        -     no
        database_unavailable    503 upstream_error        -     yes
        internal                500 internal_error        -     no
    ";

    #[test]
    fn every_failure_is_answered_as_the_table_says() {
        let mut lines = TABLE
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty());
        for &code in FailureCode::ALL {
            let problem = Problem::from(&Failure::new(code, "why"));
            let repeat = match problem.repeat {
                Repeat::Free => "yes",
                Repeat::Futile => "no",
            };
            let answer = format!(
                "{} {} {} {} {repeat}",
                problem.code,
                problem.status.as_u16(),
                problem.kind.as_str(),
                problem.field.as_deref().unwrap_or("-"),
            );
            assert_eq!(Some(answer), lines.next());
        }
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn every_failure_stands_in_the_page_with_its_status_and_its_family() {
        let page = include_str!("../../../../docs/api-native.md");
        for &code in FailureCode::ALL {
            let Problem { status, kind, .. } = Problem::from(&Failure::new(code, "why"));
            let row = format!("| `{code}` | {} | `{}` |", status.as_u16(), kind.as_str());
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn whoever_is_told_to_wait_waits_whole_seconds() {
        let mut failure = Failure::new(FailureCode::UpstreamRateLimited, "why");
        let seconds = |failure: &Failure| Problem::from(failure).retry_after.map(NonZeroU32::get);
        assert_eq!(seconds(&failure), Some(1));
        failure.retry_after = Some(Duration::from_millis(2_001));
        assert_eq!(seconds(&failure), Some(3));
        failure.retry_after = Some(Duration::MAX);
        assert_eq!(seconds(&failure), Some(u32::MAX));
        assert_eq!(seconds(&Failure::new(FailureCode::Internal, "why")), None);
    }
}
