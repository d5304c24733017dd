//! The log of what background responses told: a row for each window that was added, numbered by its first
//! event, without a gap. It is added to by whoever holds the response, and read by everybody.
//!
//! A window says that the response began or ended, and which execution was called, but not how these
//! stand; that is put in when it is read.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::execution::{Execution, ExecutionState};
use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::Recorded;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::Change;
use response_domain::work::Append;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};

use crate::Store;
use crate::backend::Backend;
use crate::commit::{Bound, unwritable};
use crate::error::{corrupt, from_orm, from_sqlx};
use crate::plain;
use crate::record::RecordError;
use crate::record::checkpoint::of_ordinal;
use crate::record::event::{Told, read_events};
use crate::row::{Holder, LogRow, Sink};
use crate::statement::{end_of_log, now_sqlite};

/// Adds a window, if the job is held by `$5` and the log ends where the window begins. The lock makes
/// whoever takes the job away wait until it is clear whether the window is part of the log.
const APPEND_POSTGRES: &str = concat!(
    "WITH job AS MATERIALIZED (
        SELECT response_id FROM response_jobs
        WHERE response_id = $1 AND worker_id = $5 AND lease = $6 FOR UPDATE
    )
    INSERT INTO response_events (response_id, number, length, at, body)
    SELECT job.response_id, $2, $3, clock_timestamp(), $4 FROM job WHERE $2 = ",
    end_of_log!("$1"),
);

const APPEND_SQLITE: &str = concat!(
    "INSERT INTO response_events (response_id, number, length, at, body)
    SELECT job.response_id, $2, $3, ",
    now_sqlite!(),
    ", $4 FROM response_jobs job
    WHERE job.response_id = $1 AND job.worker_id = $5 AND job.lease = $6 AND $2 = ",
    end_of_log!("$1"),
);

/// Whether the job is held, and the window, if it is one, is in the log.
const APPENDED: &str = "SELECT 1 AS appended FROM response_jobs
    WHERE response_id = $1 AND worker_id = $5 AND lease = $6 AND ($3 = 0 OR EXISTS (
        SELECT 1 FROM response_events e
        WHERE e.response_id = $1 AND e.number = $2 AND e.length = $3 AND e.body = $4
    ))";

/// Windows from the one that holds number `$3` on, as many as hold about `$4` events and no more than so many
/// bytes; one without number when there is none. The sums are those of the windows before each.
const WINDOWS: &str = "SELECT w.number, w.body FROM responses r LEFT JOIN (
        SELECT e.number, e.body,
            SUM(e.length) OVER before AS events, SUM(octet_length(e.body)) OVER before AS bytes
        FROM (
            SELECT n.number, n.length, n.body FROM response_events n
            WHERE n.response_id = $1 AND n.number + n.length > $3 AND n.number >= COALESCE((
                SELECT MAX(p.number) FROM response_events p
                WHERE p.response_id = $1 AND p.number <= $3
            ), 0)
            ORDER BY n.number LIMIT $4
        ) e
        WINDOW before AS (ORDER BY e.number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) w ON COALESCE(w.events, 0) < $4 AND COALESCE(w.bytes, 0) < $5
    WHERE r.id = $1 AND r.owner IS NOT DISTINCT FROM $2 AND r.background AND r.deleted_at IS NULL
    ORDER BY w.number";

/// The windows from number `$2` on.
const TAIL: &str = "SELECT n.number, n.body FROM response_events n
    WHERE n.response_id = $1 AND n.number < $3 AND n.number + n.length > $2 AND n.number >= COALESCE((
        SELECT MAX(p.number) FROM response_events p
        WHERE p.response_id = $1 AND p.number <= $2
    ), 0)
    ORDER BY n.number";

/// What one answer to a follower weighs at most: the next follows at once.
const ANSWER_BYTES: i64 = 1024 * 1024;

#[derive(FromQueryResult)]
struct Window {
    number: Option<i64>,
    body: Option<String>,
}

impl Store {
    pub(crate) async fn append_log(&self, lease: &Lease, log: &Append) -> Result<(), StoreError> {
        let row = LogRow::of(lease.response, log).map_err(unwritable)?;
        let holder = Holder::of(lease).map_err(unwritable)?;
        let id = lease.response.to_string();
        let Some(row) = row else {
            return self.is_appended(&id, None, &holder).await;
        };
        match self.insert_window(&id, &row, &holder).await {
            // The answer to the same may have been lost.
            Err(StoreError::Stale) => self.is_appended(&id, Some(&row), &holder).await,
            written => written,
        }
    }

    async fn insert_window(
        &self,
        id: &str,
        row: &LogRow,
        holder: &Holder,
    ) -> Result<(), StoreError> {
        let written = match self.backend() {
            Backend::Sqlite(database) => {
                let connection = &database.writer;
                let values = window_values(id, Some(row), holder);
                let backend = connection.get_database_backend();
                let statement = Statement::from_sql_and_values(backend, APPEND_SQLITE, values);
                let done = connection.execute_raw(statement).await.map_err(from_orm)?;
                done.rows_affected()
            }
            Backend::Postgres(database) => {
                let mut bound = Bound::default();
                bound.text(Some(id));
                bound.log(Some(row));
                bound.text(Some(&holder.worker));
                bound.large(Some(holder.token));
                let arguments = bound.finish().map_err(StoreError::Failed)?;
                match database.writers.execute(APPEND_POSTGRES, arguments).await {
                    Ok(written) => written,
                    // Another wrote this number at the same moment.
                    Err(sqlx::Error::Database(error)) if error.is_unique_violation() => 0,
                    Err(error) => return Err(from_sqlx(error)),
                }
            }
        };
        if written == 0 {
            Err(StoreError::Stale)
        } else {
            Ok(())
        }
    }

    async fn is_appended(
        &self,
        id: &str,
        row: Option<&LogRow>,
        holder: &Holder,
    ) -> Result<(), StoreError> {
        let found = self.one(APPENDED, window_values(id, row, holder)).await;
        found.map_err(from_orm)?.ok_or(StoreError::Stale)
    }

    /// Whether the statement finds anything.
    pub(crate) async fn one(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<()>, DbErr> {
        let connection = self.backend().reader();
        let backend = connection.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, values);
        Ok(connection.query_one_raw(statement).await?.map(|_found| ()))
    }

    pub(crate) async fn read_events(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        from: u64,
        at_most: u16,
    ) -> Result<Option<Vec<Recorded>>, StoreError> {
        let at_most = at_most.max(1);
        let values = [
            id.to_string().into(),
            plain::write(owner.as_str()).into_owned().into(),
            number(from).into(),
            i64::from(at_most).into(),
            ANSWER_BYTES.into(),
        ];
        let windows = self.windows(WINDOWS, values).await?;
        if windows.is_empty() {
            return Ok(None);
        }
        let told = told(id, &windows, from)?;
        // The log comes first: what is in it was written together with what it tells of, or later.
        let teller = if told.iter().any(|(_, told)| !matches!(told, Told::Whole(_))) {
            let Some(response) = self.find_at(self.backend().reader(), owner, id).await? else {
                return Ok(None);
            };
            Some(response)
        } else {
            None
        };
        let recorded = told.into_iter().map(|(number, told)| {
            let event = whole(told, teller.as_ref()).map_err(|error| unreadable(id, number, error));
            event.map(|event| Recorded { number, event })
        });
        recorded.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// The events from number `logged` up to `next`.
    pub(crate) async fn tail(
        &self,
        response: &Arc<Response>,
        logged: i64,
        next: i64,
    ) -> Result<Vec<Event>, StoreError> {
        let id = response.id;
        let values = [id.to_string().into(), logged.into(), next.into()];
        let windows = self.windows(TAIL, values).await?;
        let told = told(id, &windows, u64::try_from(logged).unwrap_or(0))?;
        let events = told.into_iter().map(|(number, told)| {
            whole(told, Some(response)).map_err(|error| unreadable(id, number, error))
        });
        events.collect()
    }

    async fn windows(
        &self,
        sql: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Window>, StoreError> {
        let connection = self.backend().reader();
        let backend = connection.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let windows = Window::find_by_statement(statement).all(connection).await;
        windows.map_err(from_orm)
    }
}

fn window_values(id: &str, row: Option<&LogRow>, holder: &Holder) -> Vec<Value> {
    vec![
        id.into(),
        row.map(|row| row.number).into(),
        row.map_or(0, |row| row.length).into(),
        row.map(|row| row.body.clone()).into(),
        holder.worker.as_str().into(),
        holder.token.into(),
    ]
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The events of these windows from this number on, each with its own.
fn told(
    response: ResponseId,
    windows: &[Window],
    from: u64,
) -> Result<Vec<(u64, Told)>, StoreError> {
    let mut numbered = Vec::new();
    for window in windows {
        let (Some(number), Some(body)) = (window.number, &window.body) else {
            continue;
        };
        let first = u64::try_from(number).unwrap_or(0);
        let events =
            read_events(response, body).map_err(|error| unreadable(response, first, error))?;
        let events = (first..).zip(events);
        numbered.extend(events.filter(|(number, _)| *number >= from));
    }
    Ok(numbered)
}

/// An event with what its window does not hold.
fn whole(told: Told, response: Option<&Arc<Response>>) -> Result<Event, RecordError> {
    if let Told::Whole(event) = told {
        return Ok(event);
    }
    let response = response.ok_or(RecordError::Absent)?;
    let executions = &response.progress.executions;
    Ok(match told {
        Told::Whole(event) => event,
        Told::Created => Event::Created(Arc::new(response.as_accepted())),
        Told::Started => Event::Started(Arc::new(as_started(response))),
        Told::Ended => Event::Ended(Arc::clone(response)),
        Told::CallStarted(ordinal) => {
            let execution = of_ordinal(executions, ordinal)?;
            Event::CallStarted(Arc::new(Execution {
                state: ExecutionState::Started,
                duration: None,
                ..Execution::clone(execution)
            }))
        }
        Told::CallReturned(ordinal) => {
            Event::CallReturned(Arc::clone(of_ordinal(executions, ordinal)?))
        }
    })
}

/// The response as it stood when a process took it up for the first time.
fn as_started(response: &Response) -> Response {
    let mut started = response.as_accepted();
    let at = response.times.started.unwrap_or(response.times.updated);
    // What was just accepted can start.
    let _started = started.change(Change::Start, at);
    started
}

fn unreadable(response: ResponseId, number: u64, error: RecordError) -> StoreError {
    corrupt("response_events", format!("{response} #{number}"), error)
}
