//! A short transaction on the one connection that writes. It is a writing one from its beginning, so
//! what it reads cannot change before it writes.

use response_domain::execution::Execution;
use response_domain::ports::store::StoreError;
use response_domain::work::{Committed, Guard, UnitOfWork};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, SqlErr, Statement, Value};

use super::committed;
use crate::backend::Sqlite;
use crate::error::from_orm;
use crate::row::{
    Background, ExecutionRow, ItemRow, JobRow, LogRow, NoticeRow, ResponseRow, Sink, Values,
    entries,
};
use crate::statement::{
    end_of_log, insert_response, now_sqlite, replace_execution, replace_item, update_response,
};

const INSERT: &str = insert_response!();
const UPDATE: &str = update_response!();

/// The same for a response of the queue, with its checkpoint and the length of its log.
const INSERT_QUEUED: &str = insert_response!(columns: ", checkpoint, logged", values: ", $27, $28");
const UPDATE_QUEUED: &str = update_response!(
    set: ", checkpoint = CASE WHEN $11 IS NULL THEN COALESCE($19, checkpoint) END,
            logged = CASE WHEN $20 > logged THEN $20 ELSE logged END",
    from: "",
    only: ""
);

const INSERT_ITEMS: &str = "INSERT INTO conversation_items
    (response_id, ordinal, turn, kind, status, body) VALUES ";

const INSERT_EXECUTIONS: &str = "INSERT INTO tool_executions
    (response_id, ordinal, tool, server, status, turn, depth, started_at, duration_us, body) VALUES ";

const LOGGED: &str = concat!("SELECT ", end_of_log!("$1"), " AS logged");

const INSERT_JOB: &str =
    concat!(
    "INSERT INTO response_jobs (response_id, owner, queued_at, request_id, lease, attempt, losses)
    VALUES ($1, $2, ", now_sqlite!(), ", $3, 0, 0, 0)"
);
const INSERT_SECRET: &str =
    "INSERT INTO response_secrets (response_id, key_id, sealed) VALUES ($1, $2, $3)";

/// Whether the job is there and is held by `$2`, if that is somebody.
const HELD: &str = "SELECT 1 AS held FROM response_jobs
    WHERE response_id = $1 AND ($2 IS NULL OR (worker_id = $2 AND lease = $3))";
const END_JOB: &str = "DELETE FROM response_jobs
    WHERE response_id = $1 AND ($2 IS NULL OR (worker_id = $2 AND lease = $3))";
const ERASE_SECRET: &str = "DELETE FROM response_secrets WHERE response_id = $1";

const INSERT_LOG: &str = concat!(
    "INSERT INTO response_events (response_id, number, length, at, body)
    VALUES ($1, $2, $3, ",
    now_sqlite!(),
    ", $4)"
);

/// See the deliveries of PostgreSQL, which says it in other words.
pub(crate) const TELL: &str = concat!(
    "INSERT INTO webhook_deliveries (
        response_id, endpoint_id, owner, event, callback_url, created_at, state, due_at,
        lane, tried, attempts, lease
    )
    SELECT $1, who.endpoint_id, $2, who.event, who.url, $3, 'pending', ",
    now_sqlite!(),
    ", who.lane, 0, 0, 0
    FROM (
        SELECT '' AS endpoint_id, $4 AS event, $6 AS url, 0 AS lane WHERE $6 IS NOT NULL
        UNION ALL
        SELECT e.id, CASE e.payload WHEN 'thin' THEN $5 ELSE $4 END, NULL,
            CASE WHEN e.failing_since IS NULL THEN 0 ELSE 1 END
        FROM webhook_endpoints e
        WHERE e.owner = $2 AND e.disabled_at IS NULL AND CASE e.payload
            WHEN 'thin' THEN instr(e.events, $10) OR instr(e.events, $11) OR instr(e.events, $12)
            ELSE instr(e.events, $7) OR instr(e.events, $8) OR instr(e.events, $9)
        END
    ) AS who"
);

/// How many rows one statement writes.
const ROWS: usize = 32;

pub(super) async fn commit(
    database: &Sqlite,
    work: &UnitOfWork,
    row: &ResponseRow,
    beside: Option<&Background>,
) -> Result<Committed, StoreError> {
    let parts = Parts::of(work, row);
    let transaction = database.begin_write().await.map_err(from_orm)?;
    let told = write(&transaction, parts, row, beside).await?;
    transaction.commit().await.map_err(from_orm)?;
    Ok(committed(told))
}

/// What is written beside the row, made before anybody has to wait for it.
pub(super) struct Parts {
    new: bool,
    items: Vec<ItemRow>,
    calls: Vec<Vec<Value>>,
}

impl Parts {
    pub(super) fn of(work: &UnitOfWork, row: &ResponseRow) -> Self {
        let calls = work.executions.iter();
        Self {
            new: matches!(work.guard, Guard::New(_) | Guard::Queued(_)),
            items: work.items.iter().map(|item| ItemRow::of(item)).collect(),
            calls: calls.map(|call| execution_values(&row.id, call)).collect(),
        }
    }
}

/// Writes a unit of work; answers how many deliveries it made.
pub(super) async fn write(
    transaction: &DatabaseTransaction,
    parts: Parts,
    row: &ResponseRow,
    beside: Option<&Background>,
) -> Result<u64, StoreError> {
    let Parts { new, items, calls } = parts;
    let mut bound = Values::default();
    if new {
        row.insert_values(&mut bound);
    } else {
        row.update_values(&mut bound);
    }
    if let Some(beside) = beside {
        take_job(transaction, row, beside).await?;
        bound.text(beside.checkpoint.as_deref());
        bound.large(Some(beside.settled));
    }
    let statement = match (new, beside) {
        (true, None) => INSERT,
        (true, Some(_)) => INSERT_QUEUED,
        (false, None) => UPDATE,
        (false, Some(_)) => UPDATE_QUEUED,
    };
    if execute(transaction, statement, bound.0).await? == 0 {
        return Err(StoreError::Stale);
    }
    write_items(transaction, &row.id, items).await?;
    write_rows(transaction, INSERT_EXECUTIONS, calls, replace_execution!()).await?;
    if let Some(log) = beside.and_then(|beside| beside.log.as_ref()) {
        execute(transaction, INSERT_LOG, log_values(&row.id, log)).await?;
    }
    match beside.and_then(|beside| beside.notice.as_ref()) {
        Some(notice) => execute(transaction, TELL, notice_values(row, notice)).await,
        None => Ok(0),
    }
}

/// Makes the job, takes it out when the response has ended, or sees that it is there; and sees that the log
/// ends where the new events begin.
async fn take_job(
    transaction: &DatabaseTransaction,
    row: &ResponseRow,
    beside: &Background,
) -> Result<(), StoreError> {
    if let Some(log) = &beside.log
        && log.number != logged(transaction, &row.id).await?
    {
        return Err(StoreError::Stale);
    }
    if let Some(job) = &beside.job {
        return make_job(transaction, row, job).await;
    }
    let holder = beside.holder.as_ref();
    let values = vec![
        row.id.as_str().into(),
        holder.map(|holder| holder.worker.clone()).into(),
        holder.map(|holder| holder.token).into(),
    ];
    let there = if beside.ended {
        let gone = execute(transaction, END_JOB, values).await?;
        execute(transaction, ERASE_SECRET, vec![row.id.as_str().into()]).await?;
        gone > 0
    } else {
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, HELD, values);
        let held = transaction.query_one_raw(statement).await;
        held.map_err(from_orm)?.is_some()
    };
    if there {
        Ok(())
    } else {
        Err(StoreError::Stale)
    }
}

async fn logged(transaction: &DatabaseTransaction, response: &str) -> Result<i64, StoreError> {
    let values = [response.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, LOGGED, values);
    let last = transaction.query_one_raw(statement).await;
    match last.map_err(from_orm)? {
        Some(last) => last.try_get("", "logged").map_err(from_orm),
        None => Ok(0),
    }
}

async fn make_job(
    transaction: &DatabaseTransaction,
    row: &ResponseRow,
    job: &JobRow,
) -> Result<(), StoreError> {
    let values = vec![
        row.id.as_str().into(),
        row.owner.as_str().into(),
        job.request_id.as_str().into(),
    ];
    execute(transaction, INSERT_JOB, values).await?;
    if let Some(sealed) = &job.sealed {
        let values = vec![
            row.id.as_str().into(),
            job.key_id.clone().into(),
            sealed.clone().into(),
        ];
        execute(transaction, INSERT_SECRET, values).await?;
    }
    Ok(())
}

/// Runs a statement; answers how many rows it wrote. What is there already makes the whole write stale:
/// only ids can be taken, because places in a conversation are given under the lock.
pub(crate) async fn execute(
    transaction: &DatabaseTransaction,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    match transaction.execute_raw(statement).await {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(StoreError::Stale)
        }
        Err(error) => Err(from_orm(error)),
    }
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

/// Writes items that have this parent.
pub(crate) async fn write_items(
    transaction: &DatabaseTransaction,
    parent: &str,
    items: Vec<ItemRow>,
) -> Result<(), StoreError> {
    let rows = items.into_iter().map(|item| item_values(parent, item));
    write_rows(transaction, INSERT_ITEMS, rows.collect(), replace_item!()).await
}

fn item_values(response: &str, row: ItemRow) -> Vec<Value> {
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

fn notice_values(row: &ResponseRow, notice: &NoticeRow) -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        row.id.as_str().into(),
        row.owner.as_str().into(),
        row.state.ended_at.into(),
        notice.full.as_str().into(),
        notice.thin.as_str().into(),
        notice.callback.clone().into(),
    ];
    let covering = [notice.full, notice.thin].map(entries);
    values.extend(covering.into_iter().flatten().map(Value::from));
    values
}

fn log_values(response: &str, log: &LogRow) -> Vec<Value> {
    vec![
        response.into(),
        log.number.into(),
        log.length.into(),
        log.body.as_str().into(),
    ]
}
