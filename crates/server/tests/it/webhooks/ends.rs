//! Every way in which a background response ends is told, once.

use serde_json::{Value, json};

use super::stage::{Stage, deliveries, outcomes, settled};
use crate::background_postgres::fleet::{cancel, look};
use crate::process::{Client, Process};

/// That an end was told so, and no more than that.
async fn is_told(stage: &Stage, api: &Client, id: &str, event: &str) -> Value {
    let came = stage.attempts(id, 1).await;
    let delivery = settled(api, id).await;
    assert_eq!(
        (&delivery["status"], &delivery["event"]),
        (&json!("delivered"), &json!(event)),
        "{delivery:#}"
    );
    assert_eq!(outcomes(&delivery), ["200"]);
    let told = came[0].seen.json();
    let response = look(api, id).await;
    for field in ["id", "status", "queued_at", "cancelled_at"] {
        assert_eq!(told[field], response[field], "{field}: {told:#}");
    }
    // Whoever asks is told the end by the name of how it ended, a webhook always by the same.
    let ends = ["completed_at", "failed_at", "cancelled_at"].map(|name| &response[name]);
    assert!(
        told["completed_at"].is_i64() && ends.contains(&&told["completed_at"]),
        "{told:#}"
    );
    assert_eq!(
        (&told["event"], came[0].event().as_str()),
        (&json!(event), event)
    );
    assert_eq!(told["error"]["code"], response["error"]["code"]);
    told
}

async fn check(stage: &Stage, api: &mut Process, worker: &mut Process, responses: &[String]) {
    stage.all_is_well(api, vec![worker], responses).await;
    assert_eq!(stage.receiver.received().len(), responses.len());
    assert_eq!(stage.events(), responses.len());
}

#[tokio::test]
async fn a_completed_a_failed_and_a_cancelled_response_are_told_once() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    // Cancelled before anybody could begin; nobody is there yet who tells of it either.
    let waiting = stage.ask(&api, "say never", "waiting").await;
    assert_eq!(cancel(&api, &waiting).await["status"], "cancelled");
    let mut worker = stage.fleet.worker().await;
    let told = is_told(&stage, &api, &waiting, "response.cancelled").await;
    assert_eq!(told.get("started_at"), None, "{told:#}");
    let completed = stage.ask(&api, "say hello", "completed").await;
    let told = is_told(&stage, &api, &completed, "response.completed").await;
    assert_eq!(told["output"], "hello", "{told:#}");
    let failed = stage.ask(&api, "[[status:400]]", "failed").await;
    is_told(&stage, &api, &failed, "response.failed").await;
    let running = stage.ask(&api, "nothing [[fail:hang]]", "running").await;
    let model = stage.fleet.world.model.ledger();
    model.until(|traffic| traffic.open() == 1).await;
    assert_eq!(cancel(&api, &running).await["status"], "cancelled");
    is_told(&stage, &api, &running, "response.cancelled").await;
    check(
        &stage,
        &mut api,
        &mut worker,
        &[waiting, completed, failed, running],
    )
    .await;
}

#[tokio::test]
async fn a_response_whose_time_is_over_is_told_once() {
    let stage = Stage::with(&[("BACKGROUND_TASK_TIMEOUT", "2s")]).await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    let id = stage.ask(&api, "nothing [[fail:hang]]", "webhook").await;
    let told = is_told(&stage, &api, &id, "response.failed").await;
    assert_eq!(told["error"]["code"], "task_timeout", "{told:#}");
    check(&stage, &mut api, &mut worker, &[id]).await;
}

#[tokio::test]
async fn a_response_that_was_lost_too_often_is_told_once() {
    let stage = Stage::with(&[("BACKGROUND_MAX_ATTEMPTS", "1")]).await;
    let mut api = stage.fleet.api().await;
    let worker = stage.fleet.worker().await;
    let id = stage.ask(&api, "poison [[fail:hang]]", "webhook").await;
    let model = stage.fleet.world.model.ledger();
    model.until(|traffic| traffic.open() == 1).await;
    let holder = stage.fleet.holder(&id).await;
    worker.kill().await;
    let mut other = stage.fleet.worker().await;
    stage.fleet.pass_the_silence_of(&holder).await;
    let told = is_told(&stage, &api, &id, "response.failed").await;
    assert_eq!(told["error"]["code"], "worker_lost", "{told:#}");
    check(&stage, &mut api, &mut other, &[id]).await;
}

#[tokio::test]
async fn a_response_that_is_deleted_is_told_nobody_any_more() {
    let stage = Stage::new().await;
    let mut api = stage.fleet.api().await;
    let mut worker = stage.fleet.worker().await;
    stage.receiver.hold("held");
    let deleted = stage.ask(&api, "say hello", "held").await;
    stage.attempts(&deleted, 1).await;
    assert_eq!(deliveries(&api, &deleted).await[0]["status"], "pending");
    let gone = api.delete(&format!("v1/responses/{deleted}")).await;
    assert_eq!(gone.status, 200, "{:#}", gone.body);
    let found = api.get(&format!("v1/responses/{deleted}/deliveries")).await;
    assert_eq!(found.status, 404, "{:#}", found.body);
    stage.receiver.release("held");
    let traffic = stage.receiver.ledger();
    traffic.until(|traffic| traffic.finished == 1).await;
    let kept = stage.ask(&api, "say bye", "webhook").await;
    assert_eq!(outcomes(&settled(&api, &kept).await), ["200"]);
    let never = "a webhook is given up";
    assert!(!worker.log().lines().iter().any(|line| line.contains(never)));
    let (kept, deleted) = ([kept], [deleted]);
    stage
        .all_is_well_without(&mut api, vec![&mut worker], (&kept, &deleted))
        .await;
    assert_eq!(stage.receiver.received().len(), 2);
}
