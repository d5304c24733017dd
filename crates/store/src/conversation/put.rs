//! Items that an owner puts into a conversation. They share a parent as the items of a response do, and take
//! the next place of the conversation together, so that who attached before does not see them.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::conversation::Conversation;
use response_domain::id::{ConversationId, ResponseId};
use response_domain::item::Item;
use response_domain::ports::store::{Cause, StoreError};
use sea_orm::DatabaseTransaction;
use sqlx::postgres::PgArguments;

use super::{is_there, name, put_there};
use crate::Store;
use crate::backend::{Backend, Sqlite};
use crate::commit::{Bound, postgres, sqlite, unwritable};
use crate::error::from_orm;
use crate::plain;
use crate::row::{ItemRow, Sink, Unwritable, Values};

/// The row `$3` that holds the place, of the conversation `$2` and the owner `$1`.
macro_rules! hold_place {
    ($database:ident, id: $id:literal, status: $status:expr, from: $from:expr) => {
        concat!(
            "INSERT INTO responses (
                id, owner, conversation_id, conversation_position, conversation_seen, status,
                background, model, created_at, ended_at, updated_at, deleted_at,
                turns, rounds, tool_calls, spec, progress
            )
            SELECT ",
            $id,
            ", $1, $2, (
                SELECT COALESCE(MAX(o.conversation_position), 0) + 1 FROM responses o
                WHERE o.conversation_id = $2
            ), 0, ",
            $status,
            ", FALSE, '', now.at, now.at, now.at, now.at, 0, 0, 0, '', ''
            FROM (SELECT ",
            crate::both::clock!($database),
            " AS at) AS now",
            $from
        )
    };
}

pub(super) use hold_place;

macro_rules! put {
    ($database:ident) => {
        hold_place!(
            $database,
            id: "$3",
            status: put_there!(),
            from: concat!(" WHERE ", is_there!())
        )
    };
}

const PUT_SQLITE: &str = put!(sqlite);

const PUT_POSTGRES: &str = concat!(
    "WITH place AS (",
    put!(postgres),
    " RETURNING id
    ), items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT place.id, i.* FROM place, UNNEST(
            $4::int4[], $5::int4[], $6::text[], $7::text[], $8::text[]
        ) AS i
    )
    SELECT id FROM place"
);

/// A conversation that is there, without items: nothing is written.
const THERE: &str = concat!("SELECT 1 AS found WHERE ", is_there!());

macro_rules! insert_conversation {
    ($id:literal, $owner:literal, $created:literal, $metadata:literal) => {
        concat!(
            "INSERT INTO conversations (id, owner, created_at, metadata) VALUES (",
            $id,
            ", ",
            $owner,
            ", ",
            $created,
            ", ",
            $metadata,
            ")"
        )
    };
}

const OPEN_SQLITE: &str = insert_conversation!("$1", "$2", "$3", "$4");
const FIRST_SQLITE: &str =
    hold_place!(sqlite, id: "$3", status: put_there!(), from: " WHERE $3 IS NOT NULL");

/// The conversation, and what it begins with, if that is anything.
const OPEN_POSTGRES: &str = concat!(
    "WITH conversation AS (",
    insert_conversation!("$2", "$1", "$9", "$10"),
    " RETURNING id
    ), place AS (",
    hold_place!(
        postgres,
        id: "$3",
        status: put_there!(),
        from: ", conversation WHERE $3 IS NOT NULL"
    ),
    " RETURNING id
    ), items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT place.id, i.* FROM place, UNNEST(
            $4::int4[], $5::int4[], $6::text[], $7::text[], $8::text[]
        ) AS i
    )
    SELECT id FROM conversation"
);

/// Items with one parent, which their row is named by.
struct Together {
    parent: Option<String>,
    rows: Vec<ItemRow>,
}

impl Together {
    fn of(items: &[Arc<Item>]) -> Result<Self, StoreError> {
        let parent = items.first().map(|item| item.id.parent);
        if items.iter().any(|item| Some(item.id.parent) != parent) {
            return Err(unwritable(Unwritable::Stranger));
        }
        Ok(Self {
            parent: parent.map(|parent| ResponseId::new(parent).to_string()),
            rows: items.iter().map(|item| ItemRow::of(item)).collect(),
        })
    }

    fn bind(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        more: impl Fn(&mut Bound),
    ) -> Result<PgArguments, Cause> {
        let mut bound = Bound::default();
        name(&mut bound, owner, id);
        bound.text(self.parent.as_deref());
        bound.items(self.rows.iter());
        more(&mut bound);
        bound.finish()
    }

    /// Writes the row by `statement`, and the items. `false` when the statement wrote none.
    async fn write(
        self,
        transaction: &DatabaseTransaction,
        statement: &'static str,
        owner: &OwnerId,
        id: ConversationId,
    ) -> Result<bool, StoreError> {
        let Some(parent) = self.parent else {
            return Ok(true);
        };
        let mut values = Values::default();
        name(&mut values, owner, id);
        values.text(Some(&parent));
        if sqlite::execute(transaction, statement, values.0).await? == 0 {
            return Ok(false);
        }
        sqlite::write_items(transaction, &parent, self.rows).await?;
        Ok(true)
    }
}

impl Store {
    pub(super) async fn open_conversation(
        &self,
        owner: &OwnerId,
        conversation: &Conversation,
        items: &[Arc<Item>],
    ) -> Result<(), StoreError> {
        let items = Together::of(items)?;
        match self.backend() {
            Backend::Sqlite(database) => open(database, owner, conversation, items).await,
            Backend::Postgres(database) => {
                let arguments = || {
                    items.bind(owner, conversation.id, |bound| {
                        bound.moment(Some(conversation.created.to_utc()));
                        bound.text(Some(conversation.metadata.as_str()));
                    })
                };
                let opened = postgres::write(database, OPEN_POSTGRES, arguments).await;
                opened.map(drop)
            }
        }
    }

    pub(super) async fn put_into_conversation(
        &self,
        owner: &OwnerId,
        id: ConversationId,
        items: &[Arc<Item>],
    ) -> Result<bool, StoreError> {
        let items = Together::of(items)?;
        if items.parent.is_none() {
            let found = self.rows(THERE, |sink| name(sink, owner, id)).await?;
            return Ok(!found.is_empty());
        }
        match self.backend() {
            Backend::Sqlite(database) => {
                let transaction = database.begin_write().await.map_err(from_orm)?;
                let is_put = items.write(&transaction, PUT_SQLITE, owner, id).await?;
                transaction.commit().await.map_err(from_orm)?;
                Ok(is_put)
            }
            Backend::Postgres(database) => {
                let arguments = || items.bind(owner, id, |_| ());
                let put = postgres::write_any(database, PUT_POSTGRES, arguments).await?;
                Ok(put > 0)
            }
        }
    }
}

async fn open(
    database: &Sqlite,
    owner: &OwnerId,
    conversation: &Conversation,
    items: Together,
) -> Result<(), StoreError> {
    let mut values = Values::default();
    values.text(Some(&conversation.id.to_string()));
    values.text(Some(&plain::write(owner.as_str())));
    values.moment(Some(conversation.created.to_utc()));
    values.text(Some(conversation.metadata.as_str()));
    let transaction = database.begin_write().await.map_err(from_orm)?;
    sqlite::execute(&transaction, OPEN_SQLITE, values.0).await?;
    items
        .write(&transaction, FIRST_SQLITE, owner, conversation.id)
        .await?;
    transaction.commit().await.map_err(from_orm)
}
