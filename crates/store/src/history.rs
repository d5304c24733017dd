//! What came before a response. A response that continues another saw what that one saw, and what it
//! said; the first of such a chain may have attached to a conversation, and saw what had been appended to
//! it by then, but for what had been taken out, and nothing that came later.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::id::{ConversationId, ResponseId};
use response_domain::item::Item;
use response_domain::ports::store::{History, StoreError};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Statement, Value};

use crate::Store;
use crate::conversation::is_there;
use crate::entity::{item, response};
use crate::error::{corrupt, from_orm};
use crate::read::is_of;
use crate::record::word;
use crate::{plain, restore};

/// The items of a chain, oldest first. Deleted responses are links of it without items. Only the first of
/// a chain can have attached to a conversation, and `conversation_seen` is 0 when it did not.
const CHAIN: &str = "WITH RECURSIVE chain AS (
        SELECT id, previous_response_id, conversation_id, conversation_seen, 0 AS depth
        FROM responses WHERE owner IS NOT DISTINCT FROM $1 AND id = $2
        UNION ALL
        SELECT r.id, r.previous_response_id, r.conversation_id, r.conversation_seen, c.depth + 1
        FROM chain c JOIN responses r ON r.id = c.previous_response_id
            AND r.owner IS NOT DISTINCT FROM $1
    ), parts AS (
        SELECT id, 1 AS part, -depth AS place, NULL AS seen FROM chain
        UNION ALL
        SELECT r.id, 0, r.conversation_position, c.conversation_seen
        FROM chain c JOIN responses r
            ON r.conversation_id = c.conversation_id AND r.owner = $1
            AND r.conversation_position <= c.conversation_seen
        WHERE c.previous_response_id IS NULL
    )
    SELECT i.response_id, i.ordinal, i.turn, i.kind, i.status, i.body
    FROM parts p JOIN conversation_items i ON i.response_id = p.id
        AND (i.removed_position IS NULL OR p.seen IS NULL OR i.removed_position > p.seen)
    ORDER BY p.part, p.place, i.ordinal";

/// The last place that is taken in a conversation, if that is there.
const LAST: &str = concat!(
    "SELECT COALESCE((
        SELECT MAX(r.conversation_position) FROM responses r
        WHERE r.conversation_id = $2 AND r.owner IS NOT DISTINCT FROM $1
    ), 0) AS last WHERE ",
    is_there!()
);

/// The items of a conversation up to this place, in the order in which they were appended.
const CONVERSATION: &str = "SELECT i.response_id, i.ordinal, i.turn, i.kind, i.status, i.body
    FROM responses r JOIN conversation_items i ON i.response_id = r.id
    WHERE r.owner IS NOT DISTINCT FROM $1 AND r.conversation_id = $2
        AND r.conversation_position <= $3
        AND (i.removed_position IS NULL OR i.removed_position > $3)
    ORDER BY r.conversation_position, i.ordinal";

impl Store {
    pub(crate) async fn history_of_response(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<History>, StoreError> {
        let key = id.to_string();
        let found: Option<(String, String)> = response::Entity::find()
            .select_only()
            .column(response::Column::ConversationId)
            .column(response::Column::Status)
            .filter(response::Column::Id.eq(key.as_str()))
            .filter(is_of(owner))
            .filter(response::Column::DeletedAt.is_null())
            .into_tuple()
            .one(self.backend().reader())
            .await
            .map_err(from_orm)?;
        let Some((conversation, status)) = found else {
            return Ok(None);
        };
        let unreadable = |error| corrupt("responses", id, error);
        Ok(Some(History {
            conversation: restore::id(&conversation).map_err(unreadable)?,
            status: Some(word::read(&status).map_err(unreadable)?),
            seen: 0,
            items: self.past(CHAIN, vec![text(owner), key.into()]).await?,
        }))
    }

    pub(crate) async fn history_of_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<Option<History>, StoreError> {
        let key = id.to_string();
        let found = self.rows(LAST, |sink| {
            sink.text(Some(&plain::write(owner.as_str())));
            sink.text(Some(&key));
        });
        let found = found.await?;
        let Some(found) = found.first() else {
            return Ok(None);
        };
        let last: i32 = found.try_get("", "last").map_err(from_orm)?;
        let seen = restore::number(last).map_err(|error| corrupt("conversation", id, error))?;
        let values = vec![text(owner), key.into(), last.into()];
        Ok(Some(History {
            conversation: id,
            status: None,
            seen,
            items: self.past(CONVERSATION, values).await?,
        }))
    }

    async fn past(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Arc<Item>>, StoreError> {
        let connection = self.backend().reader();
        let statement =
            Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        let rows = item::Entity::find()
            .from_raw_sql(statement)
            .all(connection)
            .await
            .map_err(from_orm)?;
        rows.iter().map(restore::item).collect()
    }
}

fn text(owner: &OwnerId) -> Value {
    plain::write(owner.as_str()).into_owned().into()
}
