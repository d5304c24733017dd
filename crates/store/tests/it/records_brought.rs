//! Records of what callers bring, as the release wrote them that was the first to know of it: this release
//! reads them, and writes the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use response_domain::event::{Event, OpenItem};
use response_domain::execution::{Execution, ExecutionState};
use response_domain::item::{CallId, FunctionCall, Item, ItemBody, Runner, ToolList};
use response_domain::json::Json;
use response_domain::ports::queue::EventLog;
use response_domain::ports::store::ResponseStore;
use response_domain::response::Response;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::{CallState, PendingCall};
use response_domain::status::Change;
use response_domain::tool::{ToolCall, ToolReply, Verdict};
use response_domain::work::UnitOfWork;
use response_store::Store;
use response_testkit::queue_suite::sample::{
    checkpoint, log, more, place, running, standing, start, step,
};
use response_testkit::store_suite::full::brought::{self, runners, server_tool, sites};
use response_testkit::store_suite::sample::{
    ada, asked, call, changed, found, id, item, put, with_calls, write,
};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::sqlite::open;

/// Each record by its name.
type Records = BTreeMap<String, String>;

/// The number of the response that has ended.
const ENDED: u32 = 2;

/// The executions of a response: one for each place that a call can have, and one that has none.
fn executions(response: &Response) -> Vec<Arc<Execution>> {
    let sites = sites().map(Some).into_iter().chain([None]);
    let executions = (0..).zip(sites).map(|(ordinal, site)| {
        let state = ExecutionState::Completed("It is \"so\".".into());
        let execution = Execution::clone(&call(response, ordinal, state));
        Arc::new(Execution { site, ..execution })
    });
    executions.collect()
}

/// A response that has ended, and its items.
fn ended() -> (Response, Vec<Arc<Item>>) {
    let response = asked(ENDED, brought::spec());
    let calls = executions(&response);
    let response = changed(with_calls(response, &calls), Change::Complete);
    let items = (0..).zip(brought::bodies());
    let items = items.map(|(ordinal, body)| item(&response, ordinal, body));
    (response.clone(), items.collect())
}

/// What a run tells of each kind of call, and of a list.
fn told(response: &Response) -> Vec<Event> {
    let mut events = Vec::new();
    for (ordinal, runner) in (1..).zip(runners()) {
        let place = place(response, ordinal);
        let wish = FunctionCall {
            runner: runner.clone(),
            approval: ordinal.is_multiple_of(2).then(|| "item_1".into()),
            ..FunctionCall::of_caller(CallId("call_1".into()), "ask", "{\"q\": 1}")
        };
        let kind = OpenItem::Call {
            call_id: wish.call_id.clone(),
            name: Arc::clone(&wish.name),
            runner: runner.clone(),
            approval: wish.approval.clone(),
        };
        let made = item(response, ordinal, ItemBody::FunctionCall(wish));
        events.extend([
            Event::ItemOpened { place, kind },
            Event::ArgumentsDelta(place, runner.kind(), "{\"q\": 1}".into()),
            Event::ArgumentsDone(place, Arc::clone(&made)),
            Event::ItemClosed(place, Arc::clone(&made)),
            Event::CallDropped(place, made),
        ]);
    }
    let place = place(response, 5);
    let label: Arc<str> = "wiki".into();
    let list = ToolList {
        label: Arc::clone(&label),
        tools: Err("it cannot be reached".into()),
    };
    let kind = OpenItem::ToolList { label };
    events.extend([
        Event::ItemOpened { place, kind },
        Event::ItemClosed(place, item(response, 5, ItemBody::ToolList(list))),
    ]);
    events
}

/// Calls of tools of each shape under way, and one that is back, as its execution says and otherwise.
fn pending(response: &Response) -> (Vec<PendingCall>, Vec<Arc<Execution>>) {
    let wish = |runner, execution: &Execution| FunctionCall {
        runner,
        approval: Some("item_1".into()),
        ..FunctionCall::of_caller(CallId("call_1".into()), "ask", Arc::clone(&execution.input))
    };
    let mut executions = executions(response);
    let mut calls = Vec::new();
    for (execution, runner) in executions.iter().zip(runners().into_iter().skip(1)) {
        let reply = ToolReply::complaint(Verdict::Denied, "The user did not allow this call.");
        calls.push(PendingCall {
            call: wish(runner, execution),
            state: CallState::Returned(reply),
        });
    }
    for tool in brought::tools() {
        let ordinal = u32::try_from(executions.len()).unwrap();
        let execution = call(response, ordinal, ExecutionState::Started);
        let sent = ToolCall {
            execution: execution.id,
            tool: Arc::new(tool),
            arguments: Json::from_text(execution.input.as_ref().to_owned()).unwrap(),
        };
        calls.push(PendingCall {
            call: wish(Runner::Server(server_tool()), &execution),
            state: CallState::Started(sent, Arc::clone(&execution)),
        });
        executions.push(execution);
    }
    (calls, executions)
}

/// What was written, to be read again.
struct Written {
    ended: (Response, Vec<Arc<Item>>),
    running: Response,
    checkpoint: Checkpoint,
    events: Vec<Event>,
}

async fn written(store: &Store) -> Written {
    let (response, lease) = running(store, 1, 1).await;
    write(store, start(lease, &response)).await;
    let events = told(&response);
    let next = 2 + u64::try_from(events.len()).unwrap();
    store.append(&lease, &more(2, events)).await.unwrap();
    let (calls, executions) = pending(&response);
    let response = with_calls(response, &executions);
    let checkpoint = Checkpoint {
        calls,
        ..checkpoint(4)
    };
    let work = UnitOfWork {
        checkpoint: Some(checkpoint.clone()),
        ..step(lease, &response, next, Vec::new())
    };
    write(store, work).await;
    let (ended, items) = ended();
    put(store, &ended, items.clone()).await;
    Written {
        ended: (ended, items),
        events: log(store, response.id).await,
        running: response,
        checkpoint,
    }
}

fn recorded() -> Records {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/records/v1_brought.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

async fn beside(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.path().join("response.db"));
    options.connect().await.unwrap()
}

/// The records of the response that has ended, and what the one has besides that is running.
const READ: [(&str, &str); 5] = [
    ("spec", "SELECT id AS place, spec AS record FROM responses"),
    (
        "item",
        "SELECT response_id || ' ' || ordinal AS place, body AS record FROM conversation_items",
    ),
    (
        "call",
        "SELECT response_id || ' ' || ordinal AS place, body AS record FROM tool_executions",
    ),
    (
        "events",
        "SELECT response_id || ' ' || number AS place, body AS record FROM response_events",
    ),
    (
        "checkpoint",
        "SELECT id AS place, checkpoint AS record FROM responses WHERE checkpoint IS NOT NULL",
    ),
];

async fn records(folder: &TempDir) -> Records {
    let mut connection = beside(folder).await;
    let mut records = Records::new();
    for (kind, read) in READ {
        let rows: Vec<(String, String)> = sqlx::query_as(read)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for (place, record) in rows {
            records.insert(format!("{kind} {place}"), record);
        }
    }
    records
}

async fn replace(folder: &TempDir, name: &str, record: &str) {
    let mut words = name.split(' ');
    let (kind, response) = (words.next().unwrap(), words.next().unwrap());
    let number = words.next().unwrap_or_default();
    let update = match kind {
        "spec" => "UPDATE responses SET spec = $1 WHERE id = $2 AND $3 = ''",
        "checkpoint" => "UPDATE responses SET checkpoint = $1 WHERE id = $2 AND $3 = ''",
        "item" => "UPDATE conversation_items SET body = $1 WHERE response_id = $2 AND ordinal = $3",
        "call" => "UPDATE tool_executions SET body = $1 WHERE response_id = $2 AND ordinal = $3",
        _ => "UPDATE response_events SET body = $1 WHERE response_id = $2 AND number = $3",
    };
    let query = sqlx::query(update).bind(record).bind(response).bind(number);
    let done = query.execute(&mut beside(folder).await).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{name}");
}

#[tokio::test]
async fn this_release_writes_what_the_first_did_that_knew_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    written(&store).await;
    let written = records(&folder).await;
    let recorded = recorded();
    for (name, record) in &written {
        assert_eq!(Some(record), recorded.get(name), "{name}");
    }
    assert_eq!(written.len(), recorded.len());
}

#[tokio::test]
async fn this_release_reads_what_the_first_wrote_that_knew_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let expected = written(&store).await;
    for (name, record) in recorded() {
        replace(&folder, &name, "").await;
        replace(&folder, &name, &record).await;
    }
    let (response, items) = expected.ended;
    assert_eq!(*found(&store, id(ENDED)).await, response);
    assert_eq!(store.items(&ada(), id(ENDED)).await.unwrap(), items);
    let standing = standing(&store, expected.running.id).await;
    assert_eq!(*standing.response, expected.running);
    assert_eq!(standing.checkpoint, Some(expected.checkpoint));
    assert_eq!(log(&store, expected.running.id).await, expected.events);
}
