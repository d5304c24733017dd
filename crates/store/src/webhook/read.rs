//! What is under way, what an owner sees of its deliveries, and beginning one again.

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::id::{EndpointId, ResponseId};
use response_domain::page::Paged;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::OutboxDepth;
use response_domain::webhook::{DeliveryKey, WebhookDelivery};
use sea_orm::{FromQueryResult, QueryResult};

use super::shown::{ShownRow, deliveries, shown_columns};
use super::{BEHIND_ALL, endpoint, paged};
use crate::backend::Backend;
use crate::both::{Both, both, clock};
use crate::error::{from_orm, from_sqlx};
use crate::statement::micros_between_sqlite;
use crate::{Store, plain};

/// How many are to arrive, and for how many microseconds the oldest has been due that nobody claimed; less
/// than nothing when it is not due yet.
const DEPTH_POSTGRES: &str = "SELECT count(*),
        CAST(EXTRACT(EPOCH FROM clock_timestamp() - min(due_at) FILTER (WHERE worker_id IS NULL))
            * 1000000 AS int8)
    FROM webhook_deliveries WHERE due_at IS NOT NULL";

pub(super) const DEPTH_SQLITE: &str = concat!(
    "SELECT count(*), ",
    micros_between_sqlite!("min(due_at) FILTER (WHERE worker_id IS NULL)", "'now'"),
    " FROM webhook_deliveries WHERE due_at IS NOT NULL"
);

/// What a delivery goes to and its attempts, beside the delivery `d`.
macro_rules! joined {
    () => {
        " LEFT JOIN webhook_endpoints e ON e.id = d.endpoint_id
        LEFT JOIN webhook_attempts a ON a.response_id = d.response_id AND a.endpoint_id = d.endpoint_id
        WHERE COALESCE(d.callback_url, e.url) IS NOT NULL"
    };
}

pub(super) const OF_RESPONSE: &str = concat!(
    "SELECT ",
    shown_columns!(),
    " FROM webhook_deliveries d",
    joined!(),
    " AND d.response_id = $1 AND d.owner IS NOT DISTINCT FROM $2 ORDER BY d.endpoint_id, a.number"
);

pub(super) const OF_ENDPOINT: &str = concat!(
    "SELECT ",
    shown_columns!(),
    " FROM (
        SELECT * FROM webhook_deliveries
        WHERE endpoint_id = $1 AND endpoint_id <> '' AND owner IS NOT DISTINCT FROM $2 AND response_id < $3
        ORDER BY response_id DESC LIMIT $4
    ) AS d",
    joined!(),
    " ORDER BY d.response_id DESC, a.number"
);

/// One that is over begins again where first attempts wait, if who it goes to took the last one. One that
/// waits is due at once, and keeps its place if it was; one that is claimed is being sent.
macro_rules! again {
    ($database:ident) => {
        concat!(
            "UPDATE webhook_deliveries SET
                state = 'pending', ended_at = NULL, why = NULL,
                due_at = CASE
                    WHEN worker_id IS NOT NULL OR due_at < ",
            clock!($database),
            " THEN due_at ELSE ",
            clock!($database),
            " END,
                tried = CASE WHEN state = 'pending' THEN tried ELSE 0 END,
                lane = CASE
                    WHEN state = 'pending' THEN lane
                    WHEN endpoint_id = '' THEN CASE WHEN state = 'delivered' THEN 0 ELSE 1 END
                    WHEN EXISTS (
                        SELECT 1 FROM webhook_endpoints e
                        WHERE e.id = webhook_deliveries.endpoint_id AND e.failing_since IS NULL
                    ) THEN 0
                    ELSE 1
                END
            WHERE response_id = $1 AND endpoint_id = $2 AND owner IS NOT DISTINCT FROM $3"
        )
    };
}

const AGAIN: Both = both!(again);

impl Store {
    pub(super) async fn depth_of_outbox(&self) -> Result<OutboxDepth, StoreError> {
        let (pending, overdue): (i64, Option<i64>) = match self.backend() {
            Backend::Sqlite(database) => {
                let readers = database.readers.get_sqlite_connection_pool();
                let depth = sqlx::query_as(DEPTH_SQLITE).fetch_one(readers).await;
                depth.map_err(from_sqlx)?
            }
            Backend::Postgres(database) => {
                let depth = database.upkeep.fetch(sqlx::query_as(DEPTH_POSTGRES)).await;
                let rows: Vec<_> = depth.map_err(from_sqlx)?;
                rows.into_iter().next().unwrap_or_default()
            }
        };
        let overdue = overdue.and_then(|micros| u64::try_from(micros).ok());
        Ok(OutboxDepth {
            pending: pending.unsigned_abs(),
            overdue: overdue.map(Duration::from_micros),
        })
    }

    pub(super) async fn deliveries_of_response(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        let rows = self.rows(OF_RESPONSE, |sink| {
            sink.text(Some(&id.to_string()));
            sink.text(Some(&plain::write(owner.as_str())));
        });
        deliveries(&shown(&rows.await?)?)
    }

    pub(super) async fn deliveries_of_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
        limit: u16,
        after: Option<ResponseId>,
    ) -> Result<Paged<WebhookDelivery>, StoreError> {
        let before = after.map_or_else(|| BEHIND_ALL.to_owned(), |id| id.to_string());
        let rows = self.rows(OF_ENDPOINT, |sink| {
            sink.text(Some(&id.to_string()));
            sink.text(Some(&plain::write(owner.as_str())));
            sink.text(Some(&before));
            sink.large(Some(i64::from(limit) + 1));
        });
        let deliveries = deliveries(&shown(&rows.await?)?)?;
        Ok(paged(deliveries, limit))
    }

    pub(super) async fn begin_again(
        &self,
        owner: &OwnerId,
        key: DeliveryKey,
    ) -> Result<bool, StoreError> {
        let begun = self.write_rows(AGAIN, |sink| {
            sink.text(Some(&key.response.to_string()));
            sink.text(Some(&endpoint(key)));
            sink.text(Some(&plain::write(owner.as_str())));
        });
        begun.await.map(|count| count > 0)
    }
}

fn shown(rows: &[QueryResult]) -> Result<Vec<ShownRow>, StoreError> {
    let rows = rows.iter().map(|row| ShownRow::from_query_result(row, ""));
    rows.collect::<Result<_, _>>().map_err(from_orm)
}
