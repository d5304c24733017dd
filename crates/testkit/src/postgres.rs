//! A PostgreSQL database for one test: made from a migrated template, dropped afterwards. The server is
//! the one that `TEST_DATABASE_URL` names, which `cargo xtask test` sets and, where there is none, starts.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its database has failed; the message says why"
)]

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use response_migrations::Migrator;
use sea_orm::{SqlxPostgresConnector, TransactionOptions, TransactionTrait};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// The variable that names the server.
pub const URL_VARIABLE: &str = "TEST_DATABASE_URL";

/// Held while the template is made.
const TEMPLATE_LOCK: &str = "SELECT pg_advisory_lock(7236831470021946532)";

/// A database that goes with this value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: PgConnectOptions,
}

impl TestDatabase {
    /// A database with the schema of this release and nothing in it.
    ///
    /// # Panics
    /// Where there is no server.
    pub async fn migrated() -> Self {
        let server = server();
        let mut admin = connect(&server).await;
        let template = template(&server, &mut admin).await;
        Self::create(server, &mut admin, &template).await
    }

    /// A database with nothing in it.
    ///
    /// # Panics
    /// Where there is no server.
    pub async fn empty() -> Self {
        let server = server();
        let mut admin = connect(&server).await;
        Self::create(server, &mut admin, "template0").await
    }

    async fn create(server: PgConnectOptions, admin: &mut PgConnection, template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("response_test_{}_{number}", std::process::id());
        // What a process of the same number left when it was killed.
        run(
            admin,
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        // Copying files is the quick way, where the server lets one choose.
        let strategy = if is_at_least_15(admin).await {
            "STRATEGY FILE_COPY"
        } else {
            ""
        };
        run(
            admin,
            format!("CREATE DATABASE {name} TEMPLATE {template} {strategy}"),
        )
        .await;
        Self { name, server }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server
            .clone()
            .database(&self.name)
            .to_url_lossy()
            .to_string()
    }

    /// A connection to it, beside those of what is tested.
    ///
    /// # Panics
    /// When it cannot be connected to.
    pub async fn connect(&self) -> PgConnection {
        connect(&self.server.clone().database(&self.name)).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (name, server) = (self.name.clone(), self.server.clone());
        // A runtime cannot wait inside another, so the end has a thread of its own.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime starts").block_on(async {
                let mut admin = connect(&server).await;
                run(
                    &mut admin,
                    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                )
                .await;
            });
        });
        // What failed was told by the thread; a test that failed before should show its own message.
        let _ = dropped.join();
    }
}

fn server() -> PgConnectOptions {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings")]
    let url = std::env::var(URL_VARIABLE);
    let Ok(url) = url else {
        panic!(
            "this test needs a PostgreSQL server: run the tests with `cargo xtask test`, \
                which brings one, or name one in {URL_VARIABLE}"
        );
    };
    PgConnectOptions::from_str(&url)
        .unwrap_or_else(|error| panic!("{URL_VARIABLE} cannot be read: {error}"))
        .disable_statement_logging()
}

async fn connect(server: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(server)
        .await
        .unwrap_or_else(|error| {
            panic!("the server that {URL_VARIABLE} names does not answer: {error}")
        })
}

async fn run(connection: &mut PgConnection, sql: String) {
    let done = connection.execute(AssertSqlSafe(sql.clone())).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn exists(connection: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(connection)
        .await
        .expect("the server lists its databases")
}

async fn is_at_least_15(connection: &mut PgConnection) -> bool {
    sqlx::query_scalar("SELECT current_setting('server_version_num')::int >= 150000")
        .fetch_one(connection)
        .await
        .expect("the server tells its version")
}

/// The name of the database that has the schema, made by whoever comes first. A new schema has a new name.
async fn template(server: &PgConnectOptions, admin: &mut PgConnection) -> String {
    let name = format!("response_template_{:016x}", Migrator::fingerprint());
    if exists(admin, &name).await {
        return name;
    }
    // The lock goes with its connection, also when this fails.
    let mut holder = connect(server).await;
    run(&mut holder, TEMPLATE_LOCK.to_owned()).await;
    if exists(admin, &name).await {
        return name;
    }
    let draft = format!("{name}_draft");
    run(
        admin,
        format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"),
    )
    .await;
    run(admin, format!("CREATE DATABASE {draft} TEMPLATE template0")).await;
    migrate(server.clone().database(&draft)).await;
    // Only a whole template bears the name.
    run(admin, format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
    name
}

async fn migrate(draft: PgConnectOptions) {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(draft)
        .await
        .expect("the draft of the template can be connected to");
    let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
    let transaction = connection
        .begin_with_options(TransactionOptions::default())
        .await
        .expect("a transaction begins");
    Migrator::apply(&transaction)
        .await
        .expect("the migrations can be applied");
    transaction
        .commit()
        .await
        .expect("the migrations can be committed");
    pool.close().await;
}
