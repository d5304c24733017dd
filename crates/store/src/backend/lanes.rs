//! The connections that write to PostgreSQL. sqlx's pool asks a connection whether it lives each time it
//! comes back, which for a write of one statement is a second round trip; here a connection that did its
//! work is known to live, and only one that was idle for a while is asked.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::QueryResult;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::query::QueryAs;
use sqlx::{ConnectOptions, Connection, FromRow, Postgres};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

/// Some connections, each made when it is needed and kept.
#[derive(Debug)]
pub(crate) struct Lanes {
    server: PgConnectOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Lane>>,
    /// The longest to wait for a connection.
    wait: Duration,
    /// The longest to wait for an answer.
    patience: Duration,
}

/// A connection that answered well so far.
#[derive(Debug)]
struct Lane {
    connection: PgConnection,
    made: Instant,
    used: Instant,
}

/// A connection that did nothing for this long may be dead without anybody knowing.
pub(super) const UNSURE_AFTER: Duration = Duration::from_secs(1);

/// What a server keeps for a connection grows; a new one begins anew.
const LIFETIME: Duration = Duration::from_mins(30);

/// What an answer may take beyond the time that the server gives a statement.
const GRACE: Duration = Duration::from_secs(2);

impl Lanes {
    pub(crate) fn new(
        server: PgConnectOptions,
        most: u32,
        wait: Duration,
        statement_timeout: Duration,
    ) -> Self {
        Self {
            server,
            permits: Semaphore::new(usize::try_from(most).unwrap_or(1).max(1)),
            idle: Mutex::default(),
            wait,
            patience: statement_timeout.saturating_add(GRACE),
        }
    }

    /// The longest that a statement takes, waiting for a connection included.
    pub(crate) fn patience(&self) -> Duration {
        self.wait.saturating_add(self.patience)
    }

    /// Runs one statement that is its own transaction; answers how many rows it wrote or returned. When
    /// this is dropped before it is done, or fails for another reason than the statement, it is not known
    /// whether the statement was run.
    pub(crate) async fn execute(
        &self,
        statement: &'static str,
        arguments: PgArguments,
    ) -> Result<u64, sqlx::Error> {
        let _permit = self.permit().await?;
        // Until it is put back a lane is nobody's: a write that is cut short takes its connection with it.
        let mut lane = self.take().await?;
        let query = sqlx::query_with(statement, arguments).execute(&mut lane.connection);
        let answer = timeout(self.patience, query).await;
        self.settle(lane, answer).map(|done| done.rows_affected())
    }

    /// Runs one statement that is its own transaction; answers the rows it returned. For the rest, see
    /// [`execute`](Self::execute).
    pub(crate) async fn fetch<T>(
        &self,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let _permit = self.permit().await?;
        let mut lane = self.take().await?;
        let query = query.fetch_all(&mut lane.connection);
        let answer = timeout(self.patience, query).await;
        self.settle(lane, answer)
    }

    /// The same for rows that have too many columns for a tuple.
    pub(crate) async fn rows(
        &self,
        statement: &'static str,
        arguments: PgArguments,
    ) -> Result<Vec<QueryResult>, sqlx::Error> {
        let _permit = self.permit().await?;
        let mut lane = self.take().await?;
        let query = sqlx::query_with(statement, arguments).fetch_all(&mut lane.connection);
        let answer = timeout(self.patience, query).await;
        let rows = self.settle(lane, answer)?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, sqlx::Error> {
        match timeout(self.wait, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_closed)) => Err(sqlx::Error::PoolClosed),
            Err(_elapsed) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Puts the lane back if it is as good as before.
    fn settle<T>(
        &self,
        lane: Lane,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, sqlx::Error> {
        match answer {
            Ok(Ok(answer)) => {
                self.put_back(lane);
                Ok(answer)
            }
            Ok(Err(error)) => {
                if is_about_the_statement(&error) {
                    self.put_back(lane);
                } else {
                    // The others went to the same server.
                    self.idle().clear();
                }
                Err(error)
            }
            Err(_elapsed) => Err(silence()),
        }
    }

    pub(crate) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for lane in idle {
            // The server notices by itself when this cannot be said.
            let _ = timeout(GRACE, lane.connection.close()).await;
        }
    }

    async fn take(&self) -> Result<Lane, sqlx::Error> {
        loop {
            let Some(mut lane) = self.idle().pop() else {
                break;
            };
            if lane.made.elapsed() > LIFETIME {
                continue;
            }
            let asked = lane.used.elapsed() > UNSURE_AFTER;
            if !asked || matches!(timeout(GRACE, lane.connection.ping()).await, Ok(Ok(()))) {
                return Ok(lane);
            }
        }
        match timeout(self.wait, self.server.connect()).await {
            Ok(connection) => Ok(Lane {
                connection: connection?,
                made: Instant::now(),
                used: Instant::now(),
            }),
            Err(_elapsed) => Err(silence()),
        }
    }

    fn put_back(&self, mut lane: Lane) {
        lane.used = Instant::now();
        self.idle().push(lane);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silence() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(
        io::ErrorKind::TimedOut,
        "the server does not answer",
    ))
}

/// Whether the connection is as good as before. A server that ends a session says so with a code of class
/// 57P, and hangs up.
fn is_about_the_statement(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| !error.code().is_some_and(|code| code.starts_with("57P")))
}
