//! What of a request is told again with its response, in the words in which it came.

use std::sync::Arc;

use response_domain::json::Json;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::form::{Reasoning, ShownText};
use super::tools::ShownTool;

/// The members that a response shows as its request had them; those that were not there are shown by their
/// defaults.
#[derive(Serialize, Default)]
pub(super) struct Echo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tools: Option<Vec<ShownTool<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<ShownText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<Reasoning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) truncation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_logprobs: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) safety_identifier: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_cache_key: Option<Arc<str>>,
}

/// `value` as JSON. Nothing that is made here can refuse.
pub(super) fn json_of(value: &impl Serialize) -> Json {
    match to_raw_value(value) {
        Ok(raw) => Json::from_raw(raw),
        Err(error) => {
            debug_assert!(false, "a value that JSON cannot hold: {error}");
            Json::empty_object()
        }
    }
}
