//! Bodies of webhooks that say just enough to tell them apart.

use response_domain::id::ResponseId;
use response_domain::ports::webhook::WebhookPayloads;
use response_domain::response::Response;
use response_domain::time::Timestamp;
use response_domain::webhook::WebhookEvent;
use serde_json::json;

/// Bodies that name which they are, the event, and the response: `{"body":"full","event":"…","id":"…"}`. A
/// full one says how its response stands, the others when it ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainPayloads;

fn ended(body: &str, event: WebhookEvent, response: ResponseId, at: Timestamp) -> Vec<u8> {
    json!({
        "body": body,
        "event": event.as_str(),
        "id": response.to_string(),
        "ended": at.micros(),
    })
    .to_string()
    .into_bytes()
}

impl WebhookPayloads for PlainPayloads {
    fn full(&self, event: WebhookEvent, response: &Response) -> Vec<u8> {
        json!({
            "body": "full",
            "event": event.as_str(),
            "id": response.id.to_string(),
            "status": response.status().name().as_str(),
        })
        .to_string()
        .into_bytes()
    }

    fn sample(&self, event: WebhookEvent, response: ResponseId, at: Timestamp) -> Vec<u8> {
        ended("sample", event, response, at)
    }

    fn thin(&self, event: WebhookEvent, response: ResponseId, at: Timestamp) -> Vec<u8> {
        ended("thin", event, response, at)
    }
}
