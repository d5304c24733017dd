//! Responses that nobody waits for, in one process with its own database and in several on PostgreSQL.

use serde_json::json;

use super::stage::{Stage, base, node, python};
use crate::background_postgres::fleet::{Fleet, LONG, until};
use crate::process::Client;

const BACKGROUND: [&str; 6] = [
    "is_polled_to_its_end",
    "is_streamed_and_picked_up_again",
    "is_cancelled",
    "is_deleted_after_its_end",
    "the_foreground_is_not",
    "fails_and_says_why",
];

async fn all_of_it(service: &Client) {
    for function in BACKGROUND {
        python(service, "background", &[function]).await;
    }
    node(service, "responses", &["runInTheBackground"]).await;
    node(service, "responses", &["areCancelled"]).await;
}

#[tokio::test]
async fn a_process_alone_works_in_the_background() {
    let stage = Stage::new().await;
    all_of_it(&stage.service).await;
}

#[tokio::test]
async fn several_processes_work_in_the_background_on_postgresql() {
    let fleet = Fleet::new().await;
    let api = fleet.api().await;
    let _worker = fleet.worker().await;
    all_of_it(&api).await;
}

#[tokio::test]
async fn two_processes_are_one_service() {
    let fleet = Fleet::new().await;
    let (here, there) = (fleet.api().await, fleet.api().await);
    let _worker = fleet.worker().await;
    let elsewhere = base(&there);
    python(&here, "answers", &["another_process_knows", &elsewhere]).await;
    let started = fleet.world.model.ledger().traffic().started;
    assert!(
        started <= 4,
        "a key, a report, a question and perhaps a story: {started}"
    );
    for function in [
        "is_made_described_and_forgotten",
        "has_items_of_its_own",
        "gathers_what_its_responses_say",
        "is_for_one_response_at_a_time",
    ] {
        python(&here, "conversations", &[function]).await;
    }
}

#[tokio::test]
async fn what_waits_is_cancelled_and_never_begun() {
    let fleet = Fleet::new().await;
    let api = fleet.api().await;
    let told = python(&api, "background", &["is_cancelled_while_it_waits"]).await;
    let id = told["id"].as_str().unwrap();
    let _worker = fleet.worker().await;
    python(&api, "background", &["is_polled_to_its_end"]).await;
    let native = api.get(&format!("v1/responses/{id}")).await.body;
    assert_eq!(
        (&native["status"], &native["started_at"]),
        (&json!("cancelled"), &json!(null)),
        "{native:#}"
    );
    until("the queue is empty", LONG, async || {
        fleet
            .value::<i64>("SELECT count(*) FROM response_jobs")
            .await
            == 0
    })
    .await;
}
