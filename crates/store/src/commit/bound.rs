//! The values of a PostgreSQL statement. Rows are given as one array a column, so that a statement is the
//! same for any number of them, and is prepared once.

use chrono::{DateTime, Utc};
use response_domain::ports::store::Cause;
use sqlx::Arguments;
use sqlx::postgres::PgArguments;

use crate::row::{ExecutionRow, ItemRow, LogRow, ResponseRow, Sink};

/// The values so far, and the first that could not be taken.
#[derive(Default)]
pub(crate) struct Bound {
    arguments: PgArguments,
    fault: Option<Cause>,
}

impl Bound {
    pub(crate) fn finish(self) -> Result<PgArguments, Cause> {
        match self.fault {
            None => Ok(self.arguments),
            Some(fault) => Err(fault),
        }
    }

    /// Three values.
    pub(crate) fn log(&mut self, row: Option<&LogRow>) {
        self.add(row.map(|row| row.number));
        self.add(row.map_or(0, |row| row.length));
        self.add(row.map(|row| row.body.as_str()));
    }

    /// An array of texts.
    pub(crate) fn list<const N: usize>(&mut self, texts: [String; N]) {
        self.add(Vec::from(texts));
    }

    fn add<'v, T>(&mut self, value: T)
    where
        T: sqlx::Encode<'v, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        if let Err(fault) = self.arguments.add(value) {
            self.fault.get_or_insert(fault);
        }
    }

    pub(crate) fn column<'v, R, T>(
        &mut self,
        rows: impl Iterator<Item = &'v R>,
        value: impl Fn(&'v R) -> T,
    ) where
        Vec<T>: sqlx::Encode<'v, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
        R: 'v,
    {
        self.add(rows.map(value).collect::<Vec<T>>());
    }

    /// Five columns.
    pub(crate) fn items<'v>(&mut self, rows: impl Iterator<Item = &'v ItemRow> + Clone) {
        self.column(rows.clone(), |row| row.ordinal);
        self.column(rows.clone(), |row| row.turn);
        self.column(rows.clone(), |row| row.kind);
        self.column(rows.clone(), |row| row.status);
        self.column(rows, |row| row.body.as_str());
    }

    /// Nine columns.
    pub(super) fn executions(&mut self, rows: &[ExecutionRow]) {
        self.column(rows.iter(), |row| row.ordinal);
        self.column(rows.iter(), |row| row.tool.as_str());
        self.column(rows.iter(), |row| row.server.as_deref());
        self.column(rows.iter(), |row| row.status);
        self.column(rows.iter(), |row| row.turn);
        self.column(rows.iter(), |row| row.depth);
        self.column(rows.iter(), |row| row.started_at);
        self.column(rows.iter(), |row| row.duration_us);
        self.column(rows.iter(), |row| row.body.as_str());
    }

    /// Twenty-six columns, in the order of `insert_response!`.
    pub(super) fn responses<'v>(&mut self, rows: impl Iterator<Item = &'v ResponseRow> + Clone) {
        self.column(rows.clone(), |row| row.id.as_str());
        self.column(rows.clone(), |row| row.owner.as_str());
        self.column(rows.clone(), |row| row.conversation_id.as_str());
        self.column(rows.clone(), |row| row.appending.follows());
        self.column(rows.clone(), |row| row.appending.place());
        self.column(rows.clone(), |row| row.conversation_seen);
        self.column(rows.clone(), |row| row.previous_response_id.as_deref());
        self.column(rows.clone(), |row| row.worker_id.as_deref());
        self.column(rows.clone(), |row| row.background);
        self.column(rows.clone(), |row| row.model.as_str());
        self.column(rows.clone(), |row| row.created_at);
        self.column(rows.clone(), |row| row.spec.as_str());
        self.column(rows.clone(), |row| row.state.status);
        self.column(rows.clone(), |row| row.state.incomplete_reason);
        self.column(rows.clone(), |row| row.state.error_code);
        self.column(rows.clone(), |row| row.state.error_message.as_deref());
        self.column(rows.clone(), |row| row.state.queued_at);
        self.column(rows.clone(), |row| row.state.started_at);
        self.column(rows.clone(), |row| row.state.ended_at);
        self.column(rows.clone(), |row| row.state.updated_at);
        self.column(rows.clone(), |row| row.state.turns);
        self.column(rows.clone(), |row| row.state.rounds);
        self.column(rows.clone(), |row| row.state.tool_calls);
        self.column(rows.clone(), |row| row.state.prompt_tokens);
        self.column(rows.clone(), |row| row.state.completion_tokens);
        self.column(rows, |row| row.state.progress.as_str());
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

    fn bytes(&mut self, value: Option<&[u8]>) {
        self.add(value);
    }
}
