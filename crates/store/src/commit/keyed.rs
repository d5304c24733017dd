//! The first write of a response under a key of its caller. The key comes first and all else follows from
//! it: while it stands for another response nothing is written, and of two that come at once the second
//! waits for the first.

use response_domain::ports::idempotency::{IdempotencyKey, KEY_LIFE};
use response_domain::ports::store::StoreError;
use response_domain::work::{Committed, Guard, UnitOfWork};
use sea_orm::DatabaseTransaction;

use super::bound::Bound;
use super::postgres::{begins_late, execution_rows, write_any};
use super::{committed, sqlite, unwritable};
use crate::Store;
use crate::backend::{Backend, Postgres};
use crate::error::from_orm;
use crate::keys::{before, seconds};
use crate::plain;
use crate::row::{Background, ItemRow, ResponseRow, Sink, Unwritable, Values};
use crate::statement::insert_response;

/// The key `$key` of the owner `$owner` stands for the response `$1` from now on, unless it stands for one
/// already and is not past its life.
macro_rules! take_key {
    ($database:ident, $owner:literal, $key:literal, $fingerprint:literal, $life:literal) => {
        concat!(
            "INSERT INTO idempotency_keys (owner, key, fingerprint, response_id, created_at)
            VALUES (",
            $owner,
            ", ",
            $key,
            ", ",
            $fingerprint,
            ", $1, ",
            crate::both::clock!($database),
            ")
            ON CONFLICT (owner, key) DO UPDATE SET
                fingerprint = excluded.fingerprint, response_id = excluded.response_id,
                created_at = excluded.created_at
            WHERE idempotency_keys.created_at < ",
            before!($database, $life)
        )
    };
}

const TAKE_SQLITE: &str = take_key!(sqlite, "$2", "$3", "$4", "$5");

/// A new response with all that it may have outside the queue. What is not there is not written: the key is
/// asked for by everything else.
const NEW: &str = concat!(
    "WITH key AS (",
    take_key!(postgres, "$2", "$41", "$42", "$43"),
    " RETURNING response_id
    ), items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT key.response_id, i.* FROM key, UNNEST(
            $27::int4[], $28::int4[], $29::text[], $30::text[], $31::text[]
        ) AS i
    ), executions AS (
        INSERT INTO tool_executions (
            response_id, ordinal, tool, server, status, turn, depth, started_at, duration_us, body
        )
        SELECT key.response_id, e.* FROM key, UNNEST(
            $32::int4[], $33::text[], $34::text[], $35::text[], $36::int4[], $37::int4[],
            $38::timestamptz[], $39::int8[], $40::text[]
        ) AS e
    ) ",
    insert_response!(columns: "", values: "", from: " FROM key"),
);

/// The same for one that goes into the queue.
const QUEUED: &str = concat!(
    "WITH key AS (",
    take_key!(postgres, "$2", "$40", "$41", "$42"),
    " RETURNING response_id
    ), items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT key.response_id, i.* FROM key, UNNEST(
            $29::int4[], $30::int4[], $31::text[], $32::text[], $33::text[]
        ) AS i
    ), job AS (
        INSERT INTO response_jobs (response_id, owner, queued_at, request_id, lease, attempt, losses)
        SELECT key.response_id, $2, clock_timestamp(), $34, 0, 0, 0 FROM key
    ), secret AS (
        INSERT INTO response_secrets (response_id, key_id, sealed)
        SELECT key.response_id, $35, $36 FROM key WHERE $35 IS NOT NULL
    ), log AS (
        INSERT INTO response_events (response_id, number, length, at, body)
        SELECT key.response_id, $37, $38, clock_timestamp(), $39 FROM key WHERE $38 > 0
    ) ",
    insert_response!(
        columns: ", checkpoint, logged",
        values: ", $27, $28",
        from: " FROM key"
    ),
);

impl Store {
    /// `None` when the key stands for a response already; nothing is written then.
    pub(crate) async fn write_keyed(
        &self,
        work: &UnitOfWork,
        key: &IdempotencyKey,
    ) -> Result<Option<Committed>, StoreError> {
        if !matches!(work.guard, Guard::New(_) | Guard::Queued(_)) {
            return Err(unwritable(Unwritable::NotFirst));
        }
        let row = ResponseRow::of(work).map_err(unwritable)?;
        let beside = Background::of(work).map_err(unwritable)?;
        match self.backend() {
            Backend::Sqlite(database) => {
                let parts = sqlite::Parts::of(work, &row);
                let transaction = database.begin_write().await.map_err(from_orm)?;
                if !take(&transaction, &row, key).await? {
                    return Ok(None);
                }
                let told = sqlite::write(&transaction, parts, &row, beside.as_ref()).await?;
                transaction.commit().await.map_err(from_orm)?;
                Ok(Some(committed(told)))
            }
            Backend::Postgres(database) => {
                let rows = insert(database, work, &row, beside.as_ref(), key).await?;
                Ok((rows > 0).then(Committed::default))
            }
        }
    }
}

async fn take(
    transaction: &DatabaseTransaction,
    row: &ResponseRow,
    key: &IdempotencyKey,
) -> Result<bool, StoreError> {
    let mut values = Values::default();
    values.text(Some(&row.id));
    values.text(Some(&row.owner));
    give(&mut values, key);
    Ok(sqlite::execute(transaction, TAKE_SQLITE, values.0).await? > 0)
}

/// Three values.
fn give(sink: &mut impl Sink, key: &IdempotencyKey) {
    sink.text(Some(&plain::write(&key.text)));
    sink.bytes(Some(&key.fingerprint.0));
    sink.large(Some(seconds(KEY_LIFE)));
}

async fn insert(
    database: &Postgres,
    work: &UnitOfWork,
    row: &ResponseRow,
    beside: Option<&Background>,
    key: &IdempotencyKey,
) -> Result<u64, StoreError> {
    if begins_late(beside) {
        return Err(StoreError::Stale);
    }
    let items: Vec<ItemRow> = work.items.iter().map(|item| ItemRow::of(item)).collect();
    let executions = execution_rows(work);
    let arguments = || {
        let mut bound = Bound::default();
        row.insert_values(&mut bound);
        if let Some(beside) = beside {
            bound.queue(beside, &items);
        } else {
            bound.items(items.iter());
            bound.executions(&executions);
        }
        give(&mut bound, key);
        bound.finish()
    };
    let statement = if beside.is_some() { QUEUED } else { NEW };
    write_any(database, statement, arguments).await
}
