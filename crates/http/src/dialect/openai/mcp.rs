//! What has to do with tool servers, as it is shown: what they list, calls of their tools, and the leave that
//! a call may need.

use std::sync::Arc;

use response_domain::entry::Reply;
use response_domain::id::ItemId;
use response_domain::item::{ApprovalResponse, Consent, ListedTool, ServerTool, ToolList};
use response_domain::json::Json;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Flavour;
use super::item::Head;
use super::item_id::{self, Kind};

#[derive(Serialize)]
pub(super) struct McpCall<'a> {
    #[serde(flatten)]
    head: Head,
    server_label: &'a str,
    name: &'a str,
    arguments: &'a str,
    approval_request_id: Option<String>,
    output: Option<Arc<str>>,
    error: Option<McpError>,
}

/// Why the call of a tool server came to nothing.
#[derive(Serialize)]
struct McpError {
    r#type: &'static str,
    content: [ErrorText; 1],
}

#[derive(Serialize)]
struct ErrorText {
    r#type: &'static str,
    text: Arc<str>,
}

#[derive(Serialize)]
pub(super) struct McpListTools<'a> {
    #[serde(flatten)]
    head: Head,
    server_label: &'a str,
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct ApprovalRequest<'a> {
    #[serde(flatten)]
    head: Head,
    server_label: &'a str,
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct ApprovalAnswer<'a> {
    #[serde(flatten)]
    head: Head,
    approval_request_id: String,
    approve: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// What a tool server is asked.
pub(super) struct Asked<'a> {
    pub(super) item: ItemId,
    pub(super) tool: &'a ServerTool,
    pub(super) arguments: &'a str,
    pub(super) approval: Option<&'a str>,
}

impl<'a> McpCall<'a> {
    /// The call to which `reply` came; without one its status is `unanswered`.
    pub(super) fn of(
        asked: &Asked<'a>,
        reply: &Reply,
        unanswered: &'static str,
        flavour: Flavour,
    ) -> Self {
        let (status, output, error) = match reply {
            Reply::Said(text) => ("completed", Some(Arc::clone(text)), None),
            Reply::Failed(text) => ("failed", None, Some(McpError::of(text))),
            Reply::Nothing | Reply::NotACall => (unanswered, None, None),
        };
        Self {
            head: Head::new(Kind::McpCall, asked.item, flavour, status),
            server_label: &asked.tool.label,
            name: &asked.tool.name,
            arguments: asked.arguments,
            approval_request_id: asked.approval.map(item_id::of_approval),
            output,
            error,
        }
    }
}

impl McpError {
    fn of(text: &Arc<str>) -> Self {
        let text = Arc::clone(text);
        Self {
            r#type: "mcp_tool_execution_error",
            content: [ErrorText {
                r#type: "text",
                text,
            }],
        }
    }
}

impl<'a> McpListTools<'a> {
    /// The list of a server of which nothing is known yet.
    pub(super) fn opened(head: Head, label: &'a str) -> Self {
        Self {
            head,
            server_label: label,
            tools: Vec::new(),
            error: None,
        }
    }

    pub(super) fn of(head: Head, list: &'a ToolList) -> Self {
        let (head, tools, error) = match &list.tools {
            Ok(tools) => (head, tools.iter().map(Tool::of).collect(), None),
            Err(error) => (head.failed(), Vec::new(), Some(&**error)),
        };
        Self {
            head,
            server_label: &list.label,
            tools,
            error,
        }
    }
}

impl<'a> Tool<'a> {
    fn of(tool: &'a ListedTool) -> Self {
        Self {
            name: &tool.name,
            input_schema: tool.parameters.raw(),
            description: tool.description.as_deref(),
            annotations: tool.annotations.as_ref().map(Json::raw),
        }
    }
}

impl<'a> ApprovalRequest<'a> {
    pub(super) fn of(head: Head, tool: &'a ServerTool, arguments: &'a str) -> Self {
        Self {
            head,
            server_label: &tool.label,
            name: &tool.name,
            arguments,
        }
    }
}

impl<'a> ApprovalAnswer<'a> {
    pub(super) fn of(head: Head, answer: &'a ApprovalResponse) -> Self {
        Self {
            head,
            approval_request_id: item_id::of_approval(&answer.request),
            approve: answer.consent == Consent::Given,
            reason: answer.reason.as_deref(),
        }
    }
}
