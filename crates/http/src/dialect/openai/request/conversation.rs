//! The bodies about conversations: what a new one is to be, its metadata, and items for it.

use response_domain::json::Json;
use response_domain::spec::InputItem;

use super::faults::Faults;
use super::input::Input;
use super::members::Members;
use super::metadata::metadata;
use crate::dialect::reading::object_of;
use crate::problem::Problem;

/// The most items that are brought at a time.
const MOST_ITEMS: usize = 20;

/// What a new conversation is to be: its metadata and its first items.
pub(in crate::dialect::openai) fn conversation(
    body: &str,
) -> Result<(Json, Vec<InputItem>), Problem> {
    let fields = Members::of_body(object_of(body, &["metadata", "items"])?);
    let mut faults = Faults::default();
    let metadata = fields
        .get("metadata")
        .and_then(|json| metadata(&fields.at("metadata"), json, &mut faults));
    let items = read_items(&fields, &mut faults);
    faults.end()?;
    let metadata = metadata.unwrap_or_else(Json::empty_object);
    Ok((metadata, items.found("items")?))
}

/// The metadata that a conversation is to have.
pub(in crate::dialect::openai) fn description(body: &str) -> Result<Json, Problem> {
    let fields = Members::of_body(object_of(body, &["metadata"])?);
    let mut faults = Faults::default();
    let metadata = fields
        .required("metadata", &mut faults)
        .and_then(|json| metadata(&fields.at("metadata"), json, &mut faults));
    faults.end()?;
    Ok(metadata.unwrap_or_else(Json::empty_object))
}

/// Items for a conversation.
pub(in crate::dialect::openai) fn items(body: &str) -> Result<Vec<InputItem>, Problem> {
    let fields = Members::of_body(object_of(body, &["items"])?);
    let mut faults = Faults::default();
    fields.required("items", &mut faults);
    let items = read_items(&fields, &mut faults);
    faults.end()?;
    items.found("items")
}

fn read_items<const N: usize>(fields: &Members<'_, 'static, N>, faults: &mut Faults) -> Input {
    let read = fields.get("items").map(|json| {
        let at = fields.at("items");
        Input::of_array(&at, json, MOST_ITEMS, faults)
    });
    read.unwrap_or_default()
}
