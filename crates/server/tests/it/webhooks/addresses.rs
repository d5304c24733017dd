//! Addresses that may not be called.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::stage::{Stage, outcomes, settled, told_at};
use crate::background_postgres::fleet::{LONG, ask_with, ended};
use crate::process::Program;

/// A port on which a connection would be seen.
fn trap() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    (listener, url)
}

fn was_not_called(trap: &TcpListener) {
    let called = trap.accept();
    assert!(called.is_err(), "{called:?}");
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_refused_before_anything_is_kept() {
    let stage = Stage::with(&[("EGRESS_ALLOW_CIDRS", "")]).await;
    let api = stage.fleet.api().await;
    let (trap, url) = trap();
    let port = trap.local_addr().unwrap().port();
    for url in [
        url,
        format!("http://[::1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://user:word@example.com/".to_owned(),
        "ftp://example.com/".to_owned(),
        "nonsense".to_owned(),
    ] {
        let mut body = json!({"model": "jan-v2-30b", "input": "say hello", "background": true});
        body["metadata"] = told_at(&url)["metadata"].clone();
        let refused = api.create(body).await;
        let error = &refused.body["error"];
        assert_eq!(
            (refused.status, &error["param"]),
            (400, &json!("metadata.webhook_url")),
            "{url}: {:#}",
            refused.body
        );
        let draft = json!({"url": url, "events": ["*"]});
        let refused = api.post("v1/webhooks", draft).await;
        assert_eq!(
            (refused.status, &refused.body["error"]["param"]),
            (400, &json!("url")),
            "{url}: {:#}",
            refused.body
        );
    }
    let kept: i64 = stage.fleet.value("SELECT count(*) FROM responses").await;
    assert_eq!(kept, 0);
    was_not_called(&trap);
}

#[tokio::test]
async fn an_address_is_judged_again_at_each_attempt_and_nothing_is_connected() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    // Here nothing is allowed any more.
    let own = [("EGRESS_ALLOW_CIDRS", "")];
    let mut worker = stage.fleet.start(Program::Worker, &own).await;
    let (trap, url) = trap();
    let port = trap.local_addr().unwrap().port();
    let mut responses = Vec::new();
    for url in [url, format!("http://localhost:{port}/webhook")] {
        let id = ask_with(&api, "say hello", told_at(&url)).await;
        stage.fleet.gives_up(&id, "attempts_spent");
        responses.push(id);
    }
    for id in &responses {
        let delivery = settled(&api, id).await;
        assert_eq!(
            outcomes(&delivery),
            ["address_not_allowed"; 3],
            "{delivery:#}"
        );
        let said = delivery["attempts"][0]["error"]["message"]
            .as_str()
            .unwrap();
        assert!(
            !said.contains("127.") && !said.contains("localhost"),
            "{said}"
        );
        let response = ended(&api, id, LONG).await;
        assert_eq!(response["output"], "hello", "{response:#}");
        assert_eq!(response["error"], Value::Null);
    }
    was_not_called(&trap);
    stage
        .all_is_well(&mut api, vec![&mut worker], &responses)
        .await;
}
