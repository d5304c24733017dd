//! Every event reads back, however a turn is cut into windows, and no text is kept twice in one.

use response_domain::execution::ExecutionState;
use response_domain::item::{FunctionCall, Message, Reasoning, Role};
use response_domain::ports::llm::Delta;
use response_domain::response::Response;
use response_domain::run::assemble::{Assembler, Begin};
use response_testkit::store_suite::full::brought::{runners, tools};
use response_testkit::store_suite::full::every_body;
use response_testkit::store_suite::sample::{accepted, call, id, item};

use super::*;

/// Texts that JSON writes in another way, or that a column does not take.
const TEXTS: [&str; 6] = [
    "",
    "plain",
    "\"quoted\" \\ \n\t",
    "nul \0",
    "é 漢 😀",
    "\u{FFFD}0",
];

fn place(ordinal: u32) -> Place {
    Place {
        item: ItemId::new(id(1).raw(), ordinal),
        index: ordinal.saturating_sub(1),
    }
}

/// What is read of an event.
fn expected(event: &Event) -> Told {
    match event {
        Event::Created(_) => Told::Created,
        Event::Started(_) => Told::Started,
        Event::Ended(_) => Told::Ended,
        Event::CallStarted(call) => Told::CallStarted(call.id.ordinal),
        Event::CallReturned(call) => Told::CallReturned(call.id.ordinal),
        told => Told::Whole(told.clone()),
    }
}

fn reads_back(events: &[Event]) -> String {
    let text = write_events(id(1), events).unwrap();
    let expected: Vec<Told> = events.iter().map(expected).collect();
    assert_eq!(read_events(id(1), &text).unwrap(), expected, "{text}");
    text
}

/// Each kind of event, in each of its forms.
fn every_event() -> Vec<Event> {
    let response = Arc::new(accepted(1));
    let started = call(&response, 0, ExecutionState::Started);
    let returned = call(&response, 4_000, ExecutionState::Unknown);
    let mut events = vec![
        Event::Created(Arc::clone(&response)),
        Event::Started(Arc::clone(&response)),
        Event::CallStarted(started),
        Event::CallReturned(returned),
        Event::Ended(Arc::clone(&response)),
    ];
    for text in TEXTS {
        let kinds = [
            OpenItem::Message,
            OpenItem::Reasoning,
            OpenItem::ToolList { label: text.into() },
        ];
        let kinds = kinds.into_iter().chain(open_calls(text));
        events.extend(kinds.map(|kind| Event::ItemOpened {
            place: place(7),
            kind,
        }));
        for kind in [TextKind::Output, TextKind::Reasoning] {
            events.push(Event::PartOpened(place(1), kind));
            events.push(Event::TextDelta(place(1), kind, text.into()));
            events.push(Event::TextDone(place(1), kind, text.into()));
            events.push(Event::PartClosed(place(1), kind, text.into()));
        }
        let kinds = runners().map(|runner| runner.kind());
        events.extend(kinds.map(|kind| Event::ArgumentsDelta(place(2), kind, text.into())));
    }
    for (ordinal, body) in (0..).zip(every_body()) {
        for status in [ItemStatus::Completed, ItemStatus::Incomplete] {
            let closed = Arc::new(Item {
                status,
                ..Item::clone(&item(&response, ordinal, body.clone()))
            });
            events.push(Event::ArgumentsDone(place(ordinal), Arc::clone(&closed)));
            events.push(Event::ItemClosed(place(ordinal), Arc::clone(&closed)));
            events.push(Event::CallDropped(place(ordinal), closed));
        }
    }
    events
}

/// Calls that begin, by each runner, allowed or not.
fn open_calls(text: &str) -> Vec<OpenItem> {
    let calls = runners().into_iter().flat_map(|runner| {
        [None, Some(text.into())].map(|approval| OpenItem::Call {
            call_id: CallId(text.into()),
            name: text.into(),
            runner: runner.clone(),
            approval,
        })
    });
    calls.collect()
}

#[test]
fn every_event_reads_back_alone_and_among_others() {
    let events = every_event();
    for event in &events {
        reads_back(std::slice::from_ref(event));
    }
    reads_back(&events);
    reads_back(&[]);
    let backwards: Vec<Event> = events.into_iter().rev().collect();
    reads_back(&backwards);
}

/// A turn as the assembler tells it.
fn turn() -> Vec<Event> {
    let mut assembler = Assembler::new(Begin {
        response: id(1),
        turn: 1,
        item: 1,
        index: 0,
        tools: tools().into_iter().map(Arc::new).collect(),
    });
    let mut events = Vec::new();
    let call = |slot, name: Option<&str>, arguments: &str| Delta::Call {
        slot,
        name: name.map(Arc::from),
        arguments: arguments.into(),
    };
    let deltas = [
        Delta::Reasoning("I think".into()),
        Delta::Text("the answer".into()),
        Delta::Text(" is".into()),
        call(0, Some("search"), ""),
        call(1, Some("scrape"), "{\"url\":"),
        call(1, None, "\"here\"}"),
    ];
    for delta in deltas {
        assembler.push(delta, &mut events);
    }
    assembler.finish(&mut events);
    events
}

#[test]
fn a_turn_reads_back_however_it_is_cut_into_windows() {
    let events = turn();
    for size in 1..=events.len() {
        for window in events.chunks(size) {
            reads_back(window);
        }
    }
}

#[test]
fn a_window_holds_the_text_of_a_closed_item_once() {
    let text = reads_back(&turn());
    for told in ["I think", "search"] {
        // As it was opened or told at first, and as it was closed.
        assert_eq!(text.matches(told).count(), 2, "{told}: {text}");
    }
    assert_eq!(text.matches("the answer is").count(), 1, "{text}");
    assert_eq!(text.matches("scrape").count(), 2, "{text}");
}

#[test]
fn a_text_that_is_not_that_of_its_item_is_kept() {
    let response = accepted(1);
    let said = |role, text: &str| ItemBody::Message(Message::text(role, text));
    let many = ItemBody::Message(Message {
        role: Role::Assistant,
        content: vec![Part::Text("a".into()), Part::Text("b".into())],
    });
    let call = FunctionCall::of_caller(CallId("a".into()), "a", "a");
    let call = ItemBody::FunctionCall(call);
    let bodies = [
        said(Role::Assistant, "a"),
        said(Role::Assistant, "b"),
        ItemBody::Reasoning(Reasoning::text("a")),
        many,
        call,
    ];
    for body in bodies {
        for closed in [1, 2] {
            let close = Event::ItemClosed(place(closed), item(&response, closed, body.clone()));
            let other = item(&response, 1, said(Role::Assistant, "c"));
            let window = [
                Event::TextDone(place(1), TextKind::Output, "a".into()),
                Event::PartClosed(place(1), TextKind::Output, "a".into()),
                Event::ArgumentsDone(place(1), other),
                close,
            ];
            reads_back(&window);
            // What comes behind its item has it by itself.
            let [done, part, arguments, close] = window;
            reads_back(&[close, done, part, arguments]);
        }
    }
}

#[test]
fn an_event_of_another_response_is_refused() {
    let other: Arc<Response> = Arc::new(accepted(2));
    let strange = Place {
        item: ItemId::new(other.id.raw(), 1),
        index: 0,
    };
    let body = every_body().swap_remove(0);
    let events = [
        Event::Created(Arc::clone(&other)),
        Event::Started(Arc::clone(&other)),
        Event::Ended(Arc::clone(&other)),
        Event::PartOpened(strange, TextKind::Output),
        Event::TextDelta(strange, TextKind::Output, "a".into()),
        Event::CallStarted(call(&other, 0, ExecutionState::Started)),
        Event::ItemClosed(strange, item(&other, 1, body.clone())),
        // The item is another than that of the place.
        Event::ItemClosed(place(1), item(&accepted(1), 2, body)),
    ];
    for event in events {
        let written = write_events(id(1), std::slice::from_ref(&event));
        assert_eq!(written, Err(Strange), "{event:?}");
    }
}

#[test]
fn what_no_release_wrote_is_not_read() {
    let texts = [
        "",
        "[]",
        r#"{"v":2,"e":[]}"#,
        r#"{"e":[]}"#,
        r#"{"v":1,"e":["danced"]}"#,
        r#"{"v":1,"e":[{"text":[1,0,"output"]}]}"#,
        r#"{"v":1,"e":[{"text":[1,0,"sung","a"]}]}"#,
        // There is nothing further on that would have the text.
        r#"{"v":1,"e":[{"text_done":[1,0,"output",null]}]}"#,
        r#"{"v":1,"e":[{"args_done":[1,0,null]}]}"#,
    ];
    for text in texts {
        assert!(read_events(id(1), text).is_err(), "{text}");
    }
}
