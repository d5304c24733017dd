//! Responses, items and executions to write. Numbers make them: the same number, the same id.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::execution::{Execution, ExecutionState};
use response_domain::id::{ConversationId, ExecutionId, ItemId, RawId, ResponseId, WorkerId};
use response_domain::item::{Item, ItemBody, ItemStatus, Message, Role};
use response_domain::json::Json;
use response_domain::page::Page;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::spec::{
    Controls, Delivery, InputItem, OnMaxDepth, ReasoningForm, ResponseSpec, Storage, ToolChoice,
    ToolFailure, ToolSelection, Truncation,
};
use response_domain::status::Change;
use response_domain::time::Timestamp;
use response_domain::work::{Guard, Job, UnitOfWork};

use super::Subject;

const ROOM: u128 = 0x018d_0c9a_8a40_7000_8000_0000_0000_0000;

fn raw(number: u32) -> RawId {
    RawId::new(ROOM | u128::from(number))
}

/// The response of this number.
pub fn id(number: u32) -> ResponseId {
    ResponseId::new(raw(number))
}

/// The conversation of this number.
pub fn conversation(number: u32) -> ConversationId {
    ConversationId::new(raw(number))
}

/// The process of this number.
pub fn worker(number: u32) -> WorkerId {
    WorkerId::new(raw(number))
}

/// Whose nearly everything is.
pub fn ada() -> OwnerId {
    OwnerId::new("ada")
}

/// This many microseconds after a moment in January 2024.
pub fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_705_315_800_000_000 + micros)
}

/// A question, waited for.
pub fn spec() -> ResponseSpec {
    ResponseSpec {
        model: "jan-v2-30b".into(),
        input: json(r#""What is new?""#),
        items: vec![InputItem::New(said(Role::User, "What is new?"))],
        system_prompt: None,
        controls: Controls::default(),
        tools: ToolSelection::All,
        tool_choice: ToolChoice::Auto,
        allowed_tools: None,
        max_tool_calls: None,
        unknown_tools: Vec::new(),
        max_rounds: 8,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
        truncation: Truncation::Trim,
        reasoning: ReasoningForm::Clear,
        delivery: Delivery::Wait,
        storage: Storage::Stored,
        conversation: None,
        previous: None,
        metadata: Json::empty_object(),
        user: None,
        echo: Json::empty_object(),
    }
}

/// The response of this number to `spec`, in the conversation of the same number, just accepted.
pub fn asked(number: u32, spec: ResponseSpec) -> Response {
    let home = spec.conversation.unwrap_or_else(|| conversation(number));
    let moment = at(i64::from(number) * 1_000);
    Response::accept(id(number), ada(), Arc::new(spec), Some(home), moment)
}

/// The response of this number to the usual question, just accepted.
pub fn accepted(number: u32) -> Response {
    asked(number, spec())
}

/// The response after this change, half a second later. It must be allowed.
pub fn changed(mut response: Response, change: Change) -> Response {
    let moment = response.times.updated.after(Duration::from_millis(500));
    let allowed = response.change(change, moment);
    assert!(allowed.is_ok(), "{allowed:?}");
    response
}

/// The response of this number, with an answer.
pub fn completed(number: u32) -> Response {
    changed(accepted(number), Change::Complete)
}

/// A message.
pub fn said(role: Role, text: &str) -> ItemBody {
    ItemBody::Message(Message::text(role, text))
}

/// An item of a response.
pub fn item(response: &Response, ordinal: u32, body: ItemBody) -> Arc<Item> {
    Arc::new(Item {
        id: ItemId::new(response.id.raw(), ordinal),
        turn: u16::from(ordinal > 0),
        status: ItemStatus::Completed,
        body,
    })
}

/// A question and its answer as the first two items of a response; both name its number.
pub fn talk(response: &Response) -> Vec<Arc<Item>> {
    let id = response.id;
    vec![
        item(response, 0, said(Role::User, &format!("question of {id}"))),
        item(
            response,
            1,
            said(Role::Assistant, &format!("answer of {id}")),
        ),
    ]
}

/// A tool call of a response.
pub fn call(response: &Response, ordinal: u32, state: ExecutionState) -> Arc<Execution> {
    Arc::new(Execution {
        id: ExecutionId::new(response.id.raw(), ordinal),
        tool: "google_search".into(),
        server: Some("search".into()),
        input: r#"{"q": "news"}"#.into(),
        turn: 1,
        depth: 1,
        started_at: response.times.updated,
        duration: (state != ExecutionState::Started).then_some(Duration::from_micros(250_001)),
        state,
        site: None,
    })
}

/// The response with these executions among its progress.
pub fn with_calls(mut response: Response, calls: &[Arc<Execution>]) -> Response {
    response.progress.executions = calls.to_vec();
    response.progress.rounds = u16::from(!calls.is_empty());
    response
}

/// JSON text.
pub fn json(text: &str) -> Json {
    match Json::from_text(text.to_owned()) {
        Ok(json) => json,
        Err(error) => Json::from_value(&serde_json::Value::String(error.to_string())),
    }
}

/// What waits beside a queued response whose caller brought nothing.
pub fn job() -> Job {
    Job {
        request_id: "req-1".into(),
        credential: None,
    }
}

/// A write of a response alone.
pub fn alone(guard: Guard, response: &Response) -> UnitOfWork {
    UnitOfWork::of(guard, Arc::new(response.clone()))
}

/// The first write of a response, by the process of number 1, with everything that belongs to it.
pub fn first(response: &Response, items: Vec<Arc<Item>>) -> UnitOfWork {
    UnitOfWork {
        items,
        executions: response.progress.executions.clone(),
        ..alone(Guard::New(worker(1)), response)
    }
}

/// Writes a response for the first time; it must succeed.
pub async fn put(store: &dyn Subject, response: &Response, items: Vec<Arc<Item>>) {
    write(store, first(response, items)).await;
}

/// Writes; it must succeed.
pub async fn write(store: &dyn Subject, work: UnitOfWork) {
    let written = store.commit(work).await;
    assert!(written.is_ok(), "the write failed: {written:?}");
}

/// The write must be refused.
pub async fn refused(store: &dyn Subject, work: UnitOfWork) {
    let written = store.commit(work).await;
    assert!(
        matches!(written, Err(StoreError::Stale)),
        "the write should be stale: {written:?}"
    );
}

/// The response of ada's with this id, which must be there.
pub async fn found(store: &dyn Subject, id: ResponseId) -> Arc<Response> {
    let found = store.find(&ada(), id).await;
    assert!(matches!(found, Ok(Some(_))), "{id} is not there: {found:?}");
    found
        .ok()
        .flatten()
        .unwrap_or_else(|| Arc::new(accepted(0)))
}

/// A page of everything.
pub fn everything(limit: u16) -> Page {
    Page {
        limit,
        after: None,
        status: None,
        background: None,
        conversation: None,
    }
}
