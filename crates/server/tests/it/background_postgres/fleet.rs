//! Several processes on one PostgreSQL, with stand-ins behind them and a witness in the database that notes
//! what happens to each response.

use std::io::Write as _;
use std::time::Duration;

use response_egress::Url;
use response_testkit::postgres::TestDatabase;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::process::{Client, Log, Process, Program, World};

/// Callers bring this; nobody may see it but the upstreams.
pub(crate) const MARKER: &str = "marker-4f1d7a90c3-secret";

/// Thirty-two bytes, for tests only.
const VAULT_KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Far more than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(45);

/// Notes every change of a response's status, and of who holds it.
const WITNESS: &str = "
    CREATE SCHEMA witness;
    CREATE TABLE witness.status (
        n bigserial, at timestamptz NOT NULL DEFAULT clock_timestamp(),
        response_id text, status text, has_ended bool
    );
    CREATE TABLE witness.lease (
        n bigserial, at timestamptz NOT NULL DEFAULT clock_timestamp(),
        response_id text, worker_id text, lease bigint, attempt int, losses int,
        xact xid8 NOT NULL DEFAULT pg_current_xact_id()
    );
    CREATE FUNCTION witness.see_status() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'INSERT' OR NEW.status <> OLD.status OR (NEW.ended_at IS NULL) <> (OLD.ended_at IS NULL) THEN
            INSERT INTO witness.status (response_id, status, has_ended)
            VALUES (NEW.id, NEW.status, NEW.ended_at IS NOT NULL);
        END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION witness.see_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO witness.lease (response_id, worker_id, lease, attempt, losses)
        VALUES (NEW.response_id, NEW.worker_id, NEW.lease, NEW.attempt, NEW.losses);
        RETURN NULL;
    END $$;
    CREATE TRIGGER seen AFTER INSERT OR UPDATE ON responses
        FOR EACH ROW EXECUTE FUNCTION witness.see_status();
    CREATE TRIGGER seen AFTER INSERT OR UPDATE ON response_jobs
        FOR EACH ROW EXECUTE FUNCTION witness.see_lease();
";

/// Processes that share a database.
pub(crate) struct Fleet {
    pub(crate) world: World,
    url: String,
    sql: Mutex<PgConnection>,
    logs: std::sync::Mutex<Vec<Log>>,
    /// What nobody may see who reads a log or the database.
    secrets: std::sync::Mutex<Vec<String>>,
    /// Deliveries that do not arrive, by response, and why.
    given_up: std::sync::Mutex<Vec<(String, &'static str)>>,
    /// Dropped last, when nobody is connected any more.
    _database: Option<TestDatabase>,
}

impl Fleet {
    /// On a database of its own, of the server that all tests share.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with settings for all its processes.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let database = TestDatabase::migrated().await;
        let url = database.url();
        Self::on(url, Some(database), settings).await
    }

    /// On a migrated database that is somebody else's.
    pub(crate) async fn on(
        url: String,
        database: Option<TestDatabase>,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut world = World::new();
        world.set("DB_POSTGRESQL_WRITE_DSN", &url);
        world.set("RESPONSE_VAULT_KEYS", VAULT_KEYS);
        world.set("RESPONSE_LOG_LEVEL", "debug");
        for (name, value) in settings {
            world.set(name, value);
        }
        let mut sql = PgConnection::connect(&url).await.unwrap();
        sql.execute(WITNESS).await.unwrap();
        Self {
            world,
            url,
            sql: Mutex::new(sql),
            logs: std::sync::Mutex::default(),
            secrets: std::sync::Mutex::new(vec![MARKER.to_owned()]),
            given_up: std::sync::Mutex::default(),
            _database: database,
        }
    }

    /// Another connection to the database.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Connects anew, after the server was away.
    pub(crate) async fn reconnect(&self) {
        *self.sql.lock().await = self.connect().await;
    }

    /// The database as seen through another address.
    pub(crate) fn url_through(&self, address: std::net::SocketAddr) -> String {
        let mut url = Url::parse(&self.url).unwrap();
        url.set_host(Some(&address.ip().to_string())).unwrap();
        url.set_port(Some(address.port())).unwrap();
        // What passes by is looked at.
        url.set_query(Some("sslmode=disable"));
        url.to_string()
    }

    /// Where the server of the database listens.
    pub(crate) fn server(&self) -> (String, u16) {
        let url = Url::parse(&self.url).unwrap();
        (
            url.host_str().unwrap().to_owned(),
            url.port().unwrap_or(5432),
        )
    }

    pub(crate) async fn start(&self, program: Program, own: &[(&str, &str)]) -> Process {
        let process = self.world.launch(program, own).await.with_bearer(MARKER);
        self.logs.lock().unwrap().push(process.log().clone());
        process
    }

    pub(crate) async fn api(&self) -> Process {
        self.start(Program::Api, &[]).await
    }

    pub(crate) async fn worker(&self) -> Process {
        self.start(Program::Worker, &[]).await
    }

    /// The lines of every process that ever ran.
    pub(crate) fn logs(&self) -> Vec<String> {
        let logs = self.logs.lock().unwrap();
        logs.iter().flat_map(Log::lines).collect()
    }

    /// Looks for this too when it is asked whether secrets are kept.
    pub(crate) fn keeps_secret(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.to_owned());
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap().clone()
    }

    /// A delivery of this response is to be given up, for this reason.
    pub(crate) fn gives_up(&self, id: &str, why: &'static str) {
        self.given_up.lock().unwrap().push((id.to_owned(), why));
    }

    /// All of those.
    pub(crate) fn given_up(&self) -> Vec<(String, &'static str)> {
        let mut given_up = self.given_up.lock().unwrap().clone();
        given_up.sort();
        given_up
    }

    /// Runs SQL that answers nothing.
    pub(crate) async fn run(&self, sql: &str) -> u64 {
        let mut connection = self.sql.lock().await;
        let done = connection.execute(AssertSqlSafe(sql)).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"))
            .rows_affected()
    }

    /// The rows that SQL answers.
    pub(crate) async fn rows<T>(&self, sql: &str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut connection = self.sql.lock().await;
        sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The only value that SQL answers.
    pub(crate) async fn value<T>(&self, sql: &str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
        T: Send,
    {
        let mut rows = self.rows::<(T,)>(sql).await;
        assert_eq!(rows.len(), 1, "{sql}");
        rows.pop().unwrap().0
    }

    /// The process that holds a response, as the database knows it.
    pub(crate) async fn holder(&self, id: &str) -> String {
        let sql = format!("SELECT worker_id FROM response_jobs WHERE response_id = '{id}'");
        let mut holder = None;
        until("somebody holds the response", LONG, async || {
            holder = self.rows::<(Option<String>,)>(&sql).await.pop();
            matches!(holder, Some((Some(_),)))
        })
        .await;
        holder.unwrap().0.unwrap()
    }

    /// Lets the time pass in which a process that died is still waited for: fifteen seconds of silence.
    pub(crate) async fn pass_the_silence_of(&self, worker: &str) {
        let changed = self
            .run(&format!(
                "UPDATE workers SET heartbeat_at = heartbeat_at - interval '1 minute' WHERE id = '{worker}'"
            ))
            .await;
        assert_eq!(changed, 1, "{worker}");
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        // What the processes complained of says more than the test that failed.
        let mut out = std::io::stderr().lock();
        for (number, log) in self.logs.lock().unwrap().iter().enumerate() {
            for line in log.lines() {
                let complains = [r#""level":"WARN""#, r#""level":"ERROR""#];
                if complains.iter().any(|level| line.contains(level)) {
                    let _ = writeln!(out, "{number}: {line}");
                }
            }
        }
    }
}

/// Asks for a background response and answers its id.
pub(crate) async fn ask(api: &Client, prompt: &str) -> String {
    ask_with(api, prompt, json!({})).await
}

/// The same with more fields of the request.
pub(crate) async fn ask_with(api: &Client, prompt: &str, more: Value) -> String {
    let mut body =
        json!({"model": "jan-v2-30b", "input": prompt, "background": true, "store": true});
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let created = api.create(body).await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    assert_eq!(created.body["status"], "queued");
    created.body["id"].as_str().unwrap().to_owned()
}

/// The response as a client sees it.
pub(crate) async fn look(api: &Client, id: &str) -> Value {
    let found = api.get(&format!("v1/responses/{id}")).await;
    assert_eq!(found.status, 200, "{id}: {:#}", found.body);
    found.body
}

/// Waits for the end of a response; what a client sees then.
pub(crate) async fn ended(api: &Client, id: &str, within: Duration) -> Value {
    let mut seen = Value::Null;
    until("the response ends", within, async || {
        seen = look(api, id).await;
        !matches!(seen["status"].as_str(), Some("queued" | "in_progress"))
    })
    .await;
    seen
}

/// Asks to cancel; what is answered.
pub(crate) async fn cancel(api: &Client, id: &str) -> Value {
    let cancelled = api
        .post(&format!("v1/responses/{id}/cancel"), json!({}))
        .await;
    assert_eq!(cancelled.status, 200, "{id}: {:#}", cancelled.body);
    cancelled.body
}

/// Lets time pass. The processes have clocks of their own, which no test can pause.
pub(crate) async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// Waits until something is so; answers how long that took.
pub(crate) async fn until(
    what: &str,
    within: Duration,
    mut is_so: impl AsyncFnMut() -> bool,
) -> Duration {
    let begun = Instant::now();
    loop {
        if is_so().await {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        pass(Duration::from_millis(20)).await;
    }
}
