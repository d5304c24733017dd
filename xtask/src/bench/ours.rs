//! The service with its queue: `response-api`, which queues, and `response-worker`, which works.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::BenchError;
use super::load::{Answer, Exchange};
use super::process::Program;
use super::started::{Started, free_address};
use crate::db;
use crate::error::ChoreError;
use crate::wire::{self, Wire};

/// How many responses each worker works on at once.
pub(super) const SLOTS: usize = 8;

/// A key for the vault: the credentials of the load are sealed as anybody's are.
const VAULT_KEYS: &str = "bench:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// The receivers of webhooks are on this machine.
const LOOPBACK: &str = "127.0.0.0/8";
/// What signs webhooks to the addresses of requests.
pub(super) const WEBHOOK_SECRET: &str = "whsec_Zm9yIHRoZSBiZW5jaG1hcmssIG5vIHNlY3JldCAhISE=";
/// How many fill the queue side by side.
const FILLERS: u64 = 32;

/// The API over a database of its own, and what a worker needs to work for it.
#[derive(Debug)]
pub(super) struct Ours {
    _api: Started,
    pub(super) address: SocketAddr,
    pub(super) api: Program,
    database: String,
    model: String,
    binaries: PathBuf,
    logs: PathBuf,
}

/// A worker. Dropping it ends it.
#[derive(Debug)]
pub(super) struct OurWorker {
    _started: Started,
    pub(super) program: Program,
}

impl Ours {
    /// Starts the API.
    pub(super) async fn start(
        database: String,
        model: &str,
        binaries: &Path,
        logs: &Path,
    ) -> Result<Self, ChoreError> {
        let address = free_address()?;
        let mut command = Command::new(binaries.join("response-api"));
        set(
            &mut command,
            &database,
            model,
            &[
                ("http.host", &address.ip().to_string()),
                ("http.port", &address.port().to_string()),
                ("background.embedded", "false"),
                ("background.queue_limit", "0"),
            ],
        );
        let mut started = Started::start("queue-api", &command, logs)?;
        let api = started.is_ready(address, "/readyz").await?;
        Ok(Self {
            _api: started,
            address,
            api,
            database,
            model: model.to_owned(),
            binaries: binaries.to_owned(),
            logs: logs.to_owned(),
        })
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// The table of its jobs.
    pub(super) fn table() -> &'static str {
        "response_jobs"
    }

    /// Starts a worker and waits until it works.
    pub(super) async fn work(&self) -> Result<OurWorker, ChoreError> {
        let address = free_address()?;
        let mut command = Command::new(self.binaries.join("response-worker"));
        set(
            &mut command,
            &self.database,
            &self.model,
            &[
                ("worker.host", &address.ip().to_string()),
                ("worker.port", &address.port().to_string()),
                ("background.worker_count", &SLOTS.to_string()),
            ],
        );
        let mut started = Started::start("queue-worker", &command, &self.logs)?;
        let program = started.is_ready(address, "/readyz").await?;
        Ok(OurWorker {
            _started: started,
            program,
        })
    }

    /// Queues so many responses through the API.
    pub(super) async fn fill(&self, count: u64) -> Result<(), ChoreError> {
        self.fill_with(queued("bench-plain"), count).await
    }

    /// Queues so many of these.
    pub(super) async fn fill_with(&self, exchange: Exchange, count: u64) -> Result<(), ChoreError> {
        let exchange = Arc::new(exchange);
        let mut running = JoinSet::new();
        for at in 0..FILLERS {
            let share = count / FILLERS + u64::from(at < count % FILLERS);
            let (address, exchange) = (self.address, Arc::clone(&exchange));
            running.spawn(async move { fill(address, &exchange.request, share).await });
        }
        let failed = |error: BenchError| error.of("response-api", "filling the queue");
        while let Some(ended) = running.join_next().await {
            let lost = |error| failed(BenchError::Io(std::io::Error::other(error)));
            ended.map_err(lost)?.map_err(failed)?;
        }
        Ok(())
    }

    /// Has the planner know what is queued. The tables of webhooks are left out: a table that was looked at
    /// while it was empty is planned for as if it stayed so.
    pub(super) fn analyze(&self) -> Result<(), ChoreError> {
        let tables =
            "responses, response_jobs, response_secrets, response_events, conversation_items";
        db::ask(&self.database, &format!("analyze {tables}")).map(drop)
    }

    /// Forgets everything that was asked, and whom to tell.
    pub(super) fn clear(&self) -> Result<(), ChoreError> {
        let tables = "response_jobs, response_events, response_secrets, conversation_items, \
                      tool_executions, responses, webhook_attempts, webhook_deliveries, \
                      webhook_endpoints";
        db::ask(&self.database, &format!("truncate {tables}")).map(drop)
    }
}

fn set(command: &mut Command, database: &str, model: &str, others: &[(&str, &str)]) {
    let own = [
        ("database.write_dsn", database),
        ("database.pool_size", "16"),
        ("llm.url", model),
        ("vault.keys", VAULT_KEYS),
        ("egress.allow_cidrs", LOOPBACK),
        ("log.level", "warn"),
    ];
    for (key, value) in own.iter().chain(others) {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    command.env("WEBHOOK_SECRET", WEBHOOK_SECRET);
}

/// A background request for a model of the stand-in, and its answer.
pub(super) fn queued(model: &str) -> Exchange {
    exchange(&json!({
        "model": model, "input": "Say something short.", "tools": [], "background": true,
    }))
}

/// The same of somebody who wants to be told at an address how it ends.
pub(super) fn told(url: &str) -> Exchange {
    exchange(&json!({
        "model": "bench-plain", "input": "Say something short.", "tools": [], "background": true,
        "metadata": { "webhook_url": url },
    }))
}

fn exchange(body: &Value) -> Exchange {
    Exchange {
        request: wire::post("/v1/responses", &body.to_string()),
        status: 201,
        answer: Answer::Whole(b"\"status\":\"queued\"".to_vec()),
    }
}

/// The id of what was made, from its answer.
pub(super) fn created((status, body): (u16, Vec<u8>)) -> Result<String, BenchError> {
    field(status, &body, "id")
}

/// A text of the answer to something that was made.
pub(super) fn field(status: u16, body: &[u8], name: &str) -> Result<String, BenchError> {
    let made: Value = serde_json::from_slice(body).unwrap_or_default();
    match made.get(name).and_then(Value::as_str) {
        Some(text) if status == 201 => Ok(text.to_owned()),
        _ => Err(BenchError::Wrong {
            status,
            deltas: 0,
            text: String::from_utf8_lossy(body).into_owned(),
        }),
    }
}

/// Asks once on a connection that stands, and answers the status and the body.
pub(super) async fn ask(wire: &mut Wire, request: &[u8]) -> Result<(u16, Vec<u8>), BenchError> {
    wire.send(request).await?;
    let head = wire.head().await?.ok_or(BenchError::Closed)?;
    let mut body = Vec::new();
    wire.body(&head, |piece| body.extend_from_slice(piece))
        .await?;
    if head.closes {
        return Err(BenchError::Closed);
    }
    Ok((head.status(), body))
}

async fn fill(address: SocketAddr, request: &[u8], count: u64) -> Result<(), BenchError> {
    let mut wire = Wire::connect(address).await?;
    for _ in 0..count {
        created(ask(&mut wire, request).await?)?;
    }
    Ok(())
}
