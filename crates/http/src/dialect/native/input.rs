//! The input of a request: a text, a message, a structured prompt, or a list of items.

use std::str::FromStr;
use std::sync::Arc;

use response_domain::id::ItemId;
use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, ItemBody, Message, Part, Reasoning, Role,
};
use response_domain::spec::InputItem;
use serde_json::value::RawValue;

use super::content::content;
use crate::dialect::elements::elements;
use crate::dialect::object::{Faults, Object, text};

/// The members of an item that have a meaning, of whatever type it is.
const MEMBERS: &[&str; 9] = &[
    "type",
    "role",
    "content",
    "id",
    "call_id",
    "name",
    "arguments",
    "output",
    "text",
];

type ItemObject<'a> = Object<'a, 9>;

/// The input, item by item.
pub(super) fn items(json: &RawValue, faults: &mut Faults) -> Vec<InputItem> {
    const FIELD: &str = "input";
    let said = |body| vec![InputItem::New(body)];
    match json.get().as_bytes().first() {
        Some(b'"') => match faults.text::<Arc<str>>(FIELD, json) {
            Some(text) => said(ItemBody::Message(Message::text(Role::User, text))),
            None => Vec::new(),
        },
        Some(b'{') => said_as_object(FIELD, json, faults).map_or_else(Vec::new, said),
        Some(b'[') => elements(FIELD, json, faults, item).unwrap_or_default(),
        _ => faults
            .invalid(FIELD, "a string, an object or an array")
            .unwrap_or_default(),
    }
}

/// An object: a message when it has a role, otherwise a prompt that the model gets to read as it is.
fn said_as_object(field: &str, json: &RawValue, faults: &mut Faults) -> Option<ItemBody> {
    let object = faults.object(field, json, MEMBERS)?;
    if object.get("role").is_some() {
        return message(field, &object, faults);
    }
    if json
        .get()
        .trim_matches(['{', '}', ' ', '\n', '\r', '\t'])
        .is_empty()
    {
        return faults.invalid(field, "an object with something in it");
    }
    let prompt = Message::text(Role::User, json.get());
    Some(ItemBody::Message(prompt))
}

fn item(field: &str, json: &RawValue, faults: &mut Faults) -> Option<InputItem> {
    let object = faults.object(field, json, MEMBERS)?;
    let Some(kind) = object.get("type") else {
        return untyped(field, &object, faults);
    };
    let at = format!("{field}.type");
    let kind: String = faults.text(&at, kind)?;
    let body = match kind.as_str() {
        "message" => message(field, &object, faults),
        "function_call" => call(field, &object, faults),
        "function_call_output" => output(field, &object, faults),
        "reasoning" => reasoning(field, &object, faults),
        "item_reference" => return reference(field, &object, faults),
        _ => faults.invalid(
            &at,
            "`message`, `function_call`, `function_call_output`, `reasoning` or `item_reference`",
        ),
    };
    body.map(InputItem::New)
}

/// An item without a type: a message when it has a role, a reference when it has an id.
fn untyped(field: &str, object: &ItemObject<'_>, faults: &mut Faults) -> Option<InputItem> {
    if object.get("role").is_some() {
        return message(field, object, faults).map(InputItem::New);
    }
    if object.get("id").is_some() {
        return reference(field, object, faults);
    }
    faults.missing(&format!("{field}.type"))
}

fn message(field: &str, object: &ItemObject<'_>, faults: &mut Faults) -> Option<ItemBody> {
    let role = role(field, object, faults);
    let at = format!("{field}.content");
    let content = match object.get("content") {
        Some(json) => content(&at, json, faults),
        None => faults.missing(&at),
    };
    Some(ItemBody::Message(Message {
        role: role?,
        content: content?,
    }))
}

fn role(field: &str, object: &ItemObject<'_>, faults: &mut Faults) -> Option<Role> {
    let role: String = required(field, "role", object, faults)?;
    Role::from_text(&role).or_else(|| {
        faults.invalid(
            &format!("{field}.role"),
            "`system`, `developer`, `user` or `assistant`",
        )
    })
}

fn call(field: &str, object: &ItemObject<'_>, faults: &mut Faults) -> Option<ItemBody> {
    let call_id = required(field, "call_id", object, faults);
    let name: Option<Arc<str>> = required(field, "name", object, faults);
    let arguments = match object.get("arguments") {
        Some(json) => Some(text_or_json(json)),
        None => Some(Arc::from("{}")),
    };
    let call = FunctionCall::of_caller(CallId(call_id?), name?, arguments?);
    Some(ItemBody::FunctionCall(call))
}

fn output(field: &str, object: &ItemObject<'_>, faults: &mut Faults) -> Option<ItemBody> {
    let call_id = required(field, "call_id", object, faults);
    let at = format!("{field}.output");
    let output = match object.get("output") {
        Some(json) => Some(output_text(&at, json)),
        None => faults.missing(&at),
    };
    let output = FunctionCallOutput::text(CallId(call_id?), output?);
    Some(ItemBody::FunctionCallOutput(output))
}

/// What a tool said, as the model gets to read it: parts that are texts are joined, anything else
/// stays JSON.
fn output_text(field: &str, json: &RawValue) -> Arc<str> {
    if json.get().starts_with('[')
        && let Some(parts) = content(field, json, &mut Faults::default())
        && parts.iter().all(|part| matches!(part, Part::Text(_)))
    {
        let role = Role::User;
        return Message {
            role,
            content: parts,
        }
        .joined_text();
    }
    text_or_json(json)
}

fn reasoning(field: &str, object: &ItemObject<'_>, faults: &mut Faults) -> Option<ItemBody> {
    let text: Arc<str> = required(field, "text", object, faults)?;
    Some(ItemBody::Reasoning(Reasoning::text(text)))
}

fn reference(field: &str, object: &ItemObject<'_>, faults: &mut Faults) -> Option<InputItem> {
    let id: String = required(field, "id", object, faults)?;
    match ItemId::from_str(&id) {
        Ok(id) => Some(InputItem::Reference(id)),
        Err(_) => faults.invalid(&format!("{field}.id"), "the id of an item (`item_…`)"),
    }
}

/// A member that must be there, and a text.
fn required<T: From<String> + for<'s> From<&'s str>>(
    field: &str,
    name: &'static str,
    object: &ItemObject<'_>,
    faults: &mut Faults,
) -> Option<T> {
    let at = format!("{field}.{name}");
    match object.get(name) {
        Some(json) => faults.text(&at, json),
        None => faults.missing(&at),
    }
}

/// The text of a string; of anything else its JSON.
fn text_or_json(json: &RawValue) -> Arc<str> {
    text(json).unwrap_or_else(|| Arc::from(json.get()))
}
