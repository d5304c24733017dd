//! The input of a request: a text, or items of every kind. What a client calls an item is not kept: items
//! get ids of ours. An item that means nothing here is kept as it came, and a message that says nothing is
//! passed over, as many clients bring some.

use std::sync::Arc;

use response_domain::item::{CallId, FunctionCall};
use response_domain::item::{
    Compaction, FunctionCallOutput, ItemBody, Message, OutputVerdict, Part, Reasoning, Role,
};
use response_domain::spec::InputItem;
use serde_json::value::RawValue;

use super::content::{CONTENT, LONGEST_TEXT, content, texts};
use super::faults::{Faults, Path};
use super::members::Members;
use super::servers;
use crate::dialect::elements::MOST_ELEMENTS;
use crate::dialect::object::{kept, quoted};
use crate::dialect::openai::item_id;
use crate::problem::Problem;

/// The members of an item that have a meaning, of whatever type it is.
const MEMBERS: &[&str; 17] = &[
    "type",
    "role",
    "content",
    "id",
    "call_id",
    "name",
    "arguments",
    "output",
    "summary",
    "encrypted_content",
    "server_label",
    "tools",
    "error",
    "status",
    "approval_request_id",
    "approve",
    "reason",
];

pub(super) type ItemMembers<'a, 'p> = Members<'a, 'p, 17>;

const CALL_ID_LENGTH: usize = 64;
pub(super) const NAME_LENGTH: usize = 128;

/// Items that are new or can be looked up, and the first id that names nothing.
#[derive(Default)]
pub(super) struct Input {
    pub(super) items: Vec<InputItem>,
    lost: Option<String>,
}

impl Input {
    /// A text, which is one message of the user, or an array of items.
    pub(super) fn read(at: &Path<'_>, json: &RawValue, faults: &mut Faults) -> Self {
        match json.get().as_bytes().first() {
            Some(b'"') => {
                let mut input = Self::default();
                let text: Option<Arc<str>> = faults.text(at, json);
                let text = text.filter(|text| faults.fits(at, text, 0, LONGEST_TEXT));
                let message = text.map(|text| Message::text(Role::User, text));
                input.say(message);
                input
            }
            Some(b'[') => Self::of_array(at, json, MOST_ELEMENTS, faults),
            _ => {
                let none = faults.wrong_type(at, "a string or an array of input items", json);
                none.unwrap_or_default()
            }
        }
    }

    /// An array of at most `most` items.
    pub(super) fn of_array(
        at: &Path<'_>,
        json: &RawValue,
        most: usize,
        faults: &mut Faults,
    ) -> Self {
        let mut input = Self::default();
        faults.elements(at, json, most, |at, json, faults| {
            input.item(at, json, faults)
        });
        input
    }

    /// The items of this field. An id that names nothing is a problem of its own, after all faults.
    pub(super) fn found(self, field: &'static str) -> Result<Vec<InputItem>, Problem> {
        match self.lost {
            None => Ok(self.items),
            Some(id) => {
                let message = format!("Item with id '{}' not found.", quoted(&id));
                Err(Problem::not_found("item_not_found", message).about(field))
            }
        }
    }

    pub(super) fn push(&mut self, body: ItemBody) {
        self.items.push(InputItem::New(body));
    }

    fn say(&mut self, message: Option<Message>) {
        if let Some(message) = message.filter(Message::says_something) {
            self.push(ItemBody::Message(message));
        }
    }

    fn item(&mut self, at: &Path<'_>, json: &RawValue, faults: &mut Faults) -> Option<()> {
        let item = Members::read(*at, json, MEMBERS, faults)?;
        let Some(kind) = item.get("type") else {
            return self.untyped(&item, faults);
        };
        let kind_at = item.at("type");
        let kind: String = faults.text(&kind_at, kind)?;
        // As an extension of Open Responses bears it.
        let word = kind.strip_prefix("jan:").unwrap_or(&kind);
        match word {
            "message" => self.message(&item, faults)?,
            "item_reference" => self.reference(&item, faults)?,
            "function_call" => self.push(function_call(&item, faults)?),
            "function_call_output" => self.push(function_call_output(&item, faults)?),
            "reasoning" => self.push(reasoning(&item, faults)?),
            "compaction" | "compaction_summary" => self.push(compaction(&item, faults)?),
            // It asks for a compaction as part of a response, which a client does for itself here.
            "compaction_trigger" => {}
            "mcp_list_tools" => self.push(servers::tool_list(&item, faults)?),
            "mcp_call" => servers::call(&item, self, faults)?,
            "mcp_approval_request" => self.push(servers::approval_request(&item, faults)?),
            "mcp_approval_response" => self.push(servers::approval_response(&item, faults)?),
            _ if is_foreign(&kind) => self.push(ItemBody::Foreign(kept(json))),
            _ => return faults.unsupported(&kind_at, &kind, KINDS),
        }
        Some(())
    }

    /// An item without a type: a message when it has a role, a reference when it has an id.
    fn untyped(&mut self, item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<()> {
        if item.get("role").is_some() {
            return self.message(item, faults);
        }
        if item.get("id").is_some() {
            return self.reference(item, faults);
        }
        faults.missing(&item.at("type"))
    }

    fn message(&mut self, item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<()> {
        const ROLES: &[&str; 4] = &["assistant", "system", "developer", "user"];
        let role = match item.get("role") {
            Some(_) => item.word("role", ROLES, faults).and_then(Role::from_text),
            None => faults.missing(&item.at("role")),
        };
        let said = item.required("content", faults);
        let content = said.and_then(|json| content(&item.at("content"), json, CONTENT, faults));
        let (role, content) = (role?, content?);
        self.say(Some(Message { role, content }));
        Some(())
    }

    fn reference(&mut self, item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<()> {
        let id: String = item.required_text("id", faults)?;
        match item_id::read(&id) {
            Some(id) => self.items.push(InputItem::Reference(id)),
            None => {
                self.lost.get_or_insert(id);
            }
        }
        Some(())
    }
}

fn function_call(item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<ItemBody> {
    let call_id: Option<Arc<str>> = item.required_name("call_id", CALL_ID_LENGTH, faults);
    let name: Option<Arc<str>> = item.required_name("name", NAME_LENGTH, faults);
    let arguments: Option<Arc<str>> = item.required_text("arguments", faults);
    let call = FunctionCall::of_caller(CallId(call_id?), name?, arguments?);
    Some(ItemBody::FunctionCall(call))
}

fn function_call_output(item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<ItemBody> {
    let call_id: Option<Arc<str>> = item.required_name("call_id", CALL_ID_LENGTH, faults);
    let said = item.required("output", faults);
    let parts = said.and_then(|json| content(&item.at("output"), json, CONTENT, faults));
    Some(ItemBody::FunctionCallOutput(output(
        CallId(call_id?),
        parts?,
    )))
}

/// What a call came back with. Parts are kept where they are more than one text.
fn output(call_id: CallId, parts: Vec<Part>) -> FunctionCallOutput {
    let is_text = matches!(parts.as_slice(), [] | [Part::Text(_)]);
    let said = Message {
        role: Role::User,
        content: parts,
    };
    FunctionCallOutput {
        call_id,
        output: said.joined_text(),
        parts: if is_text { Vec::new() } else { said.content },
        verdict: OutputVerdict::Result,
    }
}

fn reasoning(item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<ItemBody> {
    let read = |name, kind, faults: &mut Faults| match item.get(name) {
        Some(json) => texts(&item.at(name), json, kind, faults),
        None => Some(Vec::new()),
    };
    let summary = read("summary", "summary_text", faults);
    let content = read("content", "reasoning_text", faults);
    let sealed = item.text("encrypted_content", faults);
    let text = match content?.as_slice() {
        [only] => Arc::clone(only),
        all => all.concat().into(),
    };
    Some(ItemBody::Reasoning(Reasoning {
        text,
        summary: summary?,
        sealed,
    }))
}

/// Opened by the engine.
fn compaction(item: &ItemMembers<'_, '_>, faults: &mut Faults) -> Option<ItemBody> {
    let sealed: Arc<str> = item.required_text("encrypted_content", faults)?;
    let text = Arc::from("");
    Some(ItemBody::Compaction(Compaction { text, sealed }))
}

/// The types that mean something here.
const KINDS: &[&str] = &[
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "item_reference",
    "compaction",
    "mcp_list_tools",
    "mcp_call",
    "mcp_approval_request",
    "mcp_approval_response",
];

/// Whether an item of this type is one of a tool that is not hosted here, or of a client's own.
fn is_foreign(kind: &str) -> bool {
    let is_call = kind.ends_with("_call") || kind.ends_with("_call_output");
    // A type with an owner in front is an extension.
    let is_extension = kind
        .split_once(':')
        .is_some_and(|(owner, name)| !owner.is_empty() && !name.is_empty());
    let is_known = matches!(
        kind,
        "tool_search_output"
            | "additional_tools"
            | "program"
            | "program_output"
            | "context_compaction"
            | "ghost_snapshot"
            | "agent_message"
    );
    is_call || is_extension || is_known
}
