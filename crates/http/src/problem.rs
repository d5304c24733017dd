//! Every refusal: its status, its code, its public words. The only room in which an error of the
//! engine meets a status code. What caused it is for the log alone.

use std::borrow::Cow;
use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::http::StatusCode;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::ResponseId;
use response_domain::ports::auth::AuthError;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::run::pairs::Lacks;
use response_domain::spec::{FaultKind, SpecFaults};
use response_engine::error::{CreateError, ReadError};

/// The cause of a problem, for the log.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Why a request was not answered as it wished.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Its status code.
    pub(crate) status: StatusCode,
    /// Its family.
    pub(crate) kind: Kind,
    /// Its name.
    pub(crate) code: &'static str,
    /// What a person is told. Holds nothing that is not fit for the caller.
    pub(crate) message: Cow<'static, str>,
    /// The field or parameter that is at fault.
    pub(crate) field: Option<Box<str>>,
    /// The response that failed, when there is one.
    pub(crate) response: Option<ResponseId>,
    /// After how many seconds trying again may help.
    pub(crate) retry_after: Option<NonZeroU32>,
    /// Whether a client may repeat the request by itself.
    pub(crate) repeat: Repeat,
    /// What caused it.
    pub(crate) cause: Option<Cause>,
}

/// The families of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request is at fault.
    InvalidRequest,
    /// The credential is.
    Authentication,
    /// There is no such thing.
    NotFound,
    /// It cannot be now.
    Conflict,
    /// Too much was asked.
    RateLimit,
    /// The run failed.
    Execution,
    /// Something behind this service failed.
    Upstream,
    /// This service is at fault.
    Internal,
}

impl Kind {
    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::NotFound => "not_found_error",
            Self::Conflict => "conflict_error",
            Self::RateLimit => "rate_limit_error",
            Self::Execution => "execution_error",
            Self::Upstream => "upstream_error",
            Self::Internal => "internal_error",
        }
    }
}

/// Whether a client may repeat a request by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// As it thinks right.
    Free,
    /// It would lead to the same end, or do twice what must be done once.
    Futile,
}

/// How long a client is told to wait when nobody said how long.
const SOON: NonZeroU32 = NonZeroU32::MIN;

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: Kind,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            kind,
            code,
            message: message.into(),
            field: None,
            response: None,
            retry_after: None,
            repeat: Repeat::Free,
            cause: None,
        }
    }

    /// A request that is not acceptable.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::InvalidRequest, code, message)
    }

    /// A field or parameter whose value is not acceptable.
    pub(crate) fn invalid(
        field: impl Into<Box<str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::bad_request("invalid_parameter", message).about(field)
    }

    /// Something that does not exist, or not for this caller.
    pub(crate) fn not_found(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::NotFound, code, message)
    }

    /// A response that does not exist, or not for this caller; always in the same words.
    pub(crate) fn no_such_response() -> Self {
        Self::not_found("response_not_found", ReadError::NotFound.to_string())
    }

    /// A fault of this service.
    pub(crate) fn internal(cause: impl Into<Cause>) -> Self {
        let message = "an internal error occurred";
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                Kind::Internal,
                "internal",
                message,
            )
        }
    }

    fn unavailable(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            retry_after: Some(SOON),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Kind::Upstream,
                code,
                message,
            )
        }
    }

    /// The same, about a field.
    #[must_use]
    pub(crate) fn about(mut self, field: impl Into<Box<str>>) -> Self {
        self.field = Some(field.into());
        self
    }

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
fn whole_seconds(time: Duration) -> NonZeroU32 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
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

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self {
                cause: Some(error.into()),
                ..Self::unavailable("database_unavailable", "the database is not available")
            },
            StoreError::Stale | StoreError::Corrupt { .. } | StoreError::Failed(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::no_such_response(),
            ReadError::Store(error) => error.into(),
        }
    }
}

impl From<SpecFaults> for Problem {
    fn from(faults: SpecFaults) -> Self {
        let message = faults.to_string();
        let first = faults.0.into_iter().next();
        let code = first
            .as_ref()
            .map_or("invalid_parameter", |fault| match fault.kind {
                FaultKind::Missing => "missing_required_parameter",
                FaultKind::Invalid => "invalid_parameter",
                FaultKind::BackgroundRequiresStore => "background_requires_store",
                FaultKind::BackgroundCannotStream => "background_cannot_stream",
            });
        Self {
            field: first.map(|fault| fault.field.into()),
            ..Self::bad_request(code, message)
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        let message = error.to_string();
        match error {
            CreateError::Refused(faults) => faults.into(),
            CreateError::ToolNotAvailable { index, .. } => {
                let field = index.map_or_else(
                    || "tool_choice".to_owned(),
                    |index| format!("tools[{index}].function.name"),
                );
                Self::bad_request("tool_not_available", message).about(field)
            }
            CreateError::ConversationNotFound(_) => {
                Self::not_found("conversation_not_found", message).about("conversation")
            }
            CreateError::PreviousNotFound(_) => {
                Self::not_found("response_not_found", message).about("previous_response_id")
            }
            CreateError::PreviousInProgress(_) => Self {
                repeat: Repeat::Futile,
                ..Self::new(
                    StatusCode::CONFLICT,
                    Kind::Conflict,
                    "previous_response_in_progress",
                    message,
                )
                .about("previous_response_id")
            },
            CreateError::PreviousElsewhere => Self::invalid("previous_response_id", message),
            CreateError::ItemNotFound(_) => Self::invalid("input", message),
            CreateError::Unpaired(unpaired) => {
                let call = &unpaired.call_id.0;
                let message = match unpaired.lacks {
                    Lacks::Call => format!("the output of `{call}` has no call before it"),
                    Lacks::Output => format!("the call `{call}` has no output behind it"),
                };
                Self::invalid(format!("input[{}]", unpaired.place), message)
            }
            CreateError::BackgroundUnavailable => Self::invalid("background", message),
            CreateError::Overloaded | CreateError::Draining => {
                Self::unavailable("overloaded", message)
            }
            CreateError::Tools(failure) => Self::from(&failure),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::Missing => "missing_credentials",
            AuthError::Invalid => "invalid_token",
            AuthError::Expired => "token_expired",
        };
        Self::new(
            StatusCode::UNAUTHORIZED,
            Kind::Authentication,
            code,
            error.to_string(),
        )
    }
}
