//! The programs of the guide, cut out of its page and run as they stand: each takes deliveries as they go
//! out, and refuses what differs in a byte, in its time or in its secret.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::SystemTime;

use response_domain::ports::webhook::{Letter, WebhookSender};
use response_domain::time::Timestamp;
use response_egress::header::{HeaderMap, HeaderName, HeaderValue};
use response_egress::{ClientOptions, EgressClient, Outbound, Url};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::others;
use crate::receiver::{Receiver, Request};
use crate::world::{OLD_SECRET, SECRET, letter, secrets, sender};

const PAGE: &str = include_str!("../../../../docs/guides/webhooks.md");

const FULL: &str = r#"{"id":"resp_1","event":"response.completed","output":"größe €"}"#;
const THIN: &str = r#"{"id":"evt_1","object":"event","created_at":1,"type":"response.completed","data":{"id":"resp_1"}}"#;

const TEN_MINUTES: i64 = 600;

/// The program on the page whose first line names this file.
fn program(file: &str) -> &'static str {
    let blocks = PAGE.split("\n```").skip(1).step_by(2);
    let mut codes = blocks.filter_map(|block| block.split_once('\n').map(|(_language, code)| code));
    let code = codes.find(|code| {
        let first = code.lines().next().unwrap_or_default();
        first.strip_prefix("# ").or(first.strip_prefix("// ")) == Some(file)
    });
    code.unwrap_or_else(|| panic!("the guide has no program {file}"))
}

/// A folder of a test with nothing but this program in it.
fn folder_with(test: &str, file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("webhook-guide");
    let folder = folder.join(test).join(file);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(file), program(file)).unwrap();
    folder
}

/// A delivery as it came, and by which of its signatures it is to be believed.
struct Delivery {
    name: &'static str,
    request: Request,
    by_webhook_signature: bool,
    by_x_signature: bool,
}

impl Delivery {
    /// What a program prints that believes it.
    fn believed(&self) -> &'static str {
        if self.request.body == THIN.as_bytes() {
            "believed evt_1"
        } else {
            "believed resp_1"
        }
    }

    fn is_signed(&self) -> bool {
        self.request.headers.contains_key("webhook-signature")
    }
}

/// The programs look at the clock on the wall.
fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

fn signed(url: &str, seconds_from_now: i64, body: &str, by: &[&str]) -> Letter {
    Letter {
        at: Timestamp::from_micros(now().micros() + seconds_from_now * 1_000_000),
        body: body.into(),
        secrets: secrets(by),
        ..letter(url)
    }
}

/// Deliveries to whoever has [`SECRET`], genuine and not.
async fn deliveries() -> Vec<Delivery> {
    type Row = (
        &'static str,
        i64,
        &'static str,
        &'static [&'static str],
        bool,
        bool,
    );
    const TABLE: [Row; 7] = [
        ("a full payload", 0, FULL, &[SECRET], true, true),
        ("a thin payload", 0, THIN, &[SECRET], true, true),
        (
            "a secret that is being replaced",
            0,
            FULL,
            &[OLD_SECRET, SECRET],
            true,
            false,
        ),
        (
            "one from the past",
            -TEN_MINUTES,
            FULL,
            &[SECRET],
            false,
            false,
        ),
        (
            "one from the future",
            TEN_MINUTES,
            FULL,
            &[SECRET],
            false,
            false,
        ),
        ("another secret", 0, FULL, &[OLD_SECRET], false, false),
        ("no secret", 0, FULL, &[], false, false),
    ];
    let mut deliveries = Vec::new();
    for (name, seconds, body, by, by_webhook_signature, by_x_signature) in TABLE {
        let receiver = Receiver::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        let letter = signed(&receiver.url(), seconds, body, by);
        assert!(sender().send(letter).await.unwrap().is_taken());
        deliveries.push(Delivery {
            name,
            request: receiver.requests().remove(0),
            by_webhook_signature,
            by_x_signature,
        });
    }
    let genuine = deliveries[0].request.clone();
    deliveries.extend(changed(&genuine));
    deliveries
}

/// A genuine delivery with something changed on the way.
fn changed(genuine: &Request) -> [Delivery; 5] {
    let with = |name, by_x_signature, headers: &[(&str, &str)]| {
        let mut request = genuine.clone();
        for (name, value) in headers {
            let before = request
                .headers
                .insert((*name).to_owned(), (*value).to_owned());
            assert!(before.is_some_and(|before| before != *value), "{name}");
        }
        Delivery {
            name,
            request,
            by_webhook_signature: false,
            by_x_signature,
        }
    };
    let later: i64 = genuine.headers["webhook-timestamp"].parse().unwrap();
    let later = (later + 1).to_string();
    let mut byte = with("another byte in the body", false, &[]);
    byte.request.body[FULL.find('1').unwrap()] = b'2';
    let mut more = with("a byte more", false, &[]);
    more.request.body.push(b' ');
    [
        byte,
        more,
        with(
            "another time",
            false,
            &[("webhook-timestamp", &later), ("x-timestamp", &later)],
        ),
        // `X-Signature` does not cover it.
        with("another id", true, &[("webhook-id", "evt_2")]),
        with(
            "signatures of no length",
            false,
            &[("webhook-signature", "v1,"), ("x-signature", "sha256=")],
        ),
    ]
}

/// Asks a program's `verified` about each delivery, by another program that prints a line for each.
async fn asked(mut asking: Command, folder: &Path, deliveries: &[Delivery]) -> Vec<String> {
    let cases = deliveries.iter().map(|Delivery { request, .. }| {
        let body = str::from_utf8(&request.body).unwrap();
        json!({"headers": request.headers, "body": body})
    });
    let input = cases.collect::<Value>().to_string();
    let mut process = asking
        .current_dir(folder)
        .env("WEBHOOK_SECRET", SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // If it ended without reading, its own words say why.
    let _ = process
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .await;
    let Output { stdout, stderr, .. } = process.wait_with_output().await.unwrap();
    let lines: Vec<_> = str::from_utf8(&stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let complaint = String::from_utf8_lossy(&stderr);
    assert_eq!(lines.len(), deliveries.len(), "{complaint}");
    lines
}

/// Each is believed or refused as it should be; refused with the first of these errors, and with the second
/// when there is no signature.
fn check(file: &str, deliveries: &[Delivery], lines: &[String], errors: [&str; 2]) {
    for (delivery, line) in deliveries.iter().zip(lines) {
        let error = if delivery.is_signed() {
            errors[0]
        } else {
            errors[1]
        };
        let expected = if delivery.by_webhook_signature {
            delivery.believed().to_owned()
        } else {
            format!("refused {error}")
        };
        assert_eq!(*line, expected, "{file}: {}", delivery.name);
    }
}

const ASK_PYTHON: &str = r#"
import importlib, json, sys

program = importlib.import_module(sys.argv[1])
for case in json.load(sys.stdin):
    try:
        event = program.verified(case["body"].encode(), case["headers"])
        print("believed", event["id"])
    except Exception as error:
        print("refused", type(error).__name__)
"#;

const ASK_NODE: &str = r#"
import { readFileSync } from "node:fs";
import { verified } from "./verify.mjs";

for (const { body, headers } of JSON.parse(readFileSync(0, "utf8"))) {
  await verified(body, headers).then(
    (event) => console.log("believed", event.id),
    (error) => console.log("refused", error.constructor.name),
  );
}
"#;

async fn python() -> Command {
    let installed = tokio::task::spawn_blocking(others::python).await.unwrap();
    Command::new(installed.join("venv").join("bin").join("python"))
}

#[tokio::test]
async fn the_python_programs_believe_what_is_genuine_and_nothing_else() {
    let deliveries = deliveries().await;
    for (module, errors) in [
        (
            "verify_openai",
            ["InvalidWebhookSignatureError", "ValueError"],
        ),
        ("verify_standard", ["WebhookVerificationError"; 2]),
    ] {
        let file = format!("{module}.py");
        let folder = folder_with("python", &file);
        fs::write(folder.join("ask.py"), ASK_PYTHON).unwrap();
        let mut asking = python().await;
        asking.args(["ask.py", module]);
        let lines = asked(asking, &folder, &deliveries).await;
        check(&file, &deliveries, &lines, errors);
    }
}

#[tokio::test]
async fn a_thin_payload_becomes_an_event_of_openais_library() {
    let deliveries = deliveries().await;
    let folder = folder_with("typed", "verify_openai.py");
    let typed = ASK_PYTHON
        .replace("program.verified", "program.thin_event")
        .replace(
            "event[\"id\"]",
            "type(event).__name__, event.type, event.data.id",
        );
    fs::write(folder.join("ask.py"), typed).unwrap();
    let mut asking = python().await;
    asking.args(["ask.py", "verify_openai"]);
    let lines = asked(asking, &folder, &deliveries[1..2]).await;
    let event = "believed ResponseCompletedWebhookEvent response.completed resp_1";
    assert_eq!(lines, [event]);
}

#[tokio::test]
async fn the_node_program_believes_what_is_genuine_and_nothing_else() {
    let deliveries = deliveries().await;
    let folder = folder_with("node", "verify.mjs");
    let installed = tokio::task::spawn_blocking(others::node).await.unwrap();
    symlink(installed.join("node_modules"), folder.join("node_modules")).unwrap();
    fs::write(folder.join("ask.mjs"), ASK_NODE).unwrap();
    let mut asking = Command::new("node");
    asking.arg("ask.mjs");
    let lines = asked(asking, &folder, &deliveries).await;
    let errors = ["InvalidWebhookSignatureError", "Error"];
    check("verify.mjs", &deliveries, &lines, errors);
}

#[tokio::test]
async fn the_shell_script_believes_what_is_genuine_and_nothing_else() {
    let deliveries = deliveries().await;
    let folder = folder_with("shell", "verify.sh");
    let verify = async |request: &Request, secret| {
        let header = |name| request.headers.get(name).map_or("", String::as_str);
        fs::write(folder.join("body.json"), &request.body).unwrap();
        let mut shell = Command::new("sh");
        shell
            .arg("verify.sh")
            .current_dir(&folder)
            .kill_on_drop(true);
        shell.env("WEBHOOK_SECRET", secret);
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            shell.env(name.to_uppercase().replace('-', "_"), header(name));
        }
        let Output { status, stdout, .. } = shell.output().await.unwrap();
        (status.success(), String::from_utf8(stdout).unwrap())
    };
    for delivery in &deliveries {
        let (is_genuine, said) = verify(&delivery.request, SECRET).await;
        let name = delivery.name;
        assert_eq!(is_genuine, delivery.by_webhook_signature, "{name}: {said}");
        let last = said.lines().last().unwrap_or_default();
        let is_late = name.starts_with("one from");
        let beginning = match (is_genuine, is_late) {
            (true, _) => "the delivery is genuine",
            (false, true) => "the time is wrong",
            (false, false) => "the signature is wrong",
        };
        assert!(last.starts_with(beginning), "{name}: {said}");
    }
    for delivery in [&deliveries[0], deliveries.last().unwrap()] {
        let nothing_signs = (false, "no signature could be made\n".to_owned());
        assert_eq!(verify(&delivery.request, "").await, nothing_signs);
    }
}

/// Posts a request as it came before.
async fn post(client: &EgressClient, url: &str, request: &Request) -> u16 {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        if !["host", "content-length"].contains(&name.as_str()) {
            let name = HeaderName::try_from(name).unwrap();
            headers.insert(name, HeaderValue::try_from(value).unwrap());
        }
    }
    let url = Url::parse(url).unwrap();
    let outbound = Outbound::post(&url).headers(headers);
    let answered = client
        .send(outbound.body(request.body.clone()))
        .await
        .unwrap();
    answered.status().as_u16()
}

#[tokio::test]
async fn the_receiver_in_python_believes_what_is_genuine_and_works_on_it_once() {
    let deliveries = deliveries().await;
    let folder = folder_with("receiver", "webhook_server.py");
    let mut process = receiving(&folder, SECRET);
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let port = first.strip_prefix("receiving on port ").unwrap();
    let url = format!("http://127.0.0.1:{port}/webhook");
    // As it comes from the sender itself, and the same once more as it was captured.
    let letter = signed(&url, 0, FULL, &[SECRET]);
    assert_eq!(sender().send(letter).await.unwrap().status, 204);
    let client = EgressClient::new(ClientOptions::default()).unwrap();
    for delivery in &deliveries {
        let status = post(&client, &url, &delivery.request).await;
        let expected = if delivery.by_x_signature { 204 } else { 401 };
        assert_eq!(status, expected, "{}", delivery.name);
    }
    process.kill().await.unwrap();
    let mut worked_on = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        worked_on.push(line);
    }
    worked_on.sort();
    let once = ["response.completed evt_1", "response.completed resp_1"];
    assert_eq!(worked_on, once);
}

#[tokio::test]
async fn the_receiver_in_python_does_not_start_without_a_secret() {
    let folder = folder_with("without-a-secret", "webhook_server.py");
    let mut process = receiving(&folder, "");
    let stdout = process.stdout.take().unwrap();
    let first = BufReader::new(stdout).lines().next_line().await.unwrap();
    assert_eq!(first, None);
    assert!(!process.wait().await.unwrap().success());
}

/// The receiver in Python, on a free port, which it tells.
fn receiving(folder: &Path, secret: &str) -> Child {
    Command::new("python3")
        .arg("webhook_server.py")
        .current_dir(folder)
        .envs([("WEBHOOK_SECRET", secret), ("PORT", "0")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
