//! The grammar of event streams refuses every stream that was tampered with.

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::execution::Execution;
use response_domain::item::{Item, ItemStatus};
use response_domain::run::Input;
use response_testkit::grammar;

use crate::script::{End, deltas, toolbox, world_after};
use crate::world::{World, draft, rules};

/// A stream with every kind of event in it.
fn stream() -> Vec<Event> {
    let mut world = World::new(draft(), rules());
    world.feed(Input::TakenUp).unwrap();
    let tools = toolbox("a:safe b:safe", 100_000);
    world.feed(Input::ToolsListed(Ok(tools))).unwrap();
    let pieces = "think Hmmm. | say Let me see. | call a {\"n\":1} | call b {} | call c";
    let answer = world.answer(deltas(pieces, End::Told));
    world.feed(Input::ModelAnswered(Ok(answer))).unwrap();
    world.feed(Input::DeadlineReached).unwrap();
    world.events().to_vec()
}

#[test]
fn a_stream_without_one_of_its_events_is_no_stream() {
    let whole = stream();
    grammar::check(&whole).unwrap();
    for place in 0..whole.len() {
        let mut less = whole.clone();
        let missing = less.remove(place);
        assert!(grammar::check(&less).is_err(), "without {missing:?}");
        assert!(grammar::check(&whole[..place]).is_err(), "cut at {place}");
    }
}

#[test]
fn a_stream_with_an_event_twice_is_no_stream() {
    let whole = stream();
    for (place, event) in whole.iter().enumerate() {
        // A run that another process takes up starts again.
        if matches!(event, Event::Started(_)) {
            continue;
        }
        let mut more = whole.clone();
        more.insert(place, event.clone());
        assert!(grammar::check(&more).is_err(), "twice {event:?}");
    }
}

/// What an event is about, when that may stand beside something else.
fn subject(event: &Event) -> Option<(&str, u32)> {
    match event {
        Event::ItemOpened { place, .. }
        | Event::PartOpened(place, _)
        | Event::TextDelta(place, ..)
        | Event::TextDone(place, ..)
        | Event::PartClosed(place, ..)
        | Event::ArgumentsDelta(place, ..)
        | Event::ArgumentsDone(place, _)
        | Event::ItemClosed(place, _)
        | Event::CallDropped(place, _) => Some(("item", place.index)),
        Event::CallStarted(call) | Event::CallReturned(call) => Some(("call", call.id.ordinal)),
        Event::Created(_) | Event::Started(_) | Event::Ended(_) => None,
    }
}

#[test]
fn a_stream_in_another_order_is_no_stream() {
    let whole = stream();
    let mut swaps = 0;
    for place in 1..whole.len() {
        let (one, other) = (&whole[place - 1], &whole[place]);
        let may_interleave = match (subject(one), subject(other)) {
            (Some((kind, number)), Some((other_kind, other_number))) => {
                kind == other_kind && number != other_number
            }
            _ => false,
        };
        if may_interleave {
            continue;
        }
        let mut swapped = whole.clone();
        swapped.swap(place - 1, place);
        swaps += 1;
        assert!(
            grammar::check(&swapped).is_err(),
            "{other:?} before {one:?}"
        );
    }
    assert!(swaps > 20);
}

/// The log of a run that was lost in the middle of its first turn, and again in its second round.
fn log_of_a_lost_run() -> Vec<Event> {
    let world = world_after(
        "request
        up
        tools a:safe
        dies think Hm. | say It | call a {\"n
        up
        tools a:safe
        model say So. | call a {}
        dies
        up
        back 0 done ok
        tools a:safe
        model say Done.",
    );
    world.events().to_vec()
}

#[test]
fn a_turn_that_is_asked_again_comes_behind_the_one_that_broke_off() {
    let log = log_of_a_lost_run();
    grammar::check(&log).unwrap();
    let closed: Vec<_> = log
        .iter()
        .filter_map(|event| match event {
            Event::ItemClosed(_, item) => Some((item.turn, item.status)),
            _ => None,
        })
        .collect();
    let (whole, cut) = (ItemStatus::Completed, ItemStatus::Incomplete);
    let expected = [
        (1, whole),
        (1, whole),
        (1, cut),
        (2, whole),
        (2, whole),
        (3, whole),
    ];
    assert_eq!(closed, expected);
    let starts = log
        .iter()
        .filter(|event| matches!(event, Event::CallStarted(_)));
    assert_eq!(
        starts.count(),
        1,
        "a call that is repeated has started once"
    );
}

#[test]
fn a_log_of_a_lost_run_is_as_strict_as_any() {
    let log = log_of_a_lost_run();
    for place in 0..log.len() {
        let mut less = log.clone();
        let missing = less.remove(place);
        assert!(grammar::check(&less).is_err(), "without {missing:?}");
        let mut more = log.clone();
        more.insert(place, missing.clone());
        let again = matches!(missing, Event::Started(_));
        assert_eq!(grammar::check(&more).is_ok(), again, "twice {missing:?}");
    }
}

#[test]
fn turns_are_told_in_their_order() {
    let log = log_of_a_lost_run();
    let place = |wanted: fn(&Event) -> bool| log.iter().rposition(wanted).unwrap();
    let mut late = log.clone();
    let closed = place(|event| matches!(event, Event::ItemClosed(..)));
    if let Event::ItemClosed(_, item) = &mut late[closed] {
        *item = Arc::new(Item {
            turn: 1,
            ..Item::clone(item)
        });
    }
    grammar::check_so_far(&late[..=closed]).unwrap_err();
    let started = place(|event| matches!(event, Event::CallStarted(_)));
    let mut strange = log[..=started].to_vec();
    grammar::check_so_far(&strange).unwrap();
    if let Event::CallStarted(call) = &mut strange[started] {
        *call = Arc::new(Execution {
            turn: 1,
            ..Execution::clone(call)
        });
    }
    grammar::check_so_far(&strange).unwrap_err();
}

#[test]
fn a_log_may_go_on_until_it_is_over() {
    let log = log_of_a_lost_run();
    for place in 0..=log.len() {
        let so_far = &log[..place];
        grammar::check_so_far(so_far).unwrap();
        assert_eq!(grammar::check(so_far).is_ok(), place == log.len());
    }
    let mut ended_twice = log.clone();
    ended_twice.extend(log.last().cloned());
    grammar::check_so_far(&ended_twice).unwrap_err();
    let [created, .., ended] = log.as_slice() else {
        panic!("{log:?}")
    };
    grammar::check_so_far(std::slice::from_ref(ended)).unwrap_err();
    grammar::check_so_far(&[created.clone(), created.clone()]).unwrap_err();
}
