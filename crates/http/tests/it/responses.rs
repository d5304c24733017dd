//! Every state of a response, to the letter.

use response_domain::execution::ExecutionState;
use response_domain::failure::FailureCode;
use response_domain::response::Response;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, IncompleteReason};
use response_testkit::script::text;
use serde_json::json;

use crate::client::Call;
use crate::layout::laid_out;
use crate::sample::{accepted, answered, conversation, failed, id, put, spec, then, worked};
use crate::world::World;

fn completed_call() -> ExecutionState {
    ExecutionState::Completed("Ten things happened.".into())
}

/// The response as it is shown, and its trace.
async fn shown(response: Response) -> String {
    let world = World::new([]).await;
    put(&world, &response).await;
    let path = format!("/v1/responses/{}", response.id);
    let reply = Call::new("GET", &path).send(&world).await;
    let own_id = response.id.to_string();
    assert_eq!(reply.header("x-response-id"), Some(own_id.as_str()));
    let trace = Call::new("GET", &format!("{path}/events"))
        .send(&world)
        .await;
    format!(
        "GET {path}\n{}\nGET {path}/events\n{}",
        laid_out(reply.text()),
        laid_out(trace.text())
    )
}

#[tokio::test]
async fn a_queued_response() {
    let spec = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    insta::assert_snapshot!(shown(accepted(1, spec)).await);
}

#[tokio::test]
async fn a_response_in_progress() {
    let states = [
        completed_call(),
        ExecutionState::Started,
        ExecutionState::Failed("There is no tool `serach`.".into()),
    ];
    let mut response = worked(accepted(1, spec()), &states);
    response.progress.turns.pop();
    insta::assert_snapshot!(shown(response).await);
}

#[tokio::test]
async fn a_completed_response() {
    let spec = ResponseSpec {
        input: crate::sample::json(r#"[{"role": "user",   "content": "What is new?"}]"#),
        system_prompt: Some("Be brief.".into()),
        conversation: Some(conversation(1)),
        previous: Some(id(7)),
        metadata: crate::sample::json(r#"{"z": 1.50, "a": {"b": [ 1 ]}, "webhook_url": "x"}"#),
        user: Some("user_123".into()),
        max_rounds: 3,
        ..spec()
    };
    let response = worked(accepted(1, spec), &[completed_call()]);
    let response = then(answered(response, "Ten things."), Change::Complete);
    insta::assert_snapshot!(shown(response).await);
}

#[tokio::test]
async fn a_response_whose_answer_is_cut_short() {
    let response = answered(accepted(1, spec()), "Ten th");
    let change = Change::Stop(IncompleteReason::OutputTokens);
    insta::assert_snapshot!(shown(then(response.clone(), change)).await);
    let change = Change::Stop(IncompleteReason::ContentFilter);
    let filtered = shown(then(response, change)).await;
    assert!(filtered.contains(r#""reason": "content_filter""#));
    assert!(filtered.contains(r#""status": "completed""#));
}

#[tokio::test]
async fn a_response_that_wanted_too_many_tools() {
    let response = worked(accepted(1, spec()), &[completed_call()]);
    let change = Change::Stop(IncompleteReason::ToolDepth);
    insta::assert_snapshot!(shown(then(response.clone(), change)).await);
    let change = Change::Stop(IncompleteReason::ToolCalls);
    insta::assert_snapshot!(shown(then(response, change)).await);
}

#[tokio::test]
async fn a_failed_response() {
    let states = [ExecutionState::TimedOut, ExecutionState::Unknown];
    let response = worked(accepted(1, spec()), &states);
    insta::assert_snapshot!(shown(then(response, failed(FailureCode::ToolTimeout))).await);
}

#[tokio::test]
async fn a_cancelled_response() {
    let response = worked(accepted(1, spec()), &[ExecutionState::Cancelled]);
    let response = answered(response, "Let me look that up.");
    insta::assert_snapshot!(shown(then(response, Change::Cancel)).await);
}

#[tokio::test]
async fn every_failure_is_shown_with_its_code_and_its_family() {
    let world = World::new([]).await;
    let mut table = String::new();
    for (number, &code) in (1..).zip(FailureCode::ALL) {
        put(&world, &then(accepted(number, spec()), failed(code))).await;
        let path = format!("/v1/responses/{}", id(number));
        let response = Call::new("GET", &path).send(&world).await.json();
        assert_eq!(response["status"], "failed");
        assert!(response["failed_at"].is_i64());
        let error = &response["error"];
        table.extend([error.to_string().as_str(), "\n"]);
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_response_that_is_not_stored() {
    let world = World::new([text("Hello.")]).await;
    let ask = json!({"model": "m", "input": "hi", "store": false});
    let reply = Call::new("POST", "/v1/responses")
        .json(&ask)
        .send(&world)
        .await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(laid_out(reply.text()));
    let path = format!("/v1/responses/{}", reply.header("x-response-id").unwrap());
    assert_eq!(Call::new("GET", &path).send(&world).await.status, 404);
    assert_eq!(world.store.commits(), 0);
}

#[tokio::test]
async fn a_deleted_response_is_gone_from_everywhere() {
    let world = World::new([]).await;
    put(&world, &then(accepted(1, spec()), Change::Complete)).await;
    let path = format!("/v1/responses/{}", id(1));
    let reply = Call::new("DELETE", &path).send(&world).await;
    assert_eq!(
        (reply.status, reply.text()),
        (
            200,
            format!(r#"{{"id":"{}","object":"response","deleted":true}}"#, id(1)).as_str()
        )
    );
    for (method, tail) in [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("GET", "/input_items"),
        ("GET", "/events"),
    ] {
        let reply = Call::new(method, &format!("{path}{tail}"))
            .send(&world)
            .await;
        assert_eq!(reply.status, 404, "{method} {tail}");
    }
}

#[tokio::test]
async fn cancelling_what_has_ended_changes_nothing() {
    let world = World::new([]).await;
    put(&world, &then(accepted(1, spec()), Change::Complete)).await;
    put(&world, &accepted(2, spec())).await;
    let path = |number| format!("/v1/responses/{}", id(number));
    let before = Call::new("GET", &path(1)).send(&world).await;
    let cancel = async |number| {
        let path = format!("{}/cancel", path(number));
        // Whatever body comes with it is none of its business.
        Call::new("POST", &path).body("{").send(&world).await
    };
    let after = cancel(1).await;
    assert_eq!((after.status, after.text()), (200, before.text()));
    assert_eq!(cancel(2).await.json()["status"], "cancelled");
    assert_eq!(cancel(2).await.json()["status"], "cancelled");
}

#[tokio::test]
async fn only_a_background_response_can_be_read_along_later() {
    let world = World::new([]).await;
    put(&world, &accepted(1, spec())).await;
    let path = format!("/v1/responses/{}", id(1));
    let get = async |query: &str| {
        Call::new("GET", &format!("{path}?{query}"))
            .send(&world)
            .await
    };
    assert_eq!(get("stream=false").await.status, 200);
    for query in ["stream=true", "stream=yes", "stream="] {
        let reply = get(query).await;
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.json()["error"]["param"], "stream", "{query}");
    }
}
