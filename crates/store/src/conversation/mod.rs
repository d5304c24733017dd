//! Conversations. Most are what the responses that name them say; one has a row when its owner made it,
//! described it or closed it. What the owner puts into one, and each time an item is taken out, takes a place
//! among its responses: a row of their table that was never a response, deleted from the beginning.

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::conversation::Conversation;
use response_domain::id::{ConversationId, ItemId};
use response_domain::item::Item;
use response_domain::json::Json;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;
use sea_orm::QueryResult;
use sea_orm::prelude::ChronoDateTimeUtc;
use std::sync::Arc;

use crate::both::{Both, both, clock};
use crate::error::{corrupt, from_orm};
use crate::record::RecordError;
use crate::row::Sink;
use crate::{Store, answered, plain};

mod put;
mod remove;

/// What stands in the column of the status: the row holds items that an owner put there.
macro_rules! put_there {
    () => {
        "'appended'"
    };
}

/// The row holds the place of an item that was taken out.
macro_rules! taken_out {
    () => {
        "'removed'"
    };
}

/// Whether the conversation `$2` of the owner `$1` is there: it has a row and is not closed, or it has no row
/// and a response of this owner's.
macro_rules! is_there {
    () => {
        "(EXISTS (
            SELECT 1 FROM conversations c
            WHERE c.id = $2 AND c.owner IS NOT DISTINCT FROM $1 AND c.closed_at IS NULL
        ) OR EXISTS (
            SELECT 1 FROM responses o
            WHERE o.conversation_id = $2 AND o.owner IS NOT DISTINCT FROM $1
        ) AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.id = $2))"
    };
}

pub(crate) use {is_there, put_there, taken_out};

/// The responses of a conversation that has no row.
macro_rules! unsaid {
    () => {
        concat!(
            "FROM responses o
            WHERE o.conversation_id = $2 AND o.owner IS NOT DISTINCT FROM $1
                AND o.status NOT IN (",
            put_there!(),
            ", ",
            taken_out!(),
            ") AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.id = $2)"
        )
    };
}

/// When the conversation `$2` of the owner `$1` began, as its row says or, without one, its responses.
macro_rules! beginnings {
    () => {
        concat!(
            "(SELECT c.created_at FROM conversations c
                WHERE c.id = $2 AND c.owner IS NOT DISTINCT FROM $1
            UNION ALL
            SELECT o.created_at ",
            unsaid!(),
            ") AS began"
        )
    };
}

/// The row, or else what the responses say.
const FIND: &str = concat!(
    "SELECT c.created_at, c.metadata, CASE WHEN c.closed_at IS NULL THEN 1 ELSE 0 END AS stands
        FROM conversations c WHERE c.id = $2 AND c.owner IS NOT DISTINCT FROM $1
    UNION ALL
    SELECT MIN(o.created_at), '{}', 1 ",
    unsaid!(),
    " HAVING COUNT(*) > 0"
);

/// The row is made when there is none yet.
const DESCRIBE: &str = concat!(
    "INSERT INTO conversations (id, owner, created_at, metadata)
    SELECT $2, $1, MIN(began.created_at), $3 FROM ",
    beginnings!(),
    " HAVING COUNT(*) > 0
    ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata
        WHERE conversations.owner = excluded.owner AND conversations.closed_at IS NULL
    RETURNING created_at, metadata, 1 AS stands"
);

/// Closes it, and forgets what its owner said of it.
macro_rules! close {
    ($database:ident) => {
        concat!(
            "INSERT INTO conversations (id, owner, created_at, metadata, closed_at)
            SELECT $2, $1, MIN(began.created_at), '{}', ",
            clock!($database),
            " FROM ",
            beginnings!(),
            " HAVING COUNT(*) > 0
            ON CONFLICT (id) DO UPDATE
                SET metadata = excluded.metadata, closed_at = excluded.closed_at
                WHERE conversations.owner = excluded.owner AND conversations.closed_at IS NULL"
        )
    };
}

const CLOSE: Both = both!(close);

/// Who has a place has ended, so these are few.
const BUSY: &str = "SELECT 1 AS busy FROM responses r
    WHERE r.conversation_id = $2 AND r.conversation_position IS NULL
        AND r.owner IS NOT DISTINCT FROM $1 AND r.ended_at IS NULL
    LIMIT 1";

/// The first two values of what is about one conversation.
fn name(sink: &mut dyn Sink, owner: &OwnerId, id: ConversationId) {
    sink.text(Some(&plain::write(owner.as_str())));
    sink.text(Some(&id.to_string()));
}

impl Store {
    async fn find_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let found = self.rows(FIND, |sink| name(sink, owner, id)).await?;
        only(id, &found)
    }

    async fn describe_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        metadata: &Json,
    ) -> Result<Option<Conversation>, StoreError> {
        let described = self.returned(DESCRIBE, |sink| {
            name(sink, owner, id);
            sink.text(Some(metadata.as_str()));
        });
        only(id, &described.await?)
    }

    async fn close_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<bool, StoreError> {
        let closed = self.write_rows(CLOSE, |sink| name(sink, owner, id)).await?;
        self.housekeeping().note_erased();
        Ok(closed > 0)
    }

    async fn has_open_responses(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<bool, StoreError> {
        let open = self.rows(BUSY, |sink| name(sink, owner, id)).await?;
        Ok(!open.is_empty())
    }
}

/// The conversation that a row tells of, unless it is closed.
fn only(id: ConversationId, rows: &[QueryResult]) -> Result<Option<Conversation>, StoreError> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let stands: i32 = row.try_get("", "stands").map_err(from_orm)?;
    if stands == 0 {
        return Ok(None);
    }
    let created: ChronoDateTimeUtc = row.try_get("", "created_at").map_err(from_orm)?;
    let metadata: String = row.try_get("", "metadata").map_err(from_orm)?;
    let metadata = Json::from_text(metadata)
        .map_err(|error| corrupt("conversations", id, RecordError::Json(error)))?;
    Ok(Some(Conversation {
        id,
        created: Timestamp::from(created),
        metadata,
    }))
}

#[async_trait]
impl ConversationStore for Store {
    async fn open(
        &self,
        owner: &OwnerId,
        conversation: &Conversation,
        items: &[Arc<Item>],
    ) -> Result<(), StoreError> {
        answered(self.open_conversation(owner, conversation, items)).await
    }

    async fn conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        answered(self.find_conversation(owner, id)).await
    }

    async fn describe(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        metadata: &Json,
    ) -> Result<Option<Conversation>, StoreError> {
        answered(self.describe_conversation(owner, id, metadata)).await
    }

    async fn close(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError> {
        answered(self.close_conversation(owner, id)).await
    }

    async fn append(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        items: &[Arc<Item>],
    ) -> Result<bool, StoreError> {
        answered(self.put_into_conversation(owner, id, items)).await
    }

    async fn remove(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        item: ItemId,
    ) -> Result<bool, StoreError> {
        answered(self.take_out_of_conversation(owner, id, item)).await
    }

    async fn is_busy(&self, owner: &OwnerId, id: ConversationId) -> Result<bool, StoreError> {
        answered(self.has_open_responses(owner, id)).await
    }
}
