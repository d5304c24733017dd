//! `cargo xtask dev` from outside: the commands of the API's own documentation through the
//! gateway, an orderly end, and an end without any order.
//!
//! The service is the one that stands beside the chore; it is built first where a run of these
//! tests alone did not build it.

#![expect(clippy::unwrap_used, reason = "a test that cannot look has failed")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A stack that runs.
struct Stack {
    chore: Child,
    output: BufReader<ChildStdout>,
    service: SocketAddr,
    gateway: SocketAddr,
    receiver: SocketAddr,
    _data: TempDir,
}

/// An answer: its status and its body.
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Stack {
    fn start() -> Self {
        let chore = Path::new(env!("CARGO_BIN_EXE_xtask"));
        build_service(&chore.with_file_name("response-api"));
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(chore);
        command.args(["dev", "--no-build"]);
        for flag in [
            "--api-port",
            "--gateway-port",
            "--model-port",
            "--tools-port",
            "--receiver-port",
        ] {
            command.args([flag, "0"]);
        }
        command.env("RESPONSE_DATA_DIR", data.path());
        command.env("RESPONSE_SHUTDOWN_SOFT", "5s");
        for variable in [
            "RESPONSE_LLM_API_URL",
            "RESPONSE_MCP_TOOLS_URL",
            "RESPONSE_API_PORT",
            "WEBHOOK_SECRET",
            "EGRESS_ALLOW_CIDRS",
        ] {
            command.env_remove(variable);
        }
        let mut chore = command
            .env_remove("DB_POSTGRESQL_WRITE_DSN")
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(chore.stdout.take().unwrap());
        let service = address_in(&mut output, "service");
        let gateway = address_in(&mut output, "gateway");
        let receiver = address_in(&mut output, "webhooks");
        Self {
            chore,
            output,
            service,
            gateway,
            receiver,
            _data: data,
        }
    }

    /// Asks through the gateway.
    fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        exchange(self.gateway, method, path, token, body)
    }

    /// The first line that says all of this.
    fn line_with(&mut self, parts: &[&str]) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).unwrap();
            assert!(length > 0, "ended without {parts:?}:\n{seen}");
            if parts.iter().all(|part| line.contains(part)) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    /// Ends it as Ctrl-C or an init does, and answers what it still wrote.
    fn end(mut self, signal: Signal) -> (bool, String) {
        let id = i32::try_from(self.chore.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        let status = self.chore.wait().unwrap();
        for address in [self.service, self.gateway, self.receiver] {
            assert!(is_silent(address), "{address} still takes connections");
        }
        (status.success(), rest)
    }
}

fn build_service(binary: &Path) {
    if binary.is_file() {
        return;
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--bin", "response-api"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .status();
    assert!(built.unwrap().success());
}

/// The address in the row that begins with a name.
fn address_in(output: &mut impl std::io::BufRead, name: &str) -> SocketAddr {
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        assert!(
            output.read_line(&mut line).unwrap() > 0,
            "ended with:\n{seen}"
        );
        let mut words = line.split_whitespace();
        if words.next() == Some(name) {
            let url = words.next().unwrap().replace("localhost", "127.0.0.1");
            let address = url.trim_start_matches("http://").split('/').next();
            return address.unwrap().parse().unwrap();
        }
        seen.push_str(&line);
    }
}

fn exchange(address: SocketAddr, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    if !token.is_empty() {
        write!(request, "Authorization: Bearer {token}\r\n").unwrap();
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    if !body.is_empty() {
        request.push_str("Content-Type: application/json\r\n");
    }
    write!(request, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let is_chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: if is_chunked {
            unchunked(body)
        } else {
            body.to_owned()
        },
    }
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            break;
        }
        body.push_str(&after[..length]);
        rest = &after[length + 2..];
    }
    body
}

/// Whether nobody listens on an address any more, or soon does not.
fn is_silent(address: SocketAddr) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if TcpStream::connect(address).is_err() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

fn question() -> Value {
    json!({
        "model": "jan-v2-30b",
        "input": "Search for the latest AI news and summarize the top 3 results",
        "temperature": 0.3,
        "tool_choice": {"type": "auto"},
        "stream": false,
    })
}

#[test]
fn the_first_commands_work_as_they_are_documented() {
    let stack = Stack::start();
    let none = Value::Null;
    let login = stack.ask("POST", "/llm/auth/guest-login", "", &none).json();
    let token = login["access_token"].as_str().unwrap();

    let created = stack
        .ask("POST", "/responses/v1/responses", token, &question())
        .json();
    let calls = created["tool_executions"].as_array().unwrap();
    assert!(
        calls.iter().any(|call| call["tool"] == "google_search"),
        "{created}"
    );
    let found = calls[0]["output"].as_str().unwrap();
    assert!(found.contains("documents/"), "no file was found: {found}");
    assert!(!created["output"].as_str().unwrap().is_empty());

    let mut streamed = question();
    streamed["stream"] = json!(true);
    let events = stack
        .ask("POST", "/responses/v1/responses", token, &streamed)
        .body;
    for event in ["created", "tool_call", "output_text.delta", "completed"] {
        assert!(
            events.contains(&format!("event: response.{event}\n")),
            "{event}: {events}"
        );
    }

    let path = format!(
        "/responses/v1/responses/{}",
        created["id"].as_str().unwrap()
    );
    let got = stack.ask("GET", &path, token, &none).json();
    assert_eq!(got["output"], created["output"]);
    let items = stack
        .ask("GET", &format!("{path}/input_items"), token, &none)
        .json();
    assert!(items["data"].as_array().unwrap().len() > 1, "{items}");
    let cancelled = stack
        .ask("POST", &format!("{path}/cancel"), token, &none)
        .json();
    assert_eq!(cancelled["status"], "completed");
    assert_eq!(
        stack.ask("DELETE", &path, token, &none).json()["deleted"],
        true
    );
    assert_eq!(stack.ask("GET", &path, token, &none).status, 404);
    let health = stack.ask("GET", "/responses/healthz", "", &none).json();
    let direct = exchange(stack.service, "GET", "/healthz", "", &none).json();
    assert_eq!(
        (&health["status"], &direct["status"]),
        (&json!("ok"), &json!("ok"))
    );

    let (went_well, rest) = stack.end(Signal::TERM);
    assert!(went_well, "{rest}");
    assert!(rest.trim_end().ends_with("ended"), "{rest}");
}

/// As the API's own documentation has it, but told to this machine.
fn later(stack: &Stack, input: &str) -> Value {
    json!({
        "model": "jan-v2-30b",
        "input": input,
        "background": true,
        "store": true,
        "metadata": {"webhook_url": format!("http://{}/webhook", stack.receiver)},
    })
}

#[test]
fn the_commands_of_the_background_work_as_they_are_documented() {
    let stack = Stack::start();
    let none = Value::Null;
    let login = stack.ask("POST", "/llm/auth/guest-login", "", &none).json();
    let token = login["access_token"].as_str().unwrap();
    let create = |input: &str| {
        let created = stack.ask(
            "POST",
            "/responses/v1/responses",
            token,
            &later(&stack, input),
        );
        assert_eq!(created.status, 201, "{}", created.body);
        let created: Value = serde_json::from_str(&created.body).unwrap();
        assert_eq!(created["status"], "queued");
        format!(
            "/responses/v1/responses/{}",
            created["id"].as_str().unwrap()
        )
    };

    let haiku = create("Write a haiku about coding");
    let begun = Instant::now();
    let ended = loop {
        let polled = stack.ask("GET", &haiku, token, &none).json();
        if polled["status"] == "completed" || polled["status"] == "failed" {
            break polled;
        }
        assert!(begun.elapsed() < PATIENCE, "{polled}");
        std::thread::yield_now();
    };
    assert_eq!(ended["status"], "completed", "{ended}");
    assert!(!ended["output"].as_str().unwrap().is_empty());
    let times = ["queued_at", "started_at", "completed_at"].map(|time| ended[time].as_i64());
    assert!(times.iter().all(Option::is_some), "{ended}");
    let events = stack
        .ask("GET", &format!("{haiku}?stream=true"), token, &none)
        .body;
    assert!(
        events.contains("event: response.completed\n"),
        "the whole story is told once more: {events}"
    );

    let story = create("Write a story [[fail:slow]]");
    let cancelled = stack
        .ask("POST", &format!("{story}/cancel"), token, &none)
        .json();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["cancelled_at"].is_i64(), "{cancelled}");

    let (went_well, rest) = stack.end(Signal::TERM);
    assert!(went_well, "{rest}");
}

#[test]
fn a_webhook_of_the_first_commands_arrives_signed_and_is_shown() {
    let mut stack = Stack::start();
    let question = later(&stack, "Write a haiku about coding");
    let created = stack.ask("POST", "/responses/v1/responses", "anybody", &question);
    assert_eq!(created.status, 201, "{}", created.body);
    let created: Value = serde_json::from_str(&created.body).unwrap();
    let id = created["id"].as_str().unwrap();
    let line = stack.line_with(&["webhook | ", id]);
    let rest = "verified, attempt 1, answer 200";
    assert!(
        line.contains("/webhook response.completed") && line.trim_end().ends_with(rest),
        "{line}"
    );
    let kept = exchange(stack.receiver, "GET", "/received", "", &Value::Null).json();
    assert_eq!(kept["received"][0]["body"]["id"], created["id"], "{kept}");
    let (went_well, rest) = stack.end(Signal::TERM);
    assert!(went_well, "{rest}");
}

#[test]
fn nothing_outlives_a_chore_that_was_killed() {
    let stack = Stack::start();
    let (went_well, _) = stack.end(Signal::KILL);
    assert!(!went_well);
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_starts() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let refused = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args([
            "dev",
            "--no-build",
            "--api-port",
            "0",
            "--gateway-port",
            &port,
        ])
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(
        said.contains(&port) && said.contains("--gateway-port"),
        "{said}"
    );
}
