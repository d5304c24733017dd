//! From where a later process goes on with a run. A call of the round under way names its execution, which
//! is a row: what stands there, the arguments and what the tool said, is not said again.

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::execution::{Execution, ExecutionState};
use response_domain::item::{CallId, FunctionCall, Runner};
use response_domain::json::Json;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::repair::{Fault, Streak};
use response_domain::run::{CallState, Closing, PendingCall};
use response_domain::tool::{Approval, Repeat, ToolCall, ToolHome, ToolReply, ToolSpec, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::item::RunnerRecord;
use super::{RecordError, V1, read, word, write};

#[derive(Serialize, Deserialize)]
struct CheckpointRecord<'a> {
    v: V1,
    next_turn: u16,
    #[serde(with = "word")]
    closing: Closing,
    #[serde(borrow, skip_serializing_if = "Vec::is_empty", default)]
    streak: Vec<FaultRecord<'a>>,
    context: u32,
    #[serde(borrow, skip_serializing_if = "Vec::is_empty", default)]
    calls: Vec<PendingRecord<'a>>,
}

/// A fault, and in how many turns it came.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultRecord<'a> {
    EmptyTurn(u8),
    /// Its tool and what the model read come last.
    Complaint(
        u8,
        #[serde(with = "word")] Verdict,
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Cow<'a, str>,
    ),
}

#[derive(Serialize, Deserialize)]
struct PendingRecord<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    /// The ordinal of its execution.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    execution: Option<u32>,
    /// Those of its execution when absent.
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    arguments: Option<Cow<'a, str>>,
    /// Who runs it; when absent, what runs what was started, what ran its execution, or its caller.
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    by: Option<RunnerRecord<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    approval: Option<Cow<'a, str>>,
    #[serde(borrow)]
    state: StateRecord<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateRecord<'a> {
    /// What it is called with is what the model gave when absent.
    Started {
        #[serde(borrow)]
        tool: ToolRecord<'a>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        with: Option<&'a RawValue>,
    },
    /// The text is that of its execution when absent.
    Returned {
        #[serde(with = "word")]
        verdict: Verdict,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        text: Option<Cow<'a, str>>,
    },
    Callers,
}

#[derive(Serialize, Deserialize)]
struct ToolRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    home: HomeRecord<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: &'a RawValue,
    #[serde(with = "word")]
    repeat: Repeat,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    strict: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    annotations: Option<&'a RawValue>,
    #[serde(with = "word", skip_serializing_if = "is_waived", default = "waived")]
    approval: Approval,
}

const fn waived() -> Approval {
    Approval::Waived
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_waived(approval: &Approval) -> bool {
    *approval == Approval::Waived
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HomeRecord<'a> {
    /// The label of the server, the tool's name there, and the server's address when its caller named it.
    Server(
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)] Option<Cow<'a, str>>,
    ),
    Caller,
}

/// The record of a checkpoint of a response with these executions.
pub(crate) fn write_checkpoint(checkpoint: &Checkpoint, executions: &[Arc<Execution>]) -> String {
    let record = CheckpointRecord {
        v: V1,
        next_turn: checkpoint.next_turn,
        closing: checkpoint.closing,
        streak: checkpoint.streak.0.iter().map(FaultRecord::of).collect(),
        context: checkpoint.context_tokens,
        calls: pending_records(&checkpoint.calls, executions),
    };
    write(&record, 96 + 512 * record.calls.len())
}

/// The checkpoint that `text` records, of a response with these executions.
pub(crate) fn read_checkpoint(
    text: &str,
    executions: &[Arc<Execution>],
) -> Result<Checkpoint, RecordError> {
    let record: CheckpointRecord<'_> = read(text)?;
    let calls = record.calls.into_iter();
    Ok(Checkpoint {
        next_turn: record.next_turn,
        closing: record.closing,
        streak: Streak(
            record
                .streak
                .into_iter()
                .map(FaultRecord::restore)
                .collect(),
        ),
        context_tokens: record.context,
        calls: calls
            .map(|call| call.restore(executions))
            .collect::<Result<_, _>>()?,
    })
}

/// The calls of a round. Each but those of the caller has an execution, and these are the latest, in the
/// same order; one that is not what that says is written in full.
fn pending_records<'a>(
    calls: &'a [PendingCall],
    executions: &'a [Arc<Execution>],
) -> Vec<PendingRecord<'a>> {
    let ours = |call: &&PendingCall| call.state != CallState::Callers;
    let before = executions
        .len()
        .saturating_sub(calls.iter().filter(ours).count());
    let mut latest = executions.iter().skip(before);
    let record = |call: &'a PendingCall| {
        let execution = match &call.state {
            CallState::Callers => None,
            CallState::Started(_, execution) => {
                latest.next();
                Some(execution)
            }
            CallState::Returned(_) => latest
                .next()
                .filter(|execution| execution.input == call.call.arguments),
        };
        PendingRecord::of(call, execution)
    };
    calls.iter().map(record).collect()
}

impl<'a> PendingRecord<'a> {
    fn of(pending: &'a PendingCall, execution: Option<&Arc<Execution>>) -> Self {
        let FunctionCall {
            call_id,
            name,
            arguments,
            runner,
            approval,
        } = &pending.call;
        let input = execution.map(|execution| &execution.input);
        Self {
            id: Cow::Borrowed(&call_id.0),
            name: Cow::Borrowed(name),
            execution: execution.map(|execution| execution.id.ordinal),
            arguments: (input != Some(arguments)).then_some(Cow::Borrowed(&**arguments)),
            by: (*runner != usual_runner(&pending.state, execution))
                .then(|| RunnerRecord::of(runner).unwrap_or(RunnerRecord::Caller)),
            approval: approval.as_deref().map(Cow::Borrowed),
            state: match &pending.state {
                CallState::Callers => StateRecord::Callers,
                CallState::Started(call, _) => StateRecord::Started {
                    tool: ToolRecord::of(&call.tool),
                    with: (call.arguments.as_str() != &**arguments).then(|| call.arguments.raw()),
                },
                CallState::Returned(reply) => {
                    let known = execution.and_then(|execution| said(execution));
                    StateRecord::Returned {
                        verdict: reply.verdict,
                        text: (known != Some(&reply.text)).then_some(Cow::Borrowed(&*reply.text)),
                    }
                }
            },
        }
    }

    fn restore(self, executions: &[Arc<Execution>]) -> Result<PendingCall, RecordError> {
        let execution = match self.execution {
            Some(ordinal) => Some(of_ordinal(executions, ordinal)?),
            None => None,
        };
        let arguments = match (self.arguments, execution) {
            (Some(arguments), _) => arguments.into(),
            (None, Some(execution)) => Arc::clone(&execution.input),
            (None, None) => return Err(RecordError::Absent),
        };
        let state = match self.state {
            StateRecord::Callers => CallState::Callers,
            StateRecord::Started { tool, with } => {
                let execution = execution.ok_or(RecordError::Absent)?;
                let with = match with {
                    Some(raw) => Json::from_raw(raw.to_owned()),
                    None => {
                        Json::from_text(arguments.as_ref().to_owned()).map_err(RecordError::Json)?
                    }
                };
                let call = ToolCall {
                    execution: execution.id,
                    tool: Arc::new(tool.restore()),
                    arguments: with,
                };
                CallState::Started(call, Arc::clone(execution))
            }
            StateRecord::Returned { verdict, text } => {
                let known = || execution.and_then(said).cloned();
                let text = text.map(Arc::from).or_else(known);
                CallState::Returned(ToolReply {
                    text: text.ok_or(RecordError::Absent)?,
                    verdict,
                })
            }
        };
        let runner = match self.by {
            Some(runner) => runner.restore(),
            None => usual_runner(&state, execution),
        };
        Ok(PendingCall {
            call: FunctionCall {
                call_id: CallId(self.id.into()),
                name: self.name.into(),
                arguments,
                runner,
                approval: self.approval.map(Into::into),
            },
            state,
        })
    }
}

/// Who runs a call, as far as its state and its execution tell.
fn usual_runner(state: &CallState, execution: Option<&Arc<Execution>>) -> Runner {
    let server = match state {
        CallState::Callers => None,
        CallState::Started(call, _) => call.tool.server_tool().map(Arc::new),
        CallState::Returned(_) => {
            let site = execution.and_then(|execution| execution.site.as_ref());
            site.map(|site| Arc::clone(&site.tool))
        }
    };
    server.map_or(Runner::Caller, Runner::Server)
}

/// The execution of this ordinal.
pub(crate) fn of_ordinal(
    executions: &[Arc<Execution>],
    ordinal: u32,
) -> Result<&Arc<Execution>, RecordError> {
    let is_it = |execution: &&Arc<Execution>| execution.id.ordinal == ordinal;
    // They come in order, as a rule without a gap.
    let place = usize::try_from(ordinal).unwrap_or(usize::MAX);
    let there = executions.get(place).filter(is_it);
    there
        .or_else(|| executions.iter().find(is_it))
        .ok_or(RecordError::Absent)
}

/// What a call came back with, as its execution has it.
fn said(execution: &Arc<Execution>) -> Option<&Arc<str>> {
    match &execution.state {
        ExecutionState::Completed(text) | ExecutionState::Failed(text) => Some(text),
        ExecutionState::Started
        | ExecutionState::TimedOut
        | ExecutionState::Cancelled
        | ExecutionState::Unknown => None,
    }
}

impl<'a> FaultRecord<'a> {
    fn of((fault, turns): &'a (Fault, u8)) -> Self {
        match fault {
            Fault::EmptyTurn => Self::EmptyTurn(*turns),
            Fault::Complaint {
                verdict,
                tool,
                text,
            } => Self::Complaint(*turns, *verdict, Cow::Borrowed(tool), Cow::Borrowed(text)),
        }
    }

    fn restore(self) -> (Fault, u8) {
        match self {
            Self::EmptyTurn(turns) => (Fault::EmptyTurn, turns),
            Self::Complaint(turns, verdict, tool, text) => {
                let complaint = Fault::Complaint {
                    verdict,
                    tool: tool.into(),
                    text: text.into(),
                };
                (complaint, turns)
            }
        }
    }
}

impl<'a> ToolRecord<'a> {
    fn of(tool: &'a ToolSpec) -> Self {
        Self {
            name: Cow::Borrowed(&tool.name),
            home: match &tool.home {
                ToolHome::Server { label, name, url } => HomeRecord::Server(
                    Cow::Borrowed(label),
                    Cow::Borrowed(name),
                    url.as_deref().map(Cow::Borrowed),
                ),
                ToolHome::Caller => HomeRecord::Caller,
            },
            description: tool.description.as_deref().map(Cow::Borrowed),
            parameters: tool.parameters.raw(),
            repeat: tool.repeat,
            strict: tool.strict,
            annotations: tool.annotations.as_ref().map(Json::raw),
            approval: tool.approval,
        }
    }

    fn restore(self) -> ToolSpec {
        ToolSpec {
            name: self.name.into(),
            home: match self.home {
                HomeRecord::Server(label, name, url) => ToolHome::Server {
                    label: label.into(),
                    name: name.into(),
                    url: url.map(Into::into),
                },
                HomeRecord::Caller => ToolHome::Caller,
            },
            description: self.description.map(Into::into),
            parameters: Json::from_raw(self.parameters.to_owned()),
            repeat: self.repeat,
            strict: self.strict,
            annotations: self.annotations.map(|raw| Json::from_raw(raw.to_owned())),
            approval: self.approval,
        }
    }
}

#[cfg(test)]
mod tests;
