//! The API that OpenAI's client libraries speak, under `/openai/v1`, and that of the Open Responses
//! specification, which differs in few words.

use std::sync::Arc;

use actix_web::http::StatusCode;
use bytes::BytesMut;
use response_domain::conversation::Conversation;
use response_domain::entry::Entry;
use response_domain::event::Event;
use response_domain::id::{ConversationId, EndpointId, ItemId, ResponseId};
use response_domain::item::Item;
use response_domain::json::Json;
use response_domain::response::Response;
use response_domain::spec::{Draft, InputItem};
use response_domain::status::Status;
use response_domain::webhook::{Endpoint, EndpointDraft, Payload, SigningSecret, WebhookEvent};
use response_engine::endpoints::Rotation;
use response_engine::tokens::Compacted;

use super::{
    Conversations, Deletion, Dialect, Endpoints, Items, Responses, Tokens, Trial, put_json,
};
use crate::HostedTools;
use crate::problem::Problem;
use crate::stream::Frames;

mod conversation;
mod endpoint;
mod envelope;
mod event;
mod foreign;
mod item;
mod item_id;
mod mcp;
mod part;
pub(crate) mod payload;
mod request;
mod response;
mod reword;
mod tokens;

/// The dialect of OpenAI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenAi {
    /// Whose words, where they differ.
    pub(crate) flavour: Flavour,
    /// What becomes of tools that OpenAI runs and this service does not.
    pub(crate) hosted: HostedTools,
}

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// OpenAI's.
    OpenAi,
    /// The specification's: reasoning is streamed under other names, and an item that it does not know is
    /// an extension (`jan:mcp_call`), of which no events are told but that it was added and that it is done.
    OpenResponses,
}

impl Dialect for OpenAi {
    fn refuse(self, problem: &Problem, _request_id: &str, out: &mut BytesMut) {
        put_json(out, &envelope::Shape::of(problem));
    }

    fn reword(self, problem: Problem, path: Option<&str>) -> Problem {
        reword::reword(problem, path)
    }
}

impl Responses for OpenAi {
    const QUEUED: StatusCode = StatusCode::OK;
    const OUTPUT: bool = true;

    fn parse(self, body: &str) -> Result<Draft, Problem> {
        request::draft(body, self.hosted)
    }

    fn show(self, response: &Response, output: &[Entry], out: &mut BytesMut) {
        put_json(out, &response::Shape::of(response, output, self.flavour));
    }

    fn refusal(self, response: &Response) -> Option<Problem> {
        match response.status() {
            Status::Failed(failure) => Some(Problem::of_run(response, failure)),
            Status::Queued
            | Status::InProgress
            | Status::Completed
            | Status::Incomplete(_)
            | Status::Cancelled => None,
        }
    }

    fn show_deleted(self, id: ResponseId, out: &mut BytesMut) {
        put_json(out, &Deletion::of("response", id));
    }

    fn frames(self, event: &Event, told: &[Arc<Item>], frames: &mut Frames<'_>) {
        let flavour = self.flavour;
        let mut telling = event::Telling {
            flavour,
            told,
            frames,
        };
        telling.tell(event);
    }

    fn done(self) -> &'static [u8] {
        b"data: [DONE]\n\n"
    }

    fn heartbeat(self) -> &'static [u8] {
        b": ping\n\n"
    }
}

impl Items for OpenAi {
    fn show_entry(self, entry: &Entry, out: &mut BytesMut) {
        put_json(out, &item::Shape::of(entry, self.flavour));
    }

    fn entry_id(self, entry: &Entry) -> String {
        item_id::ShownId::of(&entry.item).to_string()
    }

    fn item_id(self, text: &str) -> Option<ItemId> {
        item_id::read(text)
    }
}

impl Conversations for OpenAi {
    fn conversation(self, body: &str) -> Result<(Json, Vec<InputItem>), Problem> {
        request::conversation(body)
    }

    fn description(self, body: &str) -> Result<Json, Problem> {
        request::description(body)
    }

    fn items(self, body: &str) -> Result<Vec<InputItem>, Problem> {
        request::items(body)
    }

    fn show_conversation(self, conversation: &Conversation, out: &mut BytesMut) {
        put_json(out, &conversation::Shape::of(conversation));
    }

    fn show_conversation_deleted(self, id: ConversationId, out: &mut BytesMut) {
        put_json(out, &Deletion::of("conversation.deleted", id));
    }
}

impl Tokens for OpenAi {
    fn count(self, body: &str) -> Result<Draft, Problem> {
        request::count(body, self.hosted)
    }

    fn compaction(self, body: &str) -> Result<Draft, Problem> {
        request::compaction(body)
    }

    fn show_count(self, tokens: u64, out: &mut BytesMut) {
        put_json(out, &tokens::Count::of(tokens));
    }

    fn show_compacted(self, compacted: &Compacted, out: &mut BytesMut) {
        put_json(out, &tokens::Shape::of(compacted, self.flavour));
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
