//! Letting go of what is claimed without having tried it. Several at once are taken only where nobody else
//! has them locked: who has is about to record them, or to forget them.

use std::time::Duration;

use response_domain::id::WorkerId;
use response_domain::ports::store::StoreError;
use response_domain::webhook::{DeliveryLease, GaveUp};
use sea_orm::ConnectionTrait;

use super::{endpoint, micros, token};
use crate::Store;
use crate::backend::{Backend, Postgres, Sqlite};
use crate::both::{Both, both, clock, later, sqlite};
use crate::commit::Bound;
use crate::error::{from_orm, from_sqlx};
use crate::row::{Sink, Values};
use crate::statement::later_sqlite;

/// Which delivery, and that this lease is the latest: four values. What is looked for by its key is not to be
/// looked for among all that the process has claimed; see [`statement`](crate::statement) for the words.
macro_rules! leased {
    () => {
        " WHERE response_id = $1 AND endpoint_id = $2
            AND worker_id IS NOT DISTINCT FROM $3 AND lease = $4"
    };
}

pub(super) use leased;

/// Given up for the reason `$why`.
macro_rules! given_up {
    ($database:ident, $why:literal) => {
        concat!(
            "state = 'given_up', ended_at = ",
            clock!($database),
            ", why = ",
            $why,
            ", due_at = NULL, worker_id = NULL"
        )
    };
}

macro_rules! give_up {
    ($database:ident) => {
        concat!(
            "UPDATE webhook_deliveries SET ",
            given_up!($database, "$5"),
            leased!()
        )
    };
}

const GIVE_UP: Both = both!(give_up);

/// Changes several as `$set` says, all of `$2` to `$5` whose lease is the latest.
macro_rules! change_postgres {
    ($set:expr) => {
        concat!(
            "WITH here AS MATERIALIZED (
                SELECT d.response_id, d.endpoint_id FROM webhook_deliveries d
                JOIN UNNEST($2::text[], $3::text[], $4::text[], $5::int8[])
                    AS l(response_id, endpoint_id, worker_id, lease)
                    ON d.response_id = l.response_id AND d.endpoint_id = l.endpoint_id
                WHERE d.worker_id IS NOT DISTINCT FROM l.worker_id AND d.lease = l.lease
                FOR UPDATE OF d SKIP LOCKED
            )
            UPDATE webhook_deliveries w SET ",
            $set,
            " FROM here WHERE w.response_id = here.response_id AND w.endpoint_id = here.endpoint_id"
        )
    };
}

const GIVE_UP_POSTGRES: &str = change_postgres!(given_up!(postgres, "$1"));

const POSTPONE_POSTGRES: &str = change_postgres!(concat!(
    "worker_id = NULL, lane = 1, due_at = ",
    later!(postgres, "$1")
));

const POSTPONE_SQLITE: &str = concat!(
    "UPDATE webhook_deliveries SET worker_id = NULL, lane = 1, due_at = ",
    later_sqlite!("$5"),
    leased!()
);

/// Makes what `$which` says due at once; what was due before keeps its place.
macro_rules! release_postgres {
    ($which:literal) => {
        concat!(
            "WITH here AS MATERIALIZED (
                SELECT d.response_id, d.endpoint_id FROM webhook_deliveries d ",
            $which,
            " FOR UPDATE OF d SKIP LOCKED
            )
            UPDATE webhook_deliveries w SET
                worker_id = NULL, due_at = LEAST(w.due_at, (SELECT clock_timestamp()))
            FROM here WHERE w.response_id = here.response_id AND w.endpoint_id = here.endpoint_id"
        )
    };
}

macro_rules! release_sqlite {
    ($which:literal) => {
        concat!(
            "UPDATE webhook_deliveries SET worker_id = NULL, due_at = MIN(due_at, ",
            clock!(sqlite),
            ") WHERE ",
            $which
        )
    };
}

const GIVE_BACK: Both = Both {
    sqlite: release_sqlite!("worker_id = $1"),
    postgres: release_postgres!("WHERE d.worker_id = $1"),
};

/// A process that was silent for this long is gone, as it is for the queue.
const RESCUE_POSTGRES: &str = release_postgres!(
    "LEFT JOIN workers k ON k.id = d.worker_id
    WHERE d.worker_id IS NOT NULL
        AND (k.id IS NULL OR k.heartbeat_at < clock_timestamp() - interval '15 s')"
);

pub(super) const RESCUE_SQLITE: &str = release_sqlite!(
    "worker_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM workers k WHERE k.id = worker_id)"
);

impl Store {
    pub(super) async fn give_up_delivery(
        &self,
        lease: &DeliveryLease,
        why: GaveUp,
    ) -> Result<(), StoreError> {
        let given_up = self.write_rows(GIVE_UP, |sink| {
            name(sink, lease);
            sink.text(Some(why.as_str()));
        });
        match given_up.await? {
            0 => Err(StoreError::Stale),
            _ => Ok(()),
        }
    }

    pub(super) async fn give_up_deliveries(
        &self,
        leases: &[DeliveryLease],
        why: GaveUp,
    ) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => {
                let values = |values: &mut Values| values.text(Some(why.as_str()));
                change_on_sqlite(database, GIVE_UP.sqlite, leases, values).await
            }
            Backend::Postgres(database) => {
                let mut bound = Bound::default();
                bound.text(Some(why.as_str()));
                change_on_postgres(database, GIVE_UP_POSTGRES, bound, leases).await
            }
        }
    }

    pub(super) async fn postpone_deliveries(
        &self,
        leases: &[DeliveryLease],
        by: Duration,
    ) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite(database) => {
                let values = |values: &mut Values| values.large(Some(micros(by)));
                change_on_sqlite(database, POSTPONE_SQLITE, leases, values).await
            }
            Backend::Postgres(database) => {
                let mut bound = Bound::default();
                bound.large(Some(micros(by)));
                change_on_postgres(database, POSTPONE_POSTGRES, bound, leases).await
            }
        }
    }

    pub(super) async fn give_back_deliveries(&self, worker: WorkerId) -> Result<u64, StoreError> {
        let worker = worker.to_string();
        let given_back = self.write_rows(GIVE_BACK, |sink| sink.text(Some(&worker)));
        let count = given_back.await?;
        self.note_released(count);
        Ok(count)
    }

    pub(super) async fn rescue_deliveries(&self) -> Result<u64, StoreError> {
        let count = match self.backend() {
            Backend::Sqlite(database) => {
                let rescue = sqlite(RESCUE_SQLITE, Values::default());
                let rescued = database.writer.execute_raw(rescue).await;
                rescued.map_err(from_orm)?.rows_affected()
            }
            Backend::Postgres(database) => {
                let nothing = Bound::default().finish().map_err(StoreError::Failed)?;
                let rescued = database.upkeep.execute(RESCUE_POSTGRES, nothing).await;
                rescued.map_err(from_sqlx)?
            }
        };
        self.note_released(count);
        Ok(count)
    }

    /// So many may have gone back to an old place.
    pub(super) fn note_released(&self, count: u64) {
        if let Backend::Postgres(database) = self.backend()
            && count > 0
        {
            database.due_low_water.look_everywhere();
        }
    }
}

/// The values of `leased!`.
pub(super) fn name(sink: &mut dyn Sink, lease: &DeliveryLease) {
    sink.text(Some(&lease.key.response.to_string()));
    sink.text(Some(&endpoint(lease.key)));
    sink.text(Some(&lease.worker.to_string()));
    sink.large(Some(token(lease)));
}

/// `bound` has the value that comes before those of the leases.
async fn change_on_postgres(
    database: &Postgres,
    statement: &'static str,
    mut bound: Bound,
    leases: &[DeliveryLease],
) -> Result<(), StoreError> {
    let leases = leases.iter();
    bound.column(leases.clone(), |lease| lease.key.response.to_string());
    bound.column(leases.clone(), |lease| endpoint(lease.key));
    bound.column(leases.clone(), |lease| lease.worker.to_string());
    bound.column(leases, token);
    let arguments = bound.finish().map_err(StoreError::Failed)?;
    let changed = database.posts.execute(statement, arguments);
    changed.await.map(drop).map_err(from_sqlx)
}

/// `more` adds the value that comes behind those of each lease.
async fn change_on_sqlite(
    database: &Sqlite,
    statement: &'static str,
    leases: &[DeliveryLease],
    more: impl Fn(&mut Values),
) -> Result<(), StoreError> {
    let transaction = database.begin_write().await.map_err(from_orm)?;
    for lease in leases {
        let mut values = Values::default();
        name(&mut values, lease);
        more(&mut values);
        let changed = transaction.execute_raw(sqlite(statement, values));
        changed.await.map_err(from_orm)?;
    }
    transaction.commit().await.map_err(from_orm)
}
