//! The body of an item, as it stands with the item and in the input of a spec.

use std::borrow::Cow;

use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, ItemBody, Message, Part, Reasoning, Role,
};
use response_domain::json::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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
    #[serde(borrow)]
    Other(&'a RawValue),
}

#[derive(Serialize, Deserialize)]
pub(super) struct ReasoningRecord<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CallRecord<'a> {
    #[serde(borrow)]
    call_id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutputRecord<'a> {
    #[serde(borrow)]
    call_id: Cow<'a, str>,
    #[serde(borrow)]
    output: Cow<'a, str>,
}

/// The word of an item's kind, for its column.
pub(crate) const fn kind(body: &ItemBody) -> &'static str {
    match body {
        ItemBody::Message(_) => "message",
        ItemBody::Reasoning(_) => "reasoning",
        ItemBody::FunctionCall(_) => "function_call",
        ItemBody::FunctionCallOutput(_) => "function_call_output",
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
    FRAME
        + match body {
            ItemBody::Message(message) => message
                .content
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.len() + 12,
                    Part::Image { url, .. } => url.len() + 40,
                    Part::Other(json) => json.as_str().len() + 12,
                })
                .sum(),
            ItemBody::Reasoning(reasoning) => reasoning.text.len(),
            ItemBody::FunctionCall(call) => call.name.len() + call.arguments.len(),
            ItemBody::FunctionCallOutput(output) => output.output.len(),
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
            }),
            ItemBody::FunctionCall(call) => Self::FunctionCall(CallRecord {
                call_id: Cow::Borrowed(&call.call_id.0),
                name: Cow::Borrowed(&call.name),
                arguments: Cow::Borrowed(&call.arguments),
            }),
            ItemBody::FunctionCallOutput(output) => Self::FunctionCallOutput(OutputRecord {
                call_id: Cow::Borrowed(&output.call_id.0),
                output: Cow::Borrowed(&output.output),
            }),
        }
    }

    pub(super) fn restore(self) -> ItemBody {
        match self {
            Self::Message(message) => ItemBody::Message(Message {
                role: message.role,
                content: message
                    .content
                    .into_iter()
                    .map(PartRecord::restore)
                    .collect(),
            }),
            Self::Reasoning(reasoning) => ItemBody::Reasoning(Reasoning {
                text: reasoning.text.into(),
            }),
            Self::FunctionCall(call) => ItemBody::FunctionCall(FunctionCall {
                call_id: CallId(call.call_id.into()),
                name: call.name.into(),
                arguments: call.arguments.into(),
            }),
            Self::FunctionCallOutput(output) => ItemBody::FunctionCallOutput(FunctionCallOutput {
                call_id: CallId(output.call_id.into()),
                output: output.output.into(),
            }),
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
            Self::Other(raw) => Part::Other(Json::from_raw(raw.to_owned())),
        }
    }
}
