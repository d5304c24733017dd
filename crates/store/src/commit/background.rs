//! A response of the queue on PostgreSQL, one statement a commit like all others. Locks are taken in the
//! order in which everybody takes them, the job first, then the response, then the log: each of the three
//! steps reads what the one before returns, so it cannot begin earlier.

use response_domain::ports::store::StoreError;
use response_domain::work::Committed;

use super::bound::Bound;
use super::committed;
use super::postgres::write;
use crate::backend::Postgres;
use crate::row::{Background, ExecutionRow, ItemRow, NoticeRow, ResponseRow, Sink, entries};
use crate::statement::{
    end_of_log, insert_response, replace_execution, replace_item, update_response,
};

/// A new response, its items, its job, its credential, and the first it tells. Nobody else can see any of
/// it before all of it is there.
const QUEUED: &str = concat!(
    "WITH items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT $1, i.* FROM UNNEST($29::int4[], $30::int4[], $31::text[], $32::text[], $33::text[]) AS i
    ), job AS (
        INSERT INTO response_jobs (response_id, owner, queued_at, request_id, lease, attempt, losses)
        VALUES ($1, $2, clock_timestamp(), $34, 0, 0, 0)
    ), secret AS (
        INSERT INTO response_secrets (response_id, key_id, sealed)
        SELECT $1, $35, $36 WHERE $35 IS NOT NULL
    ), log AS (
        INSERT INTO response_events (response_id, number, length, at, body)
        SELECT $1, $37, $38, clock_timestamp(), $39 WHERE $38 > 0
    ) ",
    insert_response!(columns: ", checkpoint, logged", values: ", $27, $28"),
);

/// How many events the log holds. Whether another adds to it at the same moment, its key decides.
macro_rules! logged {
    () => {
        concat!(
            "logged AS MATERIALIZED (SELECT ",
            end_of_log!("$1"),
            " AS length)"
        )
    };
}

/// Which job: that of the response, held by `$33` if that is somebody, and only when the log ends where the
/// new events begin.
macro_rules! this_job {
    () => {
        " WHERE j.response_id = $1 AND ($33 IS NULL OR (j.worker_id = $33 AND j.lease = $34))
            AND ($36 = 0 OR $35 = logged.length)"
    };
}

macro_rules! rows {
    () => {
        " RETURNING id
    ), items AS (
        INSERT INTO conversation_items (response_id, ordinal, turn, kind, status, body)
        SELECT changed.id, i.* FROM changed, UNNEST(
            $19::int4[], $20::int4[], $21::text[], $22::text[], $23::text[]
        ) AS i"
    };
}

macro_rules! more_rows {
    () => {
        "
    ), executions AS (
        INSERT INTO tool_executions (
            response_id, ordinal, tool, server, status, turn, depth, started_at, duration_us, body
        )
        SELECT changed.id, e.* FROM changed, UNNEST(
            $24::int4[], $25::text[], $26::text[], $27::text[], $28::int4[], $29::int4[],
            $30::timestamptz[], $31::int8[], $32::text[]
        ) AS e"
    };
}

macro_rules! log {
    () => {
        "
    ), log AS (
        INSERT INTO response_events (response_id, number, length, at, body)
        SELECT changed.id, $35, $36, clock_timestamp(), $37 FROM changed WHERE $36 > 0
    )"
    };
}

/// A response that goes on.
const CHANGED: &str = concat!(
    "WITH ",
    logged!(),
    ", job AS MATERIALIZED (
        SELECT j.response_id FROM response_jobs j, logged",
    this_job!(),
    " FOR UPDATE OF j
    ), changed AS (",
    update_response!(
        set: ", checkpoint = COALESCE($39, checkpoint),
            logged = CASE WHEN $38 > logged THEN $38 ELSE logged END",
        from: "FROM job",
        only: " AND id = job.response_id"
    ),
    rows!(),
    replace_item!(),
    more_rows!(),
    replace_execution!(),
    log!(),
    " SELECT id FROM changed",
);

/// A delivery for the address of the request, if that is given, and one for each endpoint in whose list an
/// entry stands that covers what happened in the words of its payload. Endpoints are not locked: one that is
/// forgotten at this moment leaves deliveries to nobody, which their first claim clears away. The clock is
/// asked once for all.
macro_rules! told {
    () => {
        "
    ), told AS (
        INSERT INTO webhook_deliveries (
            response_id, endpoint_id, owner, event, callback_url, created_at, state, due_at,
            lane, tried, attempts, lease
        )
        SELECT changed.id, who.endpoint_id, $2, who.event, who.url, $11, 'pending',
            (SELECT clock_timestamp()), who.lane, 0, 0, 0
        FROM changed, (
            SELECT '' AS endpoint_id, $39 AS event, $41 AS url, 0 AS lane WHERE $41 IS NOT NULL
            UNION ALL
            SELECT e.id, CASE e.payload WHEN 'thin' THEN $40 ELSE $39 END, NULL,
                CASE WHEN e.failing_since IS NULL THEN 0 ELSE 1 END
            FROM webhook_endpoints e
            WHERE e.owner = $2 AND e.disabled_at IS NULL AND EXISTS (
                SELECT FROM UNNEST(CASE e.payload WHEN 'thin' THEN $43 ELSE $42 END) AS covering(entry)
                WHERE strpos(e.events, covering.entry) > 0
            )
        ) AS who
        RETURNING response_id"
    };
}

/// A response that ends: out of the queue, its credential with it, and told to whoever wants to hear of it.
/// A row comes back for the response, and one for each delivery.
const ENDED: &str = concat!(
    "WITH ",
    logged!(),
    ", job AS (
        DELETE FROM response_jobs j USING logged",
    this_job!(),
    " RETURNING j.response_id
    ), changed AS (",
    update_response!(
        set: ", checkpoint = NULL,
            logged = CASE WHEN $38 > logged THEN $38 ELSE logged END",
        from: "FROM job",
        only: " AND id = job.response_id"
    ),
    rows!(),
    replace_item!(),
    more_rows!(),
    replace_execution!(),
    log!(),
    ", secret AS (
        DELETE FROM response_secrets s USING changed WHERE s.response_id = changed.id",
    told!(),
    "
    )
    SELECT id FROM changed UNION ALL SELECT response_id FROM told",
);

/// Puts a new response into the queue.
pub(super) async fn queue(
    database: &Postgres,
    row: &ResponseRow,
    items: &[ItemRow],
    beside: &Background,
) -> Result<(), StoreError> {
    let arguments = || {
        let mut bound = Bound::default();
        row.insert_values(&mut bound);
        bound.queue(beside, items);
        bound.finish()
    };
    write(database, QUEUED, arguments).await.map(drop)
}

/// Changes a response of the queue, or takes it out.
pub(super) async fn change(
    database: &Postgres,
    row: &ResponseRow,
    items: &[ItemRow],
    executions: &[ExecutionRow],
    beside: &Background,
) -> Result<Committed, StoreError> {
    let arguments = || {
        let mut bound = Bound::default();
        row.update_values(&mut bound);
        bound.items(items.iter());
        bound.executions(executions);
        let holder = beside.holder.as_ref();
        bound.text(holder.map(|holder| holder.worker.as_str()));
        bound.large(holder.map(|holder| holder.token));
        bound.log(beside.log.as_ref());
        bound.large(Some(beside.settled));
        if beside.ended {
            bound.notice(beside.notice.as_ref());
        } else {
            bound.text(beside.checkpoint.as_deref());
        }
        bound.finish()
    };
    let statement = if beside.ended { ENDED } else { CHANGED };
    let rows = write(database, statement, arguments).await?;
    Ok(committed(rows.saturating_sub(1)))
}

impl Bound {
    /// Thirteen values: what a new response of the queue has besides its row.
    pub(super) fn queue(&mut self, beside: &Background, items: &[ItemRow]) {
        self.text(beside.checkpoint.as_deref());
        self.large(Some(beside.settled));
        self.items(items.iter());
        let job = beside.job.as_ref();
        self.text(job.map(|job| job.request_id.as_str()));
        self.text(job.and_then(|job| job.key_id.as_deref()));
        self.bytes(job.and_then(|job| job.sealed.as_deref()));
        self.log(beside.log.as_ref());
    }

    /// Five values.
    fn notice(&mut self, row: Option<&NoticeRow>) {
        self.text(row.map(|row| row.full.as_str()));
        self.text(row.map(|row| row.thin.as_str()));
        self.text(row.and_then(|row| row.callback.as_deref()));
        // Nothing covers what did not happen.
        for event in [row.map(|row| row.full), row.map(|row| row.thin)] {
            self.list(event.map(entries).unwrap_or_default());
        }
    }
}
