//! Programs that speak to a process through client libraries of others, pinned in `tests/sdk`.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use response_testkit::packages::Packages;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::process::{Client, Process, World};

/// The tool server of the settings, as requests name it.
pub(super) const SERVER: &str = "default";

/// Where the pins and the programs are.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");

const PYTHON: Packages<'_> = Packages {
    built: env!("CARGO_TARGET_TMPDIR"),
    name: "sdk-python",
    pinned: PROGRAMS,
    files: &["requirements.txt"],
};

const NODE: Packages<'_> = Packages {
    built: env!("CARGO_TARGET_TMPDIR"),
    name: "sdk-node",
    pinned: PROGRAMS,
    files: &["package.json", "package-lock.json", ".npmrc"],
};

/// Far more than any program takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A process, and what is behind it.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) service: Process,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with settings of its own.
    pub(super) async fn with(settings: &[(&str, &str)]) -> Self {
        let mut world = World::new();
        for (name, value) in settings {
            world.set(name, value);
        }
        let service = world.start().await;
        Self { world, service }
    }

    /// What a program in Python answers.
    pub(super) async fn python(&self, program: &str, arguments: &[&str]) -> Value {
        python(&self.service, program, arguments).await
    }

    /// What a program in JavaScript answers.
    pub(super) async fn node(&self, program: &str, arguments: &[&str]) -> Value {
        node(&self.service, program, arguments).await
    }

    /// What the model server was asked so far, as JSON.
    pub(super) fn asked(&self) -> Vec<Value> {
        let seen = self.world.model.ledger().seen();
        let chats = seen.iter().filter(|one| one.path.ends_with("/completions"));
        chats.map(response_devstack::Seen::json).collect()
    }
}

/// Where the libraries are told that the API is.
pub(super) fn base(service: &Client) -> String {
    service.url("openai/v1").to_string()
}

/// What a function of a program in Python answers: the program's name, then the function's.
pub(super) async fn python(service: &Client, program: &str, arguments: &[&str]) -> Value {
    python_told(service, program, arguments, "").await
}

/// The same with something on its standard input.
pub(crate) async fn python_told(
    service: &Client,
    program: &str,
    arguments: &[&str],
    input: &str,
) -> Value {
    let mut command = Command::new(interpreter().await);
    command
        .arg(
            Path::new(PROGRAMS)
                .join("python")
                .join(format!("{program}.py")),
        )
        .args(arguments);
    answer(service, command, input).await
}

/// The interpreter that has the libraries.
pub(super) async fn interpreter() -> std::path::PathBuf {
    let installed = tokio::task::spawn_blocking(|| PYTHON.python()).await;
    installed.unwrap().join("venv").join("bin").join("python")
}

/// What a function of a program in JavaScript answers.
pub(super) async fn node(service: &Client, program: &str, arguments: &[&str]) -> Value {
    node_told(service, program, arguments, "").await
}

/// The same with something on its standard input.
pub(crate) async fn node_told(
    service: &Client,
    program: &str,
    arguments: &[&str],
    input: &str,
) -> Value {
    let folder = folder_with_modules().await;
    for file in std::fs::read_dir(Path::new(PROGRAMS).join("node")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let mut command = Command::new("node");
    command
        .arg(folder.path().join(format!("{program}.mjs")))
        .args(arguments);
    answer(service, command, input).await
}

/// A folder in which programs find the libraries, which they look for beside themselves.
pub(super) async fn folder_with_modules() -> TempDir {
    let installed = tokio::task::spawn_blocking(|| NODE.node()).await.unwrap();
    let folder = TempDir::new().unwrap();
    let modules = folder.path().join("node_modules");
    symlink(installed.join("node_modules"), modules).unwrap();
    folder
}

async fn answer(service: &Client, command: Command, input: &str) -> Value {
    let said = run(service, command, input).await;
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// What a program writes that speaks to this service and nobody else; it must end well.
pub(super) async fn run(service: &Client, mut command: Command, input: &str) -> String {
    let mut child = command
        .env("OPENAI_BASE_URL", base(service))
        .env("OPENAI_API_KEY", "ada")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // If it ended without reading, its own words say why.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = ended
        .unwrap_or_else(|_| panic!("{command:?} does not end"))
        .unwrap();
    let complaint = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}:\n{complaint}");
    String::from_utf8(stdout).unwrap()
}
