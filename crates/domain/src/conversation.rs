//! A conversation: what its responses said one after another, and what its owner put between them.

use crate::id::ConversationId;
use crate::json::Json;
use crate::time::Timestamp;

/// A conversation as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// When it began.
    pub created: Timestamp,
    /// The owner's own object.
    pub metadata: Json,
}
