//! The bodies of webhooks, in the words of the dialects.

use bytes::BytesMut;
use response_domain::id::ResponseId;
use response_domain::ports::webhook::WebhookPayloads;
use response_domain::response::Response;
use response_domain::time::Timestamp;
use response_domain::webhook::WebhookEvent;
use serde::Serialize;

use crate::dialect::{native, openai, put_json};

/// Words the bodies: the full ones as the native API does, the thin ones as OpenAI does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Payloads;

impl WebhookPayloads for Payloads {
    fn full(&self, event: WebhookEvent, response: &Response) -> Vec<u8> {
        body(&native::payload::Shape::of(event, response))
    }

    fn sample(&self, event: WebhookEvent, response: ResponseId, ended: Timestamp) -> Vec<u8> {
        body(&native::payload::Sample::of(event, response, ended).shape())
    }

    fn thin(&self, event: WebhookEvent, response: ResponseId, ended: Timestamp) -> Vec<u8> {
        body(&openai::payload::Shape::of(event, response, ended))
    }
}

fn body(shape: &impl Serialize) -> Vec<u8> {
    let mut out = BytesMut::with_capacity(512);
    put_json(&mut out, shape);
    out.into()
}
