//! Every answer of the engine in OpenAI's words.

use std::sync::Arc;
use std::time::Duration;

use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ConversationId, ItemId, RawId, ResponseId};
use response_domain::item::CallId;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::NotAllowed;
use response_domain::run::pairs::{Lacks, Unpaired};
use response_domain::spec::{Fault, FaultKind, SpecFaults};
use response_engine::error::{Backlog, CreateError};

use super::*;

const RAW: RawId = RawId::new(0);

fn spec(field: &str, kind: FaultKind, message: &str) -> CreateError {
    CreateError::Refused(SpecFaults(vec![Fault::new(field, kind, message)]))
}

fn unpaired(lacks: Lacks) -> CreateError {
    CreateError::Unpaired(Unpaired {
        place: 4,
        call_id: CallId("call_1".into()),
        lacks,
    })
}

/// What the engine answers instead of a response, and how that is told: status, type, code, field; behind
/// it the sentence, where clients know it.
fn table() -> Vec<(CreateError, &'static str)> {
    let parts = [
        of_requests(),
        of_what_is_named(),
        of_circumstances(),
        of_failures(),
    ];
    parts.into_iter().flatten().collect()
}

fn of_requests() -> Vec<(CreateError, &'static str)> {
    let label = || Arc::from("s");
    vec![
        (
            spec(
                "max_tokens",
                FaultKind::Invalid,
                "`max_tokens` must be at least 1",
            ),
            "400 invalid_request_error invalid_value max_output_tokens: `max_output_tokens` must be at least 1",
        ),
        (
            spec("tools[3].function.name", FaultKind::Invalid, "no"),
            "400 invalid_request_error invalid_value tools: no",
        ),
        (
            spec("tool_choice.function.name", FaultKind::Missing, "no"),
            "400 invalid_request_error missing_required_parameter tool_choice.name: no",
        ),
        (
            spec("input", FaultKind::Invalid, "`input` must not be empty"),
            "400 invalid_request_error invalid_value input: `input` must not be empty",
        ),
        (
            spec("background", FaultKind::BackgroundRequiresStore, "no"),
            "400 invalid_request_error unsupported_parameter background: no",
        ),
        (
            CreateError::ToolNotAvailable {
                index: None,
                name: label(),
            },
            "400 invalid_request_error invalid_value tool_choice: the tool `s` is not available",
        ),
    ]
}

fn of_what_is_named() -> Vec<(CreateError, &'static str)> {
    vec![
        (
            CreateError::ConversationNotFound(ConversationId::new(RAW)),
            "404 invalid_request_error - conversation: Conversation with id 'conv_00000000000000000000000000' not found.",
        ),
        (
            CreateError::PreviousNotFound(ResponseId::new(RAW)),
            "400 invalid_request_error previous_response_not_found previous_response_id: Previous response with id 'resp_00000000000000000000000000' not found.",
        ),
        (
            CreateError::PreviousInProgress(ResponseId::new(RAW)),
            "400 invalid_request_error previous_response_in_progress previous_response_id: the response `resp_00000000000000000000000000` has not ended yet",
        ),
        (
            CreateError::PreviousElsewhere,
            "400 invalid_request_error invalid_value previous_response_id: `previous_response_id` does not belong to `conversation`",
        ),
        (
            CreateError::ItemNotFound(ItemId::new(RAW, 0)),
            "404 invalid_request_error - input: Item with id 'item_0000000000000000000000000000000' not found.",
        ),
        (
            unpaired(Lacks::Call),
            "400 invalid_request_error - input: No tool call found for function call output with call_id call_1.",
        ),
        (
            unpaired(Lacks::Output),
            "400 invalid_request_error - input: No tool output found for function call call_1.",
        ),
        (
            unpaired(Lacks::Request),
            "400 invalid_request_error - input: No approval request found for approval response with id call_1.",
        ),
    ]
}

fn of_circumstances() -> Vec<(CreateError, &'static str)> {
    let label = || Arc::from("s");
    vec![
        (
            CreateError::BackgroundUnavailable,
            "503 server_error background_unavailable background",
        ),
        (
            CreateError::QueueFull {
                whose: Backlog::Everybodys,
                retry_after: Duration::from_secs(1),
            },
            "429 rate_limit_error rate_limit_exceeded -",
        ),
        (
            CreateError::CredentialExpires,
            "401 invalid_request_error invalid_api_key -",
        ),
        (CreateError::Overloaded, "503 server_error overloaded -"),
        (CreateError::Draining, "503 server_error overloaded -"),
        (
            CreateError::ConversationBusy(ConversationId::new(RAW)),
            "400 invalid_request_error conversation_locked conversation",
        ),
        (
            CreateError::KeyReused,
            "400 invalid_request_error idempotency_key_reused Idempotency-Key",
        ),
        (
            CreateError::UnknownServer {
                index: 3,
                label: label(),
            },
            "400 invalid_request_error mcp_server_not_found tools: no tool server is called `s`",
        ),
        (
            CreateError::ServerNotAllowed {
                index: 3,
                label: label(),
                reason: NotAllowed("it is private".into()),
            },
            "400 invalid_request_error mcp_server_not_allowed tools",
        ),
        (
            CreateError::Sealed { place: 7 },
            "400 invalid_request_error invalid_encrypted_content input",
        ),
        (CreateError::NoKey, "503 server_error sealing_unavailable -"),
    ]
}

fn of_failures() -> Vec<(CreateError, &'static str)> {
    let failed = |code| CreateError::Model(Failure::new(code, "why"));
    vec![
        (
            failed(FailureCode::ModelNotFound),
            "404 invalid_request_error model_not_found model: why",
        ),
        (
            failed(FailureCode::ContextLengthExceeded),
            "400 invalid_request_error context_length_exceeded input: Your input exceeds the context window of this model. Please adjust your input and try again.",
        ),
        (
            failed(FailureCode::UpstreamRateLimited),
            "429 rate_limit_error rate_limit_exceeded -",
        ),
        (
            CreateError::Tools(Failure::new(FailureCode::ToolsUnavailable, "why")),
            "503 server_error tools_unavailable -",
        ),
        (
            CreateError::Store(StoreError::Failed("s3cret".into())),
            "500 server_error - -",
        ),
    ]
}

#[test]
fn what_the_engine_answers_instead_is_told_in_openais_words() {
    for (error, expected) in table() {
        let problem = reword(error.into(), None);
        let (answer, sentence) = expected.split_once(": ").unwrap_or((expected, ""));
        let or_none = |text: &str| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text.to_owned()
            }
        };
        let told = format!(
            "{} {} {} {}",
            problem.status.as_u16(),
            super::super::envelope::family(problem.kind),
            or_none(problem.code),
            or_none(problem.field.as_deref().unwrap_or_default()),
        );
        assert_eq!(told, answer, "{}", problem.message);
        assert!(
            sentence.is_empty() || problem.message == sentence,
            "{}",
            problem.message
        );
        assert!(!problem.message.contains("s3cret"));
    }
}

#[test]
fn what_is_told_already_is_not_told_otherwise() {
    for (error, _) in table() {
        let once = reword(error.into(), None);
        let (status, code, field) = (once.status, once.code, once.field.clone());
        let message = once.message.clone();
        let twice = reword(once, None);
        assert_eq!(
            (twice.status, twice.code, twice.field),
            (status, code, field)
        );
        assert_eq!(twice.message, message);
    }
    let own = Problem::bad_request("invalid_type", "Invalid type for 'input'.").about("input");
    let told = reword(own, None);
    assert_eq!(
        (told.code, told.field.as_deref()),
        ("invalid_type", Some("input"))
    );
}

#[test]
fn what_is_not_there_is_told_without_a_code() {
    for problem in [
        Problem::no_such_response(),
        Problem::no_such_conversation(),
        Problem::no_such_item(),
        Problem::no_such_endpoint(),
    ] {
        let message = problem.message.clone();
        let told = reword(problem, None);
        assert_eq!((told.status.as_u16(), told.code), (404, NAMELESS));
        assert_eq!(told.message, message);
    }
}

#[test]
fn what_the_path_names_and_is_not_there_is_told_by_its_id() {
    let rows = [
        (
            Problem::no_such_response(),
            "Response with id 'resp_1' not found.",
        ),
        (
            Problem::no_such_conversation(),
            "Conversation with id 'resp_1' not found.",
        ),
        (Problem::no_such_item(), "Item with id 'resp_1' not found."),
    ];
    for (problem, expected) in rows {
        let told = reword(problem, Some("resp_1"));
        assert_eq!(told.message, expected);
        assert_eq!(told.code, NAMELESS);
    }
}
