//! The bodies of webhooks, to the letter: every way in which a background response ends, in both payloads.

use response_domain::execution::ExecutionState;
use response_domain::failure::FailureCode;
use response_domain::ports::webhook::WebhookPayloads;
use response_domain::response::Response;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, IncompleteReason};
use response_domain::webhook::{Payload, WebhookEvent};
use response_http::Payloads;
use serde_json::Value;

use crate::layout::laid_out;
use crate::sample::{accepted, answered, failed, id, json, spec, then, worked};

/// A background response that waits.
fn queued() -> Response {
    let metadata =
        r#"{"webhook_url": "https://example.com/webhooks/responses", "user_id": "user_123"}"#;
    let spec = ResponseSpec {
        delivery: Delivery::Background,
        metadata: json(metadata),
        ..spec()
    };
    accepted(1, spec)
}

/// One that is being worked on.
fn running() -> Response {
    then(queued(), Change::Start)
}

fn with_tools() -> Response {
    let state = ExecutionState::Completed("Ten things happened.".into());
    worked(running(), &[state])
}

fn stopped(response: Response, reason: IncompleteReason) -> Response {
    then(response, Change::Stop(reason))
}

/// How a response can end, by name.
fn endings() -> Vec<(&'static str, Response)> {
    let half = || answered(running(), "Ten th");
    vec![
        (
            "completed",
            then(
                answered(worked(running(), &[]), "Ten things."),
                Change::Complete,
            ),
        ),
        (
            "completed-with-tools",
            then(answered(with_tools(), "Ten things."), Change::Complete),
        ),
        (
            "incomplete-output-tokens",
            stopped(half(), IncompleteReason::OutputTokens),
        ),
        (
            "incomplete-content-filter",
            stopped(half(), IncompleteReason::ContentFilter),
        ),
        (
            "incomplete-tool-depth",
            stopped(with_tools(), IncompleteReason::ToolDepth),
        ),
        (
            "incomplete-tool-calls",
            stopped(with_tools(), IncompleteReason::ToolCalls),
        ),
        ("failed", then(running(), failed(FailureCode::TaskTimeout))),
        ("cancelled-while-queued", then(queued(), Change::Cancel)),
        (
            "cancelled-while-running",
            then(answered(with_tools(), "Let me see."), Change::Cancel),
        ),
    ]
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap()
}

#[test]
fn every_end_is_told_in_both_payloads() {
    for (name, response) in endings() {
        let ended = response.times.ended.unwrap();
        let event = |payload| WebhookEvent::of(response.status(), payload).unwrap();
        let full = text(Payloads.full(event(Payload::Full), &response));
        let thin = text(Payloads.thin(event(Payload::Thin), response.id, ended));
        let both = format!("full\n{}\nthin\n{}", laid_out(&full), laid_out(&thin));
        insta::assert_snapshot!(name, both);
        let full: Value = serde_json::from_str(&full).unwrap();
        let word = full["status"].as_str().unwrap();
        assert_eq!(full["event"], format!("response.{word}"), "{name}");
        let fields = full.as_object().unwrap();
        assert!(fields.values().all(|value| !value.is_null()), "{full}");
    }
}

#[test]
fn a_made_up_event_looks_like_a_real_one() {
    let ended = queued().times.created;
    for &event in WebhookEvent::ALL {
        let body = text(Payloads.sample(event, id(1), ended));
        insta::assert_snapshot!(format!("sample-{event}"), laid_out(&body));
        let sample: Value = serde_json::from_str(&body).unwrap();
        let word = sample["status"].as_str().unwrap();
        assert_eq!(sample["event"], format!("response.{word}"));
        assert_eq!(sample["metadata"]["webhook_test"], true);
    }
}
