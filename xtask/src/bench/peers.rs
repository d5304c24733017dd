//! The peers: the fastest servers of a Responses API that a package index has, side by side with
//! ours over the same upstreams and the same PostgreSQL.
//!
//! They only pass on what an upstream already says in their own shape, so they get an upstream
//! that does, without a delay, and store answers with a pool of 16 connections (`agentic-api` has
//! no setting for its pool). Each calls tools in the way that costs it least: `sglang-router` and
//! `smg` know the MCP server from a file, `agentic-api` is told with each request. All write
//! warnings only, as ours does.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::postgres::Postgres;
use super::started::{Started, free_address};
use super::subject::{Scope, Speech, Subject};
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

/// A package whose server is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Sglang,
    Smg,
    Agentic,
}

/// What the peers work with.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// The upstream that speaks the Responses API.
    pub(super) upstream: SocketAddr,
    /// The MCP server that they are told to call.
    pub(super) mcp: &'a str,
    pub(super) postgres: &'a Postgres,
    /// Where their logs go.
    pub(super) logs: &'a Path,
}

impl Peer {
    pub(super) const ALL: [Self; 3] = [Self::Sglang, Self::Smg, Self::Agentic];

    /// The processes that are started: `sglang-router` offers the tools of its file with every
    /// request, asked or not, so it has a second process for the work that needs them.
    pub(super) const PROCESSES: [(Self, Scope); 4] = [
        (Self::Sglang, Scope::WithoutTools),
        (Self::Sglang, Scope::OnlyTools),
        (Self::Smg, Scope::Everything),
        (Self::Agentic, Scope::Everything),
    ];

    /// The package and the version that is measured.
    pub(super) fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::Sglang => ("sglang-router", "0.3.2"),
            Self::Smg => ("smg", "1.13.0"),
            Self::Agentic => ("agentic-api", "0.9.0"),
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Sglang => "sglang-router",
            Self::Smg => "smg",
            Self::Agentic => "agentic-server",
        }
    }

    /// The `tools` of a request for which tools are offered.
    fn tools(self, mcp: &str) -> Value {
        let mut tool = json!({
            "type": "mcp", "server_label": SERVER, "require_approval": "never",
        });
        match self {
            Self::Sglang => return json!([]),
            Self::Smg => {}
            Self::Agentic => put(&mut tool, "server_url", mcp),
        }
        json!([tool])
    }

    /// Starts it over a database of its own and waits until it answers.
    pub(super) async fn start(
        self,
        scope: Scope,
        surroundings: &Surroundings<'_>,
    ) -> Result<(Started, Subject), ChoreError> {
        let (package, version) = self.package();
        let name = match scope {
            Scope::OnlyTools => format!("{package}-tools"),
            Scope::Everything | Scope::WithoutTools => package.to_owned(),
        };
        let database = surroundings
            .postgres
            .database(&format!("peer_{}", name.replace('-', "_")))?;
        let place = Place {
            address: free_address()?,
            upstream: format!("http://{}", surroundings.upstream),
            database,
        };
        let mut command = Command::new(self.installed()?);
        match self {
            Self::Sglang | Self::Smg => gateway(&mut command, &place)?,
            Self::Agentic => agentic(&mut command, &place)?,
        }
        if self != Self::Agentic && scope != Scope::WithoutTools {
            let file = surroundings.logs.join("mcp.yaml");
            let servers = format!(
                "servers:\n  - name: {SERVER}\n    protocol: streamable\n    url: {}\n",
                surroundings.mcp
            );
            fs::write(&file, servers).doing(|| format!("write {}", file.display()))?;
            command.arg("--mcp-config-path").arg(file);
        }
        let mut started = Started::start(&name, &command, surroundings.logs)?;
        let tools = self.tools(surroundings.mcp);
        let mut subject = Subject {
            name: format!("{package} {version}"),
            address: place.address,
            speech: Speech::Responses { tools: Some(tools) },
            program: None,
            uses_postgres: true,
            scope,
        };
        started.answers(&mut subject).await?;
        Ok((started, subject))
    }

    fn installed(self) -> Result<PathBuf, ChoreError> {
        let program = environment()?.join("bin").join(self.program());
        let missing = || ChoreError::Missing {
            tool: self.package().0.to_owned(),
            install: "`cargo xtask bench peers-install`".to_owned(),
        };
        Some(program)
            .filter(|program| program.is_file())
            .ok_or_else(missing)
    }
}

/// What the peers call the MCP server.
const SERVER: &str = "tools";

/// Where a peer listens and what it works over.
struct Place {
    address: SocketAddr,
    upstream: String,
    database: String,
}

fn put(object: &mut Value, name: &str, value: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), json!(value));
    }
}

/// The command line that sglang-router and smg have in common: one grew out of the other.
fn gateway(command: &mut Command, place: &Place) -> Result<(), ChoreError> {
    let (host, port) = (place.address.ip().to_string(), place.address.port());
    let metrics = free_address()?.port().to_string();
    command.args(["launch", "--host", &host, "--port", &port.to_string()]);
    command.args(["--worker-urls", &place.upstream, "--backend", "openai"]);
    command.args(["--history-backend", "postgres", "--postgres-db-url"]);
    command.args([&place.database, "--postgres-pool-max", "16"]);
    command.args(["--prometheus-host", &host, "--prometheus-port", &metrics]);
    command.args(["--log-level", "warn", "--shutdown-grace-period-secs", "1"]);
    // Neither does anything while the upstream is well; both would hide it when it is not.
    command.args(["--disable-retries", "--disable-circuit-breaker"]);
    command.env("DB_AUTO_MIGRATE", "true");
    Ok(())
}

fn agentic(command: &mut Command, place: &Place) -> Result<(), ChoreError> {
    let home = environment()?.join("home");
    fs::create_dir_all(&home).doing(|| format!("make {}", home.display()))?;
    command
        .env("AGENTIC_API_HOME", home)
        .env("RUST_LOG", "warn");
    command.args(["--gateway-host", &place.address.ip().to_string()]);
    command.args(["--gateway-port", &place.address.port().to_string()]);
    command.args(["--llm-api-base", &place.upstream, "--skip-llm-ready-check"]);
    command.args(["--db-url", &place.database]);
    Ok(())
}

/// Installs the pinned versions into an environment of their own under `target`.
pub(super) fn install() -> Result<(), ChoreError> {
    let environment = environment()?;
    let python = environment.join("bin/python");
    if !python.is_file() {
        let mut make = Command::new("python3");
        command::run(make.args(["-m", "venv"]).arg(&environment))?;
    }
    for peer in Peer::ALL {
        let (package, version) = peer.package();
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
        ]);
        command::run(pip.arg(format!("{package}=={version}")))?;
    }
    say::line(format_args!("the peers are in {}", environment.display()));
    Ok(())
}

fn environment() -> Result<PathBuf, ChoreError> {
    Ok(workspace::target()?.join("bench-peers/venv"))
}
