//! The bus in memory.

use futures::{FutureExt, StreamExt};
use response_domain::ports::bus::{Nudge, NudgeBus, Nudges};
use response_testkit::bus::MemoryBus;
use response_testkit::store_suite::sample::id;

/// What has arrived and was not read.
fn arrived(nudges: &mut Nudges) -> Vec<Nudge> {
    let mut arrived = Vec::new();
    while let Some(Some(nudge)) = nudges.next().now_or_never() {
        arrived.push(nudge);
    }
    arrived
}

#[test]
fn all_who_listen_get_all_nudges_in_their_order() {
    let bus = MemoryBus::default();
    bus.send(Nudge::Queued);
    let (mut one, mut other) = (bus.listen(), bus.listen());
    let sent = [
        Nudge::Logged(id(1)),
        Nudge::Queued,
        Nudge::Due,
        Nudge::Ended(id(2)),
    ];
    for nudge in sent {
        bus.send(nudge);
    }
    assert_eq!(arrived(&mut one), sent);
    assert_eq!(arrived(&mut other), sent);
}

#[test]
fn who_falls_behind_is_told_so() {
    let bus = MemoryBus::default();
    let mut nudges = bus.listen();
    for _ in 0..1_000 {
        bus.send(Nudge::Queued);
    }
    let arrived = arrived(&mut nudges);
    assert_eq!(arrived.first(), Some(&Nudge::Anything));
    assert!(arrived.len() < 1_000, "{}", arrived.len());
    assert_eq!(arrived.last(), Some(&Nudge::Queued));
}

#[test]
fn a_bus_that_broke_down_says_so_when_it_recovers() {
    let bus = MemoryBus::default();
    let mut nudges = bus.listen();
    bus.break_down();
    bus.send(Nudge::Queued);
    assert_eq!(arrived(&mut nudges), []);
    bus.recover();
    bus.send(Nudge::Queued);
    assert_eq!(arrived(&mut nudges), [Nudge::Anything, Nudge::Queued]);
}
