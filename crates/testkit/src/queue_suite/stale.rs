//! Who may not write.

use response_domain::event::Event;
use response_domain::execution::ExecutionState;
use response_domain::item::Role;
use response_domain::lease::Lease;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::Change;
use response_domain::work::{Guard, UnitOfWork};

use super::sample::{
    claim_one, deltas, end, enqueue, log, more, queued, running, standing, start, step, taken_up,
    tell, untold, whole,
};
use crate::store_suite::sample::{
    accepted, ada, alone, call, changed, found, item, put, refused, said, with_calls, worker, write,
};
use crate::store_suite::{Fixture, Subject};

/// What became of a response since somebody got a lease of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Since {
    Nothing,
    Started,
    HandedBack,
    ClaimedByAnother,
    ClaimedAgain,
    Rescued,
    Spent,
    Completed,
    Cancelled,
    Deleted,
}

/// What somebody says it has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    TheTruth,
    AnotherProcess,
    AnOlderToken,
    ANewerToken,
}

/// A row what happened, a column what writes: a holder's commit, its addition to the log, its taking-up, and
/// a commit of somebody who does not care who holds it.
const TABLE: [(Since, Says, [&str; 4]); 16] = [
    (Since::Nothing, Says::TheTruth, ["ok", "ok", "ok", "ok"]),
    (Since::Nothing, Says::AnotherProcess, ["-", "-", "-", "ok"]),
    (Since::Nothing, Says::AnOlderToken, ["-", "-", "-", "ok"]),
    (Since::Nothing, Says::ANewerToken, ["-", "-", "-", "ok"]),
    (Since::Started, Says::TheTruth, ["ok", "ok", "ok", "ok"]),
    (Since::Started, Says::AnotherProcess, ["-", "-", "-", "ok"]),
    (Since::Started, Says::AnOlderToken, ["-", "-", "-", "ok"]),
    (Since::Started, Says::ANewerToken, ["-", "-", "-", "ok"]),
    (Since::HandedBack, Says::TheTruth, ["-", "-", "-", "ok"]),
    (
        Since::ClaimedByAnother,
        Says::TheTruth,
        ["-", "-", "-", "ok"],
    ),
    (Since::ClaimedAgain, Says::TheTruth, ["-", "-", "-", "ok"]),
    (Since::Rescued, Says::TheTruth, ["-", "-", "-", "ok"]),
    (Since::Spent, Says::TheTruth, ["-", "-", "-", "ok"]),
    (Since::Completed, Says::TheTruth, ["-", "-", "-", "-"]),
    (Since::Cancelled, Says::TheTruth, ["-", "-", "-", "-"]),
    (Since::Deleted, Says::TheTruth, ["-", "-", "-", "-"]),
];

/// Leads a response of this number there; answers the lease that its holder had before.
async fn lead(fixture: &Fixture, number: u32, since: Since) -> (Response, Lease) {
    let store = fixture.store();
    let (response, lease) = running(store, number, 1).await;
    if since != Since::Nothing {
        write(store, start(lease, &response)).await;
    }
    let hand_back = async || assert!(store.hand_back(&lease).await.is_ok());
    let rescue = async |attempts| {
        fixture.outside().lose(worker(1)).await;
        let rescued = store.rescue(worker(2), attempts, 10).await;
        assert!(rescued.is_ok(), "{rescued:?}");
    };
    match since {
        Since::Nothing | Since::Started => {}
        Since::HandedBack => hand_back().await,
        Since::ClaimedByAnother => {
            hand_back().await;
            claim_one(store, 2).await;
        }
        Since::ClaimedAgain => {
            hand_back().await;
            claim_one(store, 1).await;
        }
        Since::Rescued => rescue(2).await,
        Since::Spent => rescue(1).await,
        Since::Completed => {
            let ended = changed(response.clone(), Change::Complete);
            write(store, end(lease, &ended, 2)).await;
        }
        Since::Cancelled | Since::Deleted => {
            let ended = changed(response.clone(), Change::Cancel);
            let standing = standing(store, response.id).await;
            write(store, standing.end(ended, &[], Guard::Open)).await;
        }
    }
    if since == Since::Deleted {
        assert_eq!(store.delete(&ada(), response.id).await.ok(), Some(true));
    }
    (response, lease)
}

fn said_by(lease: Lease, says: Says) -> Lease {
    match says {
        Says::TheTruth => lease,
        Says::AnotherProcess => Lease {
            worker: worker(3),
            ..lease
        },
        Says::AnOlderToken => Lease {
            token: lease.token - 1,
            ..lease
        },
        Says::ANewerToken => Lease {
            token: lease.token + 1,
            ..lease
        },
    }
}

fn shown<T>(outcome: &Result<T, StoreError>) -> &'static str {
    match outcome {
        Ok(_) => "ok",
        Err(StoreError::Stale) => "-",
        Err(_) => "fault",
    }
}

async fn next(store: &dyn Subject, response: &Response) -> u64 {
    let standing = store.standing(&ada(), response.id).await.ok().flatten();
    standing.map_or(2, |standing| standing.next)
}

pub async fn only_the_latest_lease_writes(fixture: &Fixture) {
    let store = fixture.store();
    for (number, (since, says, expected)) in (1..).zip(TABLE) {
        let (response, lease) = lead(fixture, number, since).await;
        let said = said_by(lease, says);
        let from = next(store, &response).await;
        let work = step(said, &response, from, deltas(&response, from..from + 2));
        let committed = store.commit(work).await;
        let from = next(store, &response).await;
        let log = more(from, deltas(&response, from..from + 3));
        let added = store.append(&said, &log).await;
        let taken = taken_up(store, &said).await;
        let ended = changed(response.clone(), Change::Cancel);
        let cancelled = store.commit(alone(Guard::Open, &ended)).await;
        let outcomes = [
            shown(&committed),
            shown(&added),
            if taken.is_some() { "ok" } else { "-" },
            shown(&cancelled),
        ];
        assert_eq!(outcomes, expected, "{since:?}, {says:?}: {committed:?}");
    }
}

pub async fn what_is_stale_changes_nothing(fixture: &Fixture) {
    let store = fixture.store();
    for (number, (since, says, expected)) in (1..).zip(TABLE) {
        if expected.first() != Some(&"-") || since == Since::Deleted {
            continue;
        }
        let (response, lease) = lead(fixture, number, since).await;
        let before = whole(store, response.id).await;
        let said_it = said_by(lease, says);
        let from = next(store, &response).await;
        let calls = [call(&response, 0, ExecutionState::Started)];
        let grown = with_calls(changed(response.clone(), Change::Complete), &calls);
        let work = UnitOfWork {
            items: vec![item(&response, 1, said(Role::Assistant, "never"))],
            ..step(said_it, &grown, from, deltas(&response, from..from + 2))
        };
        refused(store, work).await;
        untold(
            store,
            &said_it,
            &more(from, deltas(&response, from..from + 2)),
        )
        .await;
        assert!(store.hand_back(&said_it).await.is_ok());
        assert_eq!(
            whole(store, response.id).await,
            before,
            "{since:?}, {says:?}"
        );
        // Whoever has it still has it.
        let cancelled = changed(response.clone(), Change::Cancel);
        let waits = store.commit(alone(Guard::Open, &cancelled)).await;
        let over = matches!(since, Since::Completed | Since::Cancelled);
        assert_eq!(shown(&waits) == "-", over, "{since:?}, {says:?}");
    }
}

pub async fn what_runs_in_the_background_needs_its_job(fixture: &Fixture) {
    let store = fixture.store();
    // Nothing that this service does leaves a response so.
    let response = queued(1);
    put(store, &response, Vec::new()).await;
    let lease = Lease {
        response: response.id,
        worker: worker(1),
        token: 1,
    };
    let started = changed(response.clone(), Change::Start);
    refused(store, step(lease, &started, 0, Vec::new())).await;
    refused(store, alone(Guard::Open, &started)).await;
    let cancelled = changed(response.clone(), Change::Cancel);
    refused(store, alone(Guard::Open, &cancelled)).await;
    untold(store, &lease, &more(0, deltas(&response, 0..1))).await;
    assert_eq!(*found(store, response.id).await, response);
    // A lease of a response that never was in the queue is none.
    let waited_for = accepted(2);
    put(store, &waited_for, Vec::new()).await;
    let lease = Lease {
        response: waited_for.id,
        ..lease
    };
    refused(store, alone(Guard::Leased(lease), &waited_for)).await;
    assert_eq!(taken_up(store, &lease).await, None);
}

pub async fn a_lease_writes_for_its_own_response_only(fixture: &Fixture) {
    let store = fixture.store();
    let (first, one) = running(store, 1, 1).await;
    let (second, two) = running(store, 2, 1).await;
    enqueue(store, 3).await;
    for (response, lease) in [(&first, one), (&second, two)] {
        write(store, start(lease, response)).await;
    }
    let before = whole(store, second.id).await;
    let mixed = Lease {
        response: second.id,
        token: two.token + 1,
        ..one
    };
    refused(store, step(mixed, &second, 2, deltas(&second, 2..3))).await;
    untold(store, &mixed, &more(2, deltas(&second, 2..3))).await;
    assert!(store.hand_back(&mixed).await.is_ok());
    assert_eq!(whole(store, second.id).await, before);
    tell(store, &one, &more(2, deltas(&first, 2..3))).await;
    let ended = changed(first, Change::Complete);
    write(store, end(one, &ended, 3)).await;
    // The end of one is not the end of the other.
    assert!(taken_up(store, &two).await.is_some());
    let waits = queued(3);
    let log = log(store, waits.id).await;
    assert_eq!(log, [Event::Created(waits.into())]);
}
