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
    Postgres(Box<TestDatabase>),
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

/// What is asked, and whether it is to be answered well.
fn bodies(other: &str, tools: &str) -> Vec<(Value, bool)> {
    let mcp = json!([{
        "type": "mcp", "server_label": "mine", "server_url": tools, "require_approval": "never",
        "authorization": "a secret of the caller",
    }]);
    [
        ("say hello", json!({"tools": []}), true),
        ("calculate 12*7", json!({}), true),
        (
            "say it all [[deltas:400]] [[delta-delay:1ms]]",
            json!({"tools": []}),
            true,
        ),
        ("say more", json!({"previous_response_id": other}), true),
        ("calculate 12*7", json!({"tools": mcp}), true),
        ("hi [[status:500]]", json!({}), false),
        ("hi [[fail:broken]]", json!({}), false),
        ("hi [[fail:unknown-tool]]", json!({}), false),
        ("say hello", json!({"temperature": 9}), false),
    ]
    .into_iter()
    .map(|(input, more, is_good)| {
        let mut body = json!({"model": "jan-v2-30b", "input": input, "store": false});
        let fields = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        (body, is_good)
    })
    .collect()
}

/// Asks for everything in both dialects, waiting and streaming, with and without a key; how often.
async fn ask_for_all(service: &Process, bodies: Vec<(Value, bool)>) -> usize {
    let mut asked = 0;
    for (mut body, is_good) in bodies {
        for (stream, path) in [
            (false, "/v1/responses"),
            (true, "/v1/responses"),
            (false, "/openai/v1/responses"),
            (true, "/openai/v1/responses"),
        ] {
            body["stream"] = json!(stream);
            let is_foreign = body["tools"][0]["type"] == "mcp" && path.starts_with("/v1");
            for key in [None, Some(format!("key-{asked}"))] {
                let reply = ask(service, path, key.as_deref(), &body).await;
                let is_right = !is_good || is_foreign || reply.status == 200;
                assert!(is_right, "{body}: {}", reply.text());
                asked += 1;
            }
        }
    }
    asked
}

async fn nothing_is_written(world: &World, kept: &Kept) {
    let service = world.start().await;
    // Somebody else's is there, and stays as it is.
    let stored = || json!({"model": "bench-plain", "input": "hi", "tools": []});
    let other = service.create(stored()).await;
    assert_eq!(other.status, 200);
    let other = other.body["id"].as_str().unwrap().to_owned();
    let before = kept.held().await;
    let tools = world.tools.url().join("v1/mcp").unwrap();
    let asked = ask_for_all(&service, bodies(&other, tools.as_str())).await;
    assert!(asked > 70);
    // Whoever leaves in the midst of it leaves nothing either.
    let mut slow = stored();
    slow["input"] = json!("[[fail:slow]]");
    slow["model"] = json!("m");
    slow["stream"] = json!(true);
    slow["store"] = json!(false);
    let mut reading = service.stream(slow).await;
    reading.next().await;
    drop(reading);
    let ledger = world.model.ledger();
    ledger.until(|traffic| traffic.open() == 0).await;
    assert_eq!(kept.held().await, before);
    // What would be seen, if something were written.
    service.create(stored()).await;
    assert_ne!(kept.held().await["responses"], before["responses"]);
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
    nothing_is_written(&world, &Kept::Postgres(Box::new(database))).await;
}
