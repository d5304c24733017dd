//! Writes that wait for another that stands still in the middle of its transaction, so that who is first is
//! known.

use futures::poll;
use response_testkit::postgres::TestDatabase;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::task::yield_now;

/// Writes while `other` is in the middle of a transaction on which the write waits, and goes on to end it
/// with `then`.
pub(crate) async fn write_behind<T>(
    database: &TestDatabase,
    other: PgConnection,
    then: &'static str,
    write: impl Future<Output = T>,
) -> T {
    write_many_behind(database, other, 1, then, write).await
}

/// The same with so many that wait.
pub(crate) async fn write_many_behind<T>(
    database: &TestDatabase,
    mut other: PgConnection,
    many: i64,
    then: &'static str,
    write: impl Future<Output = T>,
) -> T {
    let mut watch = database.connect().await;
    let mut write = Box::pin(write);
    loop {
        assert!(poll!(&mut write).is_pending(), "it does not wait");
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut watch)
        .await
        .unwrap();
        if waiting >= many {
            break;
        }
        yield_now().await;
    }
    other.execute(then).await.unwrap();
    other.close().await.unwrap();
    write.await
}
