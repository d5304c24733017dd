//! A database that goes away and comes back.

use std::time::Duration;

use response_devstack::tools::ToolFailure;
use serde_json::json;
use tokio::time::Instant;

use super::cluster::{Cluster, End};
use super::fleet::{Fleet, LONG, ask, ended, look, until};
use super::invariants::After;
use crate::process::{Client, World};

/// From the moment in which the server takes connections again.
const BACK_AT_WORK: Duration = Duration::from_secs(5);

async fn fleet_on(cluster: &Cluster) -> Fleet {
    let mut world = World::new();
    world.set("DB_POSTGRESQL_WRITE_DSN", &cluster.url());
    let migrated = world.command().arg("migrate").output().await.unwrap();
    assert!(
        migrated.status.success(),
        "{}",
        String::from_utf8_lossy(&migrated.stderr)
    );
    Fleet::on(cluster.url(), None, &[("DB_CONNECT_TIMEOUT", "1s")]).await
}

/// Responses that wait for tools, that stream, and that wait for room.
async fn busy(fleet: &Fleet, api: &Client) -> Vec<String> {
    let (model, tools) = (fleet.world.model.ledger(), &fleet.world.tools);
    tools.set_failure("wait", Some(ToolFailure::Hold));
    tools.set_failure("calculator", Some(ToolFailure::Hold));
    let mut responses = Vec::new();
    for number in 0..3 {
        let wait = format!(r#"go {number} [[call:wait {{"seconds":0}}]]"#);
        responses.push(ask(api, &wait).await);
        responses.push(ask(api, &format!("calculate 12*{number}")).await);
    }
    let text = "Write a comprehensive report [[delta-delay:20ms deltas:200]]";
    responses.push(ask(api, text).await);
    tools.ledger().until(|traffic| traffic.open() == 6).await;
    model.until(|traffic| traffic.started >= 7).await;
    for number in 0..6 {
        let prompt = format!("say {number} [[delay:400ms]]");
        responses.push(ask(api, &prompt).await);
    }
    responses
}

/// Whoever asks meanwhile is told to come back.
async fn is_told(api: &Client, path: &str) {
    let body = json!({"model": "jan-v2-30b", "input": "say no", "background": true});
    let cancel = format!("{path}/cancel");
    let (got, created, cancelled) = tokio::join!(
        api.get(path),
        api.create(body),
        api.post(&cancel, json!({})),
    );
    for answer in [got, created, cancelled] {
        let code = answer.body["error"]["code"].as_str().unwrap();
        assert_eq!((answer.status, code), (503, "database_unavailable"));
        assert!(answer.headers.contains_key("retry-after"));
    }
}

async fn survived(end: End) {
    let mut cluster = Cluster::start().await;
    let fleet = fleet_on(&cluster).await;
    let mut api = fleet.api().await;
    let mut one = fleet.worker().await;
    let mut other = fleet.worker().await;
    let tools = &fleet.world.tools;
    let responses = busy(&fleet, &api).await;

    cluster.stop(end);
    let path = format!("v1/responses/{}", responses[0]);
    is_told(&api, &path).await;
    for process in [&*api, &*one, &*other] {
        assert_eq!(process.get("healthz").await.status, 200);
        assert_eq!(process.get("readyz").await.status, 503);
    }
    // Some results come while there is nobody to write them to.
    tools.set_failure("wait", None);

    cluster.start_again().await;
    let back = Instant::now();
    fleet.reconnect().await;
    let begun: i64 = fleet.value("SELECT max(n) FROM witness.lease").await;
    tools.set_failure("calculator", None);
    let claimed =
        format!("SELECT n FROM witness.lease WHERE n > {begun} AND worker_id IS NOT NULL");
    until("something is claimed", BACK_AT_WORK, async || {
        !fleet.rows::<(i64,)>(&claimed).await.is_empty()
    })
    .await;
    assert!(back.elapsed() <= BACK_AT_WORK, "{:?}", back.elapsed());
    until("requests are answered", BACK_AT_WORK, async || {
        api.get(&path).await.status == 200
    })
    .await;
    for id in &responses {
        let told = ended(&api, id, LONG).await;
        assert_eq!(told["status"], "completed", "{told:#}");
    }
    assert_eq!(look(&api, &responses[0]).await["status"], "completed");
    let after = After {
        fleet: &fleet,
        api: &mut api,
        workers: vec![&mut one, &mut other],
        responses: &responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn a_database_that_restarts_in_order_loses_and_doubles_nothing() {
    survived(End::Fast).await;
}

#[tokio::test]
async fn a_database_that_restarts_after_a_crash_loses_and_doubles_nothing() {
    survived(End::Immediate).await;
}
