//! One statement a commit: it begins and ends its own transaction, so a commit is one round trip, and
//! no lock outlives it. The response comes first; its items and executions follow from it.

use response_domain::ports::store::{Cause, StoreError};
use response_domain::work::{Committed, Guard, UnitOfWork};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgArguments;

use super::background;
use super::bound::Bound;
use super::together::{New, Together};
use crate::backend::Postgres;
use crate::error::from_sqlx;
use crate::row::{Background, ExecutionRow, ItemRow, ResponseRow};
use crate::statement::{insert_response, replace_execution, replace_item, update_response};

/// A new response and its items: the whole of a short answer.
const NEW: &str = concat!(
    "WITH items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT $1, i.* FROM UNNEST($27::int4[], $28::int4[], $29::text[], $30::text[], $31::text[]) AS i
    ) ",
    insert_response!(),
);

/// The same, with executions.
const NEW_WITH_EXECUTIONS: &str = concat!(
    "WITH items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT $1, i.* FROM UNNEST($27::int4[], $28::int4[], $29::text[], $30::text[], $31::text[]) AS i
    ), executions AS (
        INSERT INTO tool_executions (
            response_id, ordinal, tool, server, status, turn, depth, started_at, duration_us, body
        )
        SELECT $1, e.* FROM UNNEST(
            $32::int4[], $33::text[], $34::text[], $35::text[], $36::int4[], $37::int4[],
            $38::timestamptz[], $39::int8[], $40::text[]
        ) AS e
    ) ",
    insert_response!(),
);

/// A response that is there already. Items and executions are written only when it was, and after it:
/// they read what it returns.
const CHANGED: &str = concat!(
    "WITH changed AS (",
    update_response!(),
    " RETURNING id
    ), items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT changed.id, i.* FROM changed, UNNEST(
            $19::int4[], $20::int4[], $21::text[], $22::text[], $23::text[]
        ) AS i",
    replace_item!(),
    "
    ), executions AS (
        INSERT INTO tool_executions (
            response_id, ordinal, tool, server, status, turn, depth, started_at, duration_us, body
        )
        SELECT changed.id, e.* FROM changed, UNNEST(
            $24::int4[], $25::text[], $26::text[], $27::text[], $28::int4[], $29::int4[],
            $30::timestamptz[], $31::int8[], $32::text[]
        ) AS e",
    replace_execution!(),
    "
    )
    SELECT id FROM changed",
);

/// How often a commit is tried whose place in the conversation another one took first. Each time one of
/// them gets through, so this is how many may end at once in one conversation.
const PLACES: u32 = 64;

pub(super) async fn commit(
    database: &Postgres,
    together: &Together,
    work: &UnitOfWork,
    row: ResponseRow,
    beside: Option<Background>,
) -> Result<Committed, StoreError> {
    let items: Vec<ItemRow> = work.items.iter().map(|item| ItemRow::of(item)).collect();
    let executions = execution_rows(work);
    match (&work.guard, beside) {
        (Guard::New(_) | Guard::Queued(_), beside) if executions.is_empty() => {
            if begins_late(beside.as_ref()) {
                return Err(StoreError::Stale);
            }
            let new = New { row, items, beside };
            together.write(database, new).await?;
            Ok(Committed::default())
        }
        (_, Some(beside)) => background::change(database, &row, &items, &executions, &beside).await,
        (Guard::New(_) | Guard::Queued(_), None) => {
            let arguments = || {
                let mut bound = Bound::default();
                row.insert_values(&mut bound);
                bound.items(items.iter());
                bound.executions(&executions);
                bound.finish()
            };
            write(database, NEW_WITH_EXECUTIONS, arguments).await?;
            Ok(Committed::default())
        }
        (Guard::Held(_) | Guard::Leased(_) | Guard::Open, None) => {
            let arguments = || {
                let mut bound = Bound::default();
                row.update_values(&mut bound);
                bound.items(items.iter());
                bound.executions(&executions);
                bound.finish()
            };
            write(database, CHANGED, arguments).await?;
            Ok(Committed::default())
        }
    }
}

/// Writes a new response without executions by itself.
pub(super) async fn alone(
    database: &Postgres,
    row: &ResponseRow,
    items: &[ItemRow],
) -> Result<(), StoreError> {
    let arguments = || {
        let mut bound = Bound::default();
        row.insert_values(&mut bound);
        bound.items(items.iter());
        bound.finish()
    };
    write(database, NEW, arguments).await.map(drop)
}

/// Whether a log would not begin with its first event.
pub(super) fn begins_late(beside: Option<&Background>) -> bool {
    let log = beside.and_then(|beside| beside.log.as_ref());
    log.is_some_and(|log| log.number != 0)
}

pub(super) fn execution_rows(work: &UnitOfWork) -> Vec<ExecutionRow> {
    let calls = work.executions.iter();
    calls.map(|call| ExecutionRow::of(call)).collect()
}

/// Runs a statement; answers how many rows it wrote or returned, at least one.
pub(crate) async fn write(
    database: &Postgres,
    statement: &'static str,
    arguments: impl Fn() -> Result<PgArguments, Cause>,
) -> Result<u64, StoreError> {
    match write_any(database, statement, arguments).await? {
        0 => Err(StoreError::Stale),
        rows => Ok(rows),
    }
}

/// Runs a statement; answers how many rows it wrote or returned. It is run again when another took the place
/// in the conversation first.
pub(crate) async fn write_any(
    database: &Postgres,
    statement: &'static str,
    arguments: impl Fn() -> Result<PgArguments, Cause>,
) -> Result<u64, StoreError> {
    for _ in 0..PLACES {
        let arguments = arguments().map_err(StoreError::Failed)?;
        match database.writers.execute(statement, arguments).await {
            Ok(rows) => return Ok(rows),
            Err(error) => match error
                .as_database_error()
                .and_then(DatabaseError::constraint)
            {
                Some(
                    "responses_pkey"
                    | "api_keys_pkey"
                    | "api_keys_digest"
                    | "conversations_pkey"
                    | "response_jobs_pkey"
                    | "response_events_pkey"
                    | "response_secrets_pkey",
                ) => return Err(StoreError::Stale),
                Some("responses_appended") => {}
                _ => return Err(from_sqlx(error)),
            },
        }
    }
    Err(StoreError::Unavailable(
        "too many responses of one conversation ended at once".into(),
    ))
}
