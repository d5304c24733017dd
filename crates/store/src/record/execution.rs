//! What a tool call was given and what came of it. The rest of an execution is columns.

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::execution::{Execution, ExecutionState, Site};
use response_domain::item::ServerTool;
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
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    site: Option<SiteRecord<'a>>,
}

/// The ordinal of the item and its place in the output, the label of the server and the tool's name there,
/// and the request by which the call was allowed.
#[derive(Serialize, Deserialize)]
struct SiteRecord<'a>(
    u32,
    u32,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)] Option<Cow<'a, str>>,
);

impl<'a> SiteRecord<'a> {
    fn of(site: &'a Site) -> Self {
        Self(
            site.item,
            site.index,
            Cow::Borrowed(&site.tool.label),
            Cow::Borrowed(&site.tool.name),
            site.approval.as_deref().map(Cow::Borrowed),
        )
    }

    fn restore(self) -> Site {
        let Self(item, index, label, name, approval) = self;
        let (label, name) = (label.into(), name.into());
        Site {
            item,
            index,
            tool: Arc::new(ServerTool { label, name }),
            approval: approval.map(Into::into),
        }
    }
}

/// What a record says of a call.
pub(crate) struct Restored {
    pub(crate) input: Arc<str>,
    pub(crate) state: ExecutionState,
    pub(crate) site: Option<Site>,
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
    let about = 96
        + execution.input.len()
        + output.as_ref().map_or(0, |text| text.len())
        + error.as_ref().map_or(0, |text| text.len());
    let record = ExecutionRecord {
        v: V1,
        input: Cow::Borrowed(&execution.input),
        output,
        error,
        site: execution.site.as_ref().map(SiteRecord::of),
    };
    write(&record, about)
}

/// The call with this status, of which `text` is the record.
pub(crate) fn read_call(status: &str, text: &str) -> Result<Restored, RecordError> {
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
    Ok(Restored {
        input: record.input.into(),
        state,
        site: record.site.map(SiteRecord::restore),
    })
}
