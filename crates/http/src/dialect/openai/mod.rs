//! The API that OpenAI's client libraries speak, under `/openai/v1`: so far its webhook endpoints.

use actix_web::http::StatusCode;
use bytes::BytesMut;
use response_domain::id::EndpointId;
use response_domain::webhook::{Endpoint, EndpointDraft, Payload, SigningSecret, WebhookEvent};
use response_engine::endpoints::Rotation;

use super::{Deletion, Dialect, Endpoints, Trial, put_json};
use crate::problem::Problem;

mod endpoint;
mod envelope;
pub(crate) mod payload;

/// The dialect of OpenAI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenAi;

impl Dialect for OpenAi {
    fn refuse(self, problem: &Problem, _request_id: &str, out: &mut BytesMut) {
        put_json(out, &envelope::Shape::of(problem));
    }
}

impl Endpoints for OpenAi {
    const MADE: StatusCode = StatusCode::OK;
    const PAYLOAD: Payload = Payload::Thin;

    fn endpoint(self, body: &str) -> Result<EndpointDraft, Problem> {
        endpoint::draft(body)
    }

    fn endpoint_change(self, body: &str) -> Result<Option<EndpointDraft>, Problem> {
        endpoint::change(body)
    }

    fn rotation(self, body: &str) -> Result<Rotation, Problem> {
        endpoint::rotation(body)
    }

    fn trial(self, body: &str) -> Result<WebhookEvent, Problem> {
        endpoint::trial(body)
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
        put_json(out, &Deletion::of("webhook_endpoint.deleted", id));
    }

    fn show_trial(self, trial: &Trial, out: &mut BytesMut) -> Result<(), Problem> {
        put_json(out, &endpoint::Tried::of(trial)?);
        Ok(())
    }

    fn show_event_types(self, out: &mut BytesMut) {
        put_json(out, &endpoint::EventTypes::all());
    }
}
