//! A background response that is ended by somebody who does not run it: what is open is closed and told,
//! wherever the run was.

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::ports::queue::Standing;
use response_domain::response::Response;
use response_domain::status::Status;
use response_domain::work::Guard;
use response_testkit::grammar;

use crate::script::{show_items, world_after};
use crate::world::{World, draft, rules};

/// Where the run was, the items that its ending adds, what is told, how its calls ended, and what whoever
/// cancelled it gets.
const PLACES: [(&str, &str, &str, &str, &str); 10] = [
    ("", "", "ended", "", ""),
    ("up", "", "ended", "", ""),
    (
        "up
        tools a:safe",
        "",
        "ended",
        "",
        "",
    ),
    (
        "up
        tools a:safe
        tells think Hm.",
        "t:Hm.~",
        "text part item ended",
        "",
        "",
    ),
    (
        "up
        tools a:safe
        tells think Hm. | say It is",
        "t:Hm. a:It is~",
        "text part item ended",
        "",
        "It is",
    ),
    (
        "up
        tools a:safe
        tells say It is | call a {\"n | call a",
        "a:It is call:a~ call:a~",
        "arguments item arguments item dropped dropped ended",
        "",
        "It is",
    ),
    (
        "up
        tools a:safe b:safe mine:caller
        model say Let me see. | call a {} | call b {} | call mine {}
        back 1 done two",
        "",
        "returned ended",
        "cancelled completed",
        "Let me see.",
    ),
    (
        "up
        tools a:safe
        model say Let me see. | call a {}
        back 0 done one
        tells think Hm.",
        "t:Hm.~",
        "text part item ended",
        "completed",
        "Let me see.",
    ),
    (
        "up
        tools a:safe
        model say Let me see. | call a {}
        back 0 done one
        tells say So",
        "a:So~",
        "text part item ended",
        "completed",
        "So",
    ),
    (
        "up
        tools a:safe
        tells say So
        dies",
        "a:So~",
        "text part item ended",
        "",
        "So",
    ),
];

fn name(event: &Event) -> &'static str {
    match event {
        Event::TextDone(..) => "text",
        Event::PartClosed(..) => "part",
        Event::ArgumentsDone(..) => "arguments",
        Event::ItemClosed(..) => "item",
        Event::CallReturned(_) => "returned",
        Event::CallDropped(..) => "dropped",
        Event::Ended(_) => "ended",
        other => panic!("an ending opens nothing: {other:?}"),
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn whoever_ends_a_response_closes_what_is_open() {
    for (place, items, told, calls, output) in PLACES {
        let world = world_after(&format!("request\n{place}"));
        let standing = world.standing();
        let at = standing.response.times.updated;
        let cancelled = standing.response.cancelled(at).unwrap();
        let (work, _) = world.end_from_outside(cancelled.clone());
        assert_eq!(show_items(&work.items), items, "{place}");
        assert_eq!(names(work.log.events.iter().map(name)), told, "{place}");
        let executions = &work.response.progress.executions;
        let states = names(executions.iter().map(|call| call.state.name()));
        assert_eq!(states, calls, "{place}");
        assert_eq!(work.executions, *executions);
        let mut expected = cancelled;
        expected.progress.output = Some(output).filter(|it| !it.is_empty()).map(Into::into);
        assert_eq!(*work.response, expected, "{place}");
        assert_eq!((work.guard, work.checkpoint), (Guard::Open, None));
        assert_eq!(
            work.log.settled,
            standing.next + u64::try_from(work.log.events.len()).unwrap()
        );
    }
}

#[test]
fn whoever_gives_a_response_up_does_not_know_what_its_calls_did() {
    let world = world_after(
        "request
        up
        tools a:safe pay:unsafe
        model call a {} | call pay {}
        back 0 done one",
    );
    let standing = world.standing();
    let at = standing.response.times.updated;
    let (work, told) = world.end_from_outside(standing.response.lost(at).unwrap());
    let states = work.response.progress.executions.iter();
    assert_eq!(
        names(states.map(|call| call.state.name())),
        "completed unknown"
    );
    assert_eq!(names(work.log.events.iter().map(name)), "returned ended");
    assert!(matches!(work.response.status(), Status::Failed(_)));
    assert_eq!(told.last(), Some(&Event::Ended(work.response)));
}

#[test]
fn a_response_that_waits_is_created_and_ended() {
    let mut draft = draft();
    draft.background = Some(true);
    let waiting = World::new(draft, rules()).response.as_accepted();
    let standing = Standing {
        response: Arc::new(waiting.clone()),
        checkpoint: None,
        next: 1,
        tail: Vec::new(),
    };
    let at = waiting.times.created;
    let endings: [Option<Response>; 2] = [waiting.cancelled(at), waiting.lost(at)];
    for ended in endings.into_iter().flatten() {
        let work = standing.end(ended.clone(), &[], Guard::Open);
        let ended = Event::Ended(Arc::new(ended));
        assert_eq!(work.log.events, std::slice::from_ref(&ended));
        assert_eq!((work.log.from, work.items.len()), (1, 0));
        let created = Event::Created(Arc::new(waiting.clone()));
        grammar::check(&[created, ended]).unwrap();
    }
}
