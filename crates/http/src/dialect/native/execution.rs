//! A tool execution as JSON, whole in a response, and in the two halves that a stream tells.

use response_domain::execution::{Execution, ExecutionState};
use response_domain::id::ExecutionId;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::dialect::Id;
use crate::json_text;

/// Deeper arguments than this are shown as text: whoever reads the response need not be able to
/// parse what a model made up.
const DEEPEST_INPUT: usize = 64;

/// One tool execution of a response.
#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<ExecutionId>,
    tool: &'a str,
    input: Input<'a>,
    output: Option<&'a str>,
    status: &'static str,
    error: Option<&'a str>,
    depth: u16,
    started_at: i64,
    duration_ms: Option<u64>,
}

/// A call as it is about to run.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    id: Id<ExecutionId>,
    tool: &'a str,
    input: Input<'a>,
    depth: u16,
}

/// A call that ended.
#[derive(Serialize)]
pub(super) struct Return<'a> {
    call_id: Id<ExecutionId>,
    tool: &'a str,
    status: &'static str,
    output: Option<&'a str>,
    error: Option<&'a str>,
    duration_ms: Option<u64>,
}

/// How a call went.
struct Outcome<'a> {
    output: Option<&'a str>,
    status: &'static str,
    error: Option<&'a str>,
}

/// Arguments: JSON when they are, otherwise the text.
struct Input<'a>(&'a str);

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fits = json_text::check(self.0, DEEPEST_INPUT).is_ok();
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(json) if fits => json.serialize(serializer),
            Ok(_) | Err(_) => serializer.serialize_str(self.0),
        }
    }
}

impl<'a> Outcome<'a> {
    fn of(state: &'a ExecutionState) -> Self {
        let (output, error) = match state {
            ExecutionState::Started => (None, None),
            ExecutionState::Completed(output) => (Some(&**output), None),
            ExecutionState::Failed(error) => (None, Some(&**error)),
            ExecutionState::TimedOut => (None, Some("The tool did not answer in time.")),
            ExecutionState::Cancelled => {
                (None, Some("The response ended before the tool answered."))
            }
            ExecutionState::Unknown => (
                None,
                Some("The process that waited for the tool ended; the outcome is not known."),
            ),
        };
        Self {
            output,
            status: state.name(),
            error,
        }
    }
}

fn duration_ms(execution: &Execution) -> Option<u64> {
    execution.duration.map(|_| execution.duration_ms())
}

impl<'a> Shape<'a> {
    pub(super) fn of(execution: &'a Execution) -> Self {
        let Outcome {
            output,
            status,
            error,
        } = Outcome::of(&execution.state);
        Self {
            id: Id(execution.id),
            tool: &execution.tool,
            input: Input(&execution.input),
            output,
            status,
            error,
            depth: execution.depth,
            started_at: execution.started_at.unix_seconds(),
            duration_ms: duration_ms(execution),
        }
    }
}

impl<'a> Call<'a> {
    pub(super) fn of(execution: &'a Execution) -> Self {
        Self {
            id: Id(execution.id),
            tool: &execution.tool,
            input: Input(&execution.input),
            depth: execution.depth,
        }
    }
}

impl<'a> Return<'a> {
    pub(super) fn of(execution: &'a Execution) -> Self {
        let Outcome {
            output,
            status,
            error,
        } = Outcome::of(&execution.state);
        Self {
            call_id: Id(execution.id),
            tool: &execution.tool,
            status,
            output,
            error,
            duration_ms: duration_ms(execution),
        }
    }
}
