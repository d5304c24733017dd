//! Registered endpoints: kept, found, changed, forgotten. Every statement names the owner.

use response_domain::caller::OwnerId;
use response_domain::id::EndpointId;
use response_domain::page::Paged;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::Added;
use response_domain::webhook::Endpoint;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, Statement, Value};

use super::row::{EndpointRow, endpoint_columns, give, target_columns};
use super::{BEHIND_ALL, paged};
use crate::both::{Both, both, clock};
use crate::error::from_orm;
use crate::row::{Sink, Values};
use crate::{Store, answered, plain};

/// Who adds an endpoint waits for the others of the same owner: each is to count what the one before added.
/// The first number only tells this lock from others.
const IN_TURN: &str = "SELECT pg_advisory_xact_lock(723683147, hashtext($1))";

/// Adds an endpoint, if there are fewer than `$19` of this owner.
const ADD: &str = "INSERT INTO webhook_endpoints (
        id, owner, name, url, events, payload, disabled_at, disabled_why, key_id, sealed, hint,
        previous_key_id, previous_sealed, previous_until, failing_since, created_at, updated_at, revision
    )
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
    WHERE (SELECT count(*) FROM webhook_endpoints WHERE owner = $2) < $19";

pub(super) const FIND: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints e WHERE e.id = $1 AND e.owner IS NOT DISTINCT FROM $2"
);

pub(super) const PAGE: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints e WHERE e.owner = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3"
);

const REPLACE: &str = "UPDATE webhook_endpoints SET
        name = $3, url = $4, events = $5, payload = $6, disabled_at = $7, disabled_why = $8,
        key_id = $9, sealed = $10, hint = $11,
        previous_key_id = $12, previous_sealed = $13, previous_until = $14,
        failing_since = $15, created_at = $16, updated_at = $17, revision = $18 + 1
    WHERE id = $1 AND owner IS NOT DISTINCT FROM $2 AND revision = $18";

/// It is sent nothing more from here on, so that its deliveries become fewer and not more.
macro_rules! farewell {
    ($database:ident) => {
        concat!(
            "UPDATE webhook_endpoints SET
                disabled_at = COALESCE(disabled_at, ",
            clock!($database),
            "), disabled_why = COALESCE(disabled_why, 'by_owner'), revision = revision + 1
            WHERE id = $1 AND owner IS NOT DISTINCT FROM $2"
        )
    };
}

const FAREWELL: Both = both!(farewell);

/// How many deliveries are forgotten at once with their endpoint.
const BATCH: u16 = 500;

/// The next deliveries to an endpoint. What is being recorded is waited for.
pub(super) const NEXT_SQLITE: &str = "SELECT response_id FROM webhook_deliveries
    WHERE endpoint_id = $1 AND endpoint_id <> '' ORDER BY response_id LIMIT $2";
const NEXT_POSTGRES: &str = "SELECT response_id FROM webhook_deliveries
    WHERE endpoint_id = $1 AND endpoint_id <> '' ORDER BY response_id LIMIT $2 FOR UPDATE";

pub(super) const FORGET_ATTEMPTS: &str = "DELETE FROM webhook_attempts
    WHERE endpoint_id = $1 AND response_id IN (
        SELECT d.response_id FROM webhook_deliveries d
        WHERE d.endpoint_id = $1 AND d.endpoint_id <> '' AND d.response_id <= $2
    )";

pub(super) const FORGET_DELIVERIES: &str = "DELETE FROM webhook_deliveries
    WHERE endpoint_id = $1 AND endpoint_id <> '' AND response_id <= $2";

const REMOVE: &str =
    "DELETE FROM webhook_endpoints WHERE id = $1 AND owner IS NOT DISTINCT FROM $2";

/// Whether there are more of its deliveries, or the endpoint is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    Some,
    All,
    /// Somebody else was faster.
    Elsewhere,
}

impl Store {
    pub(super) async fn add_endpoint(
        &self,
        endpoint: &Endpoint,
        at_most: u32,
    ) -> Result<Added, StoreError> {
        let mut values = Values::default();
        give(endpoint, &mut values);
        values.large(Some(i64::from(at_most)));
        let transaction = self.backend().begin_write().await.map_err(from_orm)?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            let owner = plain::write(endpoint.owner.as_str()).into_owned();
            execute(&transaction, IN_TURN, vec![owner.into()]).await?;
        }
        let added = execute(&transaction, ADD, values.0).await?;
        transaction.commit().await.map_err(from_orm)?;
        Ok(if added == 0 { Added::Full } else { Added::Kept })
    }

    pub(super) async fn find_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let found = self.rows(FIND, |sink| name(sink, owner, id)).await?;
        let found = found.first().map(|row| {
            let row = EndpointRow::from_query_result(row, "").map_err(from_orm)?;
            row.read()
        });
        found.transpose()
    }

    pub(super) async fn page_of_endpoints(
        &self,
        owner: &OwnerId,
        limit: u16,
        after: Option<EndpointId>,
    ) -> Result<Paged<Endpoint>, StoreError> {
        let before = after.map_or_else(|| BEHIND_ALL.to_owned(), |id| id.to_string());
        let rows = self.rows(PAGE, |sink| {
            sink.text(Some(&plain::write(owner.as_str())));
            sink.text(Some(&before));
            sink.large(Some(i64::from(limit) + 1));
        });
        let endpoints = rows.await?.into_iter().map(|row| {
            let row = EndpointRow::from_query_result(&row, "").map_err(from_orm)?;
            row.read()
        });
        Ok(paged(endpoints.collect::<Result<_, _>>()?, limit))
    }

    pub(super) async fn replace_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let replace = Both {
            sqlite: REPLACE,
            postgres: REPLACE,
        };
        match self
            .write_rows(replace, |sink| give(endpoint, sink))
            .await?
        {
            0 => Err(StoreError::Stale),
            _ => Ok(()),
        }
    }

    /// Forgets an endpoint's deliveries, some at a time, and it with the last of them. Should this be cut
    /// short, it is there with fewer, and disabled.
    pub(super) async fn remove_endpoint(
        &self,
        owner: &OwnerId,
        id: EndpointId,
    ) -> Result<bool, StoreError> {
        if answered(self.write_rows(FAREWELL, |sink| name(sink, owner, id))).await? == 0 {
            return Ok(false);
        }
        loop {
            match answered(self.forget_some(owner, id)).await? {
                Forgotten::Some => {}
                Forgotten::All => return Ok(true),
                Forgotten::Elsewhere => return Ok(false),
            }
        }
    }

    async fn forget_some(&self, owner: &OwnerId, id: EndpointId) -> Result<Forgotten, StoreError> {
        let key = id.to_string();
        let transaction = self.backend().begin_write().await.map_err(from_orm)?;
        let backend = transaction.get_database_backend();
        let next = match backend {
            DbBackend::Postgres => NEXT_POSTGRES,
            _ => NEXT_SQLITE,
        };
        let values: [Value; 2] = [key.as_str().into(), i64::from(BATCH).into()];
        let next = Statement::from_sql_and_values(backend, next, values);
        let next = transaction.query_all_raw(next).await.map_err(from_orm)?;
        let is_last = next.len() < usize::from(BATCH);
        if let Some(last) = next.last() {
            let last: String = last.try_get("", "response_id").map_err(from_orm)?;
            // Attempts that were recorded until the deliveries were locked are seen by now.
            for part in [FORGET_ATTEMPTS, FORGET_DELIVERIES] {
                let values = vec![key.as_str().into(), last.as_str().into()];
                execute(&transaction, part, values).await?;
            }
        }
        let mut forgotten = Forgotten::Some;
        if is_last {
            let owner = plain::write(owner.as_str()).into_owned();
            let removed = execute(&transaction, REMOVE, vec![key.into(), owner.into()]).await?;
            forgotten = match removed {
                0 => Forgotten::Elsewhere,
                _ => Forgotten::All,
            };
        }
        transaction.commit().await.map_err(from_orm)?;
        Ok(forgotten)
    }
}

/// The first two values of what is about one endpoint.
fn name(sink: &mut dyn Sink, owner: &OwnerId, id: EndpointId) {
    sink.text(Some(&id.to_string()));
    sink.text(Some(&plain::write(owner.as_str())));
}

async fn execute(
    transaction: &DatabaseTransaction,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    let backend = transaction.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, values);
    let done = transaction.execute_raw(statement).await;
    Ok(done.map_err(from_orm)?.rows_affected())
}
