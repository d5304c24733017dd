//! On what condition a write happens, and what it leaves.

use std::sync::Arc;
use std::time::Duration;

use response_domain::execution::ExecutionState;
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::Role;
use response_domain::response::{Finish, Response, Turn};
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, IncompleteReason};
use response_domain::work::{Append, Guard, UnitOfWork};

use super::Subject;
use super::sample::{
    accepted, ada, alone, asked, at, call, changed, completed, found, item, job, put, refused,
    said, spec, talk, with_calls, worker, write,
};

/// How the row stands that a guard meets.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Row {
    Absent,
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
    Deleted,
}

/// A row a state, a column a guard: of a new response, of its holder, of another process, of anybody.
const TABLE: [(Row, [&str; 4]); 8] = [
    (Row::Absent, ["written", "stale", "stale", "stale"]),
    (Row::Queued, ["stale", "stale", "stale", "written"]),
    (Row::InProgress, ["stale", "written", "stale", "written"]),
    (Row::Completed, ["stale", "stale", "stale", "stale"]),
    (Row::Incomplete, ["stale", "stale", "stale", "stale"]),
    (Row::Failed, ["stale", "stale", "stale", "stale"]),
    (Row::Cancelled, ["stale", "stale", "stale", "stale"]),
    (Row::Deleted, ["stale", "stale", "stale", "stale"]),
];

fn standing(row: Row, number: u32) -> Response {
    match row {
        Row::Absent | Row::InProgress => accepted(number),
        Row::Queued => {
            let delivery = Delivery::Background;
            asked(number, ResponseSpec { delivery, ..spec() })
        }
        Row::Completed | Row::Deleted => completed(number),
        Row::Incomplete => changed(
            accepted(number),
            Change::Stop(IncompleteReason::OutputTokens),
        ),
        Row::Failed => {
            let failure = Failure::new(FailureCode::Internal, "a fault");
            changed(accepted(number), Change::Fail(failure))
        }
        Row::Cancelled => changed(accepted(number), Change::Cancel),
    }
}

pub async fn a_guard_holds_only_where_it_should(store: &dyn Subject) {
    let guards = [
        Guard::New(worker(1)),
        Guard::Held(worker(1)),
        Guard::Held(worker(2)),
        Guard::Open,
    ];
    let mut number = 0;
    for (row, expected) in TABLE {
        for (guard, expected) in guards.iter().zip(expected) {
            number += 1;
            let before = standing(row, number);
            match row {
                Row::Absent => {}
                Row::Queued => write(store, alone(Guard::Queued(job()), &before)).await,
                _ => put(store, &before, Vec::new()).await,
            }
            if row == Row::Deleted {
                assert_eq!(store.delete(&ada(), before.id).await.ok(), Some(true));
            }
            let ending = match row {
                Row::Queued => changed(before, Change::Cancel),
                _ => completed(number),
            };
            let outcome = store.commit(alone(guard.clone(), &ending)).await;
            let shown = if outcome.is_ok() { "written" } else { "stale" };
            assert_eq!(shown, expected, "{row:?} × {guard:?}: {outcome:?}");
        }
    }
}

pub async fn a_refused_write_writes_nothing(store: &dyn Subject) {
    let response = accepted(1);
    let calls = [call(&response, 0, ExecutionState::Started)];
    let response = with_calls(response, &calls);
    let items = talk(&response);
    put(store, &response, items.clone()).await;
    for guard in [Guard::New(worker(1)), Guard::Held(worker(2))] {
        let later = changed(response.clone(), Change::Complete);
        let work = UnitOfWork {
            guard,
            response: Arc::new(later),
            items: vec![item(&response, 2, said(Role::Assistant, "never"))],
            executions: vec![
                call(&response, 0, ExecutionState::TimedOut),
                call(&response, 1, ExecutionState::Started),
            ],
            checkpoint: None,
            log: Append::default(),
        };
        refused(store, work).await;
        assert_eq!(*found(store, response.id).await, response);
        assert_eq!(
            store.items(&ada(), response.id).await.ok(),
            Some(items.clone())
        );
    }
    let absent = accepted(2);
    let work = UnitOfWork {
        guard: Guard::Open,
        response: Arc::new(absent.clone()),
        items: talk(&absent),
        executions: vec![call(&absent, 0, ExecutionState::Started)],
        checkpoint: None,
        log: Append::default(),
    };
    refused(store, work).await;
    assert_eq!(store.find(&ada(), absent.id).await.ok(), Some(None));
    // What was refused does not come to light when the row comes.
    put(store, &absent, Vec::new()).await;
    assert_eq!(*found(store, absent.id).await, absent);
    assert_eq!(store.items(&ada(), absent.id).await.ok(), Some(Vec::new()));
}

pub async fn a_held_response_grows_to_its_end(store: &dyn Subject) {
    let mut response = accepted(1);
    let items = talk(&response);
    let [question, answer] = items.as_slice() else {
        return;
    };
    put(store, &response, vec![Arc::clone(question)]).await;
    for number in 1..=3 {
        response.progress.turns.push(turn(number));
        response.times.updated = response.times.updated.after(Duration::from_micros(1));
        write(store, alone(Guard::Held(worker(1)), &response)).await;
        assert_eq!(*found(store, response.id).await, response);
    }
    response.progress.output = Some("the answer".into());
    let ended = changed(response, Change::Complete);
    let work = UnitOfWork {
        items: vec![Arc::clone(answer)],
        ..alone(Guard::Held(worker(1)), &ended)
    };
    write(store, work.clone()).await;
    assert_eq!(*found(store, ended.id).await, ended);
    assert_eq!(store.items(&ada(), ended.id).await.ok(), Some(items));
    refused(store, work).await;
}

/// A database that went away after it wrote and before it said so is asked again.
pub async fn a_write_may_be_repeated(store: &dyn Subject) {
    let response = accepted(1);
    put(store, &response, Vec::new()).await;
    let calls = [call(&response, 0, ExecutionState::Started)];
    let response = with_calls(response, &calls);
    let work = UnitOfWork {
        guard: Guard::Held(worker(1)),
        response: Arc::new(response.clone()),
        items: talk(&response),
        executions: calls.to_vec(),
        checkpoint: None,
        log: Append::default(),
    };
    write(store, work.clone()).await;
    write(store, work.clone()).await;
    assert_eq!(*found(store, response.id).await, response);
    assert_eq!(
        store.items(&ada(), response.id).await.ok(),
        Some(work.items)
    );
}

pub async fn an_execution_takes_the_place_of_its_former_self(store: &dyn Subject) {
    let response = accepted(1);
    let started: Vec<_> = (0..3)
        .map(|n| call(&response, n, ExecutionState::Started))
        .collect();
    let response = with_calls(response, &started);
    put(store, &response, Vec::new()).await;
    let [first, second, third] = started.as_slice() else {
        return;
    };
    let back = call(&response, 1, ExecutionState::Completed("found".into()));
    let later = [Arc::clone(first), Arc::clone(&back), Arc::clone(third)];
    assert_ne!(&back, second);
    let response = with_calls(response, &later);
    let work = UnitOfWork {
        executions: vec![back],
        ..alone(Guard::Held(worker(1)), &response)
    };
    write(store, work).await;
    assert_eq!(*found(store, response.id).await, response);
}

/// Of two who say how a call ended, the first is right: its answer may have been acted on.
pub async fn an_execution_that_has_ended_stays_as_it_ended(store: &dyn Subject) {
    let response = accepted(1);
    let states = [
        ExecutionState::Completed("found".into()),
        ExecutionState::Failed("no such page".into()),
        ExecutionState::TimedOut,
        ExecutionState::Cancelled,
        ExecutionState::Unknown,
    ];
    let ended: Vec<_> = (0..)
        .zip(states)
        .map(|(ordinal, state)| call(&response, ordinal, state))
        .collect();
    let response = with_calls(response, &ended);
    put(store, &response, Vec::new()).await;
    for later in [ExecutionState::Started, ExecutionState::Cancelled] {
        let calls = (0..)
            .zip(&ended)
            .map(|(ordinal, _)| call(&response, ordinal, later.clone()));
        let work = UnitOfWork {
            executions: calls.collect(),
            ..alone(Guard::Held(worker(1)), &response)
        };
        write(store, work).await;
        assert_eq!(*found(store, response.id).await, response);
    }
}

/// Whoever ends a response from outside has read it a moment before; what its run wrote since stays.
pub async fn a_write_that_read_too_early_takes_nothing_back(store: &dyn Subject) {
    let read_early = accepted(1);
    put(store, &read_early, Vec::new()).await;
    let calls = [call(&read_early, 0, ExecutionState::Started)];
    let mut grown = with_calls(read_early.clone(), &calls);
    grown.progress.turns.push(turn(1));
    let work = UnitOfWork {
        executions: calls.to_vec(),
        ..alone(Guard::Held(worker(1)), &grown)
    };
    write(store, work).await;
    let cancelled = changed(read_early, Change::Cancel);
    write(store, alone(Guard::Open, &cancelled)).await;
    let kept = found(store, grown.id).await;
    assert_eq!(kept.status(), cancelled.status());
    assert_eq!(kept.times, cancelled.times);
    assert_eq!(kept.progress, grown.progress);
}

fn turn(number: u16) -> Arc<Turn> {
    Arc::new(Turn {
        number,
        started_at: at(i64::from(number)),
        ended_at: at(i64::from(number) + 1),
        finish: Finish::ToolCalls,
        usage: None,
        notes: Vec::new(),
    })
}
