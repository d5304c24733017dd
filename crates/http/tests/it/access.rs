//! The access log: one line a request, and no secrets in it.

use response_testkit::script::{TurnScript, text};
use response_testkit::vault::TestVault;
use serde_json::json;

use crate::client::Call;
use crate::log::Log;
use crate::who::Known;
use crate::world::Plan;

/// Paths, the ids of their requests, and what the line says: status, level and route.
const PLAIN: &[(&str, &str, u16, &str, &str)] = &[
    ("/healthz", "req-probe", 200, "DEBUG", "/healthz"),
    ("/metrics", "req-scrape", 200, "DEBUG", "/metrics"),
    ("/health/auth", "req-auth", 200, "DEBUG", "/health/auth"),
    ("/nothing/secret", "req-lost", 404, "INFO", "none"),
    (
        "/v1/responses/secret",
        "req-none",
        404,
        "INFO",
        "/v1/responses/{id}",
    ),
    (
        "/openai/v1/webhook_endpoints/secret",
        "req-other",
        404,
        "INFO",
        "/openai/v1/webhook_endpoints/{id}",
    ),
    ("/openai/v1/secret", "req-astray", 404, "INFO", "none"),
];

#[tokio::test]
async fn a_request_leaves_one_line_without_secrets() {
    let log = Log::of_process();
    let turns = [text("hi"), text("hi"), TurnScript::Hangs(Vec::new())];
    let world = Plan::new(turns).authenticator(Known("ada")).build().await;
    let ask = |id: &str, stream: bool| {
        let call = Call::new("POST", "/v1/responses?secret=query");
        let call = call.header("x-request-id", id);
        let call = call.header("authorization", "Bearer secret-token");
        call.json(&json!({"model": "m", "input": "secret input", "stream": stream}))
    };
    for (id, stream) in [("req-waited", false), ("req-streamed", true)] {
        let reply = ask(id, stream).send(&world).await;
        let line = log.access(id).await;
        let fields = &line["fields"];
        assert_eq!(line["level"], "INFO");
        assert_eq!(fields["http.method"], "POST");
        assert_eq!(fields["http.route"], "/v1/responses");
        assert_eq!(fields["http.status"], 200);
        assert_eq!(fields["caller.owner"], "ada");
        assert_eq!(
            fields["response.id"].as_str(),
            reply.header("x-response-id")
        );
        assert!(fields["http.duration_ms"].as_f64().unwrap() > 0.0);
    }
    let open = ask("req-left", false).open(&world).await;
    world.model.hanging.notified().await;
    drop(open);
    assert_eq!(log.access("req-left").await["fields"]["http.status"], 499);
    for &(path, id, status, level, route) in PLAIN {
        let call = Call::new("GET", path).header("x-request-id", id);
        call.send(&world).await;
        let line = log.access(id).await;
        assert_eq!(line["fields"]["http.status"], status);
        let owner = (status == 404 && route != "none").then_some("ada");
        assert_eq!(line["fields"]["caller.owner"].as_str(), owner, "{path}");
        assert_eq!(
            (&line["level"], &line["fields"]["http.route"]),
            (&json!(level), &json!(route))
        );
    }
    let keyless = Plan::new([]).vault(TestVault::with_keys([]));
    let call = Call::new("POST", "/v1/webhooks").header("x-request-id", "req-keyless");
    let body = json!({"url": "https://a.example", "events": ["*"]});
    call.json(&body).send(&keyless.build().await).await;
    log.access("req-keyless").await;
    assert!(log.text().contains("RESPONSE_VAULT_KEYS"), "the operator");
    let lines: Vec<String> = log.text().lines().map(str::to_owned).collect();
    let ours = lines.iter().filter(|line| line.contains("response_http"));
    assert!(ours.clone().count() >= 6);
    for line in ours {
        assert!(!line.contains("secret"), "{line}");
    }
}
