//! What is counted, and the face of a process that takes no requests.

use response_testkit::script::text;
use serde_json::json;

use crate::client::Call;
use crate::world::Plan;

#[tokio::test]
async fn what_the_process_counts_is_told_as_text() {
    let world = Plan::new([]).build().await;
    let reply = Call::new("GET", "/metrics").send(&world).await;
    assert_eq!(
        (reply.status, reply.text()),
        (200, "jan_response_api_queue_waiting 7\n")
    );
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
}

#[tokio::test]
async fn a_process_that_takes_no_requests_tells_how_it_is_and_nothing_else() {
    let world = Plan::new([text("hi")]).health_only().build().await;
    let ask = json!({"model": "m", "input": "hi"});
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/healthz", 405),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/health/auth", 404),
        ("GET", "/v1/responses", 404),
        ("POST", "/v1/responses", 404),
    ] {
        let call = Call::new(method, path).header("authorization", "Bearer ada");
        let reply = call.json(&ask).send(&world).await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert!(reply.header("x-request-id").is_some(), "{method} {path}");
        if status == 404 {
            assert_eq!(reply.json()["error"]["code"], "route_not_found");
        }
    }
    world.engine.drain();
    let ready = Call::new("GET", "/readyz").send(&world).await;
    assert_eq!(ready.status, 503);
}
