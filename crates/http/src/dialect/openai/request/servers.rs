//! Items of tool servers: what they list, calls of their tools with what came of them, and calls that wait
//! for their caller.

use std::sync::Arc;

use response_domain::item::{
    ApprovalResponse, CallId, Consent, FunctionCall, FunctionCallOutput, ItemBody, ListedTool,
    OutputVerdict, Runner, ServerTool, ToolList,
};
use serde_json::value::RawValue;

use super::faults::{Faults, Path};
use super::input::{Input, ItemMembers, NAME_LENGTH};
use super::members::Members;
use crate::dialect::elements::MOST_ELEMENTS;
use crate::dialect::object::{kept, text};
use crate::dialect::openai::item_id;

pub(super) const LABEL_LENGTH: usize = 64;
const ID_LENGTH: usize = 256;

/// What a server listed, or why it did not.
pub(super) fn tool_list(item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<ItemBody> {
    let label = item.required_name("server_label", LABEL_LENGTH, faults);
    let tools = match item.get("error") {
        Some(error) => Some(Err(message(error))),
        None => item.required("tools", faults).and_then(|json| {
            let at = item.at("tools");
            let tools = faults.elements(&at, json, MOST_ELEMENTS, listed);
            tools.map(Ok)
        }),
    };
    Some(ItemBody::ToolList(ToolList {
        label: label?,
        tools: tools?,
    }))
}

fn listed(at: &Path<'_>, json: &RawValue, faults: &mut Faults) -> Option<ListedTool> {
    const MEMBERS: &[&str; 4] = &["name", "description", "input_schema", "annotations"];
    let tool = Members::read(*at, json, MEMBERS, faults)?;
    let name = tool.required_text("name", faults);
    let description = tool.text("description", faults);
    let parameters = tool.required("input_schema", faults);
    Some(ListedTool {
        name: name?,
        description,
        parameters: kept(parameters?),
        annotations: tool.get("annotations").map(kept),
    })
}

/// A call and what came of it: here these are two items, which a name of their own holds together.
pub(super) fn call(
    item: &ItemMembers<'_, '_>,
    input: &mut Input,
    faults: &mut Faults,
) -> Option<()> {
    let tool = server_tool(item, faults);
    let arguments: Option<Arc<str>> = item.required_text("arguments", faults);
    let id: Option<Arc<str>> = match item.get("id") {
        Some(_) => item.required_name("id", ID_LENGTH, faults),
        None => Some(format!("mcp_{}", input.items.len()).into()),
    };
    let approval: Option<Arc<str>> = item.text("approval_request_id", faults);
    let output: Option<Arc<str>> = item.text("output", faults);
    let (tool, call_id) = (tool?, CallId(id?));
    let (output, verdict) = match (item.get("error"), output) {
        (Some(error), _) => (message(error), OutputVerdict::Complaint),
        (None, Some(output)) => (output, OutputVerdict::Result),
        (None, None) => ("".into(), verdict_of_nothing(item)),
    };
    input.push(ItemBody::FunctionCall(FunctionCall {
        call_id: call_id.clone(),
        name: Arc::clone(&tool.name),
        arguments: arguments?,
        runner: Runner::Server(tool),
        approval: approval.map(item_id::canonical),
    }));
    input.push(ItemBody::FunctionCallOutput(FunctionCallOutput {
        verdict,
        ..FunctionCallOutput::text(call_id, output)
    }));
    Some(())
}

/// Whether a call that brought nothing was to bring something.
fn verdict_of_nothing(item: &ItemMembers<'_, '_>) -> OutputVerdict {
    match item.get("status").map(RawValue::get) {
        Some(r#""failed""# | r#""incomplete""#) => OutputVerdict::Complaint,
        Some(_) | None => OutputVerdict::Result,
    }
}

/// A call that waits, under the id by which its caller knows it.
pub(super) fn approval_request(
    item: &ItemMembers<'_, '_>,
    faults: &mut Faults,
) -> Option<ItemBody> {
    let id: Option<Arc<str>> = item.required_name("id", ID_LENGTH, faults);
    let tool = server_tool(item, faults);
    let arguments: Option<Arc<str>> = item.required_text("arguments", faults);
    let tool = tool?;
    Some(ItemBody::FunctionCall(FunctionCall {
        call_id: CallId(item_id::canonical(id?)),
        name: Arc::clone(&tool.name),
        arguments: arguments?,
        runner: Runner::Asks(tool),
        approval: None,
    }))
}

/// Whether a call that waits may be made.
pub(super) fn approval_response(
    item: &ItemMembers<'_, '_>,
    faults: &mut Faults,
) -> Option<ItemBody> {
    let request: Option<Arc<str>> = item.required_name("approval_request_id", ID_LENGTH, faults);
    let approve = item.required("approve", faults);
    let consent = match approve.and_then(|json| faults.truth(&item.at("approve"), json)) {
        Some(true) => Some(Consent::Given),
        Some(false) => Some(Consent::Denied),
        None => None,
    };
    let reason = item.text("reason", faults);
    Some(ItemBody::ApprovalResponse(ApprovalResponse {
        request: item_id::canonical(request?),
        consent: consent?,
        reason,
    }))
}

fn server_tool(item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<Arc<ServerTool>> {
    let label = item.required_name("server_label", LABEL_LENGTH, faults);
    let name = item.required_name("name", NAME_LENGTH, faults);
    Some(Arc::new(ServerTool {
        label: label?,
        name: name?,
    }))
}

/// What an error says: it is a text, or an object with a message or with content.
fn message(error: &RawValue) -> Arc<str> {
    let mut unread = Faults::default();
    let at = Path::Body;
    if let Some(said) = text(error) {
        return said;
    }
    let object = Members::read(at, error, &["message", "content"], &mut unread);
    let said = object.and_then(|object| {
        let message = object.get("message").and_then(text::<Arc<str>>);
        message.or_else(|| contents(object.get("content")?, &mut unread))
    });
    said.unwrap_or_else(|| error.get().into())
}

fn contents(json: &RawValue, unread: &mut Faults) -> Option<Arc<str>> {
    let part = |at: &Path<'_>, json, faults: &mut Faults| {
        let part = Members::read(*at, json, &["text"], faults)?;
        part.required_text::<Arc<str>>("text", faults)
    };
    let texts = unread.elements(&Path::Body, json, MOST_ELEMENTS, part)?;
    Some(texts.concat().into())
}
