//! What a tool call was given and what came of it. The rest of an execution is columns.

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::execution::{Execution, ExecutionState};
use serde::{Deserialize, Serialize};

use super::{RecordError, V1, read, write};

#[derive(Serialize, Deserialize)]
struct ExecutionRecord<'a> {
    v: V1,
    #[serde(borrow)]
    input: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    output: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    error: Option<Cow<'a, str>>,
}

/// The record of a call.
pub(crate) fn write_call(execution: &Execution) -> String {
    let (output, error) = match &execution.state {
        ExecutionState::Completed(output) => (Some(Cow::Borrowed(&**output)), None),
        ExecutionState::Failed(error) => (None, Some(Cow::Borrowed(&**error))),
        ExecutionState::Started
        | ExecutionState::TimedOut
        | ExecutionState::Cancelled
        | ExecutionState::Unknown => (None, None),
    };
    let about = 48
        + execution.input.len()
        + output.as_ref().map_or(0, |text| text.len())
        + error.as_ref().map_or(0, |text| text.len());
    let record = ExecutionRecord {
        v: V1,
        input: Cow::Borrowed(&execution.input),
        output,
        error,
    };
    write(&record, about)
}

/// The input and the state of a call with this status, of which `text` is the record.
pub(crate) fn read_call(
    status: &str,
    text: &str,
) -> Result<(Arc<str>, ExecutionState), RecordError> {
    let record: ExecutionRecord<'_> = read(text)?;
    let state = match status {
        "in_progress" => ExecutionState::Started,
        "completed" => ExecutionState::Completed(record.output.ok_or(RecordError::Absent)?.into()),
        "failed" => ExecutionState::Failed(record.error.ok_or(RecordError::Absent)?.into()),
        "timed_out" => ExecutionState::TimedOut,
        "cancelled" => ExecutionState::Cancelled,
        "unknown" => ExecutionState::Unknown,
        other => return Err(RecordError::Word(other.to_owned())),
    };
    Ok((record.input.into(), state))
}
