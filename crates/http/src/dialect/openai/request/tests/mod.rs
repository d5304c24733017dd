//! What is read of bodies, and what is said of those that cannot be read.

use response_domain::spec::Draft;
use serde_json::{Value, json};

use super::draft;
use crate::HostedTools;
use crate::problem::Problem;

mod clients;
mod faults;
mod fields;
mod items;
mod random;
mod tools;

/// What becomes of a request with these fields besides the two that must be there.
fn read(fields: &Value) -> Result<Draft, Problem> {
    draft(&body(fields).to_string(), HostedTools::Ignore)
}

/// What a request with these fields asks for.
fn drafted(fields: &Value) -> Draft {
    read(fields).unwrap_or_else(|problem| panic!("{fields}: {}", problem.message))
}

/// Why a request is refused: code, field and sentence.
fn refused(result: Result<Draft, Problem>) -> (String, String, String) {
    let problem = result.map(|draft| panic!("{draft:?}")).unwrap_err();
    let field = problem.field.unwrap_or_default();
    (problem.code.into(), field.into(), problem.message.into())
}

fn body(fields: &Value) -> Value {
    let mut body = json!({"model": "m", "input": "hi"});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
