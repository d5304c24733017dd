//! An item of a transcript as JSON, in a form that can be sent back as input.

use std::sync::Arc;

use response_domain::id::ItemId;
use response_domain::item::{Item, ItemBody, ItemStatus, Part};
use serde::{Serialize, Serializer};

use crate::dialect::Id;

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<ItemId>,
    #[serde(flatten)]
    body: Body<'a>,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body<'a> {
    Message {
        role: &'static str,
        content: Content<'a>,
    },
    Reasoning {
        text: &'a str,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: &'a str,
    },
}

impl<'a> Shape<'a> {
    pub(super) fn of(item: &'a Item) -> Self {
        Self {
            id: Id(item.id),
            body: Body::of(&item.body),
            status: match item.status {
                ItemStatus::Completed => "completed",
                ItemStatus::Incomplete => "incomplete",
            },
        }
    }
}

impl<'a> Body<'a> {
    fn of(body: &'a ItemBody) -> Self {
        match body {
            ItemBody::Message(message) => Self::Message {
                role: message.role.as_str(),
                content: Content(&message.content),
            },
            ItemBody::Reasoning(reasoning) => Self::Reasoning {
                text: &reasoning.text,
            },
            ItemBody::FunctionCall(call) => Self::FunctionCall {
                call_id: &call.call_id.0,
                name: &call.name,
                arguments: &call.arguments,
            },
            ItemBody::FunctionCallOutput(output) => Self::FunctionCallOutput {
                call_id: &output.call_id.0,
                output: &output.output,
            },
        }
    }
}

/// The parts of a message.
struct Content<'a>(&'a [Part]);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(One))
    }
}

/// A part of a message.
struct One<'a>(&'a Part);

#[derive(Serialize)]
struct TextPart<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct ImagePart<'a> {
    r#type: &'static str,
    image_url: ImageUrl<'a>,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a Arc<str>>,
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Part::Text(text) => TextPart {
                r#type: "text",
                text,
            }
            .serialize(serializer),
            Part::Image { url, detail } => ImagePart {
                r#type: "image_url",
                image_url: ImageUrl {
                    url,
                    detail: detail.as_ref(),
                },
            }
            .serialize(serializer),
            Part::Other(raw) => raw.raw().serialize(serializer),
        }
    }
}
