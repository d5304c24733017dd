//! The body of an item, as it stands with the item and in the input of a spec.

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::item::{
    ApprovalResponse, CallId, Compaction, Consent, FilePart, FunctionCall, FunctionCallOutput,
    ItemBody, Message, OutputVerdict, Part, Reasoning, Role, Runner, ServerTool,
};
use response_domain::json::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::list::ListRecord;
use super::{RecordError, V1, read, word, write};

#[derive(Serialize, Deserialize)]
struct ItemRecord<'a> {
    v: V1,
    #[serde(borrow)]
    item: BodyRecord<'a>,
}

/// The body of an item without a version of its own.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyRecord<'a> {
    #[serde(borrow)]
    Message(MessageRecord<'a>),
    #[serde(borrow)]
    Reasoning(ReasoningRecord<'a>),
    #[serde(borrow)]
    FunctionCall(CallRecord<'a>),
    #[serde(borrow)]
    FunctionCallOutput(OutputRecord<'a>),
    #[serde(borrow)]
    ApprovalResponse(ApprovalRecord<'a>),
    #[serde(borrow)]
    ToolList(ListRecord<'a>),
    #[serde(borrow)]
    Compaction(CompactionRecord<'a>),
    #[serde(borrow)]
    Foreign(&'a RawValue),
}

#[derive(Serialize, Deserialize)]
pub(super) struct MessageRecord<'a> {
    #[serde(with = "word")]
    role: Role,
    #[serde(borrow)]
    content: Vec<PartRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartRecord<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Image {
        #[serde(borrow)]
        url: Cow<'a, str>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        detail: Option<Cow<'a, str>>,
    },
    File {
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        name: Option<Cow<'a, str>>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        data: Option<Cow<'a, str>>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        url: Option<Cow<'a, str>>,
        #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
        id: Option<Cow<'a, str>>,
    },
    #[serde(borrow)]
    Refusal(Cow<'a, str>),
    #[serde(borrow)]
    Other(&'a RawValue),
}

#[derive(Serialize, Deserialize)]
pub(super) struct ReasoningRecord<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Vec::is_empty", default)]
    summary: Vec<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    sealed: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CallRecord<'a> {
    #[serde(borrow)]
    call_id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Cow<'a, str>,
    /// Who runs it; its caller when absent.
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    by: Option<RunnerRecord<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    approval: Option<Cow<'a, str>>,
}

/// Who runs a call that is not its caller's: the label of a server, and the tool's name there, or nobody.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunnerRecord<'a> {
    Server(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>),
    Asks(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>),
    Nobody,
    /// For who would be taken for somebody else otherwise.
    Caller,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutputRecord<'a> {
    #[serde(borrow)]
    call_id: Cow<'a, str>,
    #[serde(borrow)]
    output: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Vec::is_empty", default)]
    parts: Vec<PartRecord<'a>>,
    #[serde(with = "word", skip_serializing_if = "is_result", default = "a_result")]
    verdict: OutputVerdict,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ApprovalRecord<'a> {
    #[serde(borrow)]
    request: Cow<'a, str>,
    #[serde(with = "word")]
    consent: Consent,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    reason: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CompactionRecord<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow)]
    sealed: Cow<'a, str>,
}

const fn a_result() -> OutputVerdict {
    OutputVerdict::Result
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_result(verdict: &OutputVerdict) -> bool {
    *verdict == OutputVerdict::Result
}

/// The word of an item's kind, for its column.
pub(crate) const fn kind(body: &ItemBody) -> &'static str {
    match body {
        ItemBody::Message(_) => "message",
        ItemBody::Reasoning(_) => "reasoning",
        ItemBody::FunctionCall(_) => "function_call",
        ItemBody::FunctionCallOutput(_) => "function_call_output",
        ItemBody::ApprovalResponse(_) => "approval_response",
        ItemBody::ToolList(_) => "tool_list",
        ItemBody::Compaction(_) => "compaction",
        ItemBody::Foreign(_) => "foreign",
    }
}

/// The record of a body.
pub(crate) fn write_body(body: &ItemBody) -> String {
    let item = BodyRecord::of(body);
    write(&ItemRecord { v: V1, item }, length(body))
}

/// The body that `text` records.
pub(crate) fn read_body(text: &str) -> Result<ItemBody, RecordError> {
    read::<ItemRecord<'_>>(text).map(|record| record.item.restore())
}

/// About how long the record of a body will be.
pub(super) fn length(body: &ItemBody) -> usize {
    const FRAME: usize = 96;
    let parts = |parts: &[Part]| parts.iter().map(part_length).sum::<usize>();
    FRAME
        + match body {
            ItemBody::Message(message) => parts(&message.content),
            ItemBody::Reasoning(reasoning) => {
                let summary = reasoning.summary.iter().map(|text| text.len() + 4);
                let sealed = reasoning.sealed.as_ref().map_or(0, |text| text.len());
                reasoning.text.len() + summary.sum::<usize>() + sealed
            }
            ItemBody::FunctionCall(call) => call.name.len() * 2 + call.arguments.len() + 32,
            ItemBody::FunctionCallOutput(output) => output.output.len() + parts(&output.parts),
            ItemBody::ApprovalResponse(response) => {
                response.request.len() + response.reason.as_ref().map_or(0, |text| text.len())
            }
            ItemBody::ToolList(list) => super::list::length(list),
            ItemBody::Compaction(compaction) => compaction.text.len() + compaction.sealed.len(),
            ItemBody::Foreign(json) => json.as_str().len(),
        }
}

fn part_length(part: &Part) -> usize {
    match part {
        Part::Text(text) | Part::Refusal(text) => text.len() + 14,
        Part::Image { url, .. } => url.len() + 40,
        Part::File(file) => {
            let texts = [&file.name, &file.data, &file.url, &file.id];
            let texts = texts.into_iter().flatten();
            texts.map(|text| text.len() + 10).sum::<usize>() + 12
        }
        Part::Other(json) => json.as_str().len() + 12,
    }
}

impl<'a> BodyRecord<'a> {
    pub(super) fn of(body: &'a ItemBody) -> Self {
        match body {
            ItemBody::Message(message) => Self::Message(MessageRecord {
                role: message.role,
                content: message.content.iter().map(PartRecord::of).collect(),
            }),
            ItemBody::Reasoning(reasoning) => Self::Reasoning(ReasoningRecord {
                text: Cow::Borrowed(&reasoning.text),
                summary: reasoning.summary.iter().map(|text| borrow(text)).collect(),
                sealed: reasoning.sealed.as_deref().map(Cow::Borrowed),
            }),
            ItemBody::FunctionCall(call) => Self::FunctionCall(CallRecord {
                call_id: Cow::Borrowed(&call.call_id.0),
                name: Cow::Borrowed(&call.name),
                arguments: Cow::Borrowed(&call.arguments),
                by: RunnerRecord::of(&call.runner),
                approval: call.approval.as_deref().map(Cow::Borrowed),
            }),
            ItemBody::FunctionCallOutput(output) => Self::FunctionCallOutput(OutputRecord {
                call_id: Cow::Borrowed(&output.call_id.0),
                output: Cow::Borrowed(&output.output),
                parts: output.parts.iter().map(PartRecord::of).collect(),
                verdict: output.verdict,
            }),
            ItemBody::ApprovalResponse(response) => Self::ApprovalResponse(ApprovalRecord {
                request: Cow::Borrowed(&response.request),
                consent: response.consent,
                reason: response.reason.as_deref().map(Cow::Borrowed),
            }),
            ItemBody::ToolList(list) => Self::ToolList(ListRecord::of(list)),
            ItemBody::Compaction(compaction) => Self::Compaction(CompactionRecord {
                text: Cow::Borrowed(&compaction.text),
                sealed: Cow::Borrowed(&compaction.sealed),
            }),
            ItemBody::Foreign(json) => Self::Foreign(json.raw()),
        }
    }

    pub(super) fn restore(self) -> ItemBody {
        match self {
            Self::Message(message) => ItemBody::Message(Message {
                role: message.role,
                content: restored(message.content),
            }),
            Self::Reasoning(reasoning) => ItemBody::Reasoning(Reasoning {
                text: reasoning.text.into(),
                summary: reasoning.summary.into_iter().map(Into::into).collect(),
                sealed: reasoning.sealed.map(Into::into),
            }),
            Self::FunctionCall(call) => ItemBody::FunctionCall(FunctionCall {
                call_id: CallId(call.call_id.into()),
                name: call.name.into(),
                arguments: call.arguments.into(),
                runner: call.by.map_or(Runner::Caller, RunnerRecord::restore),
                approval: call.approval.map(Into::into),
            }),
            Self::FunctionCallOutput(output) => ItemBody::FunctionCallOutput(FunctionCallOutput {
                call_id: CallId(output.call_id.into()),
                output: output.output.into(),
                parts: restored(output.parts),
                verdict: output.verdict,
            }),
            Self::ApprovalResponse(response) => ItemBody::ApprovalResponse(ApprovalResponse {
                request: response.request.into(),
                consent: response.consent,
                reason: response.reason.map(Into::into),
            }),
            Self::ToolList(list) => ItemBody::ToolList(list.restore()),
            Self::Compaction(compaction) => ItemBody::Compaction(Compaction {
                text: compaction.text.into(),
                sealed: compaction.sealed.into(),
            }),
            Self::Foreign(raw) => ItemBody::Foreign(Json::from_raw(raw.to_owned())),
        }
    }
}

fn borrow(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

fn restored(parts: Vec<PartRecord<'_>>) -> Vec<Part> {
    parts.into_iter().map(PartRecord::restore).collect()
}

impl<'a> RunnerRecord<'a> {
    /// None for a call that its caller runs.
    pub(super) fn of(runner: &'a Runner) -> Option<Self> {
        match runner {
            Runner::Caller => None,
            Runner::Server(tool) => Some(Self::Server(borrow(&tool.label), borrow(&tool.name))),
            Runner::Asks(tool) => Some(Self::Asks(borrow(&tool.label), borrow(&tool.name))),
            Runner::Nobody => Some(Self::Nobody),
        }
    }

    pub(super) fn restore(self) -> Runner {
        let tool = |label: Cow<'_, str>, name: Cow<'_, str>| {
            let (label, name) = (label.into(), name.into());
            Arc::new(ServerTool { label, name })
        };
        match self {
            Self::Server(label, name) => Runner::Server(tool(label, name)),
            Self::Asks(label, name) => Runner::Asks(tool(label, name)),
            Self::Nobody => Runner::Nobody,
            Self::Caller => Runner::Caller,
        }
    }
}

impl<'a> PartRecord<'a> {
    fn of(part: &'a Part) -> Self {
        match part {
            Part::Text(text) => Self::Text(Cow::Borrowed(text)),
            Part::Image { url, detail } => Self::Image {
                url: Cow::Borrowed(url),
                detail: detail.as_deref().map(Cow::Borrowed),
            },
            Part::File(file) => Self::File {
                name: file.name.as_deref().map(Cow::Borrowed),
                data: file.data.as_deref().map(Cow::Borrowed),
                url: file.url.as_deref().map(Cow::Borrowed),
                id: file.id.as_deref().map(Cow::Borrowed),
            },
            Part::Refusal(text) => Self::Refusal(Cow::Borrowed(text)),
            Part::Other(json) => Self::Other(json.raw()),
        }
    }

    fn restore(self) -> Part {
        match self {
            Self::Text(text) => Part::Text(text.into()),
            Self::Image { url, detail } => Part::Image {
                url: url.into(),
                detail: detail.map(Into::into),
            },
            Self::File {
                name,
                data,
                url,
                id,
            } => Part::File(FilePart {
                name: name.map(Into::into),
                data: data.map(Into::into),
                url: url.map(Into::into),
                id: id.map(Into::into),
            }),
            Self::Refusal(text) => Part::Refusal(text.into()),
            Self::Other(raw) => Part::Other(Json::from_raw(raw.to_owned())),
        }
    }
}
