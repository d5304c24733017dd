//! Every event reads back as it was told.

use std::sync::Arc;

use response_domain::event::{Event, OpenItem, TextKind};
use response_domain::execution::{Execution, ExecutionState};
use response_domain::item::{
    CallId, FunctionCall, Item, ItemBody, ItemStatus, Message, Reasoning, Role, Runner,
};
use response_domain::lease::Lease;
use response_domain::response::Response;
use response_domain::status::Change;
use response_domain::work::{Append, UnitOfWork};

use super::sample::{assert_reads, deltas, end, log, more, place, running, start, step, tell};
use crate::store_suite::full::brought::{runners, sites};
use crate::store_suite::full::{every_body, every_state};
use crate::store_suite::sample::{call, changed, write};
use crate::store_suite::{Fixture, Subject};

/// Odd texts, each of them one delta.
const TEXTS: [&str; 6] = [
    "It",
    " is \"so\"\\",
    "\n\r\t\u{1}\u{7f}",
    "größer 𝄞 \u{202e}",
    "\0",
    "'); DROP TABLE x; --{}",
];

/// A text item as a model tells it.
fn text(response: &Response, ordinal: u32, kind: TextKind, status: ItemStatus) -> Vec<Event> {
    let place = place(response, ordinal);
    let (open, body) = match kind {
        TextKind::Output => {
            let message = Message::text(Role::Assistant, TEXTS.concat());
            (OpenItem::Message, ItemBody::Message(message))
        }
        TextKind::Reasoning => {
            let reasoning = Reasoning::text(TEXTS.concat());
            (OpenItem::Reasoning, ItemBody::Reasoning(reasoning))
        }
    };
    let whole: Arc<str> = TEXTS.concat().into();
    let mut events = vec![
        Event::ItemOpened { place, kind: open },
        Event::PartOpened(place, kind),
    ];
    events.extend(TEXTS.map(|text| Event::TextDelta(place, kind, text.into())));
    events.extend([
        Event::TextDone(place, kind, Arc::clone(&whole)),
        Event::PartClosed(place, kind, whole),
        Event::ItemClosed(place, made(response, ordinal, status, body)),
    ]);
    events
}

fn made(response: &Response, ordinal: u32, status: ItemStatus, body: ItemBody) -> Arc<Item> {
    Arc::new(Item {
        id: place(response, ordinal).item,
        turn: 1,
        status,
        body,
    })
}

/// A call as a model tells it, with these arguments; some have been allowed.
fn wish(
    response: &Response,
    ordinal: u32,
    (arguments, whole): (&[&str], &str),
    runner: Runner,
) -> Vec<Event> {
    let place = place(response, ordinal);
    let call_id = CallId(format!("call_{ordinal}\0ü").into());
    let call = FunctionCall {
        runner,
        approval: ordinal.is_multiple_of(2).then(|| "item_\0 \"ü\"".into()),
        ..FunctionCall::of_caller(call_id, "google_\"search", whole)
    };
    let kind = call.runner.kind();
    let delta = |text: &&str| Event::ArgumentsDelta(place, kind, (*text).into());
    let kind = OpenItem::Call {
        call_id: call.call_id.clone(),
        name: Arc::clone(&call.name),
        runner: call.runner.clone(),
        approval: call.approval.clone(),
    };
    let status = ItemStatus::Incomplete;
    let item = made(response, ordinal, status, ItemBody::FunctionCall(call));
    let mut events = vec![Event::ItemOpened { place, kind }];
    events.extend(arguments.iter().map(delta));
    events.extend([
        Event::ArgumentsDone(place, Arc::clone(&item)),
        Event::ItemClosed(place, Arc::clone(&item)),
        Event::CallDropped(place, item),
    ]);
    events
}

/// What a server listed, as a run tells it.
fn list(response: &Response, ordinal: u32, body: ItemBody) -> Vec<Event> {
    let place = place(response, ordinal);
    let label = "wiki \"ü\"\0".into();
    let kind = OpenItem::ToolList { label };
    let item = made(response, ordinal, ItemStatus::Completed, body);
    vec![
        Event::ItemOpened { place, kind },
        Event::ItemClosed(place, item),
    ]
}

/// Events of every kind but for the first and the last, and the executions they tell of.
fn every_event(response: &Response) -> (Vec<Event>, Vec<Arc<Execution>>) {
    let (completed, incomplete) = (ItemStatus::Completed, ItemStatus::Incomplete);
    let mut events = vec![Event::Started(Arc::new(response.clone()))];
    events.extend(text(response, 1, TextKind::Reasoning, completed));
    events.extend(text(response, 2, TextKind::Output, incomplete));
    events.extend(text(response, 3, TextKind::Output, completed));
    let wishes: [(&[&str], &str); 3] = [
        (&["{\"q\":", " \"news\"}"], "{\"q\": \"news\"}"),
        (&[], "{}"),
        (&["not { json", "\0"], "not { json\0"),
    ];
    let mut ordinal = 4;
    for wanted in wishes {
        // Each of the runners has one that was allowed and one that was not.
        for runner in runners().into_iter().flat_map(|it| [it.clone(), it]) {
            events.extend(wish(response, ordinal, wanted, runner));
            ordinal += 1;
        }
    }
    for body in every_body() {
        events.extend(list(response, ordinal, body));
        ordinal += 1;
    }
    let states = every_state();
    let ended = states
        .into_iter()
        .filter(|it| *it != ExecutionState::Started);
    let sites = sites().map(Some).into_iter().chain([None]).cycle();
    let calls: Vec<_> = (0..)
        .zip(ended.zip(sites))
        .map(|(ordinal, (state, site))| {
            Arc::new(Execution {
                site,
                ..Execution::clone(&call(response, ordinal, state))
            })
        })
        .collect();
    for call in &calls {
        let started = Execution {
            state: ExecutionState::Started,
            duration: None,
            ..Execution::clone(call)
        };
        events.push(Event::CallStarted(Arc::new(started)));
    }
    events.extend(
        calls
            .iter()
            .map(|call| Event::CallReturned(Arc::clone(call))),
    );
    events.push(Event::Started(Arc::new(response.clone())));
    (events, calls)
}

fn with_progress(response: &Response, calls: &[Arc<Execution>]) -> Response {
    let mut response = response.clone();
    response.progress.executions = calls.to_vec();
    response.progress.rounds = 1;
    response.progress.output = Some("It is so.".into());
    response
}

/// Ends a response that told these events, and reads them all.
async fn end_and_read(
    store: &dyn Subject,
    lease: Lease,
    response: &Response,
    mut told: Vec<Event>,
) {
    let next = 1 + u64::try_from(told.len()).unwrap_or(u64::MAX);
    told.insert(0, Event::Created(Arc::new(response.clone())));
    // While it runs, and when it has ended.
    assert_reads(&log(store, response.id).await, &told, response);
    let ended = changed(response.clone(), Change::Complete);
    write(store, end(lease, &ended, next)).await;
    told.push(Event::Ended(Arc::new(ended.clone())));
    assert_reads(&log(store, response.id).await, &told, &ended);
}

pub async fn every_kind_of_event_reads_back_from_one_window(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    let (events, calls) = every_event(&response);
    let response = with_progress(&response, &calls);
    write(store, step(lease, &response, 1, events.clone())).await;
    end_and_read(store, lease, &response, events).await;
}

pub async fn every_kind_of_event_reads_back_from_windows_of_one(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    let (events, calls) = every_event(&response);
    let response = with_progress(&response, &calls);
    let work = UnitOfWork {
        log: Append::default(),
        ..step(lease, &response, 1, Vec::new())
    };
    write(store, work).await;
    for (number, event) in (1..).zip(&events) {
        tell(store, &lease, &more(number, vec![event.clone()])).await;
    }
    end_and_read(store, lease, &response, events).await;
}

pub async fn odd_and_long_texts_survive(fixture: &Fixture) {
    let store = fixture.store();
    let (response, lease) = running(store, 1, 1).await;
    write(store, start(lease, &response)).await;
    let place = place(&response, 1);
    let texts = [
        "\0".repeat(10_000),
        "\"\\\u{1}".repeat(10_000),
        "ü𝄞".repeat(200_000),
        String::from("\u{feff}\u{fffd}\u{2028}"),
    ];
    let mut told = vec![
        Event::Created(Arc::new(response.clone())),
        Event::Started(Arc::new(response.clone())),
    ];
    for (from, text) in (2..).zip(&texts) {
        let delta = Event::TextDelta(place, TextKind::Output, text.as_str().into());
        told.push(delta.clone());
        tell(store, &lease, &more(from, vec![delta])).await;
    }
    assert_reads(&log(store, response.id).await, &told, &response);
    // The same again is the same again, however odd.
    for (from, event) in (5..).zip(&told[5..]) {
        tell(store, &lease, &more(from, vec![event.clone()])).await;
    }
    tell(store, &lease, &more(6, deltas(&response, 6..9))).await;
}
