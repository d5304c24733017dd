//! What is not to be stored leaves no row, whatever becomes of it.

use std::path::PathBuf;

use response_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use super::tables::{Held, held_by_postgres, held_by_sqlite};
use crate::process::{Process, World};
use crate::wire::{Reply, Wire, address, request};

/// What a service keeps its data in.
enum Kept {
    Sqlite(PathBuf),
    Postgres(TestDatabase),
}

impl Kept {
    async fn held(&self) -> Held {
        match self {
            Self::Sqlite(folder) => held_by_sqlite(folder).await,
            Self::Postgres(database) => held_by_postgres(&mut database.connect().await).await,
        }
    }
}

async fn ask(service: &Process, path: &str, key: Option<&str>, body: &Value) -> Reply {
    let mut headers = vec![("connection", "close")];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    let mut wire = Wire::open(address(service)).await;
    wire.send(&request("POST", path, &headers, &body.to_string()))
        .await;
    wire.reply().await
}

async fn nothing_is_written(world: &World, kept: &Kept) {
    let service = world.start().await;
    // Somebody else's is there, and stays as it is.
    let other = json!({"model": "bench-plain", "input": "hi", "tools": []});
    let other = service.create(other).await;
    assert_eq!(other.status, 200);
    let other = other.body["id"].as_str().unwrap().to_owned();
    let before = kept.held().await;
    let url = world.tools.url().join("v1/mcp").unwrap();
    let mcp = json!([{
        "type": "mcp", "server_label": "mine", "server_url": url.as_str(), "require_approval": "never",
        "authorization": "a secret of the caller",
    }]);
    let mut asked = 0;
    for (input, more) in [
        ("say hello", json!({"tools": []})),
        ("calculate 12*7", json!({})),
        (
            "say it all [[deltas:400]] [[delta-delay:1ms]]",
            json!({"tools": []}),
        ),
        ("hi [[status:500]]", json!({})),
        ("hi [[fail:broken]]", json!({})),
        ("hi [[fail:unknown-tool]]", json!({})),
        ("say hello", json!({"temperature": 9})),
        ("say hello", json!({"previous_response_id": other})),
        ("calculate 12*7", json!({"tools": mcp})),
    ] {
        for stream in [false, true] {
            for key in [None, Some(format!("key-{asked}"))] {
                for path in ["/v1/responses", "/openai/v1/responses"] {
                    let is_named = input.starts_with("calculate") && more.get("tools").is_some();
                    if is_named && path.starts_with("/v1") {
                        continue;
                    }
                    let mut body = json!({"model": "jan-v2-30b", "input": input, "stream": stream, "store": false});
                    body.as_object_mut()
                        .unwrap()
                        .extend(more.as_object().unwrap().clone());
                    let key = key.as_ref().map(|key| format!("{key}{}", path.len()));
                    let reply = ask(&service, path, key.as_deref(), &body).await;
                    let is_bad = input.contains("[[status")
                        || input.contains("[[fail")
                        || more.get("temperature").is_some();
                    assert!(is_bad || reply.status == 200, "{body}: {}", reply.text());
                    asked += 1;
                }
            }
        }
    }
    // Whoever leaves in the midst of it leaves nothing either.
    let slow = json!({"model": "m", "input": "[[fail:slow]]", "tools": [], "stream": true, "store": false});
    let mut reading = service.stream(slow).await;
    reading.next().await;
    drop(reading);
    world
        .model
        .ledger()
        .until(|traffic| traffic.open() == 0)
        .await;
    assert!(asked > 50);
    let after = kept.held().await;
    for (table, held) in &before {
        assert_eq!(after.get(table), Some(held), "{table}");
    }
    assert_eq!(before.len(), after.len());
    // What would be seen, if something were written.
    service
        .create(json!({"model": "bench-plain", "input": "hi", "tools": []}))
        .await;
    let seen = kept.held().await;
    assert_ne!(seen.get("responses"), before.get("responses"));
}

#[tokio::test]
async fn what_is_not_to_be_stored_leaves_no_row_in_sqlite() {
    let mut world = World::new();
    world.set("EGRESS_ALLOW_CIDRS", "127.0.0.0/8");
    let kept = Kept::Sqlite(world.data().to_owned());
    nothing_is_written(&world, &kept).await;
}

#[tokio::test]
async fn what_is_not_to_be_stored_leaves_no_row_in_postgres() {
    let database = TestDatabase::migrated().await;
    let mut world = World::new();
    world.set("EGRESS_ALLOW_CIDRS", "127.0.0.0/8");
    world.set("DB_POSTGRESQL_WRITE_DSN", &database.url());
    nothing_is_written(&world, &Kept::Postgres(database)).await;
}
