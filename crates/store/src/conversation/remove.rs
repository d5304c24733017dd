//! Taking an item out of a conversation. One that its owner put there is gone. One of a response stays with
//! that, and the removal takes a place: who attached to the conversation before that place saw the item, and
//! whoever comes later does not.

use response_domain::caller::OwnerId;
use response_domain::id::{ConversationId, ItemId, ResponseId};
use response_domain::ports::store::StoreError;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};

use super::put::hold_place;
use super::{is_there, name, put_there, taken_out};
use crate::Store;
use crate::backend::{Backend, Sqlite};
use crate::commit::{Bound, postgres, sqlite};
use crate::error::from_orm;
use crate::row::{self, Sink, Values};

/// The item `$4` of `$3`, if it is in the conversation.
macro_rules! target {
    () => {
        concat!(
            "SELECT i.response_id, i.ordinal, CASE WHEN r.status = ",
            put_there!(),
            " THEN 1 ELSE 0 END AS by_hand
            FROM conversation_items i JOIN responses r ON r.id = i.response_id
            WHERE i.response_id = $3 AND i.ordinal = $4 AND i.removed_position IS NULL
                AND r.owner IS NOT DISTINCT FROM $1 AND r.conversation_id = $2
                AND r.conversation_position IS NOT NULL AND ",
            is_there!()
        )
    };
}

/// The row that holds the place is named by the item.
const TAKE_POSTGRES: &str = concat!(
    "WITH target AS MATERIALIZED (",
    target!(),
    " FOR UPDATE OF i
    ), gone AS (
        DELETE FROM conversation_items i USING target t
        WHERE t.by_hand = 1 AND i.response_id = t.response_id AND i.ordinal = t.ordinal
    ), place AS (",
    hold_place!(
        postgres,
        id: "$5",
        status: taken_out!(),
        from: ", target WHERE target.by_hand = 0"
    ),
    " RETURNING conversation_position
    ), marked AS (
        UPDATE conversation_items i SET removed_position = place.conversation_position
        FROM place, target t WHERE i.response_id = t.response_id AND i.ordinal = t.ordinal
    )
    SELECT response_id FROM target"
);

const TARGET_SQLITE: &str = target!();
const ERASE_SQLITE: &str = "DELETE FROM conversation_items WHERE response_id = $1 AND ordinal = $2";
const PLACE_SQLITE: &str = hold_place!(sqlite, id: "$3", status: taken_out!(), from: "");
const MARK_SQLITE: &str = "UPDATE conversation_items SET removed_position = (
        SELECT r.conversation_position FROM responses r WHERE r.id = $3
    ) WHERE response_id = $1 AND ordinal = $2";

impl Store {
    pub(super) async fn take_out_of_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        item: ItemId,
    ) -> Result<bool, StoreError> {
        let taken = match self.backend() {
            Backend::Sqlite(database) => take_out(database, owner, id, item).await,
            Backend::Postgres(database) => {
                let arguments = || {
                    let mut bound = Bound::default();
                    address(&mut bound, owner, id, item);
                    bound.text(Some(&item.to_string()));
                    bound.finish()
                };
                let taken = postgres::write_any(database, TAKE_POSTGRES, arguments).await;
                taken.map(|taken| taken > 0)
            }
        };
        self.housekeeping().note_erased();
        taken
    }
}

fn address(sink: &mut dyn Sink, owner: &OwnerId, id: ConversationId, item: ItemId) {
    name(sink, owner, id);
    sink.text(Some(&ResponseId::new(item.parent).to_string()));
    sink.number(Some(row::ordinal(item.ordinal)));
}

async fn take_out(
    database: &Sqlite,
    owner: &OwnerId,
    id: ConversationId,
    item: ItemId,
) -> Result<bool, StoreError> {
    let transaction = database.begin_write().await.map_err(from_orm)?;
    let Some(by_hand) = target(&transaction, owner, id, item).await? else {
        return Ok(false);
    };
    let of_item = || {
        let mut values = Values::default();
        values.text(Some(&ResponseId::new(item.parent).to_string()));
        values.number(Some(row::ordinal(item.ordinal)));
        values
    };
    if by_hand {
        sqlite::execute(&transaction, ERASE_SQLITE, of_item().0).await?;
    } else {
        let link = item.to_string();
        let mut place = Values::default();
        name(&mut place, owner, id);
        place.text(Some(&link));
        sqlite::execute(&transaction, PLACE_SQLITE, place.0).await?;
        let mut mark = of_item();
        mark.text(Some(&link));
        sqlite::execute(&transaction, MARK_SQLITE, mark.0).await?;
    }
    transaction.commit().await.map_err(from_orm)?;
    Ok(true)
}

/// Whether the item was put there by its owner, if it is in the conversation.
async fn target(
    transaction: &DatabaseTransaction,
    owner: &OwnerId,
    id: ConversationId,
    item: ItemId,
) -> Result<Option<bool>, StoreError> {
    let mut values = Values::default();
    address(&mut values, owner, id, item);
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, TARGET_SQLITE, values.0);
    let found = transaction
        .query_one_raw(statement)
        .await
        .map_err(from_orm)?;
    let by_hand = found.map(|row| row.try_get::<i32>("", "by_hand").map_err(from_orm));
    Ok(by_hand.transpose()?.map(|by_hand| by_hand == 1))
}
