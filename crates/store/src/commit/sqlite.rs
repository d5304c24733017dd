//! A short transaction on the one connection that writes. It is a writing one from its beginning, so
//! what it reads cannot change before it writes.

use chrono::{DateTime, Utc};
use response_domain::execution::Execution;
use response_domain::item::Item;
use response_domain::ports::store::StoreError;
use response_domain::work::{Guard, UnitOfWork};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, SqlErr, Statement, Value};

use crate::backend::Sqlite;
use crate::error::from_orm;
use crate::row::{ExecutionRow, ItemRow, ResponseRow, Sink};
use crate::statement::{insert_response, update_response};

const INSERT: &str = insert_response!();
const UPDATE: &str = update_response!();

const INSERT_ITEMS: &str = "INSERT INTO conversation_items
    (response_id, ordinal, turn, kind, status, body) VALUES ";
const REPLACE_ITEMS: &str = " ON CONFLICT (response_id, ordinal) DO UPDATE SET
    turn = excluded.turn, kind = excluded.kind, status = excluded.status, body = excluded.body";

const INSERT_EXECUTIONS: &str = "INSERT INTO tool_executions
    (response_id, ordinal, tool, server, status, turn, depth, started_at, duration_us, body) VALUES ";
const REPLACE_EXECUTIONS: &str = " ON CONFLICT (response_id, ordinal) DO UPDATE SET
    tool = excluded.tool, server = excluded.server, status = excluded.status, turn = excluded.turn,
    depth = excluded.depth, started_at = excluded.started_at, duration_us = excluded.duration_us,
    body = excluded.body";

/// How many rows one statement writes.
const ROWS: usize = 32;

pub(super) async fn commit(
    database: &Sqlite,
    work: &UnitOfWork,
    row: ResponseRow,
) -> Result<(), StoreError> {
    let mut bound = Bound::default();
    let statement = match work.guard {
        Guard::New(_) => {
            row.insert_values(&mut bound);
            INSERT
        }
        Guard::Held(_) | Guard::Open => {
            row.update_values(&mut bound);
            UPDATE
        }
    };
    let items = work
        .items
        .iter()
        .map(|item| item_values(&row.id, item))
        .collect();
    let calls = work
        .executions
        .iter()
        .map(|call| execution_values(&row.id, call))
        .collect();

    let transaction = database.begin_write().await.map_err(from_orm)?;
    let written = transaction
        .execute_raw(Statement::from_sql_and_values(
            DbBackend::Sqlite,
            statement,
            bound.0,
        ))
        .await;
    match written {
        Ok(done) if done.rows_affected() == 0 => return Err(StoreError::Stale),
        Ok(_) => {}
        // Only the id can be taken: places in a conversation are given under the lock.
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            return Err(StoreError::Stale);
        }
        Err(error) => return Err(from_orm(error)),
    }
    write_rows(&transaction, INSERT_ITEMS, items, REPLACE_ITEMS).await?;
    write_rows(&transaction, INSERT_EXECUTIONS, calls, REPLACE_EXECUTIONS).await?;
    transaction.commit().await.map_err(from_orm)
}

/// Writes `rows`, some at a time.
async fn write_rows(
    transaction: &DatabaseTransaction,
    insert: &str,
    rows: Vec<Vec<Value>>,
    replace: &str,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.peek() {
        let width = first.len();
        let some: Vec<Vec<Value>> = rows.by_ref().take(ROWS).collect();
        let row = format!("({})", vec!["?"; width].join(", "));
        let sql = format!("{insert}{}{replace}", vec![row; some.len()].join(", "));
        let values: Vec<Value> = some.into_iter().flatten().collect();
        transaction
            .execute_raw(Statement::from_sql_and_values(
                DbBackend::Sqlite,
                sql,
                values,
            ))
            .await
            .map_err(from_orm)?;
    }
    Ok(())
}

fn item_values(response: &str, item: &Item) -> Vec<Value> {
    let row = ItemRow::of(item);
    vec![
        response.into(),
        row.ordinal.into(),
        row.turn.into(),
        row.kind.into(),
        row.status.into(),
        row.body.into(),
    ]
}

fn execution_values(response: &str, call: &Execution) -> Vec<Value> {
    let row = ExecutionRow::of(call);
    vec![
        response.into(),
        row.ordinal.into(),
        row.tool.into(),
        row.server.into(),
        row.status.into(),
        row.turn.into(),
        row.depth.into(),
        row.started_at.into(),
        row.duration_us.into(),
        row.body.into(),
    ]
}

/// The values of a statement.
#[derive(Default)]
struct Bound(Vec<Value>);

impl Sink for Bound {
    fn text(&mut self, value: Option<&str>) {
        self.0.push(value.map(str::to_owned).into());
    }

    fn number(&mut self, value: Option<i32>) {
        self.0.push(value.into());
    }

    fn large(&mut self, value: Option<i64>) {
        self.0.push(value.into());
    }

    fn flag(&mut self, value: bool) {
        self.0.push(value.into());
    }

    fn moment(&mut self, value: Option<DateTime<Utc>>) {
        self.0.push(value.into());
    }
}
