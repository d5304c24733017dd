//! What the engine, the store and the authenticator answer instead of what was asked for, as problems.

use actix_web::http::StatusCode;
use response_domain::ports::auth::AuthError;
use response_domain::ports::store::StoreError;
use response_domain::run::pairs::Lacks;
use response_domain::spec::{FaultKind, SpecFaults};
use response_engine::error::{CreateError, ReadError};

use super::{Kind, Problem, Repeat};

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
