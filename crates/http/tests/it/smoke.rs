//! Smoke.

use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::json;

use crate::client::Call;
use crate::world::Plan;

#[tokio::test]
async fn all() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let world = Plan::new([
        calls(&[("clock", "{ \"a\":\n1}")]),
        text("It is noon."),
        text("hi there"),
    ])
    .tools(tools)
    .build()
    .await;
    let r = Call::new("POST", "/v1/responses")
        .json(&json!({"model":"m","input":"hi"}))
        .send(&world)
        .await;
    println!("{:#?}\n{}", r.headers, r.text());
    let id = r.json()["id"].as_str().unwrap().to_owned();
    for (m, p) in [
        ("GET", format!("/v1/responses/{id}")),
        (
            "GET",
            format!("/v1/responses/{id}/input_items?order=desc&limit=2"),
        ),
        ("GET", format!("/v1/responses/{id}/events")),
        ("POST", format!("/v1/responses/{id}/cancel")),
        ("GET", "/v1/responses?status=completed".into()),
        ("GET", "/v1/responses?limit=0".into()),
        ("GET", "/v1/nothing".into()),
        ("PUT", "/v1/responses".into()),
        ("HEAD", "/healthz".into()),
        ("GET", "/healthz".into()),
        ("GET", "/readyz".into()),
        ("GET", "/".into()),
        ("GET", "/openapi.json".into()),
        ("GET", "/docs".into()),
        ("DELETE", format!("/v1/responses/{id}")),
        ("GET", format!("/v1/responses/{id}")),
    ] {
        let r = Call::new(m, &p).send(&world).await;
        println!("{m} {p}: {} {:?}\n{}\n", r.status, r.headers, r.text());
    }
    let r = Call::new("POST", "/v1/responses")
        .header("authorization", "Bearer panics")
        .send(&world)
        .await;
    println!("{} {:#?}\n{}", r.status, r.headers, r.text());
    let r = Call::new("POST", "/v1/responses")
        .json(&json!({"model":"m","input":"hi", "stream":true}))
        .send(&world)
        .await;
    println!("{:#?}\n{}", r.headers, r.text());
}
