//! Streams that outlive the process that told them: nothing is missed, and what is told again is the same.

use serde_json::{Value, json};

use super::stage::{python, python_told};
use crate::background_postgres::fleet::{Fleet, MARKER};
use crate::process::{Client, Program, World};

/// Takes some seconds.
const STORY: &str = "Write a long report. [[delta-delay:10ms]]";

/// Begins a response and reads some of it.
async fn begin(service: &Client) -> Value {
    python(service, "background", &["begins_and_is_left", STORY, "20"]).await
}

/// Reads the rest of it elsewhere; what there was is told again as it was.
async fn go_on(service: &Client, begun: &Value) -> Value {
    let id = begun["id"].as_str().unwrap();
    let input = begun["seen"].to_string();
    let told = python_told(service, "background", &["goes_on_elsewhere", id], &input).await;
    let types = told["types"].as_array().unwrap();
    assert_eq!(types.last(), Some(&json!("response.completed")), "{told:#}");
    told
}

#[tokio::test]
async fn a_stream_goes_on_after_its_process_was_killed() {
    let world = World::new();
    let service = world.start().await;
    let begun = begin(&service).await;
    service.kill().await;
    let service = world.start().await;
    let told = go_on(&service, &begun).await;
    assert!(
        told["text"]
            .as_str()
            .unwrap()
            .starts_with("The request was"),
        "{told:#}"
    );
}

#[tokio::test]
async fn a_stream_goes_on_after_its_worker_and_its_api_were_killed() {
    let fleet = Fleet::with(&[("RESPONSE_SHUTDOWN_SOFT", "200ms")]).await;
    let api = fleet.api().await;
    let worker = fleet.worker().await;
    let begun = begin(&api).await;
    let holder = fleet.holder(begun["id"].as_str().unwrap()).await;
    worker.kill().await;
    api.kill().await;
    let _worker = fleet.worker().await;
    let api = fleet.start(Program::Api, &[]).await.with_bearer(MARKER);
    fleet.pass_the_silence_of(&holder).await;
    go_on(&api, &begun).await;
}
