//! A conversation as it is shown.

use response_domain::conversation::Conversation;
use response_domain::id::ConversationId;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::Id;

#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: Id<ConversationId>,
    object: &'static str,
    created_at: i64,
    metadata: &'a RawValue,
}

impl<'a> Shape<'a> {
    pub(super) fn of(conversation: &'a Conversation) -> Self {
        Self {
            id: Id(conversation.id),
            object: "conversation",
            created_at: conversation.created.unix_seconds(),
            metadata: conversation.metadata.raw(),
        }
    }
}
