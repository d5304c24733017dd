//! What a transcript costs, and what it comes down to, as they are shown.

use response_domain::id::ResponseId;
use response_engine::tokens::Compacted;
use serde::Serialize;

use super::Flavour;
use super::item;
use super::response::Usage;
use crate::dialect::Id;

/// A count.
#[derive(Serialize)]
pub(super) struct Count {
    object: &'static str,
    input_tokens: u64,
}

impl Count {
    pub(super) fn of(input_tokens: u64) -> Self {
        Self {
            object: "response.input_tokens",
            input_tokens,
        }
    }
}

/// The items that stand for a transcript from now on.
#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<ResponseId>,
    object: &'static str,
    created_at: i64,
    output: Vec<item::Shape<'a>>,
    usage: Usage,
}

impl<'a> Shape<'a> {
    /// Clients expect a usage; of a model server that does not tell it counts nothing.
    pub(super) fn of(compacted: &'a Compacted, flavour: Flavour) -> Self {
        let items = compacted.items.iter();
        Self {
            id: Id(compacted.id),
            object: "response.compaction",
            created_at: compacted.created.unix_seconds(),
            output: items
                .map(|item| item::Shape::closed(item, flavour))
                .collect(),
            usage: compacted.usage.map(Usage::from).unwrap_or_default(),
        }
    }
}
