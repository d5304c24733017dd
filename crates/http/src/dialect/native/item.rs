//! An item of a transcript as JSON, in a form that can be sent back as input.

use std::sync::Arc;

use response_domain::id::ItemId;
use response_domain::item::{
    Consent, FilePart, Item, ItemBody, ItemStatus, ListedTool, Part, ToolList,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

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
    ApprovalResponse {
        request: &'a str,
        approve: bool,
        reason: Option<&'a str>,
    },
    ToolList {
        server: &'a str,
        tools: Vec<Tool<'a>>,
        error: Option<&'a str>,
    },
    Compaction {
        text: &'a str,
    },
    Foreign {
        item: &'a RawValue,
    },
}

/// A tool that a server listed.
#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: Option<&'a str>,
    parameters: &'a RawValue,
}

impl<'a> Tool<'a> {
    fn of(tool: &'a ListedTool) -> Self {
        Self {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.raw(),
        }
    }
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
            ItemBody::ApprovalResponse(response) => Self::ApprovalResponse {
                request: &response.request,
                approve: response.consent == Consent::Given,
                reason: response.reason.as_deref(),
            },
            ItemBody::ToolList(list) => Self::of_list(list),
            ItemBody::Compaction(compaction) => Self::Compaction {
                text: &compaction.text,
            },
            ItemBody::Foreign(item) => Self::Foreign { item: item.raw() },
        }
    }

    fn of_list(list: &'a ToolList) -> Self {
        let (tools, error) = match &list.tools {
            Ok(tools) => (tools.iter().map(Tool::of).collect(), None),
            Err(error) => (Vec::new(), Some(&**error)),
        };
        let server = &list.label;
        Self::ToolList {
            server,
            tools,
            error,
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

#[derive(Serialize)]
struct RefusalPart<'a> {
    r#type: &'static str,
    refusal: &'a str,
}

#[derive(Serialize)]
struct FileShape<'a> {
    r#type: &'static str,
    file: FileFields<'a>,
}

#[derive(Serialize)]
struct FileFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

impl<'a> FileShape<'a> {
    fn of(file: &'a FilePart) -> Self {
        let FilePart {
            name,
            data,
            url,
            id,
        } = file;
        Self {
            r#type: "file",
            file: FileFields {
                filename: name.as_deref(),
                file_data: data.as_deref(),
                file_url: url.as_deref(),
                file_id: id.as_deref(),
            },
        }
    }
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
            Part::Refusal(refusal) => RefusalPart {
                r#type: "refusal",
                refusal,
            }
            .serialize(serializer),
            Part::File(file) => FileShape::of(file).serialize(serializer),
            Part::Other(raw) => raw.raw().serialize(serializer),
        }
    }
}
