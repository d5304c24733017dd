//! Migrations: by whom, when, and what readiness says of the schema.

use futures::future::join_all;
use response_domain::ports::store::{ResponseStore, StoreError};
use response_domain::work::Guard;
use response_migrations::{Migrator, MigratorTrait};
use response_store::Store;
use response_store::options::{Migrate, Options};
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{ada, alone, completed, found, id, put, worker};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Executor, PgConnection};
use tempfile::TempDir;

use crate::{postgres, sqlite};

const LATER: &str = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)";

fn never(options: Options) -> Options {
    Options {
        migrate: Migrate::Never,
        ..options
    }
}

async fn is_told_what_is_missing(store: &Store) {
    let readiness = store.readiness().await;
    assert_eq!(readiness.reachable, Ok(()));
    let missing = readiness.schema.unwrap_err();
    assert!(missing.contains("m0001_responses"), "{missing}");
    let written = store
        .commit(alone(Guard::New(worker(1)), &completed(1)))
        .await;
    assert!(matches!(written, Err(StoreError::Failed(_))), "{written:?}");
    assert!(store.find(&ada(), id(1)).await.is_err());
}

async fn is_told_that_the_schema_is_newer(store: &Store) {
    let newer = store.readiness().await.schema.unwrap_err();
    assert!(
        newer.contains("newer") && newer.contains("m9999_later"),
        "{newer}"
    );
    // It was left as it is, and what this release knows of it still works.
    put(store, &completed(1), Vec::new()).await;
    assert_eq!(*found(store, id(1)).await, completed(1));
}

#[tokio::test]
async fn postgres_starts_that_come_together_all_succeed() {
    let database = TestDatabase::empty().await;
    let options = Options {
        connections: 2,
        ..postgres::options(&database)
    };
    let stores = join_all((0..8).map(|_| Store::open(options.clone()))).await;
    for store in stores {
        let store = store.unwrap();
        assert_eq!(store.readiness().await.schema, Ok(()));
    }
    let store = postgres::open(&database).await;
    put(&store, &completed(1), Vec::new()).await;
}

#[tokio::test]
async fn postgres_is_left_alone_when_that_is_wanted() {
    let database = TestDatabase::empty().await;
    let store = Store::open(never(postgres::options(&database)))
        .await
        .unwrap();
    is_told_what_is_missing(&store).await;
    drop(postgres::open(&database).await);
    assert_eq!(store.readiness().await.schema, Ok(()));
}

#[tokio::test]
async fn postgres_of_a_newer_release_is_told_apart() {
    let database = TestDatabase::migrated().await;
    database.connect().await.execute(LATER).await.unwrap();
    is_told_that_the_schema_is_newer(&postgres::open(&database).await).await;
}

/// All columns and indexes, one a line.
const CATALOGUE: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    ) AS catalogue";

async fn catalogue(connection: &mut PgConnection) -> String {
    let lines: Option<String> = sqlx::query_scalar(CATALOGUE)
        .fetch_one(connection)
        .await
        .unwrap();
    lines.unwrap_or_default()
}

#[tokio::test]
async fn postgres_can_take_back_what_was_applied() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let applied = catalogue(&mut connection).await;
    assert!(applied.contains("webhook_deliveries_due"), "{applied}");
    let migrating = sea_orm::Database::connect(database.url()).await.unwrap();
    Migrator::down(&migrating, None).await.unwrap();
    let bare = catalogue(&mut connection).await;
    let own = |line: &str| !line.contains("seaql_migrations");
    assert!(!bare.lines().any(own), "{bare}");
    Migrator::up(&migrating, None).await.unwrap();
    assert_eq!(catalogue(&mut connection).await, applied);
    migrating.close().await.unwrap();
}

async fn file(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.path().join("response.db"));
    options.connect().await.unwrap()
}

#[tokio::test]
async fn a_file_is_left_alone_when_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(never(sqlite::options(&folder))).await.unwrap();
    is_told_what_is_missing(&store).await;
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    drop(sqlite::open(&folder).await);
    file(&folder).await.execute(LATER).await.unwrap();
    is_told_that_the_schema_is_newer(&sqlite::open(&folder).await).await;
}

/// What an operator asks by hand, as the handbook writes it.
#[tokio::test]
async fn an_operator_can_count_what_waits() {
    let question = "SELECT count(*) FROM responses WHERE status = 'queued' AND background";
    let folder = tempfile::tempdir().unwrap();
    drop(sqlite::open(&folder).await);
    let waiting: i64 = sqlx::query_scalar(question)
        .fetch_one(&mut file(&folder).await)
        .await
        .unwrap();
    assert_eq!(waiting, 0);
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let waiting: i64 = sqlx::query_scalar(question)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(waiting, 0);
}
