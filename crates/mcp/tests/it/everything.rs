//! Servers that others wrote: the reference server with its sessions, the first SDK without
//! sessions, and the second SDK with the protocol of 2026. The tests install them, as pinned in
//! `tests/everything`, into the build folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use response_domain::ports::tools::{ToolErrorKind, ToolExecutor};
use response_domain::tool::Verdict;
use response_egress::Url;
use response_mcp::{McpTools, Mode, Options};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin};

use crate::world::{call, context, listed, names, order, server, tools_with};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/everything");
const FILES: [&str; 4] = ["package.json", "package-lock.json", ".npmrc", "servers.mjs"];

/// A server in a process of its own, which ends with this value: its input is closed then.
struct Theirs {
    url: Url,
    _input: ChildStdin,
    process: Child,
}

impl Theirs {
    async fn start(kind: &str) -> Self {
        let folder = tokio::task::spawn_blocking(installed).await.unwrap();
        // Another program may take the free port that was found for it.
        for _ in 0..3 {
            if let Some(theirs) = Self::try_start(&folder, kind, 0).await {
                return theirs;
            }
        }
        let said = fs::read_to_string(log(&folder, kind)).unwrap_or_default();
        panic!(
            "the third-party server `{kind}` does not start; it needs Node.js 20 or newer:\n{said}"
        );
    }

    async fn try_start(folder: &Path, kind: &str, port: u16) -> Option<Self> {
        let mut process = tokio::process::Command::new("node")
            .args(["servers.mjs", kind, &port.to_string()])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log(folder, kind)).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap()?;
        let port = line.strip_prefix("ready on ")?;
        let url = Url::parse(&format!("http://127.0.0.1:{port}/mcp")).unwrap();
        Some(Self {
            url,
            _input: input,
            process,
        })
    }

    /// The same server in another process, at the same place.
    async fn restarted(mut self, kind: &str) -> Self {
        let folder = tokio::task::spawn_blocking(installed).await.unwrap();
        let port = self.url.port().unwrap();
        self.process.kill().await.unwrap();
        let again = Self::try_start(&folder, kind, port).await;
        again.unwrap_or_else(|| panic!("port {port} was taken by another program"))
    }

    fn tools(&self, mode: Mode) -> McpTools {
        tools_with(&Options::new(vec![server("default", &self.url, mode)]))
    }
}

/// What a server says of itself.
fn log(folder: &Path, kind: &str) -> PathBuf {
    folder.join(format!("{kind}.log"))
}

/// The folder with the servers in it; installed by the first test that comes, whatever process it
/// runs in.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp-everything");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("install.lock")).unwrap();
    lock.lock().unwrap();
    let pinned: Vec<Vec<u8>> = FILES
        .iter()
        .map(|name| fs::read(Path::new(MANIFEST).join(name)).unwrap())
        .collect();
    let mark = folder.join("installed");
    let wanted = pinned.concat();
    if fs::read(&mark).is_ok_and(|there| there == wanted) {
        return folder;
    }
    for (name, content) in FILES.iter().zip(pinned) {
        fs::write(folder.join(name), content).unwrap();
    }
    npm_ci(&folder);
    fs::write(mark, wanted).unwrap();
    folder
}

fn npm_ci(folder: &Path) {
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output();
    let output = output.unwrap_or_else(|error| {
        panic!(
            "npm does not run ({error}). These tests call real MCP servers: install Node.js 20 or \
             newer with npm (Debian: apt-get install nodejs npm)"
        )
    });
    assert!(
        output.status.success(),
        "npm could not install the MCP servers that the tests call:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn the_reference_server_lists_and_calls_over_one_session() {
    let theirs = Theirs::start("everything").await;
    for mode in [Mode::Auto, Mode::Session] {
        let tools = theirs.tools(mode);
        let offered = names(&tools).await;
        assert!(offered.is_sorted(), "{offered:?}");
        for name in [
            "echo",
            "get-sum",
            "get-tiny-image",
            "get-structured-content",
        ] {
            assert!(offered.iter().any(|offered| offered == name), "{offered:?}");
        }
        let echo = call(&tools, "echo", &json!({"message": "größe €"}))
            .await
            .unwrap();
        assert_eq!(
            (&*echo.text, echo.verdict),
            ("Echo: größe €", Verdict::Done)
        );
        let order = order(&listed(&tools).await, "get-sum", &json!({"a": 2, "b": 40}));
        let context = context();
        for reply in join_all((0..20).map(|_| tools.call(&order, &context))).await {
            assert!(reply.unwrap().text.contains("42"));
        }
        tools.close(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn every_content_of_the_reference_server_is_readable() {
    let theirs = Theirs::start("everything").await;
    let tools = theirs.tools(Mode::Auto);
    let image = call(&tools, "get-tiny-image", &json!({})).await.unwrap();
    assert!(image.text.contains("[image: image/png, "), "{}", image.text);
    let weather = json!({"location": "Chicago"});
    let structured = call(&tools, "get-structured-content", &weather)
        .await
        .unwrap();
    assert_eq!(structured.text.matches("\"humidity\"").count(), 1);
    let links = call(&tools, "get-resource-links", &json!({"count": 2}))
        .await
        .unwrap();
    assert_eq!(
        links.text.matches("[resource link: ").count(),
        2,
        "{}",
        links.text
    );
    let resource = json!({"resourceType": "Text", "resourceId": 1});
    let resource = call(&tools, "get-resource-reference", &resource)
        .await
        .unwrap();
    assert!(resource.text.contains("[resource "), "{}", resource.text);
    let bad = call(
        &tools,
        "get-structured-content",
        &json!({"location": "Rome"}),
    )
    .await
    .unwrap();
    assert_eq!(bad.verdict, Verdict::BadArguments);
    assert!(
        bad.text.contains("/location") && bad.text.contains("Chicago"),
        "{}",
        bad.text
    );
}

#[tokio::test]
async fn progress_of_the_reference_server_keeps_a_long_call_alive() {
    let theirs = Theirs::start("everything").await;
    let mut options = Options::new(vec![server("default", &theirs.url, Mode::Auto)]);
    options.call_timeout = Duration::from_secs(3);
    let tools = tools_with(&options);
    let long = json!({"duration": 5, "steps": 20});
    let reply = call(&tools, "trigger-long-running-operation", &long)
        .await
        .unwrap();
    assert!(reply.text.contains("completed"), "{}", reply.text);
    let silent = json!({"duration": 3600, "steps": 1});
    let error = call(&tools, "trigger-long-running-operation", &silent)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Timeout);
}

#[tokio::test]
async fn a_restart_of_the_reference_server_is_survived() {
    let theirs = Theirs::start("everything").await;
    let tools = theirs.tools(Mode::Auto);
    let echo = json!({"message": "hi"});
    call(&tools, "echo", &echo).await.unwrap();
    let theirs = theirs.restarted("everything").await;
    let order = order(&listed(&tools).await, "echo", &echo);
    let context = context();
    for reply in join_all((0..5).map(|_| tools.call(&order, &context))).await {
        assert_eq!(&*reply.unwrap().text, "Echo: hi");
    }
    drop(theirs);
}

/// What both SDKs' servers are asked, whatever their protocol.
async fn asked(kind: &str) {
    let theirs = Theirs::start(kind).await;
    let tools = theirs.tools(Mode::Auto);
    assert_eq!(names(&tools).await, ["add", "fail", "wait"]);
    let sum = json!({"a": 40, "b": 2, "unit": "größen"});
    let sum = call(&tools, "add", &sum).await.unwrap();
    assert_eq!(
        (&*sum.text, sum.verdict),
        ("42 größen for ada", Verdict::Done)
    );
    let plain = call(&tools, "add", &json!({"a": 1, "b": 2})).await.unwrap();
    assert_eq!(&*plain.text, "3 pieces for ada");
    let bad = call(&tools, "add", &json!({"a": "1", "b": 2}))
        .await
        .unwrap();
    assert_eq!(bad.verdict, Verdict::BadArguments);
    let failed = call(&tools, "fail", &json!({})).await.unwrap();
    assert_eq!(failed.verdict, Verdict::ToolSaysError);
    assert!(failed.text.contains("the tool broke"), "{}", failed.text);
    let waited = call(&tools, "wait", &json!({})).await.unwrap();
    assert!(
        waited.text.starts_with("reported to toolexec_"),
        "{}",
        waited.text
    );
}

#[tokio::test]
async fn the_first_sdk_is_spoken_to_without_a_session() {
    asked("stateless").await;
}

#[tokio::test]
async fn the_second_sdk_is_spoken_to_without_a_handshake() {
    asked("modern").await;
}
