//! The commands of the platform's documents, as they stand there, against an API, two workers, a gateway and a
//! receiver of webhooks.

use response_devstack::gateway::{Gateway, GatewayOptions};
use response_devstack::receiver::{Receiver, ReceiverOptions};
use serde_json::{Value, json};
use tokio::process::Command;

use super::fleet::{Fleet, LONG, until};
use super::invariants::After;
use crate::process::Process;

/// "Quick Test".
const QUICK_TEST: &str = include_str!("commands.sh");

/// "Creating a Background Response", with a task that does not end by itself.
const CREATE: &str = r#"curl -s -w '\n%{http_code}' -X POST http://localhost:8000/responses/v1/responses \
  -H "Authorization: Bearer <token>" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "jan-v2-30b",
    "input": "Write a comprehensive analysis of quantum computing trends [[fail:hang-stream]]",
    "background": true,
    "store": true,
    "metadata": {
      "webhook_url": "https://example.com/webhooks/responses",
      "user_id": "user_123"
    }
  }'"#;

/// "Polling for Status".
const POLL: &str = r#"curl -H "Authorization: Bearer <token>" \
  http://localhost:8000/responses/v1/responses/resp_abc123"#;

/// "Cancelling a Background Task".
const CANCEL: &str = r#"curl -X POST -H "Authorization: Bearer <token>" \
  http://localhost:8000/responses/v1/responses/resp_abc123/cancel"#;

/// "Authentication".
const TOKEN: &str =
    "curl -s -X POST http://localhost:8000/llm/auth/guest-login | jq -r '.access_token'";

/// Whom the commands speak to, and who is told.
struct Outside {
    gateway: Gateway,
    receiver: Receiver,
}

impl Outside {
    fn of(api: &Process) -> Self {
        Self {
            gateway: Gateway::start(&GatewayOptions::to(api.url("/"))).unwrap(),
            receiver: Receiver::start(&ReceiverOptions::default()).unwrap(),
        }
    }

    /// Waits until the end of a response was told, which happens once.
    async fn is_told(&self, id: &str, event: &str) {
        let told = self.receiver.until(|all| !all.is_empty());
        let told = tokio::time::timeout(LONG, told).await.unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.response(), one.event()))
            .collect();
        assert_eq!(told, [(id.to_owned(), event.to_owned())]);
    }
}

async fn fleet() -> Fleet {
    Fleet::with(&[("EGRESS_ALLOW_CIDRS", "127.0.0.0/8")]).await
}

/// Runs commands; only the gateway's address, the token and the addresses outside are others.
async fn run(commands: &str, outside: &Outside, token: &str) -> String {
    let inside = outside.receiver.url().join("webhook").unwrap();
    let commands = commands
        .replace("http://localhost:8000/", outside.gateway.url().as_str())
        .replace("https://webhook.site/your-id", inside.as_str())
        .replace("https://example.com/webhooks/responses", inside.as_str())
        .replace("<token>", token);
    let done = Command::new("bash")
        .args(["-c", &commands])
        .kill_on_drop(true)
        .output();
    let done = tokio::time::timeout(LONG, done).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success() && !told.contains("not found"),
        "curl and jq are needed: {told}"
    );
    String::from_utf8(done.stdout).unwrap()
}

async fn check(fleet: &Fleet, api: &mut Process, mut workers: [Process; 2], ids: &[String]) {
    // Its callers brought tokens of their own.
    fleet.world.model.ledger().take();
    let after = After {
        fleet,
        api,
        workers: workers.iter_mut().collect(),
        responses: ids,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn the_documented_quick_test_ends_with_a_haiku() {
    let fleet = fleet().await;
    let mut api = fleet.api().await;
    let workers = [fleet.worker().await, fleet.worker().await];
    let outside = Outside::of(&api);
    let token = run(TOKEN, &outside, "").await.trim().to_owned();
    assert!(token.len() > 10, "{token}");
    let told = run(QUICK_TEST, &outside, &token).await;
    let (before, last) = told.split_once('{').unwrap();
    let mut lines = before.lines();
    let created = lines.next().unwrap().strip_prefix("Created task: resp_");
    let id = format!("resp_{}", created.unwrap());
    let statuses: Vec<_> = lines.collect();
    let (end, waiting) = statuses.split_last().unwrap();
    assert_eq!(*end, "Status: completed", "{told}");
    let is_open = |status: &&str| ["Status: queued", "Status: in_progress"].contains(status);
    assert!(waiting.iter().all(is_open), "{told}");
    let response: Value = serde_json::from_str(&format!("{{{last}")).unwrap();
    assert_eq!(
        (
            &response["id"],
            &response["status"],
            &response["background"]
        ),
        (&json!(id), &json!("completed"), &json!(true))
    );
    assert!(
        response["output"].as_str().unwrap().contains("green"),
        "{told}"
    );
    for field in ["queued_at", "started_at", "completed_at"] {
        assert!(response[field].is_u64(), "{field}: {told}");
    }
    let asked = fleet.world.model.ledger().seen();
    let bearer = format!("Bearer {token}");
    assert_eq!(asked[0].header("authorization"), Some(&*bearer));
    for line in fleet.logs() {
        assert!(!line.contains(&token), "{line}");
    }
    outside.is_told(&id, "response.completed").await;
    check(&fleet, &mut api, workers, &[id]).await;
}

#[tokio::test]
async fn the_documented_commands_create_poll_and_cancel() {
    let fleet = fleet().await;
    let mut api = fleet.api().await;
    let workers = [fleet.worker().await, fleet.worker().await];
    let outside = Outside::of(&api);
    let token = run(TOKEN, &outside, "").await.trim().to_owned();
    let told = run(CREATE, &outside, &token).await;
    let (body, status) = told.rsplit_once('\n').unwrap();
    assert_eq!(status, "201");
    let created: Value = serde_json::from_str(body).unwrap();
    for (field, expected) in [
        ("object", json!("response")),
        ("status", json!("queued")),
        ("background", json!(true)),
        ("store", json!(true)),
        ("model", json!("jan-v2-30b")),
        ("queued_at", created["created_at"].clone()),
    ] {
        assert_eq!(created[field], expected, "{field}: {told}");
    }
    assert_eq!(created["metadata"]["user_id"], "user_123");
    let id = created["id"].as_str().unwrap();
    let of_it = |command: &str| command.replace("resp_abc123", id);
    fleet
        .world
        .model
        .ledger()
        .until(|traffic| traffic.started == 1)
        .await;
    // The model is asked while the start is being written, so the first answers may still say `queued`.
    let mut polled = Value::Null;
    until("the response is seen to run", LONG, async || {
        polled = serde_json::from_str(&run(&of_it(POLL), &outside, &token).await).unwrap();
        polled["status"] != "queued"
    })
    .await;
    assert_eq!(polled["status"], "in_progress");
    assert!(polled["started_at"].is_u64() && polled.get("output").is_none());
    let cancelled = run(&of_it(CANCEL), &outside, &token).await;
    let cancelled: Value = serde_json::from_str(&cancelled).unwrap();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["cancelled_at"].is_u64());
    let again: Value = serde_json::from_str(&run(&of_it(POLL), &outside, &token).await).unwrap();
    assert_eq!(again, cancelled);
    outside.is_told(id, "response.cancelled").await;
    let ids = [id.to_owned()];
    check(&fleet, &mut api, workers, &ids).await;
}
