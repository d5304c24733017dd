//! Readers who do not read: S2 and S4 of the faults.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::world::{Attacked, Customer, MB};
use crate::background_postgres::fleet::{ask, ended, pass};
use crate::wire::{Wire, address, request};

/// After that what was sent and not read is given up; some more is for a busy machine.
const UNREAD: Duration = Duration::from_secs(30 + 25);

/// Opens connections that each ask for something and leave the answer unread.
async fn many(address: SocketAddr, count: usize, asked: &[u8]) -> Vec<Wire> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut wire = Wire::narrow(address).await.unwrap();
        wire.send(asked).await;
        all.push(wire);
    }
    all
}

/// A background response whose events are far more than fit into a connection.
async fn long_response(attacked: &Attacked) -> String {
    let id = ask(attacked, "tell me all [[deltas:4000]]").await;
    let told = ended(attacked, &id, Duration::from_secs(40)).await;
    assert_eq!(told["status"], "completed");
    id
}

#[tokio::test]
async fn a_thousand_who_read_nothing_cost_little_and_are_closed() {
    let mut attacked = Attacked::with(&[("RESPONSE_MAX_FOREGROUND_RUNS", "2000")]).await;
    let id = long_response(&attacked).await;
    let files = attacked.service.files();
    let memory = attacked.service.memory();
    let customer = Customer::of(&attacked);

    let address = address(&attacked);
    let path = format!("/v1/responses/{id}?stream=true");
    let replayed = many(address, 950, &request("GET", &path, &[], "")).await;
    let told = json!({
        "model": "m", "input": "tell me all [[deltas:4000]]", "tools": [], "stream": true, "store": false,
    });
    let asked = request("POST", "/v1/responses", &[], &told.to_string());
    let told = many(address, 50, &asked).await;
    let opened = Instant::now();
    assert!(attacked.service.files() > files + 900);
    // Their connections fill up, and then nothing more is taken on for them.
    let mut most = 0;
    while opened.elapsed() < Duration::from_secs(15) {
        most = most.max(attacked.service.memory());
        pass(Duration::from_millis(200)).await;
    }
    let each = (most - memory.min(most)) / 1_000;
    assert!(
        each < 128 * 1024,
        "{each} bytes for each reader: {} MB, then {} MB",
        memory / MB,
        most / MB
    );
    attacked.lets_go(files + 50, UNREAD).await;
    let open = attacked.world.model.ledger().traffic().open();
    assert!(open <= 1, "{open} runs of readers who left go on");
    customer.was_served().await;
    attacked.is_healthy().await;
    drop((replayed, told));
}
