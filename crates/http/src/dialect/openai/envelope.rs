//! A problem as JSON, in the families and with the codes that OpenAI's clients know.

use serde::Serialize;

use super::reword;
use crate::problem::{Kind, Problem};

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    error: Refusal<'a>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(problem: &'a Problem) -> Self {
        Self {
            error: Refusal {
                message: &problem.message,
                r#type: family(problem.kind),
                param: problem.field.as_deref(),
                code: Some(reword::code(problem)).filter(|code| *code != reword::NAMELESS),
            },
        }
    }
}

/// The type of an error.
pub(super) const fn family(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidRequest | Kind::Authentication | Kind::NotFound | Kind::Conflict => {
            "invalid_request_error"
        }
        Kind::RateLimit => "rate_limit_error",
        Kind::Execution | Kind::Upstream | Kind::Internal => "server_error",
    }
}
