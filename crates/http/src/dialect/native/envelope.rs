//! A problem as JSON.

use serde::Serialize;

use crate::dialect::Id;
use crate::problem::Problem;
use response_domain::id::ResponseId;

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    error: Refusal<'a>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    r#type: &'static str,
    code: &'static str,
    param: Option<&'a str>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_id: Option<Id<ResponseId>>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(problem: &'a Problem, request_id: &'a str) -> Self {
        Self {
            error: Refusal {
                message: &problem.message,
                r#type: problem.kind.as_str(),
                code: problem.code,
                param: problem.field.as_deref(),
                request_id,
                response_id: problem.response.map(Id),
            },
        }
    }
}
