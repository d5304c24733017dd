//! Records of the log and of checkpoints as the first version wrote them: this release reads them, and writes
//! the same. A record of a later version is told as one that cannot be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use response_domain::event::{Event, OpenItem, TextKind};
use response_domain::execution::{Execution, ExecutionState};
use response_domain::id::ResponseId;
use response_domain::item::{
    CallId, CallKind, FunctionCall, Item, ItemBody, ItemStatus, Role, Runner,
};
use response_domain::lease::Lease;
use response_domain::ports::queue::EventLog;
use response_domain::ports::store::{ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::repair::{Fault, Streak};
use response_domain::run::{CallState, Closing, PendingCall};
use response_domain::status::Change;
use response_domain::tool::{Repeat, ToolCall, ToolHome, ToolReply, ToolSpec, Verdict};
use response_domain::work::UnitOfWork;
use response_store::Store;
use response_testkit::queue_suite::sample::{
    end, log, more, place, running, standing, start, step, words,
};
use response_testkit::store_suite::sample::{ada, call, changed, id, item, json, said, with_calls};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::sqlite::open;

/// Each record by its name.
type Records = BTreeMap<String, String>;

/// The executions of the response: one that is back, one that passed its time, one under way.
fn executions(response: &Response) -> [Arc<Execution>; 3] {
    let said = ExecutionState::Completed("It is \"so\".".into());
    [
        call(response, 0, said),
        call(response, 1, ExecutionState::TimedOut),
        call(response, 2, ExecutionState::Started),
    ]
}

/// A call in each of its states.
fn calls(executions: &[Arc<Execution>; 3]) -> Vec<PendingCall> {
    let pending = |name: &str, arguments: &Arc<str>, state| PendingCall {
        call: FunctionCall::of_caller(
            CallId(format!("call_{name}").into()),
            name,
            Arc::clone(arguments),
        ),
        state,
    };
    let back = |verdict, text: &str| {
        let text = text.into();
        CallState::Returned(ToolReply { text, verdict })
    };
    let under_way = &executions[2];
    let home = ToolHome::Server {
        label: "search".into(),
        name: "google.search".into(),
        url: None,
    };
    let schema = json(r#"{ "type": "object" }"#);
    let tool = ToolSpec {
        description: Some("Searches.".into()),
        repeat: Repeat::Safe,
        ..ToolSpec::plain("google_search", home, schema)
    };
    // Nothing was said of its runner, and the tool tells.
    let runner = Runner::Server(Arc::new(tool.server_tool().unwrap()));
    let started = ToolCall {
        execution: under_way.id,
        tool: Arc::new(tool),
        arguments: json(&under_way.input),
    };
    let theirs: Arc<str> = "{}".into();
    let mut now = pending(
        "now",
        &under_way.input,
        CallState::Started(started, Arc::clone(under_way)),
    );
    now.call.runner = runner;
    vec![
        pending(
            "search",
            &executions[0].input,
            back(Verdict::Done, "It is \"so\"."),
        ),
        pending(
            "late",
            &executions[1].input,
            back(Verdict::ToolSaysError, "too late"),
        ),
        pending("theirs", &theirs, CallState::Callers),
        now,
    ]
}

fn checkpoint(executions: &[Arc<Execution>; 3]) -> Checkpoint {
    let complaint = Fault::Complaint {
        verdict: Verdict::UnknownTool,
        tool: "serach".into(),
        text: "There is no tool `serach`.".into(),
    };
    Checkpoint {
        next_turn: 3,
        closing: Closing::LastAnswer,
        streak: Streak(vec![(Fault::EmptyTurn, 1), (complaint, 2)]),
        context_tokens: 32_768,
        calls: calls(executions),
    }
}

/// A turn with one item of each kind; only the message is told and closed in one window.
fn turn(response: &Response) -> (Vec<Event>, Vec<Event>) {
    let closed = |ordinal, status, body| {
        Arc::new(Item {
            status,
            ..Item::clone(&item(response, ordinal, body))
        })
    };
    let said = said(Role::Assistant, "It is so.");
    let message = closed(1, ItemStatus::Completed, said);
    let mut first = words(response, &["It is", " so."]);
    first.extend([
        Event::TextDone(place(response, 1), TextKind::Output, "It is so.".into()),
        Event::PartClosed(place(response, 1), TextKind::Output, "It is so.".into()),
        Event::ItemClosed(place(response, 1), message),
        Event::ItemOpened {
            place: place(response, 2),
            kind: OpenItem::Reasoning,
        },
        Event::PartOpened(place(response, 2), TextKind::Reasoning),
        Event::TextDone(place(response, 2), TextKind::Reasoning, "Why?".into()),
    ]);
    let call_id = CallId("call_now".into());
    let name: Arc<str> = "search".into();
    let kind = OpenItem::Call {
        call_id: call_id.clone(),
        name: Arc::clone(&name),
        runner: Runner::Caller,
        approval: None,
    };
    let wish = FunctionCall::of_caller(call_id, name, "{\"q\": 1}");
    let wish = closed(3, ItemStatus::Incomplete, ItemBody::FunctionCall(wish));
    let there = place(response, 3);
    let second = vec![
        Event::PartClosed(place(response, 2), TextKind::Reasoning, "Why?".into()),
        Event::ItemOpened { place: there, kind },
        Event::ArgumentsDelta(there, CallKind::Callers, "{\"q\": 1}".into()),
        Event::ArgumentsDone(there, Arc::clone(&wish)),
        Event::ItemClosed(there, wish),
    ];
    (first, second)
}

/// What was written, to be read again.
struct Written {
    response: Response,
    lease: Lease,
    checkpoint: Checkpoint,
    events: Vec<Event>,
}

async fn written(store: &Store) -> Written {
    let (response, lease) = running(store, 1, 1).await;
    store.commit(start(lease, &response)).await.unwrap();
    let calls = executions(&response);
    let response = with_calls(response, &calls);
    let (first, second) = turn(&response);
    let told = u64::try_from(first.len()).unwrap();
    store.append(&lease, &more(2, first)).await.unwrap();
    store.append(&lease, &more(2 + told, second)).await.unwrap();
    let calls_told = vec![
        Event::CallStarted(Arc::clone(&calls[0])),
        Event::CallReturned(Arc::clone(&calls[0])),
        Event::CallStarted(Arc::clone(&calls[2])),
    ];
    let checkpoint = checkpoint(&calls);
    let work = UnitOfWork {
        checkpoint: Some(checkpoint.clone()),
        ..step(lease, &response, 7 + told, calls_told)
    };
    store.commit(work).await.unwrap();
    let events = log(store, response.id).await;
    Written {
        response,
        lease,
        checkpoint,
        events,
    }
}

fn recorded() -> Records {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/records/v1_background.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

async fn beside(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.path().join("response.db"));
    options.connect().await.unwrap()
}

async fn records(folder: &TempDir) -> Records {
    let read = "SELECT 'events ' || number AS name, body AS record FROM response_events
        UNION ALL SELECT 'checkpoint', checkpoint FROM responses WHERE checkpoint IS NOT NULL";
    let rows: Vec<(String, String)> = sqlx::query_as(read)
        .fetch_all(&mut beside(folder).await)
        .await
        .unwrap();
    rows.into_iter().collect()
}

async fn replace(folder: &TempDir, name: &str, record: &str) {
    let update = match name.strip_prefix("events ") {
        Some(number) => {
            let number: i64 = number.parse().unwrap();
            sqlx::query("UPDATE response_events SET body = $2 WHERE number = $1").bind(number)
        }
        None => {
            sqlx::query("UPDATE responses SET checkpoint = $2 WHERE substr(id, -1) = $1").bind("1")
        }
    };
    let done = update.bind(record).execute(&mut beside(folder).await).await;
    assert_eq!(done.unwrap().rows_affected(), 1, "{name}");
}

#[tokio::test]
async fn this_release_writes_what_the_first_version_did() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let Written {
        response, lease, ..
    } = written(&store).await;
    let mut written = records(&folder).await;
    let next = standing(&store, response.id).await.next;
    let ended = changed(response, Change::Complete);
    store.commit(end(lease, &ended, next)).await.unwrap();
    let after = records(&folder).await;
    assert_eq!(after.get("checkpoint"), None, "it is cleared at the end");
    written.extend(after);
    let recorded = recorded();
    for (name, record) in &written {
        assert_eq!(Some(record), recorded.get(name), "{name}");
    }
    assert_eq!(written.len(), recorded.len());
}

#[tokio::test]
async fn this_release_reads_what_the_first_version_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let expected = written(&store).await;
    let mine = records(&folder).await;
    for (name, record) in recorded() {
        // The last window is told by an end that has not come here.
        if mine.contains_key(&name) {
            replace(&folder, &name, r#"{"v":1,"e":[]}"#).await;
            replace(&folder, &name, &record).await;
        }
    }
    let standing = standing(&store, expected.response.id).await;
    assert_eq!(*standing.response, expected.response);
    assert_eq!(standing.checkpoint, Some(expected.checkpoint));
    assert_eq!(log(&store, expected.response.id).await, expected.events);
}

async fn is_corrupt(store: &Store, id: ResponseId) -> [bool; 2] {
    let standing = store.standing(&ada(), id).await;
    let events = store.events(&ada(), id, 0, 100).await;
    [standing.map(drop), events.map(drop)].map(|read| match read {
        Ok(()) => false,
        Err(error) => {
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
            assert!(error.to_string().contains(&id.to_string()), "{error}");
            true
        }
    })
}

#[tokio::test]
async fn a_record_of_a_later_version_is_not_guessed_at() {
    for (name, expected) in [
        ("checkpoint", [true, false]),
        ("events 2", [false, true]),
        ("events 0", [false, true]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let id = written(&store).await.response.id;
        assert_eq!(is_corrupt(&store, id).await, [false, false]);
        let record = records(&folder).await.remove(name).unwrap();
        replace(&folder, name, &record.replace("\"v\":1", "\"v\":2")).await;
        assert_eq!(is_corrupt(&store, id).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_window_of_a_call_that_is_not_there_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    written(&store).await;
    replace(&folder, "events 1", r#"{"v":1,"e":[{"call":7}]}"#).await;
    assert_eq!(is_corrupt(&store, id(1)).await, [false, true]);
}
