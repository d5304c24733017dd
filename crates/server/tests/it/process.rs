//! A real process with stand-ins behind it, and a client in front.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use response_devstack::model::{Model, ModelOptions};
use response_devstack::tools::{TestTools, Tools, ToolsOptions};
use response_egress::header::{HeaderMap, HeaderName, HeaderValue};
use response_egress::{ClientOptions, EgressClient, Method, Outbound, Url};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Far more than any test takes; a hang fails instead of waiting for the runner.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running process of the house. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    client: Client,
    log: Log,
}

/// One who calls a process.
#[derive(Clone)]
pub(crate) struct Client {
    base: Url,
    egress: EgressClient,
    /// What goes along with every request.
    headers: HeaderMap,
}

/// Which binary a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Api,
    Worker,
}

/// What a process wrote to its log so far; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
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
    pub(crate) headers: HeaderMap,
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

    /// The folder in which it keeps its data.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// The API's binary with this world's settings and nothing else of the environment.
    pub(crate) fn command(&self) -> Command {
        self.command_of(Program::Api)
    }

    fn command_of(&self, program: Program) -> Command {
        let mut command = Command::new(program.path());
        command
            .env_clear()
            .env("RESPONSE_API_PORT", "0")
            .env("RESPONSE_WORKER_PORT", "0")
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
        self.launch(Program::Api, &[]).await
    }

    /// Starts a program with some settings of its own, and waits until it listens.
    pub(crate) async fn launch(&self, program: Program, own: &[(&str, &str)]) -> Process {
        let mut child = self
            .command_of(program)
            .envs(own.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Log::default();
        let address = loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line())
                .await
                .unwrap()
                .unwrap();
            let told = || log.lines().join("\n");
            let line =
                line.unwrap_or_else(|| panic!("{program:?} ended before it listened:\n{}", told()));
            let address = address_in(&line);
            log.push(line);
            if let Some(address) = address {
                break address;
            }
        };
        // Somebody has to read on, or the process would wait for room in the pipe.
        let runtime = tokio::runtime::Handle::current();
        let rest = log.clone();
        runtime.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                rest.push(line);
            }
        });
        let rest = log.clone();
        runtime.spawn(async move {
            while let Ok(Some(line)) = said.next_line().await {
                rest.push(line);
            }
        });
        Process {
            child,
            client: Client {
                base: Url::parse(&format!("http://{address}/")).unwrap(),
                egress: EgressClient::new(ClientOptions::default()).unwrap(),
                headers: HeaderMap::new(),
            },
            log,
        }
    }
}

/// Where a process listens, if this line of its log says so.
fn address_in(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    if let Some(address) = event["server.address"].as_str() {
        return Some(address.to_owned());
    }
    let (_, address) = line.split_once(" server.address=")?;
    let address = address.split_whitespace().next()?;
    Some(address.to_owned())
}

impl Program {
    fn path(self) -> PathBuf {
        let api = PathBuf::from(env!("CARGO_BIN_EXE_response-api"));
        match self {
            Self::Api => api,
            Self::Worker => worker_beside(&api),
        }
    }
}

/// The worker's binary, which cargo puts beside the API's. A run of these tests alone does not build it, so
/// it is built here when it is missing or older than the API's.
fn worker_beside(api: &Path) -> PathBuf {
    let worker = api.with_file_name("response-worker");
    let stamp = api.with_file_name(".response-worker-checked");
    let modified = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|found| found.modified())
            .ok()
    };
    let is_fresh = || {
        let newest = modified(&worker).max(modified(&stamp));
        modified(&worker).is_some() && newest >= modified(api)
    };
    if !is_fresh() {
        let folder = api.parent().and_then(Path::file_name).unwrap();
        let profile = if folder == "debug" {
            "dev"
        } else {
            folder.to_str().unwrap()
        };
        let built = std::process::Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "response-worker"])
            .args(["--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the worker cannot be built");
        std::fs::write(&stamp, "").unwrap();
    }
    worker
}

impl Deref for Process {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Process {
    /// Sends this credential with every request from now on.
    pub(crate) fn with_bearer(mut self, token: &str) -> Self {
        self.client = self.client.bearing(token);
        self
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// One more who calls it.
    pub(crate) fn another_client(&self) -> Client {
        self.client.clone()
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

    /// Whether it runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its memory in bytes that is not on disk as well.
    pub(crate) fn memory(&self) -> u64 {
        let file = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(file).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kib.parse::<u64>().unwrap() * 1024
    }

    /// How many files and connections it has open.
    pub(crate) fn files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id().unwrap());
        std::fs::read_dir(folder).unwrap().count()
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

impl Client {
    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    /// The same caller with this header, and no other of that name.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        let name = HeaderName::from_static(name);
        other
            .headers
            .insert(name, HeaderValue::from_str(value).unwrap());
        other
    }

    /// The same caller with this token.
    pub(crate) fn bearing(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    fn with_headers(&self, mut outbound: Outbound) -> Outbound {
        for (name, value) in &self.headers {
            outbound = outbound.header(name.clone(), value.clone());
        }
        outbound
    }

    async fn send(&self, outbound: Outbound) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        let outbound = self.with_headers(outbound).deadline(deadline);
        let inbound = self.egress.send(outbound).await.unwrap();
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

    /// The status of an answer that is a stream, without it.
    pub(crate) async fn head(&self, path: &str) -> u16 {
        self.send(Outbound::new(Method::HEAD, &self.url(path)))
            .await
            .status
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Outbound::post(&self.url(path)).json(body.to_string()))
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Outbound::new(Method::DELETE, &self.url(path)))
            .await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        let outbound = Outbound::new(Method::PATCH, &self.url(path));
        self.send(outbound.json(body.to_string())).await
    }

    pub(crate) async fn create(&self, body: Value) -> Answer {
        self.post("v1/responses", body).await
    }

    /// Opens a stream; its events are read with [`Reading::next`].
    pub(crate) async fn stream(&self, body: Value) -> Reading {
        self.read(Outbound::post(&self.url("v1/responses")).json(body.to_string()))
            .await
    }

    /// Reads the events of a background response, from the first or from behind one.
    pub(crate) async fn follow(&self, id: &str, after: Option<u64>) -> Reading {
        let after = after.map_or_else(String::new, |after| format!("&starting_after={after}"));
        let path = format!("v1/responses/{id}?stream=true{after}");
        self.read(Outbound::get(&self.url(&path))).await
    }

    async fn read(&self, outbound: Outbound) -> Reading {
        let inbound = self.egress.send(self.with_headers(outbound)).await.unwrap();
        assert_eq!(inbound.status().as_u16(), 200);
        assert_eq!(inbound.media_type(), Some("text/event-stream"));
        Reading(inbound.events(Some(PATIENCE), 16 << 20))
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
