//! PostgreSQL: a pool for requests, connections of their own for heartbeats, for claims of jobs and of webhooks,
//! for what came of webhooks and for upkeep, which no request can take, and perhaps a replica.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use response_domain::id::ResponseId;
use response_domain::ports::store::StoreError;
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::time::Instant;

use super::lanes::{Lanes, UNSURE_AFTER};
use crate::options::address;
use crate::queue::LowWater;
use crate::webhook::Marks;
use crate::{OpenError, Options};

#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) primary: DatabaseConnection,
    pub(crate) replica: Option<Replica>,
    /// For writes of one statement.
    pub(crate) writers: Lanes,
    /// For heartbeats, and nothing else.
    pub(crate) beats: Lanes,
    /// For claims, and nothing else: one at a time, so that the processes meet at the head of the queue and
    /// not the slots of each.
    pub(crate) claims: Lanes,
    /// The same for claims of webhooks, so that neither waits for the other.
    pub(crate) due: Lanes,
    /// For what came of webhooks, so that no end of a response waits behind them.
    pub(crate) posts: Lanes,
    /// For what is done now and then, by everybody and for everybody.
    pub(crate) upkeep: Lanes,
    pub(crate) low_water: Arc<LowWater>,
    /// The same of webhooks.
    pub(crate) due_low_water: Marks,
    /// For the connections that carry nudges.
    pub(crate) wire: PgConnectOptions,
}

/// A replica. It lags behind, so what was deleted a moment ago may still stand there.
#[derive(Debug)]
pub(crate) struct Replica {
    connection: DatabaseConnection,
    deleted: Mutex<VecDeque<ResponseId>>,
    /// Until when it is not asked, because it failed.
    away: Mutex<Option<Instant>>,
}

/// A replica that failed is left alone for this long, so that not every read waits for it.
const AWAY: Duration = Duration::from_secs(5);

/// The longest to wait for a connection to a replica: the primary can answer as well.
const REPLICA_WAIT: Duration = Duration::from_secs(1);

/// How many deletions of this process are remembered, the latest ones.
const REMEMBERED: usize = 1_024;

/// How many connections write down what came of webhooks.
const POSTS: u32 = 2;

/// A heartbeat that takes longer than this is as good as none.
const BEAT_TIMEOUT: Duration = Duration::from_secs(2);

/// A claim or a round of upkeep that takes longer is given up; the next one comes soon.
const ROUND_TIMEOUT: Duration = Duration::from_secs(5);

impl Postgres {
    pub(crate) async fn open(
        primary: &PgConnectOptions,
        replica: Option<&PgConnectOptions>,
        options: &Options,
    ) -> Result<Self, OpenError> {
        // Half of the connections write; the pool has the others.
        let writing = options.connections.div_ceil(2);
        let reading = options.connections.saturating_sub(writing).max(1);
        let pool = connect(&by_index(primary), reading, options).await?;
        let replica = replica.map(|server| Replica::new(server, reading, options));
        let beats = Options {
            connect_timeout: BEAT_TIMEOUT,
            statement_timeout: BEAT_TIMEOUT,
            lock_timeout: BEAT_TIMEOUT,
            ..options.clone()
        };
        let rounds = Options {
            statement_timeout: options.statement_timeout.min(ROUND_TIMEOUT),
            ..options.clone()
        };
        Ok(Self {
            primary: orm(pool),
            replica,
            writers: lanes(&by_index(primary), writing, options),
            beats: lanes(primary, 1, &beats),
            claims: claims(primary, &rounds),
            due: claims(primary, &rounds),
            posts: posts(primary, options),
            upkeep: lanes(primary, 1, &rounds),
            low_water: Arc::default(),
            due_low_water: Marks::default(),
            wire: session(primary, &rounds),
        })
    }

    pub(crate) async fn close(&self) {
        let Self {
            writers,
            claims,
            due,
            posts,
            upkeep,
            beats,
            ..
        } = self;
        for lanes in [writers, claims, due, posts, upkeep, beats] {
            lanes.close().await;
        }
        self.primary.get_postgres_connection_pool().close().await;
        if let Some(replica) = &self.replica {
            replica
                .connection
                .get_postgres_connection_pool()
                .close()
                .await;
        }
    }
}

impl Replica {
    /// A replica that is away now may come: nothing depends on it.
    fn new(server: &PgConnectOptions, connections: u32, options: &Options) -> Self {
        let options = Options {
            connect_timeout: options.connect_timeout.min(REPLICA_WAIT),
            ..options.clone()
        };
        let pool = pool_options(connections, &options);
        let server = session(&by_index(server), &options);
        Self {
            connection: orm(pool.connect_lazy_with(server)),
            deleted: Mutex::default(),
            away: Mutex::default(),
        }
    }

    /// The way to it, unless it failed a moment ago.
    pub(crate) fn connection(&self) -> Option<&DatabaseConnection> {
        let is_away = lock(&self.away).is_some_and(|until| Instant::now() < until);
        (!is_away).then_some(&self.connection)
    }

    /// Leaves it alone for a while.
    pub(crate) fn note_failure(&self, error: &StoreError) {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "the replica could not be read; the primary is asked for a while"
        );
        *lock(&self.away) = Some(Instant::now() + AWAY);
    }

    /// Remembers that a response was deleted.
    pub(crate) fn note_deleted(&self, id: ResponseId) {
        let mut deleted = lock(&self.deleted);
        if deleted.len() == REMEMBERED {
            deleted.pop_front();
        }
        deleted.push_back(id);
    }

    /// Whether this process deleted the response not long ago.
    pub(crate) fn was_deleted(&self, id: ResponseId) -> bool {
        lock(&self.deleted).contains(&id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connect(
    server: &PgConnectOptions,
    connections: u32,
    options: &Options,
) -> Result<PgPool, OpenError> {
    pool_options(connections, options)
        .connect_with(session(server, options))
        .await
        .map_err(|source| OpenError::Connect {
            address: address(server),
            source,
        })
}

/// Only a connection that was idle for a while is asked whether it lives; asking each time would double the
/// round trips.
fn pool_options(connections: u32, options: &Options) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.connect_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                if state.idle_for > UNSURE_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

fn lanes(server: &PgConnectOptions, most: u32, options: &Options) -> Lanes {
    Lanes::new(
        session(server, options),
        most,
        options.connect_timeout,
        options.statement_timeout,
    )
}

/// What a request needs is found by an index, whatever the planner thinks: a statement is planned a few times
/// and then kept, and of a table that was short then and has grown since it would read all, until somebody
/// counts it again. What has no index is read nevertheless, and then looks so costly that compiling it would
/// seem worth while.
fn by_index(server: &PgConnectOptions) -> PgConnectOptions {
    let options = [("enable_seqscan", "off"), ("jit", "off")];
    server.clone().options(options)
}

/// A claim is planned once, and always along the index of what waits: planning it anew would cost more than
/// the claim, and a plan made while the queue was short would read all of it when it is long. It does not
/// wait for the disk: a claim that a crash of the server takes back was not followed by a write of its
/// holder, which would have taken the claim to the disk with it, and a later write finds no lease.
fn claims(server: &PgConnectOptions, options: &Options) -> Lanes {
    let server = session(&by_index(server), options).options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_bitmapscan", "off"),
        ("synchronous_commit", "off"),
    ]);
    let (wait, statement) = (options.connect_timeout, options.statement_timeout);
    Lanes::new(server, 1, wait, statement)
}

/// What came of webhooks does not wait for the disk either: what a crash of the server takes back is sent once
/// more, as after a crash of the process that sent it.
fn posts(server: &PgConnectOptions, options: &Options) -> Lanes {
    let server = by_index(server).options([("synchronous_commit", "off")]);
    lanes(&server, POSTS, options)
}

/// What every session says at its beginning, in the same round trip that opens it.
fn session(server: &PgConnectOptions, options: &Options) -> PgConnectOptions {
    let millis = |duration: Duration| duration.as_millis().to_string();
    let named = match server.get_application_name() {
        Some(_) => server.clone(),
        None => server.clone().application_name("response-api"),
    };
    named
        .options([
            ("statement_timeout", millis(options.statement_timeout)),
            ("lock_timeout", millis(options.lock_timeout)),
            (
                "idle_in_transaction_session_timeout",
                millis(options.statement_timeout),
            ),
        ])
        .disable_statement_logging()
}

fn orm(pool: PgPool) -> DatabaseConnection {
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}
