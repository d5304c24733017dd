//! What came of an attempt: it is written down, the delivery goes on or is over, and the endpoint is known to
//! work or to fail, all by one write that only the latest lease may do.

use response_domain::ports::store::StoreError;
use response_domain::webhook::{Attempt, DeliveryLease, Effect, Outcome, Verdict};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult};

use super::hold::{leased, name};
use super::shown::DeliveryWord;
use super::{endpoint, micros};
use crate::Store;
use crate::backend::{Backend, Postgres, Sqlite};
use crate::both::{clock, later, sqlite};
use crate::commit::Bound;
use crate::error::{from_orm, from_sqlx};
use crate::plain;
use crate::record::word::Word;
use crate::row::{Sink, Values};

/// How the delivery stands after the attempt, with the number of that attempt. Seven values.
macro_rules! tried {
    ($database:ident) => {
        concat!(
            "UPDATE webhook_deliveries SET
                state = $5, why = $6, worker_id = NULL, tried = tried + 1, attempts = attempts + 1,
                ended_at = CASE WHEN $5 <> 'pending' THEN ",
            clock!($database),
            " END, due_at = CASE WHEN $5 = 'pending' THEN ",
            later!($database, "$7"),
            " END, lane = CASE WHEN $5 = 'pending' THEN 1 ELSE lane END",
            leased!(),
            " RETURNING response_id, endpoint_id, attempts"
        )
    };
}

macro_rules! insert_attempt {
    () => {
        "INSERT INTO webhook_attempts (
            response_id, endpoint_id, number, at, url, duration_us, status, excerpt, retry_after, fault
        ) "
    };
}

/// The endpoint `$id` took this one.
macro_rules! works {
    ($id:literal) => {
        concat!(
            "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = ",
            $id,
            " AND failing_since IS NOT NULL"
        )
    };
}

/// It did not. Only the first time is written, so a dead endpoint is no row that all wait for.
macro_rules! fails {
    ($database:ident, $id:literal) => {
        concat!(
            "UPDATE webhook_endpoints SET failing_since = ",
            clock!($database),
            " WHERE id = ",
            $id,
            " AND failing_since IS NULL"
        )
    };
}

/// It is to be sent nothing more.
macro_rules! disable {
    ($database:ident, $id:literal, $why:literal) => {
        concat!(
            "UPDATE webhook_endpoints SET disabled_at = ",
            clock!($database),
            ", disabled_why = ",
            $why,
            ", failing_since = COALESCE(failing_since, ",
            clock!($database),
            "), updated_at = ",
            clock!($database),
            ", revision = revision + 1 WHERE id = ",
            $id,
            " AND disabled_at IS NULL"
        )
    };
}

/// The delivery and its attempt: each statement of PostgreSQL begins so. Fourteen values. Whatever follows
/// asks for what this returns, so the delivery is locked before the endpoint.
macro_rules! recorded {
    () => {
        concat!(
            "WITH tried AS (",
            tried!(postgres),
            "), attempt AS (",
            insert_attempt!(),
            "SELECT response_id, endpoint_id, attempts, $8, $9, $10, $11, $12, $13, $14 FROM tried
            )"
        )
    };
}

macro_rules! on_endpoint {
    ($update:expr) => {
        concat!(
            ", endpoint AS (",
            $update,
            " AND EXISTS (SELECT FROM tried))"
        )
    };
}

/// What waits for an endpoint that took this one not waits with what is tried again. If that is very much
/// not all at once: the next attempt takes more along.
macro_rules! moved {
    () => {
        ", waiting AS MATERIALIZED (
            SELECT w.response_id, w.endpoint_id FROM webhook_deliveries w
            WHERE w.endpoint_id = $2 AND w.endpoint_id <> '' AND w.lane = 0
                AND w.due_at IS NOT NULL AND w.worker_id IS NULL AND EXISTS (SELECT FROM tried)
            LIMIT 1000 FOR UPDATE OF w SKIP LOCKED
        ), moved AS (
            UPDATE webhook_deliveries m SET lane = 1 FROM waiting
            WHERE m.response_id = waiting.response_id AND m.endpoint_id = waiting.endpoint_id
            RETURNING m.response_id
        )
        SELECT response_id FROM tried UNION ALL SELECT response_id FROM moved"
    };
}

const CALLBACK: &str = concat!(recorded!(), " SELECT response_id FROM tried");

const WORKS: &str = concat!(
    recorded!(),
    on_endpoint!(works!("$2")),
    " SELECT response_id FROM tried"
);

/// A row comes back for the delivery, and one for each that was moved.
const FAILS: &str = concat!(recorded!(), on_endpoint!(fails!(postgres, "$2")), moved!());

const DISABLE: &str = concat!(
    recorded!(),
    on_endpoint!(disable!(postgres, "$2", "$15")),
    moved!()
);

pub(super) const TRIED_SQLITE: &str = tried!(sqlite);
const ATTEMPT_SQLITE: &str = concat!(
    insert_attempt!(),
    "VALUES ($8, $9, $10, $1, $2, $3, $4, $5, $6, $7)"
);
const WORKS_SQLITE: &str = works!("$1");
const FAILS_SQLITE: &str = fails!(sqlite, "$1");
const DISABLE_SQLITE: &str = disable!(sqlite, "$1", "$2");
pub(super) const MOVE_SQLITE: &str = "UPDATE webhook_deliveries SET lane = 1
    WHERE endpoint_id = $1 AND endpoint_id <> '' AND lane = 0
        AND due_at IS NOT NULL AND worker_id IS NULL";

impl Store {
    pub(super) async fn record_attempt(
        &self,
        lease: &DeliveryLease,
        attempt: &Attempt,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => on_sqlite(database, lease, attempt, outcome).await,
            Backend::Postgres(database) => {
                let moved = on_postgres(database, lease, attempt, outcome).await?;
                self.note_released(moved);
                Ok(())
            }
        }
    }
}

/// Answers how many others were moved.
async fn on_postgres(
    database: &Postgres,
    lease: &DeliveryLease,
    attempt: &Attempt,
    outcome: &Outcome,
) -> Result<u64, StoreError> {
    let mut bound = Bound::default();
    name(&mut bound, lease);
    give_verdict(&mut bound, outcome.verdict);
    give_attempt(&mut bound, attempt);
    let statement = match (lease.key.endpoint, outcome.effect) {
        (None, _) => CALLBACK,
        (Some(_), Effect::Works) => WORKS,
        (Some(_), Effect::Fails) => FAILS,
        (Some(_), Effect::Disable(why)) => {
            bound.text(Some(why.as_str()));
            DISABLE
        }
    };
    let arguments = bound.finish().map_err(StoreError::Failed)?;
    match database.posts.execute(statement, arguments).await {
        Ok(0) => Err(StoreError::Stale),
        Ok(rows) => Ok(rows - 1),
        Err(error) => Err(from_sqlx(error)),
    }
}

async fn on_sqlite(
    database: &Sqlite,
    lease: &DeliveryLease,
    attempt: &Attempt,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let transaction = database.begin_write().await.map_err(from_orm)?;
    let mut values = Values::default();
    name(&mut values, lease);
    give_verdict(&mut values, outcome.verdict);
    let tried = transaction
        .query_one_raw(sqlite(TRIED_SQLITE, values))
        .await
        .map_err(from_orm)?
        .ok_or(StoreError::Stale)?;
    write_attempt(&transaction, &tried, lease, attempt).await?;
    if lease.key.endpoint.is_some() {
        affect(&transaction, &endpoint(lease.key), outcome.effect).await?;
    }
    transaction.commit().await.map_err(from_orm)
}

async fn write_attempt(
    transaction: &DatabaseTransaction,
    tried: &QueryResult,
    lease: &DeliveryLease,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    let mut values = Values::default();
    give_attempt(&mut values, attempt);
    values.text(Some(&lease.key.response.to_string()));
    values.text(Some(&endpoint(lease.key)));
    values.number(tried.try_get("", "attempts").map_err(from_orm)?);
    execute(transaction, ATTEMPT_SQLITE, values).await
}

async fn affect(
    transaction: &DatabaseTransaction,
    endpoint: &str,
    effect: Effect,
) -> Result<(), StoreError> {
    let mut values = Values::default();
    values.text(Some(endpoint));
    let update = match effect {
        Effect::Works => WORKS_SQLITE,
        Effect::Fails => FAILS_SQLITE,
        Effect::Disable(why) => {
            values.text(Some(why.as_str()));
            DISABLE_SQLITE
        }
    };
    execute(transaction, update, values).await?;
    if effect != Effect::Works {
        let mut values = Values::default();
        values.text(Some(endpoint));
        execute(transaction, MOVE_SQLITE, values).await?;
    }
    Ok(())
}

async fn execute(
    transaction: &DatabaseTransaction,
    sql: &'static str,
    values: Values,
) -> Result<(), StoreError> {
    let done = transaction.execute_raw(sqlite(sql, values)).await;
    done.map(drop).map_err(from_orm)
}

/// Three values.
fn give_verdict(sink: &mut dyn Sink, verdict: Verdict) {
    let (state, why, pause) = match verdict {
        Verdict::Delivered => (DeliveryWord::Delivered, None, None),
        Verdict::Again(pause) => (DeliveryWord::Pending, None, Some(pause)),
        Verdict::GivenUp(why) => (DeliveryWord::GivenUp, Some(why.as_str()), None),
    };
    sink.text(Some(state.word()));
    sink.text(why);
    sink.large(Some(pause.map_or(0, micros)));
}

/// Seven values.
fn give_attempt(sink: &mut dyn Sink, attempt: &Attempt) {
    let large = |number| i64::try_from(number).unwrap_or(i64::MAX);
    let answer = attempt.answer.as_ref().ok();
    sink.moment(Some(attempt.at.to_utc()));
    sink.text(Some(&plain::write(&attempt.url)));
    sink.large(Some(large(attempt.duration.as_micros())));
    sink.number(answer.map(|answer| i32::from(answer.status)));
    sink.text(answer.map(|it| plain::write(&it.excerpt)).as_deref());
    let retry_after = answer.and_then(|answer| answer.retry_after);
    sink.large(retry_after.map(|pause| large(pause.as_secs().into())));
    sink.text(attempt.answer.as_ref().err().map(|fault| fault.as_str()));
}
