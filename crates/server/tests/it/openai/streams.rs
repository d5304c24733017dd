//! Answers as they come: over HTTP, and over sockets.

use super::stage::{SERVER, Stage};

#[tokio::test]
async fn events_come_in_order_and_the_helpers_assemble_the_answer() {
    let stage = Stage::new().await;
    stage.python("streams", &["events_come_in_order"]).await;
    stage
        .python("streams", &["the_helper_assembles_the_answer"])
        .await;
    stage.node("responses", &["areStreamed"]).await;
}

#[tokio::test]
async fn many_streams_are_read_at_once() {
    let stage = Stage::new().await;
    stage.python("streams", &["many_read_at_once"]).await;
}

#[tokio::test]
async fn calls_and_thoughts_are_streamed() {
    let stage = Stage::new().await;
    stage
        .python("streams", &["a_call_of_the_callers_function_is_streamed"])
        .await;
    stage.python("streams", &["thoughts_are_streamed"]).await;
}

#[tokio::test]
async fn a_coding_agent_is_served_with_all_that_it_sends() {
    let stage = Stage::new().await;
    stage.python("streams", &["a_coding_agent_is_served"]).await;
    for asked in stage.asked() {
        let tools = asked["tools"].as_array().unwrap();
        assert_eq!(tools.len(), 1, "{asked:#}");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_short_or_fails_says_so_last() {
    let stage = Stage::new().await;
    stage
        .python("streams", &["an_answer_cut_short_is_incomplete"])
        .await;
    stage.python("streams", &["a_failure_ends_a_stream"]).await;
}

#[tokio::test]
async fn a_reader_that_leaves_stops_the_run() {
    let stage = Stage::new().await;
    let told = stage
        .python("streams", &["a_reader_that_leaves_stops_the_run"])
        .await;
    let ledger = stage.world.model.ledger();
    ledger.until(|traffic| traffic.abandoned == 1).await;
    let cancelled = format!("v1/responses/{}/cancel", told["id"].as_str().unwrap());
    let native = stage.service.post(&cancelled, serde_json::json!({})).await;
    assert_eq!(native.body["status"], "cancelled", "{:#}", native.body);
    stage.node("responses", &["stopWhenTheReaderLeaves"]).await;
    ledger.until(|traffic| traffic.abandoned == 2).await;
}

#[tokio::test]
async fn a_socket_carries_one_response_after_another() {
    let stage = Stage::new().await;
    for function in [
        "carries_one_response_after_another",
        "serves_the_librarys_session",
        "serves_the_asynchronous_client",
    ] {
        stage.python("sockets", &[function]).await;
    }
    stage.python("sockets", &["runs_tools", SERVER]).await;
    stage.node("others", &["socketsCarryResponses"]).await;
}

#[tokio::test]
async fn a_socket_remembers_what_is_not_stored_and_goes_on_after_errors() {
    let stage = Stage::new().await;
    stage
        .python("sockets", &["remembers_what_is_not_stored"])
        .await;
    stage.python("sockets", &["goes_on_after_an_error"]).await;
}
