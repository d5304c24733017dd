//! A problem in OpenAI's words: its status, its code, the name of its field and, where clients are known to
//! read it, its sentence. Problems of this dialect's own readers are in these words already and pass as they
//! are.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use response_domain::failure::{Failure, FailureCode};

use crate::dialect::object::quoted;
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

/// `problem` in the words of this dialect; `path` is what the path names, when that is not there.
pub(super) fn reword(problem: Problem, path: Option<&str>) -> Problem {
    let mut problem = match problem.code {
        "response_not_found" if is_about(&problem, "previous_response_id") => {
            lost_previous(problem)
        }
        "response_not_found" => not_there("Response", path, problem),
        "item_not_found" if problem.field.is_none() => not_there("Item", path, problem),
        "conversation_not_found" if problem.field.is_none() => {
            not_there("Conversation", path, problem)
        }
        "conversation_not_found" if is_about(&problem, "conversation") => Problem {
            message: lost("Conversation", &problem).unwrap_or(problem.message),
            ..problem
        },
        "invalid_parameter" if is_about(&problem, "input") => of_input(problem),
        "context_length_exceeded" => Problem {
            message: TOO_LONG.into(),
            ..problem
        },
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

/// The sentence that clients look for when a transcript is too long.
const TOO_LONG: &str = "Your input exceeds the context window of this model. Please adjust your input and try \
                        again.";

/// What is said of a failed run.
pub(super) fn failure(failure: &Failure) -> &str {
    match failure.code {
        FailureCode::ContextLengthExceeded => TOO_LONG,
        _ => &failure.message,
    }
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

/// That what the path names is not there.
fn not_there(what: &str, path: Option<&str>, problem: Problem) -> Problem {
    let message = path.map(|id| format!("{what} with id '{}' not found.", quoted(id)).into());
    Problem {
        message: message.unwrap_or_else(|| problem.message.clone()),
        ..problem
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
            let id = name
                .strip_prefix("item_")
                .map(|body| format!("mcpr_{body}"));
            let id = id.as_deref().unwrap_or(name);
            format!("No approval request found for approval response with id {id}.")
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
mod tests;
