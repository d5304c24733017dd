//! The time that a response is given.

use std::time::Duration;

use serde_json::json;

use super::fleet::{Fleet, LONG, ask, ended};
use super::invariants::After;

/// How long after the first claim each of these responses ended.
const TOOK: &str = "SELECT EXTRACT(EPOCH FROM s.at - min(l.at))::float8
    FROM witness.status s JOIN witness.lease l USING (response_id)
    WHERE s.has_ended AND l.worker_id IS NOT NULL GROUP BY s.response_id, s.at";

#[tokio::test]
async fn whatever_a_response_waits_for_it_fails_when_its_time_is_over() {
    let settings = [
        ("BACKGROUND_TASK_TIMEOUT", "3s"),
        ("RESPONSE_LLM_RETRIES", "10"),
    ];
    let fleet = Fleet::with(&settings).await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let mut responses = Vec::new();
    for prompt in [
        "the model [[fail:hang]]",
        "its stream [[fail:hang-stream]]",
        r#"a tool [[call:wait {"seconds":60}]]"#,
        "the wait before another try [[status:503 retry-after:20]]",
    ] {
        responses.push(ask(&api, prompt).await);
    }
    for id in &responses {
        let told = ended(&api, id, LONG).await;
        assert_eq!(
            (&told["status"], &told["error"]["code"]),
            (&json!("failed"), &json!("task_timeout")),
            "{told:#}"
        );
    }
    let took: Vec<(f64,)> = fleet.rows(TOOK).await;
    assert_eq!(took.len(), responses.len());
    assert!(
        took.iter().all(|(took,)| (3.0..4.0).contains(took)),
        "{took:?}"
    );
    for ledger in [fleet.world.model.ledger(), fleet.world.tools.ledger()] {
        ledger.until(|traffic| traffic.open() == 0).await;
    }
    let after = After {
        fleet: &fleet,
        api: &mut api,
        workers: vec![&mut worker],
        responses: &responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn the_time_goes_on_while_a_lost_response_waits_for_another_worker() {
    let fleet = Fleet::with(&[("BACKGROUND_TASK_TIMEOUT", "8s")]).await;
    let mut api = fleet.api().await;
    let worker = fleet.worker().await;
    let id = ask(&api, "nothing [[fail:hang]]").await;
    let model = fleet.world.model.ledger();
    model.until(|traffic| traffic.started == 1).await;
    let holder = fleet.holder(&id).await;
    worker.kill().await;
    let mut other = fleet.worker().await;
    fleet.pass_the_silence_of(&holder).await;
    model.until(|traffic| traffic.started == 2).await;
    let told = ended(&api, &id, Duration::from_secs(12)).await;
    assert_eq!(told["error"]["code"], "task_timeout", "{told:#}");
    let took: f64 = fleet.value(TOOK).await;
    assert!((8.0..9.0).contains(&took), "{took}");
    let after = After {
        fleet: &fleet,
        api: &mut api,
        workers: vec![&mut other],
        responses: &[id],
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}
