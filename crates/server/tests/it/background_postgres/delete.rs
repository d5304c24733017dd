//! Deleting what waits, what runs, and what is about to end.

use serde_json::json;
use tokio::task::JoinSet;

use super::cancel::Aim;
use super::fleet::{Fleet, LONG, ask, ask_with};
use super::invariants::After;
use crate::process::{Client, Process};

async fn delete(api: &Client, id: &str) {
    let gone = api.delete(&format!("v1/responses/{id}")).await;
    assert_eq!(gone.status, 200, "{:#}", gone.body);
    assert_eq!(
        gone.body,
        json!({"id": id, "object": "response", "deleted": true})
    );
}

async fn check(fleet: &Fleet, api: &mut Process, worker: &mut Process, deleted: &[String]) {
    let after = After {
        fleet,
        api,
        workers: vec![worker],
        responses: &[],
        deleted,
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn what_is_deleted_while_it_waits_or_runs_is_gone_and_stops() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let waiting = ask(&api, "say never").await;
    delete(&api, &waiting).await;
    let mut worker = fleet.worker().await;
    let model = fleet.world.model.ledger();
    let streaming = ask(&api, "a story [[fail:slow delta-delay:5ms]]").await;
    let mut reading = api.follow(&streaming, None).await;
    while reading.next().await.unwrap().0 != "response.output_text.delta" {}
    let calling = ask(&api, r#"go [[call:wait {"seconds":60}]]"#).await;
    let tools = fleet.world.tools.ledger();
    tools.until(|traffic| traffic.open() == 1).await;
    for id in [&streaming, &calling] {
        delete(&api, id).await;
    }
    model.until(|traffic| traffic.open() == 0).await;
    tools.until(|traffic| traffic.open() == 0).await;
    // Whoever reads along is not kept waiting.
    reading.all().await;
    check(
        &fleet,
        &mut api,
        &mut worker,
        &[waiting, streaming, calling],
    )
    .await;
}

const LANES: usize = 8;
const ROUNDS: usize = 30;

#[tokio::test]
async fn what_is_deleted_in_the_moment_of_its_end_does_not_come_back() {
    let fleet = Fleet::with(&[
        ("BACKGROUND_WORKER_COUNT", "16"),
        ("RESPONSE_LOG_LEVEL", "info"),
    ])
    .await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let client = api.another_client();
        lanes.spawn_on(race(client), &tokio::runtime::Handle::current());
    }
    let deleted: Vec<_> = lanes.join_all().await.into_iter().flatten().collect();
    let ended_first: i64 = fleet
        .value("SELECT count(*) FROM witness.status WHERE status = 'completed'")
        .await;
    let ended_first = usize::try_from(ended_first).unwrap();
    assert!(
        (LANES..LANES * (ROUNDS - 1)).contains(&ended_first),
        "no race: {ended_first}"
    );
    check(&fleet, &mut api, &mut worker, &deleted).await;
}

async fn race(api: Client) -> Vec<String> {
    let mut aim = Aim::new();
    let mut deleted = Vec::new();
    for _ in 0..ROUNDS {
        let id = ask_with(&api, "say done", json!({"tools": []})).await;
        aim.wait().await;
        let before = api.get(&format!("v1/responses/{id}")).await;
        delete(&api, &id).await;
        aim.was_too_early(before.body["status"] != "completed");
        let after = api.get(&format!("v1/responses/{id}")).await;
        assert_eq!(after.status, 404);
        deleted.push(id);
    }
    deleted
}
