//! What the engine, the store and the authenticator answer instead of what was asked for, as problems.

use std::time::Duration;

use actix_web::http::StatusCode;
use response_domain::limit::Exhausted;
use response_domain::ports::auth::AuthError;
use response_domain::ports::store::StoreError;
use response_domain::run::pairs::{Lacks, Unpaired};
use response_domain::spec::{FaultKind, SpecFaults};
use response_engine::error::{
    ConversationError, CreateError, EndpointError, FollowError, ReadError, TooManyStreams,
};

use super::failure::whole_seconds;
use super::{Kind, Problem, Repeat, SOON};
use crate::room::Full;

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

impl From<FollowError> for Problem {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::NotFound => Self::no_such_response(),
            FollowError::NotKept => {
                Self::bad_request("response_not_streamable", error.to_string()).about("stream")
            }
            FollowError::TooManyStreams(error) => error.into(),
            FollowError::Store(error) => error.into(),
        }
    }
}

impl From<TooManyStreams> for Problem {
    fn from(error: TooManyStreams) -> Self {
        let message = error.to_string();
        match error {
            TooManyStreams::OfEverybody => Self::unavailable("overloaded", message),
            TooManyStreams::OfOwner => too_many("too_many_streams", message),
        }
    }
}

impl From<Exhausted> for Problem {
    fn from(exhausted: Exhausted) -> Self {
        let seconds = whole_seconds(exhausted.retry_after);
        // There are clients that read the time in the sentence, and nowhere else.
        let message =
            format!("you have made as many requests as you may in a time; try again in {seconds}s");
        Self {
            retry_after: Some(seconds),
            ..too_many("too_many_requests", message)
        }
    }
}

impl From<Full> for Problem {
    fn from(_full: Full) -> Self {
        let message = "the server holds as many bytes of requests as it may";
        Self::unavailable("overloaded", message)
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        let message = error.to_string();
        match error {
            EndpointError::Refused(faults) => faults.into(),
            EndpointError::NotFound => Self::no_such_endpoint(),
            EndpointError::NoSuchDelivery => Self::no_such_delivery(),
            EndpointError::Full { .. } => Self::bad_request("too_many_webhooks", message),
            EndpointError::TriedEnough { .. } => Self {
                repeat: Repeat::Futile,
                ..conflict("delivery_tried_enough", message)
            },
            EndpointError::Contended => conflict("webhook_contended", message),
            EndpointError::TooManyTests => too_many("too_many_webhook_tests", message),
            EndpointError::NoKey => webhooks_unavailable(message),
            EndpointError::Vault(_) => Self::internal(error),
            EndpointError::Store(error) => error.into(),
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
            CreateError::PreviousInProgress(_) => previous_in_progress(message),
            CreateError::PreviousElsewhere => Self::invalid("previous_response_id", message),
            CreateError::ItemNotFound(_) => Self::invalid("input", message),
            CreateError::Unpaired(unpaired) => stands_alone(&unpaired),
            CreateError::BackgroundUnavailable => background_unavailable(message),
            CreateError::QueueFull { retry_after, .. } => queue_full(message, retry_after),
            CreateError::CredentialExpires => Self::new(
                StatusCode::UNAUTHORIZED,
                Kind::Authentication,
                "token_expired",
                message,
            ),
            CreateError::Vault(_) => Self::internal(error),
            CreateError::TooManyRuns => too_many("too_many_responses", message),
            CreateError::TokensSpent { retry_after } => Self {
                retry_after: Some(whole_seconds(retry_after)),
                ..too_many("token_limit_reached", message)
            },
            CreateError::Overloaded | CreateError::Draining => {
                Self::unavailable("overloaded", message)
            }
            CreateError::ConversationBusy(_) => {
                Self::bad_request("conversation_locked", message).about("conversation")
            }
            CreateError::KeyReused => Self {
                repeat: Repeat::Futile,
                ..Self::bad_request("idempotency_key_reused", message).about("Idempotency-Key")
            },
            CreateError::UnknownServer { index, .. } => {
                Self::bad_request("mcp_server_not_found", message)
                    .about(format!("tools[{index}].server_label"))
            }
            CreateError::ServerNotAllowed { index, reason, .. } => {
                Self::bad_request("mcp_server_not_allowed", format!("{message}: {reason}"))
                    .about(format!("tools[{index}].server_url"))
            }
            CreateError::Sealed { place } => does_not_open(&format!("input[{place}]"), message),
            CreateError::NoKey => sealing_unavailable(message),
            CreateError::Tools(failure) | CreateError::Model(failure) => Self::from(&failure),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<ConversationError> for Problem {
    fn from(error: ConversationError) -> Self {
        let message = error.to_string();
        match error {
            ConversationError::NotFound => Self::no_such_conversation(),
            ConversationError::ItemNotFound(_) => Self::no_such_item(),
            ConversationError::Sealed { place } => {
                does_not_open(&format!("items[{place}]"), message)
            }
            ConversationError::Store(error) => error.into(),
        }
    }
}

fn does_not_open(item: &str, message: String) -> Problem {
    let field = format!("{item}.encrypted_content");
    Problem::bad_request("invalid_encrypted_content", message).about(field)
}

fn previous_in_progress(message: String) -> Problem {
    Problem {
        repeat: Repeat::Futile,
        ..conflict("previous_response_in_progress", message).about("previous_response_id")
    }
}

fn conflict(code: &'static str, message: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, Kind::Conflict, code, message)
}

fn stands_alone(unpaired: &Unpaired) -> Problem {
    let call = &unpaired.call_id.0;
    let message = match unpaired.lacks {
        Lacks::Call => format!("the output of `{call}` has no call before it"),
        Lacks::Output => format!("the call `{call}` has no output behind it"),
        Lacks::Request => format!("there is no request for approval `{call}` before its answer"),
    };
    Problem::invalid(format!("input[{}]", unpaired.place), message)
}

/// Whoever comes back finds the server without a key again.
fn background_unavailable(message: String) -> Problem {
    let unavailable = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        Kind::Upstream,
        "background_unavailable",
        message,
    );
    Problem {
        repeat: Repeat::Futile,
        ..unavailable.about("background")
    }
}

/// The caller has as many of something as it may.
fn too_many(code: &'static str, message: String) -> Problem {
    Problem {
        retry_after: Some(SOON),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            Kind::RateLimit,
            code,
            message,
        )
    }
}

/// The same holds for the secret of an endpoint, and for what callers are given to keep; only an operator
/// can do something about it.
fn webhooks_unavailable(message: String) -> Problem {
    no_key("webhooks_unavailable", message)
}

fn sealing_unavailable(message: String) -> Problem {
    no_key("sealing_unavailable", message)
}

fn no_key(code: &'static str, message: String) -> Problem {
    Problem {
        repeat: Repeat::Futile,
        cause: Some("the vault has no key: set RESPONSE_VAULT_KEYS".into()),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Kind::Upstream,
            code,
            message,
        )
    }
}

fn queue_full(message: String, retry_after: Duration) -> Problem {
    let full = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        Kind::RateLimit,
        "queue_full",
        message,
    );
    Problem {
        retry_after: Some(whole_seconds(retry_after)),
        ..full
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let message = error.to_string();
        let code = match error {
            AuthError::Missing => "missing_credentials",
            AuthError::Invalid(_flaw) => "invalid_token",
            AuthError::Expired => "token_expired",
            AuthError::Unavailable { retry_after, .. } => {
                return Self {
                    retry_after: Some(whole_seconds(retry_after)),
                    cause: Some(error.into()),
                    ..Self::unavailable("authentication_unavailable", message)
                };
            }
        };
        Self::new(
            StatusCode::UNAUTHORIZED,
            Kind::Authentication,
            code,
            message,
        )
    }
}

#[cfg(test)]
mod tests;
