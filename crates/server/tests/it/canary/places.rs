//! A service with a marked secret in every place of its settings, and callers that bring others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use response_devstack::receiver::Receiver;
use response_devstack::tools::{TestTools, Tools, ToolsOptions};
use response_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use super::marks::{CORE, Marks};
use super::tables;
use crate::background_postgres::fleet::until;
use crate::identity::provider::Provider;
use crate::identity::validator::Validator;
use crate::process::{Log, Process, Program, World};
use crate::webhooks::stage::receiver;
use crate::wire::{Reply, Wire, address, request};

/// What a caller sends along.
pub(super) type Headers = Vec<(&'static str, String)>;

/// A service, and whom it talks to.
pub(super) struct Places {
    pub(super) world: World,
    pub(super) marks: Marks,
    pub(super) provider: Provider,
    pub(super) validator: Validator,
    pub(super) receiver: Receiver,
    /// A tool server that callers name.
    pub(super) named: Tools,
    pub(super) database: Option<TestDatabase>,
    pub(super) callers: Vec<(&'static str, Headers)>,
    logs: Vec<Log>,
}

/// A secret of this name.
pub(super) fn secret(name: &str) -> String {
    format!("{CORE}-{name}-secret")
}

/// Thirty-two bytes with the mark in them, as a key of the vault.
fn vault_key(id: &str) -> String {
    let bytes = format!("{CORE}-{id:-<17}");
    assert_eq!(bytes.len(), 32);
    let key = base64_of(&bytes);
    format!("{id}:{key}")
}

fn base64_of(text: &str) -> String {
    STANDARD.encode(text)
}

fn settings(world: &mut World) {
    let vault = [vault_key("one"), vault_key("two")].join(",");
    let webhooks = format!("whsec_{}", base64_of(&secret("webhooks-of-requests")));
    for (name, value) in [
        ("RESPONSE_LOG_LEVEL", "trace"),
        ("AUTH_ENABLED", "true"),
        ("AUTH_KEY_CACHE", "0s"),
        ("AUTH_GATEWAY_HEADERS", "true"),
        ("AUTH_GATEWAY_SECRET", &secret("gateway")),
        ("RESPONSE_VAULT_KEYS", &vault),
        ("RESPONSE_LLM_API_KEY", &secret("model")),
        ("WEBHOOK_SECRET", &webhooks),
        ("WEBHOOK_RETRY_DELAY", "10ms"),
        ("EGRESS_ALLOW_CIDRS", "127.0.0.0/8"),
        ("LIMIT_REQUESTS", "0"),
    ] {
        world.set(name, value);
    }
}

/// The database for somebody whose password is a secret of ours: some servers of the tests ask for one.
async fn with_password(database: &TestDatabase) -> String {
    let password = secret("database");
    let make = format!(
        "DO $$ BEGIN CREATE ROLE response_canary LOGIN SUPERUSER PASSWORD '{password}';
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    let mut connection = database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(make))
        .execute(&mut connection)
        .await
        .unwrap();
    let url = database.url();
    let (_, at) = url.split_once('@').unwrap();
    format!("postgres://response_canary:{password}@{at}")
}

/// A further tool server of the operator's, with a secret of its own; only a file can name one.
fn configure_tools(world: &mut World, tools: &Tools) {
    let text = format!(
        "[[mcp.servers]]\nlabel = \"further\"\nurl = \"{}\"\nheaders = {{ \"X-Tools\" = \"{}\" }}\n",
        tools.url(),
        secret("configured-tools")
    );
    let file = world.data().join("settings").join("further.toml");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    world.set("RESPONSE_CONFIG_FILE", file.to_str().unwrap());
}

impl Places {
    /// On `SQLite` alone, or on `PostgreSQL`; everything is logged, in this shape.
    pub(super) async fn with(database: Option<TestDatabase>, format: &str) -> Self {
        let (provider, validator) = (Provider::start().await, Validator::start().await);
        let tools = ToolsOptions {
            test_tools: TestTools::Offered,
            ..ToolsOptions::default()
        };
        let named = Tools::start(&tools).unwrap();
        let mut world = World::new();
        let validator_url = format!("{}?key={}", validator.url(), secret("validator"));
        for (name, value) in [
            ("RESPONSE_LOG_FORMAT", format),
            ("AUTH_ISSUER", provider.issuer()),
            ("AUTH_API_KEY_URL", &validator_url),
        ] {
            world.set(name, value);
        }
        settings(&mut world);
        if let Some(database) = &database {
            world.set("DB_POSTGRESQL_WRITE_DSN", &with_password(database).await);
        }
        configure_tools(&mut world, &named);
        Self {
            world,
            marks: Marks::new(),
            provider,
            validator,
            receiver: receiver(),
            named,
            database,
            callers: Vec::new(),
            logs: Vec::new(),
        }
    }

    pub(super) async fn launch(&mut self, program: Program) -> Process {
        let process = self.world.launch(program, &[]).await;
        self.logs.push(process.log().clone());
        process
    }

    /// Callers by every means there is, each with what clients and gateways send besides.
    pub(super) async fn invite_callers(&mut self) {
        let token = self.provider.token("ada", "ES256").await;
        self.marks.keep_parts("a token", &token);
        let foreign = format!("sk_{}", secret("foreign-key"));
        self.validator
            .knows(&foreign, 200, json!({"subject": "ada"}));
        let made = self
            .world
            .command()
            .args(["keys", "create", "--owner", "ada"])
            .output();
        let made = made.await.unwrap();
        self.marks.are_not_in("what a chore says", &made.stderr);
        let own = String::from_utf8(made.stdout)
            .unwrap()
            .trim_end()
            .to_owned();
        let own = own.lines().last().unwrap().to_owned();
        assert!(own.starts_with("sk_ra_"), "{own}");
        self.marks.keep("a key of the service", &own);
        let bearer = |text: &str| ("authorization", format!("Bearer {text}"));
        self.callers = vec![
            ("a token", vec![bearer(&token)]),
            ("a foreign key", vec![("x-api-key", foreign.clone())]),
            ("a foreign key as a token", vec![bearer(&foreign)]),
            ("an own key", vec![("x-api-key", own.clone())]),
            ("an own key as a token", vec![bearer(&own)]),
            (
                "a gateway",
                vec![
                    ("x-gateway-auth", secret("gateway")),
                    ("x-user-subject", "ada".to_owned()),
                    bearer(&secret("behind-the-gateway")),
                ],
            ),
        ];
        for (_, headers) in &mut self.callers {
            headers.push(("cookie", format!("session={}; a=b", secret("cookie"))));
            headers.push(("proxy-authorization", format!("Basic {}", secret("proxy"))));
        }
    }

    /// Asks, and looks at everything that is answered.
    pub(super) async fn ask(
        &self,
        service: &Process,
        headers: &Headers,
        (method, path): (&str, &str),
        body: &str,
    ) -> Reply {
        let reply = self
            .ask_openly(service, headers, (method, path), body)
            .await;
        let place = format!("the answer to {method} {path} {body:.200}");
        let told = format!("{} {:?}", reply.status, reply.headers);
        self.marks.are_not_in(&place, told.as_bytes());
        self.marks.are_not_in(&place, &reply.body);
        reply
    }

    /// The same where the answer is to hold a secret.
    pub(super) async fn ask_openly(
        &self,
        service: &Process,
        headers: &Headers,
        (method, path): (&str, &str),
        body: &str,
    ) -> Reply {
        let mut all: Vec<(&str, &str)> = vec![("connection", "close")];
        all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
        let mut wire = Wire::open(address(service)).await;
        wire.send(&request(method, path, &all, body)).await;
        wire.reply().await
    }

    /// Waits for the end of a background response.
    pub(super) async fn ends(&self, service: &Process, headers: &Headers, id: &str) -> Value {
        let mut seen = Value::Null;
        until(
            "the response ends",
            crate::background_postgres::fleet::LONG,
            async || {
                let path = format!("/v1/responses/{id}");
                seen = self.ask(service, headers, ("GET", &path), "").await.json();
                !matches!(seen["status"].as_str(), Some("queued" | "in_progress"))
            },
        )
        .await;
        seen
    }

    /// Nothing that anybody can read has a mark: logs, numbers, the database.
    pub(super) async fn are_clean(&self, processes: &[Process]) {
        for process in processes {
            for path in ["/metrics", "/readyz", "/health/auth"] {
                let told = self.ask(process, &Headers::new(), ("GET", path), "").await;
                assert!([200, 404, 503].contains(&told.status), "{path}");
            }
        }
        for log in &self.logs {
            let lines = log.lines();
            assert!(!lines.is_empty());
            self.marks.are_not_in("a log", lines.join("\n").as_bytes());
            for line in lines {
                assert!(!line.contains("panicked"), "{line}");
            }
        }
        let held = if let Some(database) = &self.database {
            tables::of_postgres(database).await
        } else {
            let files = tables::of_files(self.world.data());
            let held = |(path, _): &(String, Vec<u8>)| !path.ends_with("further.toml");
            files.into_iter().filter(held).collect()
        };
        tables::have_none(&held, &self.marks);
    }
}
