//! The house's own API, under `/v1`.

use std::sync::Arc;

use actix_web::http::StatusCode;
use bytes::BytesMut;
use response_domain::entry::Entry;
use response_domain::event::Event;
use response_domain::id::{EndpointId, ResponseId};
use response_domain::item::Item;
use response_domain::response::Response;
use response_domain::spec::Draft;
use response_domain::status::{Status, StatusName};
use response_domain::webhook::{
    Endpoint, EndpointDraft, Payload, SigningSecret, WebhookDelivery, WebhookEvent,
};
use response_engine::endpoints::Rotation;

use super::{
    Deletion, Deliveries, Dialect, Endpoints, Lists, NumberedStep, Responses, Traces, Trial,
    put_json,
};
use crate::problem::Problem;
use crate::stream::Frames;

mod content;
mod delivery;
mod endpoint;
mod endpoint_request;
mod envelope;
mod event;
mod execution;
mod input;
mod item;
pub(crate) mod payload;
mod request;
mod response;
mod step;
mod tools;
mod words;

/// The native dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Native;

impl Dialect for Native {
    fn refuse(self, problem: &Problem, request_id: &str, out: &mut BytesMut) {
        put_json(out, &envelope::Shape::of(problem, request_id));
    }
}

impl Responses for Native {
    const QUEUED: StatusCode = StatusCode::CREATED;
    const OUTPUT: bool = false;

    fn parse(self, body: &str) -> Result<Draft, Problem> {
        request::draft(body)
    }

    fn show(self, response: &Response, _output: &[Entry], out: &mut BytesMut) {
        put_json(out, &response::Shape::of(response));
    }

    fn refusal(self, response: &Response) -> Option<Problem> {
        let failure = words::failure(response.status())?;
        Some(Problem::of_run(response, &failure))
    }

    fn show_deleted(self, id: ResponseId, out: &mut BytesMut) {
        put_json(out, &Deletion::of("response", id));
    }

    fn frames(self, event: &Event, _told: &[Arc<Item>], frames: &mut Frames<'_>) {
        event::frame(event, frames);
    }

    fn done(self) -> &'static [u8] {
        b""
    }

    fn heartbeat(self) -> &'static [u8] {
        b": heartbeat\n\n"
    }
}

impl Lists for Native {
    fn show_item(self, item: &Item, out: &mut BytesMut) {
        put_json(out, &item::Shape::of(item));
    }

    fn status_word(self, status: &Status) -> &'static str {
        words::status(status)
    }

    fn statuses(self, word: &str) -> &'static [StatusName] {
        words::statuses(word)
    }
}

impl Traces for Native {
    fn show_step(self, step: &NumberedStep<'_>, out: &mut BytesMut) {
        put_json(out, &step::Shape::of(step));
    }
}

impl Endpoints for Native {
    const MADE: StatusCode = StatusCode::CREATED;
    const PAYLOAD: Payload = Payload::Full;

    fn endpoint(self, body: &str) -> Result<EndpointDraft, Problem> {
        endpoint_request::draft(body)
    }

    fn endpoint_change(self, body: &str) -> Result<Option<EndpointDraft>, Problem> {
        endpoint_request::change(body)
    }

    fn rotation(self, body: &str) -> Result<Rotation, Problem> {
        endpoint_request::rotation(body)
    }

    fn trial(self, body: &str) -> Result<WebhookEvent, Problem> {
        endpoint_request::trial(body)
    }

    fn show_endpoint(
        self,
        endpoint: &Endpoint,
        secret: Option<&SigningSecret>,
        out: &mut BytesMut,
    ) {
        put_json(out, &endpoint::Shape::of(endpoint, secret));
    }

    fn show_endpoint_deleted(self, id: EndpointId, out: &mut BytesMut) {
        put_json(out, &Deletion::of("webhook", id));
    }

    fn show_trial(self, trial: &Trial, out: &mut BytesMut) -> Result<(), Problem> {
        put_json(out, &endpoint::Tried::of(trial));
        Ok(())
    }

    fn show_event_types(self, out: &mut BytesMut) {
        put_json(out, &endpoint::EventTypes::all());
    }
}

impl Deliveries for Native {
    fn show_delivery(self, delivery: &WebhookDelivery, out: &mut BytesMut) {
        put_json(out, &delivery::Shape::of(delivery));
    }

    fn redelivery(self, body: &str) -> Result<Option<EndpointId>, Problem> {
        endpoint_request::redelivery(body)
    }
}
