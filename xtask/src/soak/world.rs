//! Everything that runs: the stand-ins, the database, the processes of the service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use response_devstack::model::{Model, ModelOptions};
use response_devstack::tools::{TestTools, Tools, ToolsOptions};
use tokio::time::{Instant, sleep};

use super::audit;
use super::client::MARKER;
use super::fleet::Member;
use crate::bench::free_address;
use crate::command;
use crate::db::{self, Held, Purpose, Restart, URL_VARIABLE};
use crate::error::ChoreError;
use crate::{say, wire};

const VAULT_KEYS: &str = "soak:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// How many each worker works on at once.
const SLOTS: &str = "4";
const PATIENCE: Duration = Duration::from_mins(1);
/// How long every call of a tool takes: long enough to be caught under way.
const LATENCY: Duration = Duration::from_millis(400);
/// Many more tool calls than there are between two looks at them.
const KEPT_CALLS: usize = 100_000;

/// The world. What is dropped first stands first.
#[derive(Debug)]
pub(super) struct World {
    /// The API first, then the workers.
    pub(super) fleet: Vec<Member>,
    pub(super) model: Model,
    pub(super) tools: Tools,
    /// Restarts the database, where that is ours.
    pub(super) restart: Option<Restart>,
    pub(super) database: String,
    /// When it began, by the clock of the database, in seconds.
    pub(super) began: Began,
    /// Never read: it keeps the server alive.
    _held: Option<Held>,
}

/// A moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began {
    pub(super) here: std::time::Instant,
    pub(super) there: f64,
}

impl Began {
    /// A moment of ours on the clock of the database.
    pub(super) fn then(&self, at: std::time::Instant) -> f64 {
        self.there + at.saturating_duration_since(self.here).as_secs_f64()
    }
}

impl World {
    /// Starts everything and waits until all of it is ready.
    pub(super) async fn start(
        workers: u16,
        binaries: PathBuf,
        logs: PathBuf,
    ) -> Result<Self, ChoreError> {
        let given = command::variable(URL_VARIABLE).and_then(|url| url.into_string().ok());
        let held = match &given {
            // What it says is written must be, or a crash of it would lose what was promised.
            None => Some(Held::start(Purpose::Measurements)?),
            Some(_) => None,
        };
        let server = held.as_ref().map(|held| held.url().to_owned()).or(given);
        let server = server.unwrap_or_default();
        let restart = held
            .as_ref()
            .map(|held| Restart::of(held.url()))
            .transpose()?;
        if restart.is_none() {
            say::line(format_args!(
                "{URL_VARIABLE} is set: its server is not restarted"
            ));
        }
        db::ask(&server, "drop database if exists response_soak")?;
        db::ask(&server, "create database response_soak")?;
        let (host, _) = server.rsplit_once('/').unwrap_or_default();
        let database = format!("{host}/response_soak");
        let (model, tools) = stand_ins()?;
        let common = [
            ("database.write_dsn", database.as_str()),
            ("llm.url", model.url().as_str()),
            ("mcp.url", tools.url().as_str()),
            ("vault.keys", VAULT_KEYS),
            ("http.shutdown_soft", "2s"),
            ("background.worker_count", SLOTS),
            ("log.level", "info"),
            ("log.format", "json"),
        ];
        let mut fleet = vec![api(&common, &binaries, &logs)?];
        for number in 1..=workers {
            fleet.push(worker(number, &common, &binaries, &logs)?);
        }
        for member in &mut fleet {
            member.start()?;
            // The API makes the schema, and the workers need it.
            ready(member.address).await?;
        }
        audit::begin(&database)?;
        let there = db::ask(&database, "select extract(epoch from clock_timestamp())")?;
        let began = Began {
            here: std::time::Instant::now(),
            there: there.parse().unwrap_or_default(),
        };
        Ok(Self {
            fleet,
            model,
            tools,
            restart,
            database,
            began,
            _held: held,
        })
    }
}

fn stand_ins() -> Result<(Model, Tools), ChoreError> {
    let cannot = |source| ChoreError::StandIn { source };
    let model = ModelOptions {
        keep_requests: 0,
        ..ModelOptions::default()
    };
    let tools = ToolsOptions {
        keep_requests: KEPT_CALLS,
        test_tools: TestTools::Offered,
        latency: LATENCY,
        ..ToolsOptions::default()
    };
    let model = Model::start(&model).map_err(cannot)?;
    Ok((model, Tools::start(&tools).map_err(cannot)?))
}

fn api(
    common: &[(&str, &str)],
    binaries: &std::path::Path,
    logs: &std::path::Path,
) -> Result<Member, ChoreError> {
    let address = free_address()?;
    let mut settings = owned(common);
    settings.extend(owned(&[
        ("http.host", &address.ip().to_string()),
        ("http.port", &address.port().to_string()),
        ("background.embedded", "false"),
    ]));
    let program = binaries.join("response-api");
    Ok(Member::new(
        "api".to_owned(),
        address,
        program,
        settings,
        logs,
    ))
}

fn worker(
    number: u16,
    common: &[(&str, &str)],
    binaries: &std::path::Path,
    logs: &std::path::Path,
) -> Result<Member, ChoreError> {
    let address = free_address()?;
    let mut settings = owned(common);
    settings.extend(owned(&[
        ("worker.host", &address.ip().to_string()),
        ("worker.port", &address.port().to_string()),
    ]));
    let program = binaries.join("response-worker");
    Ok(Member::new(
        format!("worker-{number}"),
        address,
        program,
        settings,
        logs,
    ))
}

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    settings.iter().map(own).collect()
}

/// Waits until a process says that it is ready.
pub(super) async fn ready(address: SocketAddr) -> Result<(), ChoreError> {
    let until = Instant::now() + PATIENCE;
    while !matches!(wire::status_of(address, "/readyz").await, Ok(200)) {
        if Instant::now() > until {
            let what = format!("http://{address}/readyz does not answer with 200; see target/soak");
            return Err(ChoreError::Refused(what));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Whether a line of a log tells the credential of a caller.
pub(super) fn betrays(line: &str) -> bool {
    line.contains(MARKER)
}
