//! Lists, a page at a time.

use crate::id::{ConversationId, ResponseId};
use crate::status::StatusName;

/// Which responses to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most this many, 1..=100.
    pub limit: u16,
    /// Only those that come after this one in the list.
    pub after: Option<ResponseId>,
    /// Only those of this status.
    pub status: Option<StatusName>,
    /// Only those that run, or do not run, in the background.
    pub background: Option<bool>,
    /// Only those of this conversation.
    pub conversation: Option<ConversationId>,
}

/// A page, and whether there is more behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether another page follows.
    pub more: More,
}

/// Whether a list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// There are further entries.
    Follows,
    /// This is the end.
    Nothing,
}

/// The order of a list of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they happened.
    Ascending,
    /// Newest first.
    Descending,
}
