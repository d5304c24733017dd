//! One statement a commit: it begins and ends its own transaction, so a commit is one round trip, and
//! no lock outlives it. The response comes first; its items and executions follow from it.

use chrono::{DateTime, Utc};
use response_domain::ports::store::{Cause, StoreError};
use response_domain::work::{Guard, UnitOfWork};
use sqlx::Arguments;
use sqlx::postgres::PgArguments;

use crate::backend::Postgres;
use crate::error::from_sqlx;
use crate::row::{ExecutionRow, ItemRow, ResponseRow, Sink, insert_response, update_response};

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
        ) AS i
        ON CONFLICT (response_id, ordinal) DO UPDATE SET
            turn = excluded.turn, kind = excluded.kind, status = excluded.status, body = excluded.body
    ), executions AS (
        INSERT INTO tool_executions (
            response_id, ordinal, tool, server, status, turn, depth, started_at, duration_us, body
        )
        SELECT changed.id, e.* FROM changed, UNNEST(
            $24::int4[], $25::text[], $26::text[], $27::text[], $28::int4[], $29::int4[],
            $30::timestamptz[], $31::int8[], $32::text[]
        ) AS e
        ON CONFLICT (response_id, ordinal) DO UPDATE SET
            tool = excluded.tool, server = excluded.server, status = excluded.status,
            turn = excluded.turn, depth = excluded.depth, started_at = excluded.started_at,
            duration_us = excluded.duration_us, body = excluded.body
    )
    SELECT id FROM changed",
);

/// How often a commit is tried whose place in the conversation another one took first. Each time one of
/// them gets through, so this is how many may end at once in one conversation.
const PLACES: u32 = 64;

pub(super) async fn commit(
    database: &Postgres,
    work: &UnitOfWork,
    row: &ResponseRow<'_>,
) -> Result<(), StoreError> {
    let items: Vec<ItemRow> = work.items.iter().map(|item| ItemRow::of(item)).collect();
    let calls = work.executions.iter();
    let executions: Vec<ExecutionRow<'_>> = calls.map(|call| ExecutionRow::of(call)).collect();
    for _ in 0..PLACES {
        let (statement, arguments) = statement(work.guard, row, &items, &executions)?;
        match database.execute(statement, arguments).await {
            Ok(1..) => return Ok(()),
            Ok(0) => return Err(StoreError::Stale),
            Err(error) => match error
                .as_database_error()
                .and_then(|error| error.constraint())
            {
                Some("responses_pkey") => return Err(StoreError::Stale),
                Some("responses_appended") => {}
                _ => return Err(from_sqlx(error)),
            },
        }
    }
    Err(StoreError::Unavailable(
        "too many responses of one conversation ended at once".into(),
    ))
}

fn statement(
    guard: Guard,
    row: &ResponseRow<'_>,
    items: &[ItemRow],
    executions: &[ExecutionRow<'_>],
) -> Result<(&'static str, PgArguments), StoreError> {
    let mut bound = Bound::default();
    let statement = match guard {
        Guard::New(_) => {
            row.insert_into(&mut bound);
            if executions.is_empty() {
                NEW
            } else {
                NEW_WITH_EXECUTIONS
            }
        }
        Guard::Held(_) | Guard::Open => {
            row.update_into(&mut bound);
            CHANGED
        }
    };
    bound.items(items);
    if statement != NEW {
        bound.executions(executions);
    }
    match bound.fault {
        None => Ok((statement, bound.arguments)),
        Some(fault) => Err(StoreError::Failed(fault)),
    }
}

/// The values of a statement, and the first that could not be taken.
#[derive(Default)]
struct Bound {
    arguments: PgArguments,
    fault: Option<Cause>,
}

impl Bound {
    fn add<'v, T>(&mut self, value: T)
    where
        T: sqlx::Encode<'v, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        if let Err(fault) = self.arguments.add(value) {
            self.fault.get_or_insert(fault);
        }
    }

    /// One array a column: the same statement for any number of rows.
    fn column<'v, R, T>(&mut self, rows: &'v [R], value: impl Fn(&'v R) -> T)
    where
        Vec<T>: sqlx::Encode<'v, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.add(rows.iter().map(value).collect::<Vec<T>>());
    }

    fn items(&mut self, rows: &[ItemRow]) {
        self.column(rows, |row| row.ordinal);
        self.column(rows, |row| row.turn);
        self.column(rows, |row| row.kind);
        self.column(rows, |row| row.status);
        self.column(rows, |row| row.body.as_str());
    }

    fn executions(&mut self, rows: &[ExecutionRow<'_>]) {
        self.column(rows, |row| row.ordinal);
        self.column(rows, |row| &*row.tool);
        self.column(rows, |row| row.server.as_deref());
        self.column(rows, |row| row.status);
        self.column(rows, |row| row.turn);
        self.column(rows, |row| row.depth);
        self.column(rows, |row| row.started_at);
        self.column(rows, |row| row.duration_us);
        self.column(rows, |row| row.body.as_str());
    }
}

impl Sink for Bound {
    fn text(&mut self, value: Option<&str>) {
        self.add(value);
    }

    fn number(&mut self, value: Option<i32>) {
        self.add(value);
    }

    fn large(&mut self, value: Option<i64>) {
        self.add(value);
    }

    fn flag(&mut self, value: bool) {
        self.add(value);
    }

    fn moment(&mut self, value: Option<DateTime<Utc>>) {
        self.add(value);
    }
}
