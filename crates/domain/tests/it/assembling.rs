//! Deltas into items: the same speech makes the same items however it was cut up on its way.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use response_domain::event::{Event, TextKind};
use response_domain::item::{Item, ItemBody, ItemStatus};
use response_domain::json::Json;
use response_domain::ports::llm::Delta;
use response_domain::response::{Finish, Response};
use response_domain::run::assemble::{Assembler, Begin};
use response_domain::status::Change;
use response_domain::time::Timestamp;
use response_domain::tool::{ToolHome, ToolSpec};
use response_testkit::grammar;

use crate::script::{End, deltas, show_items};
use crate::world::{RESPONSE, World, draft, rules};

/// What a model says, before anybody cuts it up.
#[derive(Debug, Clone)]
enum Speech {
    Text(TextKind, String),
    Arguments(u32, String),
}

fn speech() -> impl Strategy<Value = Vec<Speech>> {
    let text = "[a-zü𝄞 \\n{}\"]{0,12}";
    let piece = prop_oneof![
        text.prop_map(|text| Speech::Text(TextKind::Output, text)),
        text.prop_map(|text| Speech::Text(TextKind::Reasoning, text)),
        (0_u32..4, text).prop_map(|(slot, text)| Speech::Arguments(slot, text)),
    ];
    prop::collection::vec(piece, 0..12)
}

/// Cuts every piece into up to three, at characters.
fn cut_up(speech: &[Speech], cuts: &[Index]) -> Vec<Delta> {
    let mut cuts = cuts.iter().cycle();
    let mut named = HashSet::new();
    let mut deltas = Vec::new();
    for piece in speech {
        let text = match piece {
            Speech::Text(_, text) | Speech::Arguments(_, text) => text,
        };
        let mut at =
            [0, 0].map(|_| text.floor_char_boundary(cuts.next().unwrap().index(text.len() + 1)));
        at.sort_unstable();
        for part in [&text[..at[0]], &text[at[0]..at[1]], &text[at[1]..]] {
            deltas.push(match piece {
                Speech::Text(TextKind::Output, _) => Delta::Text(part.into()),
                Speech::Text(TextKind::Reasoning, _) => Delta::Reasoning(part.into()),
                Speech::Arguments(slot, _) => {
                    let first = named.insert(*slot);
                    Delta::Call {
                        slot: *slot,
                        name: first.then(|| format!("tool{slot}").into()),
                        arguments: part.into(),
                    }
                }
            });
        }
    }
    deltas
}

/// Enough of them for every call that is made here.
fn tools() -> Arc<[Arc<ToolSpec>]> {
    let tool = |number: u32| {
        let name = format!("tool{number}");
        Arc::new(ToolSpec::plain(
            name,
            ToolHome::Caller,
            Json::empty_object(),
        ))
    };
    (0..8).map(tool).collect()
}

fn begin() -> Begin {
    Begin {
        response: RESPONSE,
        turn: 3,
        item: 0,
        index: 0,
        tools: tools(),
    }
}

fn assemble(deltas: &[Delta]) -> (Vec<Event>, Vec<Arc<Item>>) {
    let mut assembler = Assembler::new(begin());
    let mut events = Vec::new();
    for delta in deltas {
        assembler.push(delta.clone(), &mut events);
    }
    let answer = assembler.finish(&mut events);
    (events, answer.items)
}

fn said(events: &[Event], kind: TextKind) -> String {
    let texts = events.iter().filter_map(|event| match event {
        Event::TextDelta(_, of, text) if *of == kind => Some(&**text),
        _ => None,
    });
    texts.collect()
}

/// The events as a stream of their own.
fn check_grammar(events: Vec<Event>) {
    let accepted = World::new(draft(), rules()).response;
    let mut ended = Response::clone(&accepted);
    ended
        .change(Change::Cancel, Timestamp::from_micros(2))
        .unwrap();
    let accepted = Arc::new(accepted);
    let mut stream = vec![
        Event::Created(Arc::clone(&accepted)),
        Event::Started(accepted),
    ];
    stream.extend(events);
    stream.push(Event::Ended(Arc::new(ended)));
    grammar::check(&stream).unwrap();
}

proptest! {
    #[test]
    fn any_cutting_up_makes_the_same_items_and_the_same_text(
        speech in speech(),
        cuts in prop::collection::vec(any::<Index>(), 1..24),
        other_cuts in prop::collection::vec(any::<Index>(), 1..24),
    ) {
        let (events, items) = assemble(&cut_up(&speech, &cuts));
        let (other_events, other_items) = assemble(&cut_up(&speech, &other_cuts));
        prop_assert_eq!(&items, &other_items);
        for kind in [TextKind::Output, TextKind::Reasoning] {
            let text = said(&events, kind);
            prop_assert_eq!(&text, &said(&other_events, kind));
            let whole: String = speech.iter().filter_map(|piece| match piece {
                Speech::Text(of, text) if *of == kind => Some(text.as_str()),
                _ => None,
            }).collect();
            prop_assert_eq!(text, whole);
        }
        for (ordinal, item) in (0..).zip(&items) {
            prop_assert_eq!(item.id.ordinal, ordinal);
        }
        check_grammar(events);
        check_grammar(other_events);
    }

    #[test]
    fn a_turn_that_breaks_off_anywhere_closes_what_was_open(
        speech in speech(),
        cuts in prop::collection::vec(any::<Index>(), 1..24),
        end in any::<Index>(),
    ) {
        let deltas = cut_up(&speech, &cuts);
        let heard = &deltas[..end.index(deltas.len() + 1)];
        let mut assembler = Assembler::new(begin());
        let mut events = Vec::new();
        for delta in heard {
            assembler.push(delta.clone(), &mut events);
        }
        let items = assembler.abandon(&mut events);
        let text: String = items.iter().filter_map(|item| item.as_message()).map(|message| message.joined_text().to_string()).collect();
        prop_assert_eq!(text, said(&events, TextKind::Output));
        prop_assert!(items.iter().all(|item| item.as_call().is_none() || item.status == ItemStatus::Incomplete));
        check_grammar(events);
    }
}

fn assembled(pieces: &str) -> String {
    show_items(&assemble(&deltas(pieces, End::Told)).1)
}

#[test]
fn a_change_of_voice_begins_a_new_item() {
    let cases = [
        ("nothing", ""),
        ("say Hello", "a:Hello"),
        ("say One | say two", "a:Onetwo"),
        (
            "think a | think b | say c | think d | say e",
            "t:ab a:c t:d a:e",
        ),
        ("say One | call f {} | say two", "a:One call:f a:two"),
        ("say Half | length", "a:Half~"),
        ("think Hm | say Half | filter", "t:Hm a:Half~"),
    ];
    for (pieces, items) in cases {
        assert_eq!(assembled(pieces), items, "{pieces}");
    }
}

#[test]
fn a_turn_ends_as_it_says_or_as_it_looks() {
    let cases = [
        ("say a", End::Missing, Finish::Stop),
        ("call f {}", End::Missing, Finish::ToolCalls),
        ("call f {} | length", End::Told, Finish::Length),
        ("say a", End::Told, Finish::Stop),
    ];
    for (pieces, end, finish) in cases {
        let mut assembler = Assembler::new(begin());
        for delta in deltas(pieces, end) {
            assembler.push(delta, &mut Vec::new());
        }
        assert_eq!(assembler.finish(&mut Vec::new()).finish, finish, "{pieces}");
    }
}

#[test]
fn calls_keep_their_arguments_apart_however_they_are_numbered() {
    let piece = |slot, name: Option<&str>, arguments: &str| Delta::Call {
        slot,
        name: name.map(Arc::from),
        arguments: arguments.into(),
    };
    let (_, items) = assemble(&[
        piece(7, Some("f"), "{\"n\""),
        piece(2, Some("g"), ""),
        piece(7, None, ":1}"),
        piece(2, Some("ignored"), "  "),
    ]);
    let calls: Vec<_> = items
        .iter()
        .filter_map(|item| match &item.body {
            ItemBody::FunctionCall(call) => Some((&*call.name, &*call.arguments)),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("f", "{\"n\":1}"), ("g", "{}")]);
}
