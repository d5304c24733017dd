//! The libraries that others build on this API, and programs that are told how a response ended.

use std::sync::Arc;

use response_devstack::receiver::{Received, Receiver, ReceiverOptions};
use serde_json::{Value, json};

use super::stage::{SERVER, Stage, node_told, python_told};
use crate::background_postgres::fleet::LONG;

#[tokio::test]
async fn the_agents_sdk_runs_agents() {
    let stage = Stage::new().await;
    stage.python("agents_sdk", &["all_of_it", SERVER]).await;
}

#[tokio::test]
async fn langchain_answers_streams_and_runs_tools() {
    let stage = Stage::new().await;
    stage
        .python("langchain_openai_flows", &["all_of_it", SERVER])
        .await;
}

#[tokio::test]
async fn the_ai_sdk_answers_streams_and_runs_tools() {
    let stage = Stage::with(&[("EGRESS_ALLOW_CIDRS", "127.0.0.0/8")]).await;
    let url = stage.world.tools.url().join("v1/mcp").unwrap();
    stage
        .node("ai_sdk", &["allOfIt", SERVER, url.as_str()])
        .await;
}

#[tokio::test]
async fn deliveries_are_unwrapped_by_the_libraries() {
    let stage = Stage::with(&[("EGRESS_ALLOW_CIDRS", "127.0.0.0/8")]).await;
    let receiver = Receiver::start(&ReceiverOptions::default()).unwrap();
    let url = receiver.url().join("hooks").unwrap();
    let told = stage
        .python("webhooks", &["registers_and_asks", url.as_str()])
        .await;
    let expected = &told["responses"];
    let all = expected.as_object().unwrap().len();
    let came = tokio::time::timeout(LONG, receiver.until(|came| came.len() >= all)).await;
    let came: Value = came.unwrap().iter().map(delivery).collect();
    let secret = told["secret"].as_str().unwrap();
    let input = came.to_string();
    let unwrapped = python_told(&stage.service, "webhooks", &["unwraps", secret], &input).await;
    for (id, event) in expected.as_object().unwrap() {
        assert_eq!(unwrapped[id][0], *event, "{unwrapped:#}");
        let class = unwrapped[id][1].as_str().unwrap();
        assert!(class.ends_with("WebhookEvent"), "{class}");
    }
    let function = "deliveriesAreUnwrapped";
    let unwrapped = node_told(&stage.service, "others", &[function, secret], &input).await;
    assert_eq!(unwrapped, *expected);
}

fn delivery(one: &Arc<Received>) -> Value {
    let headers = one.seen.headers.iter().cloned();
    let body = String::from_utf8_lossy(&one.seen.body);
    json!({"headers": headers.collect::<std::collections::BTreeMap<_, _>>(), "body": body})
}
