//! What a model gets to read: what counts, what stands alone, what goes when it is too long.

use std::sync::Arc;

use response_domain::id::{ItemId, RawId};
use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, Item, ItemBody, ItemStatus, Message, Reasoning, Role,
};
use response_domain::run::pairs::{Lacks, unpaired};
use response_domain::run::transcript::fit;
use response_domain::spec::Unanswered;

use crate::script::show_items;

/// Items written as words: `u:hi`, `a2:text` with the number of its turn, `t1:hm`, `c1:id` a call,
/// `o1:id` its output; a `|` ends one response and begins the next.
pub(crate) fn items(text: &str, first: u128) -> Vec<Arc<Item>> {
    let mut items: Vec<Arc<Item>> = Vec::new();
    let (mut parent, mut ordinal) = (first, 0);
    for word in text.split_whitespace() {
        if word == "|" {
            (parent, ordinal) = (parent + 1, 0);
            continue;
        }
        let (head, text) = word.split_once(':').unwrap();
        let (kind, turn) = head.split_at(1);
        let call_id = CallId(text.into());
        let body = match kind {
            "u" => ItemBody::Message(Message::text(Role::User, text)),
            "a" => ItemBody::Message(Message::text(Role::Assistant, text)),
            "s" => ItemBody::Message(Message::text(Role::System, text)),
            "d" => ItemBody::Message(Message::text(Role::Developer, text)),
            "t" => ItemBody::Reasoning(Reasoning::text(text)),
            "c" => ItemBody::FunctionCall(FunctionCall::of_caller(call_id, text, "{}")),
            "o" => ItemBody::FunctionCallOutput(FunctionCallOutput::text(call_id, text)),
            _ => panic!("no item is {word}"),
        };
        items.push(Arc::new(Item {
            id: ItemId::new(RawId::new(parent), ordinal),
            turn: turn.parse().unwrap_or(0),
            status: ItemStatus::Completed,
            body,
        }));
        ordinal += 1;
    }
    items
}

fn sent(history: &str, own: &str, budget: usize) -> String {
    show_items(&fit(&items(history, 1), &items(own, 100), budget))
}

#[test]
fn what_came_to_nothing_is_not_sent() {
    let cases = [
        // history, own, sent
        ("", "u:hi", "u:hi"),
        ("u:a a1:b |", "u:c", "u:a a:b u:c"),
        // A call without output, and the reasoning that led to it alone.
        ("u:a t1:hm c1:x |", "u:c", "u:a u:c"),
        ("u:a t1:hm a1:so c1:x |", "u:c", "u:a t:hm a:so u:c"),
        // An output without call.
        ("u:a |", "o:x u:c", "u:a u:c"),
        ("u:a |", "o:x c:x u:c", "u:a u:c"),
        // A turn that was asked for again.
        ("u:a a1:ha a2:half a3:half. |", "u:c", "u:a a:half. u:c"),
        (
            "u:a c1:x o1:x a2:ha a3:half. |",
            "u:c",
            "u:a call:x out:x a:half. u:c",
        ),
        // A turn that nobody asks for again, at the end of the history or of a response.
        ("u:a a1:b", "", "u:a a:b"),
        ("u:a a1:b | a2:c |", "u:d", "u:a a:b a:c u:d"),
        // The same call id twice: each output belongs to the last open call before it.
        ("", "u:a c:x o:x c:x o:x", "u:a call:x out:x call:x out:x"),
        ("", "u:a c:x c:x o:x", "u:a call:x out:x"),
        // An answer to a call of an earlier response.
        ("u:a a1:ask c1:x |", "o:x", "u:a a:ask call:x out:x"),
        // What a client sends of its own is taken as it is.
        ("", "t:hm u:a a:b u:c", "t:hm u:a a:b u:c"),
    ];
    for (history, own, expected) in cases {
        assert_eq!(sent(history, own, 10_000), expected, "{history} / {own}");
    }
}

#[test]
fn what_stands_alone_in_the_input_is_found() {
    let cases = [
        // history, own, the lone item of own
        ("", "u:a", None),
        ("", "c:x o:x", None),
        ("c:x", "o:x", None),
        ("c:x o:x", "o:x", Some((0, Lacks::Call))),
        ("", "u:a o:x", Some((1, Lacks::Call))),
        ("", "o:x c:x", Some((0, Lacks::Call))),
        ("", "c:x o:x o:x", Some((2, Lacks::Call))),
        ("", "u:a c:x", Some((1, Lacks::Output))),
        ("", "c:x c:y o:y", Some((0, Lacks::Output))),
        ("", "c:x c:x o:x", Some((0, Lacks::Output))),
        // Its own call is older than the one of the history.
        ("c:x", "c:x o:x", None),
        ("c:x c:y o:z", "u:a", None),
    ];
    for (history, own, expected) in cases {
        let found = unpaired(&items(history, 1), &items(own, 100), Unanswered::LeftOut);
        let found = found.map(|lone| (lone.place, lone.lacks));
        assert_eq!(found, expected, "{history} / {own}");
    }
}

#[test]
fn calls_of_the_history_that_their_caller_left_are_found_where_that_is_wanted() {
    let cases = [
        // history, own, the call
        ("u:a c1:x", "o:x", None),
        ("u:a c1:x c1:y", "o:x", Some("y")),
        ("u:a c1:x c1:y", "o:x o:y", None),
        ("u:a c1:x c1:y", "u:b", Some("x")),
        ("u:a c1:x o:x", "u:b", None),
    ];
    for (history, own, expected) in cases {
        let (history_items, own_items) = (items(history, 1), items(own, 100));
        let found = unpaired(&history_items, &own_items, Unanswered::Refused);
        let found = found.map(|lone| lone.call_id.0.to_string());
        assert_eq!(found.as_deref(), expected, "{history} / {own}");
        let lenient = unpaired(&history_items, &own_items, Unanswered::LeftOut);
        assert_eq!(lenient, None, "{history} / {own}");
    }
}

#[test]
fn the_oldest_exchanges_go_first_and_go_whole() {
    let history = "s:be u:a a1:b | u:c t1:hm c1:x o1:x a2:d | u:e a1:f |";
    let own = "d:do u:g";
    // A short item counts 9 tokens, a call 10.
    let cases = [
        (
            1_000,
            "s:be u:a a:b u:c t:hm call:x out:x a:d u:e a:f d:do u:g",
        ),
        (
            110,
            "s:be u:a a:b u:c t:hm call:x out:x a:d u:e a:f d:do u:g",
        ),
        (108, "s:be u:c t:hm call:x out:x a:d u:e a:f d:do u:g"),
        (91, "s:be u:c t:hm call:x out:x a:d u:e a:f d:do u:g"),
        (90, "s:be u:e a:f d:do u:g"),
        (45, "s:be u:e a:f d:do u:g"),
        (44, "s:be d:do u:g"),
        (0, "s:be d:do u:g"),
    ];
    for (budget, expected) in cases {
        assert_eq!(sent(history, own, budget), expected, "{budget}");
    }
}

#[test]
fn then_the_rounds_since_the_question_but_for_the_last() {
    let own = "u:q c1:v c1:w o1:v o1:w a2:so c2:x o2:x c3:y o3:y";
    // A message or an output counts 9 tokens here, a call 10.
    let cases = [
        (
            94,
            "u:q call:v call:w out:v out:w a:so call:x out:x call:y out:y",
        ),
        (93, "u:q a:so call:x out:x call:y out:y"),
        (56, "u:q a:so call:x out:x call:y out:y"),
        (55, "u:q call:y out:y"),
        (0, "u:q call:y out:y"),
    ];
    for (budget, expected) in cases {
        assert_eq!(sent("", own, budget), expected, "{budget}");
    }
    assert_eq!(
        sent("u:a a1:b |", own, 94),
        sent("", own, 94),
        "history first"
    );
}

#[test]
fn without_a_question_the_last_round_stays() {
    assert_eq!(sent("a:old c:x o:x |", "c1:y o1:y", 0), "call:y out:y");
    assert_eq!(sent("", "", 0), "");
}

#[test]
fn a_call_and_its_output_stay_together_across_a_question() {
    let own = "c:x u:q o:x";
    assert_eq!(sent("u:a a1:b |", own, 0), "call:x u:q out:x");
    let own = "u:a c:x c:y o:y u:q o:x";
    assert_eq!(sent("", own, 0), "call:x call:y out:y u:q out:x");
}

#[test]
fn a_hundred_thousand_items_are_fitted_in_one_go() {
    let exchange = "u:a c1:x o1:x a2:b | ";
    let history = items(&exchange.repeat(25_000), 1);
    let own = items("u:q", 1 << 40);
    assert_eq!(fit(&history, &own, usize::MAX).len(), history.len() + 1);
    let some = fit(&history, &own, 450_000);
    assert!(some.len() > 40_000 && some.len() < history.len());
    assert_eq!(fit(&history, &own, 0).len(), 1);
    assert_eq!(unpaired(&history, &own, Unanswered::Refused), None);
}
