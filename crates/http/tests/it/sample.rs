//! Responses in every state there is, put into the store as a run would leave them.

use std::sync::Arc;
use std::time::Duration;

use response_domain::execution::{Execution, ExecutionState};
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ConversationId, ExecutionId, RawId, ResponseId, WorkerId};
use response_domain::item::{Item, ItemBody, ItemStatus, Message, Role};
use response_domain::json::Json;
use response_domain::ports::store::ResponseStore;
use response_domain::response::{Finish, Note, Response, Turn};
use response_domain::spec::{
    Controls, Delivery, InputItem, OnMaxDepth, ReasoningForm, ResponseSpec, Storage, ToolChoice,
    ToolFailure, ToolSelection, Truncation,
};
use response_domain::status::Change;
use response_domain::time::Timestamp;
use response_domain::usage::Usage;
use response_domain::work::{Append, Guard, UnitOfWork};

use crate::who::ada;
use crate::world::World;

const ROOM: u128 = 0x018d_0c9a_8a40_7000_8000_0000_0003_0000;

pub(crate) fn id(number: u16) -> ResponseId {
    ResponseId::new(RawId::new(ROOM + u128::from(number)))
}

pub(crate) fn conversation(number: u16) -> ConversationId {
    ConversationId::new(RawId::new(ROOM + u128::from(number)))
}

/// `millis` after the moment at which all samples begin.
fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_705_315_800_000_000).after(Duration::from_millis(millis))
}

pub(crate) fn json(text: &str) -> Json {
    Json::from_text(text.to_owned()).unwrap()
}

/// A plain request, kept and waited for.
pub(crate) fn spec() -> ResponseSpec {
    let question = Message::text(Role::User, "What is new?");
    ResponseSpec {
        model: "jan-v2-30b".into(),
        input: json(r#""What is new?""#),
        items: vec![InputItem::New(ItemBody::Message(question))],
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

/// A response of this number, accepted that many seconds late.
pub(crate) fn accepted(number: u16, spec: ResponseSpec) -> Response {
    let moment = at(1_000 * u64::from(number));
    let home = Some(conversation(number));
    Response::accept(id(number), ada(), Arc::new(spec), home, moment)
}

/// It has done a round of tools, and answered.
pub(crate) fn worked(mut response: Response, states: &[ExecutionState]) -> Response {
    let begun = response.times.updated;
    let progress = &mut response.progress;
    progress.rounds = u16::from(!states.is_empty());
    progress.executions = (0..)
        .zip(states)
        .map(|(number, state)| call(response.id, number, state.clone(), begun))
        .collect();
    progress.turns = vec![
        turn(1, Finish::ToolCalls, begun),
        turn(2, Finish::Stop, begun.after(Duration::from_secs(1))),
    ];
    progress.usage = Some(Usage {
        prompt: 150,
        cached: 20,
        completion: 500,
        reasoning: 100,
    });
    response
}

fn call(
    response: ResponseId,
    number: u32,
    state: ExecutionState,
    begun: Timestamp,
) -> Arc<Execution> {
    let arguments = [r#"{"q": "latest AI news","num":3}"#, "not { json"];
    Arc::new(Execution {
        id: ExecutionId::new(response.raw(), number),
        site: None,
        tool: "google_search".into(),
        server: (number == 0).then(|| "default".into()),
        input: arguments[usize::from(number == 1)].into(),
        turn: 1,
        depth: 1,
        started_at: begun.after(Duration::from_millis(300)),
        duration: (state != ExecutionState::Started).then_some(Duration::from_millis(250)),
        state,
    })
}

fn turn(number: u16, finish: Finish, begun: Timestamp) -> Arc<Turn> {
    let note = Note {
        code: "arguments_repaired".into(),
        detail: Some("a comma was missing".into()),
    };
    Arc::new(Turn {
        number,
        started_at: begun,
        ended_at: begun.after(Duration::from_millis(280)),
        finish,
        usage: (number == 1).then_some(Usage {
            prompt: 100,
            completion: 30,
            ..Usage::default()
        }),
        notes: (number == 1).then_some(note).into_iter().collect(),
    })
}

pub(crate) fn answered(mut response: Response, output: &str) -> Response {
    response.progress.output = Some(output.into());
    response
}

/// It changes, two and a half seconds after its last change.
pub(crate) fn then(mut response: Response, change: Change) -> Response {
    let moment = response.times.updated.after(Duration::from_millis(2_500));
    response.change(change, moment).unwrap();
    response
}

pub(crate) fn failed(code: FailureCode) -> Change {
    Change::Fail(Failure::new(code, "what a person is told"))
}

/// Stores it, with its question.
pub(crate) async fn put(world: &World, response: &Response) {
    let question = Item {
        id: response_domain::id::ItemId::new(response.id.raw(), 0),
        turn: 0,
        status: ItemStatus::Completed,
        body: ItemBody::Message(Message::text(Role::User, "What is new?")),
    };
    let work = UnitOfWork {
        guard: Guard::New(WorkerId::new(RawId::new(1))),
        response: Arc::new(response.clone()),
        items: vec![Arc::new(question)],
        executions: response.progress.executions.clone(),
        checkpoint: None,
        log: Append::default(),
    };
    world.store.commit(work).await.unwrap();
}
