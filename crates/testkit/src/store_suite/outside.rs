//! What no store does by itself: time passes, and processes die.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use response_domain::id::WorkerId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Error};

use crate::memory::MemoryStore;
use crate::postgres::TestDatabase;

/// The world around a store under test.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Lets this much time pass for what waits and runs in the queue, for what is to be sent, and for keys. Of
    /// living processes a sign of life may be due afterwards.
    async fn pass(&self, by: Duration);

    /// Lets this process die without a word, long enough ago for everybody to know.
    async fn lose(&self, worker: WorkerId);
}

#[async_trait]
impl Outside for Arc<MemoryStore> {
    async fn pass(&self, by: Duration) {
        MemoryStore::pass(self, by);
    }

    async fn lose(&self, worker: WorkerId) {
        self.forget_worker(worker);
    }
}

/// The world around the file of this name. Instead of the time, the moments in it move.
#[derive(Debug)]
pub struct SqliteFile(pub PathBuf);

/// Moments are kept as text with milliseconds.
const PASS_SQLITE: [&str; 3] = [
    "UPDATE response_jobs SET
        queued_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', queued_at, $1),
        claimed_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', claimed_at, $1),
        deadline_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', deadline_at, $1)",
    "UPDATE webhook_deliveries SET due_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', due_at, $1)",
    "UPDATE idempotency_keys SET created_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', created_at, $1)",
];

impl SqliteFile {
    async fn run(&self, sql: &'static str, value: String) -> Result<(), Error> {
        let options = SqliteConnectOptions::new().filename(&self.0);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let query = sqlx::query(sql).bind(value);
        query.execute(&mut connection).await?;
        connection.close().await
    }
}

#[async_trait]
impl Outside for SqliteFile {
    async fn pass(&self, by: Duration) {
        let shift = format!("-{}.{:03} seconds", by.as_secs(), by.subsec_millis());
        for sql in PASS_SQLITE {
            let passed = self.run(sql, shift.clone()).await;
            assert!(passed.is_ok(), "{passed:?}");
        }
    }

    async fn lose(&self, worker: WorkerId) {
        let sql = "DELETE FROM workers WHERE id = $1";
        let lost = self.run(sql, worker.to_string()).await;
        assert!(lost.is_ok(), "{lost:?}");
    }
}

/// The world around this database. Instead of the time, the moments in it move.
#[derive(Debug)]
pub struct PostgresDatabase(pub Arc<TestDatabase>);

const PASS_POSTGRES: [&str; 3] = [
    "UPDATE response_jobs SET queued_at = queued_at - $1, claimed_at = claimed_at - $1,
        deadline_at = deadline_at - $1",
    "UPDATE webhook_deliveries SET due_at = due_at - $1",
    "UPDATE idempotency_keys SET created_at = created_at - $1",
];

#[async_trait]
impl Outside for PostgresDatabase {
    async fn pass(&self, by: Duration) {
        let mut connection = self.0.connect().await;
        for sql in PASS_POSTGRES {
            let passed = sqlx::query(sql).bind(by).execute(&mut connection).await;
            assert!(passed.is_ok(), "{passed:?}");
        }
    }

    async fn lose(&self, worker: WorkerId) {
        let sql =
            "UPDATE workers SET heartbeat_at = clock_timestamp() - interval '16 s' WHERE id = $1";
        let query = sqlx::query(sql).bind(worker.to_string());
        let lost = query.execute(&mut self.0.connect().await).await;
        assert!(lost.is_ok(), "{lost:?}");
    }
}
