//! Claiming what is due. A claim puts the delivery off until it is over, so what a process took and never
//! recorded is due again by itself, for everybody.

use std::error::Error;

use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::DueClaim;
use response_domain::webhook::{Due, Lane};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::row::{DueRow, target_columns};
use super::{lane, micros};
use crate::Store;
use crate::backend::{Backend, Postgres, Sqlite};
use crate::both::{Both, sqlite};
use crate::commit::Bound;
use crate::error::{from_orm, from_sqlx};
use crate::row::{Sink, Values};
use crate::statement::{later_sqlite, now_sqlite};

/// Those of a lane that have been due longest, none due for longer than `$4` where that is given. The clock
/// is asked in the one way that an index can be compared with; the statement is its own transaction, so it
/// is the same. Rows that were written come in any order. They are found again by their place, as they are
/// locked: by their key they would be looked for along the whole of it while the table is thought to be empty.
const CLAIM_POSTGRES: &str = concat!(
    "WITH first AS MATERIALIZED (
        SELECT ctid AS place, due_at FROM webhook_deliveries
        WHERE lane = $2 AND due_at <= statement_timestamp()
            AND due_at >= COALESCE($4, '-infinity'::timestamptz)
        ORDER BY due_at, response_id, endpoint_id LIMIT $3 FOR UPDATE SKIP LOCKED
    ), d AS (
        UPDATE webhook_deliveries w SET
            worker_id = $1, lease = w.lease + 1, due_at = clock_timestamp() + $5 * interval '1 microsecond'
        FROM first WHERE w.ctid = first.place
        RETURNING w.response_id, w.endpoint_id, w.owner, w.event, w.callback_url, w.created_at, w.tried,
            w.attempts, w.lease, first.due_at AS since
    )
    SELECT d.response_id, d.endpoint_id, d.owner, d.event, d.callback_url, d.created_at, d.tried,
        d.attempts, d.lease, d.since, ",
    target_columns!(),
    " FROM d LEFT JOIN webhook_endpoints e ON e.id = d.endpoint_id
    ORDER BY d.since, d.response_id, d.endpoint_id"
);

/// The same, as they stand before they are claimed, with the token that they will have.
pub(super) const DUE_SQLITE: &str = concat!(
    "SELECT d.response_id, d.endpoint_id, d.owner, d.event, d.callback_url, d.created_at, d.tried,
        d.attempts, d.lease + 1 AS lease, d.due_at AS since, ",
    target_columns!(),
    " FROM webhook_deliveries d LEFT JOIN webhook_endpoints e ON e.id = d.endpoint_id
    WHERE d.lane = $1 AND d.due_at <= ",
    now_sqlite!(),
    " ORDER BY d.due_at, d.response_id, d.endpoint_id LIMIT $2"
);

pub(super) const CLAIM_SQLITE: &str = concat!(
    "UPDATE webhook_deliveries SET worker_id = $1, lease = $2, due_at = ",
    later_sqlite!("$3"),
    " WHERE response_id = $4 AND endpoint_id = $5"
);

/// What is due to an endpoint that was forgotten while its response ended, or by somebody's hand.
const CLEAR: [&str; 2] = [
    "DELETE FROM webhook_deliveries WHERE response_id = $1 AND endpoint_id = $2
        AND NOT EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.id = $2)",
    "DELETE FROM webhook_attempts WHERE response_id = $1 AND endpoint_id = $2
        AND NOT EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.id = $2)",
];

impl Store {
    pub(super) async fn claim_due(&self, claim: &DueClaim) -> Result<Vec<Due>, StoreError> {
        if claim.at_most == 0 {
            return Ok(Vec::new());
        }
        let rows = match self.backend() {
            Backend::Sqlite(database) => on_sqlite(database, claim).await?,
            Backend::Postgres(database) => on_postgres(database, claim).await?,
        };
        let mut claimed = Vec::with_capacity(rows.len());
        let mut unreadable = Unreadable::default();
        for row in rows {
            if row.is_stray() {
                self.clear(&row).await?;
                continue;
            }
            match row.read(claim.worker) {
                Ok(due) => claimed.push(due),
                Err(error) => unreadable.note(error),
            }
        }
        unreadable.tell(claim.lane, claimed)
    }

    async fn clear(&self, row: &DueRow) -> Result<(), StoreError> {
        for clear in CLEAR {
            self.write_rows(Both::same(clear), |sink| {
                sink.text(Some(&row.response_id));
                sink.text(Some(&row.endpoint_id));
            })
            .await?;
        }
        Ok(())
    }
}

/// What was claimed and cannot be read. It keeps nobody from sending the others, and comes again when its
/// claim is over: perhaps to a release that can read it.
#[derive(Default)]
struct Unreadable {
    count: u32,
    first: Option<StoreError>,
}

impl Unreadable {
    fn note(&mut self, error: StoreError) {
        self.count += 1;
        self.first.get_or_insert(error);
    }

    fn tell(self, lane: Lane, claimed: Vec<Due>) -> Result<Vec<Due>, StoreError> {
        let Some(error) = self.first else {
            return Ok(claimed);
        };
        if claimed.is_empty() {
            return Err(error);
        }
        tracing::error!(
            error = &error as &dyn Error,
            delivery.lane = ?lane,
            count = self.count,
            "some webhooks that are due cannot be read"
        );
        Ok(claimed)
    }
}

async fn on_postgres(database: &Postgres, claim: &DueClaim) -> Result<Vec<DueRow>, StoreError> {
    let low_water = database.due_low_water.of(claim.lane);
    let look = low_water.next();
    let mut bound = Bound::default();
    bound.text(Some(&claim.worker.to_string()));
    bound.number(Some(lane(claim.lane)));
    bound.large(Some(i64::from(claim.at_most)));
    bound.moment(look.from);
    bound.large(Some(micros(claim.hold)));
    let arguments = bound.finish().map_err(StoreError::Failed)?;
    let rows = database.due.rows(CLAIM_POSTGRES, arguments).await;
    let rows = read(&rows.map_err(from_sqlx)?)?;
    low_water.note(look, rows.first().map(|row| row.since));
    Ok(rows)
}

async fn on_sqlite(database: &Sqlite, claim: &DueClaim) -> Result<Vec<DueRow>, StoreError> {
    let transaction = database.begin_write().await.map_err(from_orm)?;
    let mut values = Values::default();
    values.number(Some(lane(claim.lane)));
    values.number(Some(i32::from(claim.at_most)));
    let rows = transaction.query_all_raw(sqlite(DUE_SQLITE, values)).await;
    let rows = read(&rows.map_err(from_orm)?)?;
    let worker = claim.worker.to_string();
    for row in &rows {
        let mut values = Values::default();
        values.text(Some(&worker));
        values.large(Some(row.lease));
        values.large(Some(micros(claim.hold)));
        values.text(Some(&row.response_id));
        values.text(Some(&row.endpoint_id));
        let claimed = transaction.execute_raw(sqlite(CLAIM_SQLITE, values)).await;
        claimed.map_err(from_orm)?;
    }
    transaction.commit().await.map_err(from_orm)?;
    Ok(rows)
}

fn read(rows: &[sea_orm::QueryResult]) -> Result<Vec<DueRow>, StoreError> {
    let rows = rows.iter().map(|row| DueRow::from_query_result(row, ""));
    rows.collect::<Result<_, _>>().map_err(from_orm)
}
