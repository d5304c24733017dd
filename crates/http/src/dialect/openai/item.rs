//! An item as it is shown: one shape for each kind, with every field that either flavour wants.
//!
//! An item is the same text wherever it is shown, in a list, in a response and at its end in a stream. The
//! call of a tool server is made of its item and what came of it, or of its execution alone, which says as
//! much.

use response_domain::entry::{Entry, Reply};
use response_domain::event::{OpenItem, Place};
use response_domain::execution::{Execution, Site};
use response_domain::id::ItemId;
use response_domain::item::{
    FunctionCall, FunctionCallOutput, Item, ItemBody, ItemStatus, Message, Part, Reasoning, Role,
    Runner,
};
use serde::Serialize;

use super::Flavour;
use super::foreign::Foreign;
use super::item_id::{Kind, ShownId};
use super::mcp::{ApprovalAnswer, ApprovalRequest, Asked, McpCall, McpListTools};
use super::part::{Parts, Text};

/// An item.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shape<'a> {
    Message(MessageShape<'a>),
    Reasoning(ReasoningShape<'a>),
    Call(CallShape<'a>),
    Output(OutputShape<'a>),
    McpCall(McpCall<'a>),
    ToolList(McpListTools<'a>),
    Request(ApprovalRequest<'a>),
    Response(ApprovalAnswer<'a>),
    Compaction(CompactionShape<'a>),
    Foreign(Foreign<'a>),
}

/// What every item begins with.
#[derive(Serialize)]
pub(super) struct Head {
    id: ShownId,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl Head {
    pub(super) fn new(kind: Kind, id: ItemId, flavour: Flavour, status: &'static str) -> Self {
        Self {
            id: ShownId(kind, id),
            r#type: kind.word(flavour),
            status: Some(status),
        }
    }

    /// Of an item that has no status with OpenAI, but must have one as an extension of Open Responses.
    fn bare(kind: Kind, id: ItemId, flavour: Flavour, status: &'static str) -> Self {
        Self {
            status: (flavour == Flavour::OpenResponses).then_some(status),
            ..Self::new(kind, id, flavour, status)
        }
    }

    /// The same of an item that came to nothing, where it has a status at all.
    pub(super) fn failed(self) -> Self {
        Self {
            status: self.status.map(|_| "failed"),
            ..self
        }
    }
}

#[derive(Serialize)]
pub(super) struct MessageShape<'a> {
    #[serde(flatten)]
    head: Head,
    role: &'static str,
    content: Parts<'a>,
}

#[derive(Serialize)]
pub(super) struct ReasoningShape<'a> {
    #[serde(flatten)]
    head: Head,
    summary: Vec<Text<'a>>,
    content: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_content: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct CallShape<'a> {
    #[serde(flatten)]
    head: Head,
    call_id: &'a str,
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct OutputShape<'a> {
    #[serde(flatten)]
    head: Head,
    call_id: &'a str,
    output: Said<'a>,
}

/// What a tool of the caller said.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Said<'a> {
    Text(&'a str),
    Parts(Parts<'a>),
}

#[derive(Serialize)]
pub(super) struct CompactionShape<'a> {
    #[serde(flatten)]
    head: Head,
    encrypted_content: &'a str,
}

impl<'a> Shape<'a> {
    /// An item as it stays.
    pub(super) fn of(entry: &'a Entry, flavour: Flavour) -> Self {
        Self::new(&entry.item, &entry.reply, flavour, "incomplete")
    }

    /// An item of a response that goes on, where a call may still be answered.
    pub(super) fn so_far(entry: &'a Entry, flavour: Flavour) -> Self {
        Self::new(&entry.item, &entry.reply, flavour, "in_progress")
    }

    /// An item that is not the call of a tool server, or one to which nothing came.
    pub(super) fn closed(item: &'a Item, flavour: Flavour) -> Self {
        Self::new(item, &Reply::Nothing, flavour, "incomplete")
    }

    /// An item to which `reply` came, if it is a call; without a reply its status is `unanswered`.
    fn new(item: &'a Item, reply: &Reply, flavour: Flavour, unanswered: &'static str) -> Self {
        let kind = Kind::of(item);
        let head = Head::new(kind, item.id, flavour, word(item.status));
        let bare = || Head::bare(kind, item.id, flavour, word(item.status));
        match &item.body {
            ItemBody::Message(message) => Self::Message(MessageShape::of(head, message)),
            ItemBody::Reasoning(reasoning) => Self::Reasoning(ReasoningShape::of(head, reasoning)),
            ItemBody::FunctionCall(call) => match &call.runner {
                Runner::Server(tool) => {
                    let asked = Asked {
                        item: item.id,
                        tool,
                        arguments: &call.arguments,
                        approval: call.approval.as_deref(),
                    };
                    Self::McpCall(McpCall::of(&asked, reply, unanswered, flavour))
                }
                Runner::Asks(tool) => {
                    Self::Request(ApprovalRequest::of(bare(), tool, &call.arguments))
                }
                Runner::Caller | Runner::Nobody => Self::Call(CallShape::of(head, call)),
            },
            ItemBody::FunctionCallOutput(output) => Self::Output(OutputShape::of(head, output)),
            ItemBody::ApprovalResponse(answer) => {
                Self::Response(ApprovalAnswer::of(bare(), answer))
            }
            ItemBody::ToolList(list) => Self::ToolList(McpListTools::of(bare(), list)),
            ItemBody::Compaction(compaction) => Self::Compaction(CompactionShape {
                head: Head {
                    status: None,
                    ..head
                },
                encrypted_content: &compaction.sealed,
            }),
            ItemBody::Foreign(raw) => Self::Foreign(Foreign::of(item.id, raw, flavour)),
        }
    }

    /// An item of which nothing is known yet but what it will be; none of a call that nobody runs.
    pub(super) fn opened(place: Place, kind: &'a OpenItem, flavour: Flavour) -> Option<Self> {
        const OPEN: &str = "in_progress";
        let head = |kind| Head::new(kind, place.item, flavour, OPEN);
        let bare = |kind| Head::bare(kind, place.item, flavour, OPEN);
        Some(match kind {
            OpenItem::Message => Self::Message(MessageShape {
                head: head(Kind::Message),
                role: Role::Assistant.as_str(),
                content: Parts(&[], Role::Assistant),
            }),
            OpenItem::Reasoning => Self::Reasoning(ReasoningShape {
                head: head(Kind::Reasoning),
                summary: Vec::new(),
                content: Vec::new(),
                encrypted_content: None,
            }),
            OpenItem::Call {
                call_id,
                name,
                runner,
                approval,
            } => match runner {
                Runner::Caller => Self::Call(CallShape {
                    head: head(Kind::FunctionCall),
                    call_id: &call_id.0,
                    name,
                    arguments: "",
                }),
                Runner::Server(tool) => {
                    let asked = Asked {
                        item: place.item,
                        tool,
                        arguments: "",
                        approval: approval.as_deref(),
                    };
                    Self::McpCall(McpCall::of(&asked, &Reply::Nothing, OPEN, flavour))
                }
                Runner::Asks(tool) => {
                    let head = bare(Kind::McpApprovalRequest);
                    Self::Request(ApprovalRequest::of(head, tool, ""))
                }
                Runner::Nobody => return None,
            },
            OpenItem::ToolList { label } => {
                let head = bare(Kind::McpListTools);
                Self::ToolList(McpListTools::opened(head, label))
            }
        })
    }

    /// The call of a tool server that came back.
    pub(super) fn returned(
        item: ItemId,
        execution: &'a Execution,
        site: &'a Site,
        flavour: Flavour,
    ) -> Self {
        let asked = Asked {
            item,
            tool: &site.tool,
            arguments: &execution.input,
            approval: site.approval.as_deref(),
        };
        let reply = Reply::from(&execution.state);
        Self::McpCall(McpCall::of(&asked, &reply, "incomplete", flavour))
    }
}

/// The word for a status.
const fn word(status: ItemStatus) -> &'static str {
    match status {
        ItemStatus::Completed => "completed",
        ItemStatus::Incomplete => "incomplete",
    }
}

impl<'a> MessageShape<'a> {
    fn of(head: Head, message: &'a Message) -> Self {
        Self {
            head,
            role: message.role.as_str(),
            content: Parts(&message.content, message.role),
        }
    }
}

impl<'a> ReasoningShape<'a> {
    fn of(head: Head, reasoning: &'a Reasoning) -> Self {
        let text = Some(&*reasoning.text).filter(|text| !text.is_empty());
        Self {
            head,
            summary: reasoning
                .summary
                .iter()
                .map(|it| Text::summary(it))
                .collect(),
            content: text.into_iter().map(Text::reasoning).collect(),
            encrypted_content: reasoning.sealed.as_deref(),
        }
    }
}

impl<'a> CallShape<'a> {
    fn of(head: Head, call: &'a FunctionCall) -> Self {
        Self {
            head,
            call_id: &call.call_id.0,
            name: &call.name,
            arguments: &call.arguments,
        }
    }
}

impl<'a> OutputShape<'a> {
    fn of(head: Head, output: &'a FunctionCallOutput) -> Self {
        let parts: &[Part] = &output.parts;
        Self {
            head,
            call_id: &output.call_id.0,
            output: match parts {
                [] => Said::Text(&output.output),
                parts => Said::Parts(Parts(parts, Role::User)),
            },
        }
    }
}
