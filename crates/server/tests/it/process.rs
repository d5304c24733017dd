//! A real process with stand-ins behind it, and a client in front.

use std::process::Stdio;
use std::time::Duration;

use response_devstack::model::{Model, ModelOptions};
use response_devstack::tools::{TestTools, Tools, ToolsOptions};
use response_egress::{ClientOptions, EgressClient, Outbound, Url};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Far more than any test takes; a hang fails instead of waiting for the runner.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running service. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    base: Url,
    client: EgressClient,
}

/// The upstreams of a service, and where it keeps its data.
pub(crate) struct World {
    pub(crate) model: Model,
    pub(crate) tools: Tools,
    data: TempDir,
    settings: Vec<(String, String)>,
}

/// An answer of the service.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: response_egress::header::HeaderMap,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn new() -> Self {
        let tools = ToolsOptions {
            test_tools: TestTools::Offered,
            ..ToolsOptions::default()
        };
        let model = Model::start(&ModelOptions::default()).unwrap();
        let tools = Tools::start(&tools).unwrap();
        let setting = |name: &str, url: &Url| (name.to_owned(), url.to_string());
        Self {
            data: TempDir::new().unwrap(),
            settings: vec![
                setting("RESPONSE_LLM_API_URL", model.url()),
                setting("RESPONSE_MCP_TOOLS_URL", tools.url()),
            ],
            model,
            tools,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// The binary with this world's settings and nothing else of the environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_response-api"));
        command
            .env_clear()
            .env("RESPONSE_API_PORT", "0")
            .env("RESPONSE_DATA_DIR", self.data.path())
            .env("RESPONSE_LOG_FORMAT", "json")
            .envs(self.settings.iter().cloned())
            .current_dir(self.data.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts the service and waits until it listens.
    pub(crate) async fn start(&self) -> Process {
        let mut child = self
            .command()
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = String::new();
        let address = loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line())
                .await
                .unwrap()
                .unwrap();
            let line =
                line.unwrap_or_else(|| panic!("the service ended before it listened:\n{told}"));
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["server.address"].as_str() {
                break address.to_owned();
            }
            told.push_str(&line);
            told.push('\n');
        };
        // Somebody has to read on, or the service would wait for room in the pipe.
        tokio::runtime::Handle::current()
            .spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Process {
            child,
            base: Url::parse(&format!("http://{address}/")).unwrap(),
            client: EgressClient::new(ClientOptions::default()).unwrap(),
        }
    }
}

impl Process {
    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    async fn send(&self, outbound: Outbound) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        let inbound = self.client.send(outbound.deadline(deadline)).await.unwrap();
        let (status, headers) = (inbound.status().as_u16(), inbound.headers().clone());
        let text = inbound.text_capped(16 << 20, deadline).await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            status,
            headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Outbound::get(&self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Outbound::post(&self.url(path)).json(body.to_string()))
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Outbound::new(
            response_egress::Method::DELETE,
            &self.url(path),
        ))
        .await
    }

    pub(crate) async fn create(&self, body: Value) -> Answer {
        self.post("v1/responses", body).await
    }

    /// Opens a stream; its events are read with [`Reading::next`].
    pub(crate) async fn stream(&self, body: Value) -> Reading {
        let outbound = Outbound::post(&self.url("v1/responses")).json(body.to_string());
        let inbound = self.client.send(outbound).await.unwrap();
        assert_eq!(inbound.status().as_u16(), 200);
        assert_eq!(inbound.media_type(), Some("text/event-stream"));
        Reading(inbound.events(Some(PATIENCE), 16 << 20))
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &process])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Ends the process at once, as a crash would.
    pub(crate) async fn kill(self) {
        self.signal("-KILL");
        assert_eq!(self.ended().await, None);
    }

    /// Waits for the end of the process; its exit code, if it had one.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
            .code()
    }
}

/// A stream that is being read.
pub(crate) struct Reading(response_egress::Events);

impl Reading {
    /// The next event: its name and what it carries.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        let frame = self.0.next().await.unwrap()?;
        let body = serde_json::from_slice(&frame.data).unwrap();
        Some((frame.event_name().to_owned(), body))
    }

    pub(crate) async fn all(mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}
