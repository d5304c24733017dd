//! Streams in the words of OpenAI keep their grammar whatever happens in a run, in both flavours.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use response_domain::entry;
use response_domain::event::Event;
use response_domain::spec::Delivery;
use response_testkit::wire::{self, EndMark, check_stream};
use serde_json::Value;

use super::super::frames::Form;
use super::super::teller::Teller;
use super::runs::{Over, any_run};
use super::*;
use crate::HostedTools;
use crate::dialect::openai::{Flavour, OpenAi};

const FLAVOURS: [(Flavour, wire::Flavour); 2] = [
    (Flavour::OpenAi, wire::Flavour::OpenAi),
    (Flavour::OpenResponses, wire::Flavour::OpenResponses),
];

fn dialect(flavour: Flavour) -> OpenAi {
    OpenAi {
        flavour,
        hosted: HostedTools::Ignore,
    }
}

/// What is told of these events behind a frame.
fn told(events: &[Event], flavour: Flavour, form: Form, after: Option<u64>) -> String {
    let mut teller = Teller::new(dialect(flavour), "resp_1".to_owned(), form);
    teller.after = after;
    let mut out = BytesMut::new();
    for event in events {
        teller.tell(event, &mut out);
    }
    String::from_utf8(out.to_vec()).unwrap()
}

/// The last frame of a whole stream, which must be right.
fn checked(events: &[Event], (flavour, of_wire): (Flavour, wire::Flavour)) -> Value {
    let told = told(events, flavour, Form::Sse, None);
    match check_stream(told.as_bytes(), of_wire, EndMark::Required) {
        Ok(mut events) => events.pop().unwrap(),
        Err(fault) => panic!("{fault}\n{told}"),
    }
}

fn shown(over: &Over, flavour: Flavour) -> Value {
    let mut out = BytesMut::new();
    let output = entry::output(&over.response, &over.items);
    dialect(flavour).show(&over.response, &output, &mut out);
    serde_json::from_slice(&out).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_run_is_told_as_the_grammar_wants_it(over in any_run()) {
        for flavour in FLAVOURS {
            let last = checked(&over.events, flavour);
            prop_assert_eq!(&last["response"], &shown(&over, flavour.0));
        }
    }

    /// Those of the background are told from their log.
    #[test]
    fn a_run_that_is_told_again_says_the_same(over in any_run()) {
        prop_assume!(over.response.spec.delivery != Delivery::Background);
        let again = entry::retold(&over.response, &over.items);
        for flavour in FLAVOURS {
            let last = checked(&again, flavour);
            prop_assert_eq!(&last["response"], &shown(&over, flavour.0));
        }
    }

    #[test]
    fn behind_any_frame_comes_the_rest(over in any_run()) {
        for (flavour, _) in FLAVOURS {
            let whole = told(&over.events, flavour, Form::Sse, None);
            let frames: Vec<&str> = whole.split_inclusive("\n\n").collect();
            for after in 0..frames.len() - 1 {
                let rest = told(&over.events, flavour, Form::Sse, u64::try_from(after).ok());
                prop_assert_eq!(rest, frames[after + 1..].concat());
            }
        }
    }

    #[test]
    fn messages_are_the_data_of_the_frames(over in any_run()) {
        for (flavour, _) in FLAVOURS {
            let frames = told(&over.events, flavour, Form::Sse, None);
            let data = frames.lines().filter_map(|line| line.strip_prefix("data: "));
            let data: Vec<&str> = data.filter(|data| *data != "[DONE]").collect();
            let messages = told(&over.events, flavour, Form::Bare, None);
            prop_assert_eq!(messages.lines().collect::<Vec<_>>(), data);
        }
    }
}

/// A run that breaks without a word is told as failed, whatever was told before.
#[test]
fn a_stream_that_breaks_ends_as_the_grammar_wants_it() {
    let mut runner = TestRunner::default();
    let runs = (any_run(), 2_usize..40);
    let broken = runner.run(&runs, |(over, length)| {
        let events = &over.events[..length.min(over.events.len() - 1)];
        for (flavour, of_wire) in FLAVOURS {
            let mut teller = Teller::new(dialect(flavour), "resp_1".to_owned(), Form::Sse);
            let mut out = BytesMut::new();
            for event in events {
                teller.tell(event, &mut out);
            }
            teller.tell_break(&mut out);
            let told = check_stream(&out, of_wire, EndMark::Required);
            let told = told.map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            let last = told.last().unwrap();
            prop_assert_eq!(&last["response"]["error"]["code"], "server_error");
        }
        Ok(())
    });
    broken.unwrap();
}

/// Every frame that OpenAI's clients can be told, with the statuses of items that are done.
const ALL: &[&str] = &[
    "function_call completed",
    "function_call incomplete",
    "mcp_approval_request",
    "mcp_call completed",
    "mcp_call failed",
    "mcp_call incomplete",
    "mcp_list_tools",
    "message completed",
    "message incomplete",
    "reasoning completed",
    "reasoning incomplete",
    "response.completed completed",
    "response.content_part.added",
    "response.content_part.done",
    "response.created in_progress",
    "response.created queued",
    "response.failed cancelled",
    "response.failed failed",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.in_progress in_progress",
    "response.incomplete incomplete",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call.in_progress",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.mcp_list_tools.completed",
    "response.mcp_list_tools.failed",
    "response.mcp_list_tools.in_progress",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.queued queued",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
];

/// What is tried at random is all there is.
#[test]
fn any_run_may_come_to_any_frame() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    let word = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    for _ in 0..1_500 {
        let over = any_run().new_tree(&mut runner).unwrap().current();
        let told = told(&over.events, Flavour::OpenAi, Form::Bare, None);
        for frame in told.lines() {
            let frame: Value = serde_json::from_str(frame).unwrap();
            let name = word(&frame, "type");
            let of_response = word(&frame["response"], "status");
            met.insert(format!("{name} {of_response}").trim_end().to_owned());
            if name == "response.output_item.done" {
                let item = &frame["item"];
                let status = word(item, "status");
                met.insert(
                    format!("{} {status}", word(item, "type"))
                        .trim_end()
                        .to_owned(),
                );
            }
        }
        if met.len() == ALL.len() {
            break;
        }
    }
    assert_eq!(Vec::from_iter(met), ALL);
}
