//! A problem in OpenAI's words: its status, its code, the name of its field and, where clients are known to
//! read it, its sentence. Problems of this dialect's own readers are in these words already and pass as they
//! are.

use std::borrow::Cow;

use actix_web::http::StatusCode;

use crate::problem::{Kind, Problem};

/// The code of what OpenAI's API has no code for.
pub(super) const NAMELESS: &str = "";

/// Fields of the house, and what they are called here.
const FIELDS: &[(&str, &str)] = &[
    ("system_prompt", "instructions"),
    ("max_tokens", "max_output_tokens"),
    ("response_format", "text.format"),
    ("reasoning_effort", "reasoning.effort"),
    ("verbosity", "text.verbosity"),
    ("tool_choice.function.name", "tool_choice.name"),
];

/// `problem` in the words of this dialect.
pub(super) fn reword(problem: Problem) -> Problem {
    let mut problem = match problem.code {
        "response_not_found" if is_about(&problem, "previous_response_id") => {
            lost_previous(problem)
        }
        "conversation_not_found" if is_about(&problem, "conversation") => Problem {
            message: lost("Conversation", &problem).unwrap_or(problem.message),
            ..problem
        },
        "invalid_parameter" if is_about(&problem, "input") => of_input(problem),
        "previous_response_in_progress" => refused(problem),
        "model_not_found" => Problem {
            status: StatusCode::NOT_FOUND,
            ..problem
        },
        _ => problem,
    };
    problem.field = problem.field.map(|name| field(&name, problem.code).into());
    problem.code = code(&problem);
    for (house, here) in FIELDS {
        let quoted = format!("`{house}`");
        if problem.message.contains(&quoted) {
            problem.message = problem
                .message
                .replace(&quoted, &format!("`{here}`"))
                .into();
        }
    }
    problem
}

fn is_about(problem: &Problem, field: &str) -> bool {
    let about = problem.field.as_deref();
    about.is_some_and(|about| about.split('[').next() == Some(field))
}

/// The same, as the fault of a request.
fn refused(problem: Problem) -> Problem {
    Problem {
        status: StatusCode::BAD_REQUEST,
        kind: Kind::InvalidRequest,
        ..problem
    }
}

fn lost_previous(problem: Problem) -> Problem {
    let message = lost("Previous response", &problem);
    Problem {
        message: message.unwrap_or_else(|| problem.message.clone()),
        code: "previous_response_not_found",
        ..refused(problem)
    }
}

/// That something named is not there, as clients know it.
fn lost(what: &str, problem: &Problem) -> Option<Cow<'static, str>> {
    let id = named(&problem.message)?;
    Some(format!("{what} with id '{id}' not found.").into())
}

/// What a message quotes first.
fn named(message: &str) -> Option<&str> {
    message.split('`').nth(1).filter(|name| !name.is_empty())
}

/// A problem of the input. The engine counts items after some were parted or passed over, so its places are
/// not those of the request: what is wrong is told by name.
fn of_input(problem: Problem) -> Problem {
    let message = problem.message.clone();
    let Some(name) = named(&message) else {
        return problem;
    };
    let message = match sentence(&message) {
        Some(Sentence::Item) => {
            return Problem {
                status: StatusCode::NOT_FOUND,
                kind: Kind::NotFound,
                code: NAMELESS,
                message: format!("Item with id '{name}' not found.").into(),
                ..problem.about("input")
            };
        }
        Some(Sentence::Output) => {
            format!("No tool call found for function call output with call_id {name}.")
        }
        Some(Sentence::Call) => format!("No tool output found for function call {name}."),
        Some(Sentence::Answer) => {
            format!("No approval request found for approval response with id {name}.")
        }
        None => return problem,
    };
    Problem {
        code: NAMELESS,
        message: message.into(),
        ..problem.about("input")
    }
}

/// What a sentence of the house says of the input.
enum Sentence {
    /// An item is not there.
    Item,
    /// An output has no call.
    Output,
    /// A call has no output.
    Call,
    /// An answer has no request.
    Answer,
}

fn sentence(message: &str) -> Option<Sentence> {
    let begins = [
        ("there is no item `", Sentence::Item),
        ("the output of `", Sentence::Output),
        ("the call `", Sentence::Call),
        ("there is no request for approval `", Sentence::Answer),
    ];
    let found = begins
        .into_iter()
        .find(|(begin, _)| message.starts_with(begin));
    found.map(|(_, sentence)| sentence)
}

/// What a field of the house is called here. Who finds fault with a tool or an item behind the reader does
/// not count those that were passed over, so its place is not the request's, and the list is named.
fn field<'a>(house: &'a str, code: &str) -> Cow<'a, str> {
    if let Some((_, here)) = FIELDS.iter().find(|(known, _)| *known == house) {
        return Cow::Borrowed(here);
    }
    let counts_otherwise = matches!(
        code,
        "mcp_server_not_found"
            | "mcp_server_not_allowed"
            | "tool_not_available"
            | "invalid_parameter"
            | "invalid_encrypted_content"
    );
    match house.split_once('[') {
        Some((list @ ("tools" | "input" | "items"), _)) if counts_otherwise => Cow::Borrowed(list),
        Some(_) | None => Cow::Borrowed(house),
    }
}

/// The code of a problem; what has no name there keeps ours, which is better than none.
pub(super) fn code(problem: &Problem) -> &'static str {
    match (problem.kind, problem.code) {
        (Kind::Authentication, _) => "invalid_api_key",
        (Kind::RateLimit, _) => "rate_limit_exceeded",
        (_, "route_not_found") => "unknown_url",
        (_, "invalid_parameter" | "tool_not_available") => "invalid_value",
        (_, "background_requires_store") => "unsupported_parameter",
        (
            _,
            "webhook_not_found"
            | "response_not_found"
            | "conversation_not_found"
            | "item_not_found"
            | "response_not_cancellable"
            | "response_in_progress"
            | "internal",
        ) => NAMELESS,
        (_, "response_not_streamable") => "invalid_request_error",
        (_, other) => other,
    }
}

#[cfg(test)]
mod tests {
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
        let label = || Arc::from("s");
        let failed = |code| CreateError::Model(Failure::new(code, "why"));
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
            (
                failed(FailureCode::ModelNotFound),
                "404 invalid_request_error model_not_found model: why",
            ),
            (
                failed(FailureCode::ContextLengthExceeded),
                "400 invalid_request_error context_length_exceeded input: why",
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
            let problem = reword(error.into());
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
            let once = reword(error.into());
            let (status, code, field) = (once.status, once.code, once.field.clone());
            let message = once.message.clone();
            let twice = reword(once);
            assert_eq!(
                (twice.status, twice.code, twice.field),
                (status, code, field)
            );
            assert_eq!(twice.message, message);
        }
        let own = Problem::bad_request("invalid_type", "Invalid type for 'input'.").about("input");
        let told = reword(own);
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
            let told = reword(problem);
            assert_eq!((told.status.as_u16(), told.code), (404, NAMELESS));
            assert_eq!(told.message, message);
        }
    }
}
