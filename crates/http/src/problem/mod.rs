//! Every refusal: its status, its code, its public words. The only room in which an error of the
//! engine meets a status code. What caused it is for the log alone.

use std::borrow::Cow;
use std::error::Error;
use std::num::NonZeroU32;

use actix_web::http::StatusCode;
use response_domain::id::ResponseId;
use response_engine::error::{ConversationError, EndpointError, ReadError};

mod failure;
mod refusal;

pub(crate) use failure::{kind_of, whole_seconds};

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

    /// A conversation that does not exist, or not for this caller.
    pub(crate) fn no_such_conversation() -> Self {
        let message = ConversationError::NotFound.to_string();
        Self::not_found("conversation_not_found", message)
    }

    /// An item that does not exist, or not in this conversation.
    pub(crate) fn no_such_item() -> Self {
        Self::not_found("item_not_found", "there is no such item")
    }

    /// A webhook endpoint that does not exist, or not for this caller.
    pub(crate) fn no_such_endpoint() -> Self {
        Self::not_found("webhook_not_found", EndpointError::NotFound.to_string())
    }

    /// A delivery that does not exist, or not for this caller.
    pub(crate) fn no_such_delivery() -> Self {
        let message = EndpointError::NoSuchDelivery.to_string();
        Self::not_found("delivery_not_found", message)
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

    /// More than may come at once.
    pub(crate) fn too_large(most: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Kind::InvalidRequest,
            "body_too_large",
            format!("the body may have at most {most} bytes"),
        )
    }

    /// The same without its cause, which goes to the log and nowhere else.
    #[must_use]
    pub(crate) fn logged(mut self, request_id: &str) -> Self {
        if let Some(cause) = self.cause.take() {
            tracing::error!(
                request.id = request_id,
                error.code = self.code,
                error = &*cause as &dyn Error,
                "a request failed"
            );
        }
        self
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
}
