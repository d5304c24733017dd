//! Responses that nobody waits for, in one process with its own database and in several on PostgreSQL.

use serde_json::json;

use super::stage::{Stage, node, python};
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
