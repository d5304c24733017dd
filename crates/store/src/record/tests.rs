//! Whatever a value holds, its record reads back as that value, and says no more than it has to.

use proptest::prelude::*;
use response_domain::execution::Execution;
use response_domain::id::ResponseId;
use response_domain::item::ItemBody;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::spec::ResponseSpec;
use response_testkit::store_suite::full::{first_bodies, first_spec};
use response_testkit::store_suite::sample::id;

use super::checkpoint::{read_checkpoint, write_checkpoint};
use super::event::{Told, read_events, write_events};
use super::execution::{read_call, write_call};
use super::item::{read_body, write_body};
use super::spec::{read_spec, write_spec};

mod any;

const RESPONSE: ResponseId = ResponseId::new(any::PARENT);

fn spec_again(spec: &ResponseSpec) -> ResponseSpec {
    let text = write_spec(spec);
    let read = read_spec(&text, spec.model.clone(), spec.previous);
    read.unwrap_or_else(|error| panic!("{error:?}: {text}"))
}

proptest! {
    #[test]
    fn a_body_reads_back(body in any::body()) {
        let text = write_body(&body);
        prop_assert_eq!(read_body(&text).unwrap(), body, "{}", text);
    }

    #[test]
    fn a_spec_reads_back(spec in any::spec()) {
        prop_assert_eq!(spec_again(&spec), spec);
    }

    #[test]
    fn a_call_reads_back(execution in any::run::execution(0)) {
        let text = write_call(&execution);
        let read = read_call(execution.state.name(), &text).unwrap();
        let read = Execution {
            input: read.input,
            state: read.state,
            site: read.site,
            ..execution.clone()
        };
        prop_assert_eq!(read, execution, "{}", text);
    }

    #[test]
    fn events_read_back(events in prop::collection::vec(any::run::event(), 0..12)) {
        let text = write_events(RESPONSE, &events).unwrap();
        let expected: Vec<Told> = events.into_iter().map(Told::Whole).collect();
        prop_assert_eq!(read_events(RESPONSE, &text).unwrap(), expected, "{}", text);
    }

    #[test]
    fn a_checkpoint_reads_back((checkpoint, executions) in any::run::checkpoint()) {
        let text = write_checkpoint(&checkpoint, &executions);
        let read: Checkpoint = read_checkpoint(&text, &executions).unwrap();
        prop_assert_eq!(read, checkpoint, "{}", text);
    }
}

/// Nothing that is new says anything where nothing is said of it.
#[test]
fn what_is_as_usual_is_not_written() {
    let said: Vec<String> = first_bodies().iter().map(write_body).collect();
    let said = [said.concat(), write_spec(&first_spec())].concat();
    for name in [
        "by",
        "approval",
        "parts",
        "verdict",
        "summary",
        "sealed",
        "allowed_tools",
        "max_tool_calls",
        "unknown_tools",
        "truncation",
        "reasoning\":\"",
        "echo",
        "verbosity",
    ] {
        assert!(!said.contains(&format!("\"{name}")), "{name}: {said}");
    }
}

#[test]
fn a_word_that_no_release_wrote_is_not_read() {
    let body = ItemBody::FunctionCall(any::a_call());
    let text = write_body(&body);
    assert!(read_body(&text).is_ok(), "{text}");
    for (from, to) in [
        ("\"asks\"", "\"begs\""),
        ("\"function_call\"", "\"function_cull\""),
        ("\"v\":1", "\"v\":2"),
        ("[\"wiki\",\"ask\"]", "[\"wiki\"]"),
    ] {
        let wrong = text.replace(from, to);
        assert_ne!(wrong, text);
        assert!(read_body(&wrong).is_err(), "{wrong}");
    }
    assert_ne!(id(1), RESPONSE);
}
