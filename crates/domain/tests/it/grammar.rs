//! The grammar of event streams refuses every stream that was tampered with.

use response_domain::event::Event;
use response_domain::run::Input;
use response_testkit::grammar;

use crate::script::{End, deltas, toolbox};
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
        | Event::ArgumentsDelta(place, _)
        | Event::ArgumentsDone(place, _)
        | Event::ItemClosed(place, _) => Some(("item", place.index)),
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
