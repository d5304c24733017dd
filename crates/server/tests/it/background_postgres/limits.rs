//! Answers that are too large.

use serde_json::json;

use super::fleet::{Fleet, LONG, ask, ended};
use super::invariants::After;
use crate::process::Client;

/// What a worker may grow by, whatever it is sent.
const GROWTH: u64 = 32 << 20;

/// A response for which a tool returned 2 MiB.
async fn huge_result(api: &Client, number: u32) -> String {
    let prompt = format!(r#"go {number} [[call:blob {{"bytes":2097152}}]]"#);
    let id = ask(api, &prompt).await;
    let told = ended(api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{}", told["error"]);
    let output = &told["tool_executions"][0]["output"];
    let kept = output.as_str().unwrap().len();
    assert!(kept < 80 << 10, "{kept} bytes");
    id
}

#[tokio::test]
async fn answers_without_end_fail_and_the_worker_stays_as_it_is() {
    let fleet = Fleet::with(&[
        ("RESPONSE_LLM_MAX_ANSWER", "64KiB"),
        ("RESPONSE_TOOL_RESULT_LIMIT", "64KiB"),
    ])
    .await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let mut responses = vec![huge_result(&api, 0).await];
    let before = worker.memory();
    let mut stories = Vec::new();
    for number in 0..4 {
        stories.push(
            ask(
                &api,
                &format!("story {number} [[fail:slow delta-delay:1ms]]"),
            )
            .await,
        );
    }
    for id in &stories {
        let told = ended(&api, id, LONG).await;
        assert_eq!(
            (&told["status"], &told["error"]["code"]),
            (&json!("failed"), &json!("invalid_model_output")),
            "{told:#}"
        );
    }
    let model = fleet.world.model.ledger();
    model.until(|traffic| traffic.open() == 0).await;
    for number in 1..=3 {
        responses.push(huge_result(&api, number).await);
    }
    let after = worker.memory();
    assert!(after < before + GROWTH, "{before} bytes, then {after}");
    responses.extend(stories);
    let well = After {
        fleet: &fleet,
        api: &mut api,
        workers: vec![&mut worker],
        responses: &responses,
        deleted: &[],
    };
    well.all_is_well(LONG).await;
}
