//! A dialect makes somebody's JSON of what the engine says, and a draft of somebody's JSON. It chooses
//! words, never facts: it sees one value at a time, remembers nothing and asks nobody.
//!
//! To add one: implement [`Dialect`], the parts of the API that it has, and give it a table of routes.

use std::fmt::Display;
use std::sync::Arc;

use actix_web::http::StatusCode;
use bytes::{BufMut, BytesMut};
use response_domain::conversation::Conversation;
use response_domain::entry::Entry;
use response_domain::event::Event;
use response_domain::id::{ConversationId, EndpointId, ExecutionId, ItemId, ResponseId};
use response_domain::item::Item;
use response_domain::json::Json;
use response_domain::response::Response;
use response_domain::spec::{Draft, InputItem};
use response_domain::status::{Status, StatusName};
use response_domain::trace::Step;
use response_domain::webhook::{
    Attempt, Endpoint, EndpointDraft, Payload, SigningSecret, WebhookDelivery, WebhookEvent,
};
use response_engine::endpoints::Rotation;
use response_engine::tokens::Compacted;
use serde::{Serialize, Serializer};

pub(crate) use self::object::Object;
use crate::problem::Problem;
use crate::stream::Frames;

mod attempt;
mod elements;
pub(crate) mod native;
mod object;
pub(crate) mod openai;
mod reading;

/// The words of one API, as far as every API needs them. What is written to `out` is one JSON value, here
/// and in the parts below, unless it says otherwise. A `body` is not known to be JSON, but its depth and its
/// escapes were checked.
pub(crate) trait Dialect: Copy + Send + Sync + Unpin + 'static {
    /// A problem.
    fn refuse(self, problem: &Problem, request_id: &str, out: &mut BytesMut);

    /// A problem as this API tells of it: with its status, its code and its name for the field. `path` is
    /// what the path of the request names, when that is not there.
    fn reword(self, problem: Problem, path: Option<&str>) -> Problem {
        let _ = path;
        problem
    }
}

/// The part about responses.
pub(crate) trait Responses: Dialect {
    /// How it is answered that a response waits in the queue.
    const QUEUED: StatusCode;

    /// Whether a response is shown with the items of its output. They need not be at hand otherwise.
    const OUTPUT: bool;

    /// What a create request asks for.
    fn parse(self, body: &str) -> Result<Draft, Problem>;

    /// A response, with its output as far as it goes.
    fn show(self, response: &Response, output: &[Entry], out: &mut BytesMut);

    /// What a caller who waited is told instead of the ended response; none when it is shown.
    fn refusal(self, response: &Response) -> Option<Problem>;

    /// That a response is deleted.
    fn show_deleted(self, id: ResponseId, out: &mut BytesMut);

    /// The frames of an event, none when this dialect does not tell of it. What was `told` are the items
    /// that were closed so far, in order; none where [`Responses::OUTPUT`] is not set.
    fn frames(self, event: &Event, told: &[Arc<Item>], frames: &mut Frames<'_>);

    /// What stands behind the last frame of an event stream.
    fn done(self) -> &'static [u8];

    /// A comment for a stream that is silent: it says nothing, but shows everybody on the way that the
    /// connection lives.
    fn heartbeat(self) -> &'static [u8];
}

/// The part that lists responses and what their models read.
pub(crate) trait Lists: Responses {
    /// An item of a transcript.
    fn show_item(self, item: &Item, out: &mut BytesMut);

    /// The word for a status.
    fn status_word(self, status: &Status) -> &'static str;

    /// The statuses among which all are that have this word; none when there is no such word.
    fn statuses(self, word: &str) -> &'static [StatusName];
}

/// The part that lists items as their caller sees them.
pub(crate) trait Items: Dialect {
    /// An item, with what came of it.
    fn show_entry(self, entry: &Entry, out: &mut BytesMut);

    /// The id under which it is shown.
    fn entry_id(self, entry: &Entry) -> String;

    /// The item that this text names, if it can be the id of one.
    fn item_id(self, text: &str) -> Option<ItemId>;
}

/// The part about conversations.
pub(crate) trait Conversations: Items {
    /// What a new conversation is to be: its metadata and its first items.
    fn conversation(self, body: &str) -> Result<(Json, Vec<InputItem>), Problem>;

    /// The metadata that a conversation is to have.
    fn description(self, body: &str) -> Result<Json, Problem>;

    /// Items for a conversation.
    fn items(self, body: &str) -> Result<Vec<InputItem>, Problem>;

    /// A conversation.
    fn show_conversation(self, conversation: &Conversation, out: &mut BytesMut);

    /// That a conversation is deleted.
    fn show_conversation_deleted(self, id: ConversationId, out: &mut BytesMut);
}

/// The part about what a transcript costs.
pub(crate) trait Tokens: Responses {
    /// What is to be counted.
    fn count(self, body: &str) -> Result<Draft, Problem>;

    /// What is to be compacted.
    fn compaction(self, body: &str) -> Result<Draft, Problem>;

    /// A count.
    fn show_count(self, tokens: u64, out: &mut BytesMut);

    /// What a transcript comes down to.
    fn show_compacted(self, compacted: &Compacted, out: &mut BytesMut);
}

/// The part about what is kept of a run.
pub(crate) trait Traces: Responses {
    /// A step of a trace.
    fn show_step(self, step: &NumberedStep<'_>, out: &mut BytesMut);
}

/// The part about webhook endpoints.
pub(crate) trait Endpoints: Dialect {
    /// How it is answered that an endpoint was made.
    const MADE: StatusCode;

    /// What an endpoint is sent that is made here and does not say.
    const PAYLOAD: Payload;

    /// What a new endpoint is to be.
    fn endpoint(self, body: &str) -> Result<EndpointDraft, Problem>;

    /// How an endpoint is to be changed; none when nothing is named.
    fn endpoint_change(self, body: &str) -> Result<Option<EndpointDraft>, Problem>;

    /// How a secret is to be replaced.
    fn rotation(self, body: &str) -> Result<Rotation, Problem>;

    /// With which event an endpoint is to be tried.
    fn trial(self, body: &str) -> Result<WebhookEvent, Problem>;

    /// An endpoint; with its secret, when its owner is to see it.
    fn show_endpoint(self, endpoint: &Endpoint, secret: Option<&SigningSecret>, out: &mut BytesMut);

    /// That an endpoint is deleted.
    fn show_endpoint_deleted(self, id: EndpointId, out: &mut BytesMut);

    /// How a trial went, if this dialect can show that.
    fn show_trial(self, trial: &Trial, out: &mut BytesMut) -> Result<(), Problem>;

    /// The list of all events.
    fn show_event_types(self, out: &mut BytesMut);
}

/// The part about what was sent to whom.
pub(crate) trait Deliveries: Dialect {
    /// A delivery.
    fn show_delivery(self, delivery: &WebhookDelivery, out: &mut BytesMut);

    /// To which endpoint a response is to be told again; none for the address of its request.
    fn redelivery(self, body: &str) -> Result<Option<EndpointId>, Problem>;
}

/// An event that was made up to try an endpoint.
pub(crate) struct Trial {
    /// Which endpoint.
    pub(crate) endpoint: EndpointId,
    /// Which event.
    pub(crate) event: WebhookEvent,
    /// What came of it.
    pub(crate) attempt: Attempt,
}

/// An id, written without a detour over a `String`.
struct Id<T>(T);

impl<T: Display> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// That something is gone.
#[derive(Serialize)]
#[serde(bound(serialize = "T: Display"))]
struct Deletion<T> {
    id: Id<T>,
    object: &'static str,
    deleted: bool,
}

impl<T> Deletion<T> {
    fn of(object: &'static str, id: T) -> Self {
        Self {
            id: Id(id),
            object,
            deleted: true,
        }
    }
}

/// A step with its place in the trace.
pub(crate) struct NumberedStep<'a> {
    /// The response it belongs to.
    pub(crate) response: ResponseId,
    /// Its place, from 0.
    pub(crate) number: u32,
    /// When it was, in Unix seconds.
    pub(crate) at: i64,
    /// What it was.
    pub(crate) step: &'a Step,
}

impl NumberedStep<'_> {
    /// Its id: the body of the response's, and its place.
    pub(crate) fn id(&self) -> String {
        let id = ExecutionId::new(self.response.raw(), self.number).to_string();
        id.replacen(ExecutionId::PREFIX, "evt", 1)
    }
}

/// Writes `value` as JSON. Nothing that this crate serialises can refuse, nor can memory.
pub(crate) fn put_json(out: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    if let Err(error) = serde_json::to_writer(out.writer(), value) {
        debug_assert!(false, "a value that JSON cannot hold: {error}");
    }
}
