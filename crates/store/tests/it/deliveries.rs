//! Endpoints and deliveries as they would stand after many endings, written by hand so that there can be many
//! and their age can be chosen.

use std::sync::Arc;
use std::time::Duration;

use response_domain::id::ResponseId;
use response_domain::ports::webhook::{DueClaim, WebhookOutbox};
use response_domain::webhook::{Attempt, DeliveryKey, Due, Lane};
use response_store::Store;
use response_testkit::store_suite::sample::{id, worker};
use response_testkit::webhook_suite::sample::{answered, endpoint_id};
use sqlx::PgConnection;

/// Nobody counts deliveries, or cleans up behind them.
pub(crate) const NO_UPKEEP: &str = "ALTER TABLE webhook_deliveries SET (autovacuum_enabled = off)";

/// Endpoints of the owners `owner1`, `owner2` and so on, of which each has as many as `$2` says; all the
/// same as the one that is there.
const ENDPOINTS: &str = "INSERT INTO webhook_endpoints
    SELECT (jsonb_populate_record(e, jsonb_build_object(
        'id', 'webhook_' || lpad((1000000 * o + n)::text, 26, '0'), 'owner', 'owner' || o
    ))).*
    FROM webhook_endpoints e, generate_series(1, $1) o, generate_series(1, $2) n";

/// Registers so many endpoints of so many owners, beside the one that must be there.
pub(crate) async fn crowd(connection: &mut PgConnection, owners: i32, each: i32) {
    sqlx::query(ENDPOINTS)
        .bind(owners)
        .bind(each)
        .execute(connection)
        .await
        .unwrap();
}

const DELIVERIES: &str = "INSERT INTO webhook_deliveries (
        response_id, endpoint_id, owner, event, callback_url, created_at, state, due_at, lane, tried,
        attempts, lease
    )
    SELECT d.id, $3, 'ada', 'response.completed', CASE WHEN $3 = '' THEN 'http://caller.test/done' END,
        now(), 'pending', clock_timestamp() - d.age * interval '1 second', 0, 0, 0, 0
    FROM UNNEST($1::text[], $2::float8[]) AS d(id, age)";

/// Deliveries of ada's that wait: each the number of its response, and for how many seconds it has been
/// due. They go to the endpoint of this number, or back to whoever asked.
pub(crate) async fn wait_for(
    connection: &mut PgConnection,
    endpoint: Option<u32>,
    deliveries: impl IntoIterator<Item = (u32, u32)>,
) {
    let deliveries = deliveries.into_iter();
    let (ids, ages): (Vec<String>, Vec<f64>) = deliveries
        .map(|(number, age)| (id(number).to_string(), f64::from(age)))
        .unzip();
    let endpoint = endpoint.map(|number| endpoint_id(number).to_string());
    sqlx::query(DELIVERIES)
        .bind(ids)
        .bind(ages)
        .bind(endpoint.unwrap_or_default())
        .execute(connection)
        .await
        .unwrap();
}

/// A claim of the process with this number.
pub(crate) fn due_claim(number: u32, lane: Lane, at_most: u16) -> DueClaim {
    DueClaim {
        worker: worker(number),
        lane,
        at_most,
        hold: Duration::from_mins(1),
    }
}

/// What the process with this number gets of the prompt lane.
pub(crate) async fn prompt(store: &Store, number: u32, at_most: u16) -> Vec<Due> {
    let claim = due_claim(number, Lane::Prompt, at_most);
    store.claim(&claim).await.unwrap()
}

/// Of which responses these tell, in order.
pub(crate) fn of(claimed: &[Due]) -> Vec<ResponseId> {
    let keys = claimed.iter().map(|due| due.lease.key);
    keys.map(|DeliveryKey { response, .. }| response).collect()
}

/// The attempt that was made of this, answered with this status.
pub(crate) fn attempt(due: &Due, status: u16) -> Attempt {
    Attempt {
        url: Arc::clone(due.target.url()),
        ..answered(status)
    }
}

/// How many entries of an index, or rows of a whole table, this session has read and all that have ended.
pub(crate) async fn read(connection: &mut PgConnection, of: &str) -> i64 {
    // Of the sessions of a store the test knows only that they end soon after it is closed.
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND application_name = 'response-api'";
    loop {
        let open: i64 = sqlx::query_scalar(others)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        if open == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    // What this one read itself is counted at once, and not some time in the next second.
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(&mut *connection)
        .await
        .unwrap();
    let read = "SELECT CAST(SUM(tuples) AS int8) FROM (
            SELECT idx_tup_read AS tuples FROM pg_stat_user_indexes WHERE indexrelname = $1
            UNION ALL SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = $1
        ) AS read";
    sqlx::query_scalar(read)
        .bind(of)
        .fetch_one(connection)
        .await
        .unwrap()
}
