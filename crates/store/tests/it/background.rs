//! Responses of the queue as both databases write them: what goes in together, what goes out together, and
//! whose writes count.

use std::sync::Arc;
use std::time::Duration;

use response_domain::event::Event;
use response_domain::execution::ExecutionState;
use response_domain::id::ResponseId;
use response_domain::item::Role;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, EventLog, JobQueue, Standing};
use response_domain::ports::store::{ResponseStore, StoreError};
use response_domain::ports::vault::Sealed;
use response_domain::response::Response;
use response_domain::run::Closing;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::repair::Streak;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, Status};
use response_domain::work::{Append, Guard, Job, UnitOfWork};
use response_testkit::store_suite::sample::{
    ada, alone, asked, at, call, changed, found, item, said, spec, with_calls, worker,
};

use crate::stage::{Stage, on_both};

impl Stage {
    /// How many rows the three tables of the queue have: jobs, events, secrets.
    async fn rows(&self) -> [i64; 3] {
        let mut rows = [0; 3];
        let tables = ["response_jobs", "response_events", "response_secrets"];
        for (rows, table) in rows.iter_mut().zip(tables) {
            *rows = self.count(table).await;
        }
        rows
    }

    async fn write(&self, work: UnitOfWork) {
        self.store.commit(work).await.unwrap();
    }

    async fn stale(&self, work: UnitOfWork) {
        let written = self.store.commit(work).await;
        assert!(matches!(written, Err(StoreError::Stale)), "{written:?}");
    }

    async fn standing(&self, id: ResponseId) -> Standing {
        self.store.standing(&ada(), id).await.unwrap().unwrap()
    }

    async fn told(&self, id: ResponseId, from: u64, at_most: u16) -> Vec<(u64, Event)> {
        let events = self.store.events(&ada(), id, from, at_most).await.unwrap();
        let told = events.unwrap().into_iter();
        told.map(|recorded| (recorded.number, recorded.event))
            .collect()
    }

    async fn claim(&self, number: u32) -> Lease {
        let claim = Claim {
            worker: worker(number),
            at_most: 1,
            hold: Duration::from_mins(10),
            per_owner: None,
        };
        let claimed = self.store.claim(&claim).await.unwrap();
        claimed.first().unwrap().lease
    }

    /// The response of this number, queued and claimed by process 1 and begun.
    async fn begun(&self, number: u32) -> (Response, Lease) {
        self.write(queued(number)).await;
        let lease = self.claim(1).await;
        let response = changed(waiting(number), Change::Start);
        self.write(UnitOfWork {
            checkpoint: Some(checkpoint(1)),
            log: Append::whole(1, vec![Event::Started(Arc::new(response.clone()))]),
            ..alone(Guard::Leased(lease), &response)
        })
        .await;
        (response, lease)
    }
}

on_both!(
    what_is_queued_is_there_whole_or_not_at_all,
    a_holder_writes_until_it_ends_the_response,
    only_the_latest_lease_writes,
    a_write_whose_answer_was_lost_is_taken_for_what_it_is,
    who_comes_second_at_a_number_is_stale,
    a_canceller_takes_no_finished_call_back,
    a_deleted_response_leaves_nothing_in_the_queue,
    events_are_read_from_the_middle_of_a_window,
    an_answer_to_a_follower_is_bounded_in_bytes,
    a_commit_without_a_checkpoint_leaves_the_one_before,
    what_is_not_in_the_queue_has_no_log,
);

fn waiting(number: u32) -> Response {
    let delivery = Delivery::Background;
    asked(number, ResponseSpec { delivery, ..spec() })
}

fn queued(number: u32) -> UnitOfWork {
    let response = waiting(number);
    let job = Job {
        request_id: format!("request {number}").into(),
        credential: Some(Sealed {
            key: "first".into(),
            bytes: vec![0, 1, 2, 255].into(),
        }),
    };
    UnitOfWork {
        items: vec![item(&response, 0, said(Role::User, "What is new?"))],
        log: Append::whole(0, vec![Event::Created(Arc::new(response.clone()))]),
        ..alone(Guard::Queued(job), &response)
    }
}

fn checkpoint(next_turn: u16) -> Checkpoint {
    Checkpoint {
        next_turn,
        closing: Closing::No,
        streak: Streak::default(),
        context_tokens: 8_192,
        calls: Vec::new(),
    }
}

/// Deltas of one text.
fn deltas(response: &Response, from: u64, texts: &[&str]) -> Append {
    use response_domain::event::{Place, TextKind};
    use response_domain::id::ItemId;
    let place = Place {
        item: ItemId::new(response.id.raw(), 1),
        index: 0,
    };
    let delta = |text: &&str| Event::TextDelta(place, TextKind::Output, Box::from(*text));
    Append {
        settled: 2,
        ..Append::whole(from, texts.iter().map(delta).collect())
    }
}

fn ending(lease: Lease, response: &Response, from: u64) -> UnitOfWork {
    let ended = changed(response.clone(), Change::Complete);
    UnitOfWork {
        log: Append::whole(from, vec![Event::Ended(Arc::new(ended.clone()))]),
        ..alone(Guard::Leased(lease), &ended)
    }
}

async fn what_is_queued_is_there_whole_or_not_at_all(stage: Stage) {
    stage.write(queued(1)).await;
    assert_eq!(stage.rows().await, [1, 1, 1]);
    assert_eq!(*found(&stage.store, waiting(1).id).await, waiting(1));
    let standing = stage.standing(waiting(1).id).await;
    let expected = Standing {
        response: Arc::new(waiting(1)),
        checkpoint: None,
        next: 1,
        tail: Vec::new(),
    };
    assert_eq!(standing, expected);
    // It is there already.
    stage.stale(queued(1)).await;
    // No log begins in its middle.
    let mut late = queued(2);
    late.log.from = 1;
    stage.stale(late).await;
    assert_eq!(stage.rows().await, [1, 1, 1]);
    assert_eq!(stage.store.find(&ada(), waiting(2).id).await.unwrap(), None);
}

async fn a_holder_writes_until_it_ends_the_response(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    let log = deltas(&response, 2, &["Here", " are"]);
    stage.store.append(&lease, &log).await.unwrap();
    let standing = stage.standing(response.id).await;
    assert_eq!(*standing.response, response);
    assert_eq!(standing.checkpoint, Some(checkpoint(1)));
    assert_eq!((standing.next, &standing.tail), (4, &log.events));

    stage.write(ending(lease, &response, 4)).await;
    assert_eq!(stage.rows().await, [0, 4, 0]);
    let ended = changed(response.clone(), Change::Complete);
    let standing = stage.standing(response.id).await;
    let expected = Standing {
        response: Arc::new(ended.clone()),
        checkpoint: None,
        next: 5,
        tail: Vec::new(),
    };
    assert_eq!(standing, expected);
    let told = stage.told(response.id, 0, 100).await;
    let mut events = vec![
        Event::Created(Arc::new(waiting(1))),
        Event::Started(Arc::new(response.clone())),
    ];
    events.extend(log.events);
    events.push(Event::Ended(Arc::new(ended)));
    assert_eq!(told, (0..).zip(events).collect::<Vec<_>>());
}

async fn only_the_latest_lease_writes(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    let older = Lease {
        token: lease.token - 1,
        ..lease
    };
    let another = Lease {
        worker: worker(2),
        ..lease
    };
    let before = stage.rows().await;
    for wrong in [older, another] {
        stage.stale(ending(wrong, &response, 2)).await;
        let append = stage
            .store
            .append(&wrong, &deltas(&response, 2, &["no"]))
            .await;
        assert!(matches!(append, Err(StoreError::Stale)), "{append:?}");
        let empty = stage.store.append(&wrong, &Append::default()).await;
        assert!(matches!(empty, Err(StoreError::Stale)), "{empty:?}");
    }
    assert_eq!(stage.rows().await, before);
    stage
        .store
        .append(&lease, &Append::default())
        .await
        .unwrap();
    assert_eq!(stage.standing(response.id).await.next, 2);
    // Once it is ended, it is nobody's.
    stage.write(ending(lease, &response, 2)).await;
    let append = stage
        .store
        .append(&lease, &deltas(&response, 3, &["no"]))
        .await;
    assert!(matches!(append, Err(StoreError::Stale)), "{append:?}");
}

async fn a_write_whose_answer_was_lost_is_taken_for_what_it_is(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    let log = deltas(&response, 2, &["Here"]);
    stage.store.append(&lease, &log).await.unwrap();
    stage.store.append(&lease, &log).await.unwrap();
    let other = deltas(&response, 2, &["There"]);
    let append = stage.store.append(&lease, &other).await;
    assert!(matches!(append, Err(StoreError::Stale)), "{append:?}");

    let step = UnitOfWork {
        checkpoint: Some(checkpoint(2)),
        log: deltas(&response, 3, &[" are"]),
        ..alone(Guard::Leased(lease), &response)
    };
    stage.write(step.clone()).await;
    stage.write(step.clone()).await;
    let different = UnitOfWork {
        log: deltas(&response, 3, &[" were"]),
        ..step
    };
    stage.stale(different).await;

    let end = ending(lease, &response, 4);
    stage.write(end.clone()).await;
    stage.write(end.clone()).await;
    let mut other_end = end;
    let mut cancelled = response.clone();
    cancelled.change(Change::Cancel, at(5_000_000)).unwrap();
    other_end.response = Arc::new(cancelled);
    stage.stale(other_end).await;
    assert_eq!(stage.standing(response.id).await.next, 5);
}

async fn who_comes_second_at_a_number_is_stale(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    let seen = stage.standing(response.id).await;
    stage
        .store
        .append(&lease, &deltas(&response, 2, &["more"]))
        .await
        .unwrap();
    let cancelled = seen.response.cancelled(at(9_000_000)).unwrap();
    stage
        .stale(seen.end(cancelled.clone(), &[], Guard::Open))
        .await;
    assert_eq!(stage.rows().await, [1, 3, 1]);
    // Nor does anything come behind a gap.
    stage.stale(ending(lease, &response, 7)).await;
    let gap = stage
        .store
        .append(&lease, &deltas(&response, 7, &["gap"]))
        .await;
    assert!(matches!(gap, Err(StoreError::Stale)), "{gap:?}");

    let seen = stage.standing(response.id).await;
    stage
        .write(seen.end(cancelled.clone(), &[], Guard::Open))
        .await;
    assert_eq!(
        *found(&stage.store, response.id).await.status(),
        Status::Cancelled
    );
    let rows = stage.rows().await;
    assert_eq!((rows[0], rows[2]), (0, 0));
    stage.stale(seen.end(cancelled, &[], Guard::Open)).await;
}

async fn a_canceller_takes_no_finished_call_back(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    let started = call(&response, 0, ExecutionState::Started);
    let returned = call(&response, 0, ExecutionState::Completed("42".into()));
    let calling = with_calls(response.clone(), std::slice::from_ref(&started));
    let step = |response: &Response, from, event| UnitOfWork {
        executions: response.progress.executions.clone(),
        log: Append::whole(from, vec![event]),
        ..alone(Guard::Leased(lease), response)
    };
    let told = Event::CallStarted(Arc::clone(&started));
    stage.write(step(&calling, 2, told)).await;
    let after = with_calls(response.clone(), std::slice::from_ref(&returned));
    let told = Event::CallReturned(Arc::clone(&returned));
    stage.write(step(&after, 3, told)).await;
    // This one read before the call returned, and its log is of later.
    let cancelled = calling.cancelled(at(9_000_000)).unwrap();
    let work = UnitOfWork {
        executions: cancelled.progress.executions.clone(),
        log: Append::whole(4, vec![Event::Ended(Arc::new(cancelled.clone()))]),
        ..alone(Guard::Open, &cancelled)
    };
    stage.write(work).await;
    let read = found(&stage.store, response.id).await;
    assert_eq!(*read.status(), Status::Cancelled);
    assert_eq!(read.progress.executions, [returned]);
}

async fn a_deleted_response_leaves_nothing_in_the_queue(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    assert!(!stage.store.delete(&ada(), response.id).await.unwrap());
    stage.write(ending(lease, &response, 2)).await;
    stage.write(queued(2)).await;
    assert!(stage.store.delete(&ada(), response.id).await.unwrap());
    assert_eq!(stage.rows().await, [1, 1, 1]);
    assert_eq!(
        stage
            .store
            .events(&ada(), response.id, 0, 10)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        stage.store.standing(&ada(), response.id).await.unwrap(),
        None
    );
}

async fn events_are_read_from_the_middle_of_a_window(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    let log = deltas(&response, 2, &["a", "b", "c"]);
    stage.store.append(&lease, &log).await.unwrap();
    let log = deltas(&response, 5, &["d", "e"]);
    stage.store.append(&lease, &log).await.unwrap();
    let cases: [(u64, u16, std::ops::Range<u64>); 9] = [
        (0, 100, 0..7),
        (0, 0, 0..1),
        (1, 1, 1..2),
        (2, 1, 2..5),
        (3, 1, 3..5),
        (4, 4, 4..7),
        (6, 9, 6..7),
        (7, 9, 7..7),
        (900, 9, 0..0),
    ];
    for (from, at_most, expected) in cases {
        let told = stage.told(response.id, from, at_most).await;
        let numbers: Vec<u64> = told.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, expected.collect::<Vec<_>>(), "{from}, {at_most}");
    }
}

async fn an_answer_to_a_follower_is_bounded_in_bytes(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    let text = "long ".repeat(80_000);
    for from in 2..8 {
        let log = deltas(&response, from, &[&text]);
        stage.store.append(&lease, &log).await.unwrap();
    }
    // 1 MiB, and what goes beyond with its last window.
    assert_eq!(stage.told(response.id, 0, 100).await.len(), 5);
    assert_eq!(stage.told(response.id, 5, 100).await.len(), 3);
    assert_eq!(stage.standing(response.id).await.tail.len(), 6);
}

async fn a_commit_without_a_checkpoint_leaves_the_one_before(stage: Stage) {
    let (response, lease) = stage.begun(1).await;
    stage.write(alone(Guard::Leased(lease), &response)).await;
    let standing = stage.standing(response.id).await;
    assert_eq!(standing.checkpoint, Some(checkpoint(1)));
    assert_eq!((standing.next, standing.tail), (2, Vec::new()));
}

async fn what_is_not_in_the_queue_has_no_log(stage: Stage) {
    let foreground = asked(1, spec());
    stage.write(alone(Guard::New(worker(1)), &foreground)).await;
    let other = response_domain::caller::OwnerId::new("eve");
    stage.write(queued(2)).await;
    for (owner, number) in [(ada(), 1), (ada(), 3), (other, 2)] {
        let id = waiting(number).id;
        assert_eq!(stage.store.events(&owner, id, 0, 10).await.unwrap(), None);
        assert_eq!(stage.store.standing(&owner, id).await.unwrap(), None);
    }
    let log = Append::whole(0, vec![Event::Created(Arc::new(foreground.clone()))]);
    let logged = UnitOfWork {
        log,
        ..alone(Guard::Held(worker(1)), &foreground)
    };
    let written = stage.store.commit(logged).await;
    assert!(matches!(written, Err(StoreError::Failed(_))), "{written:?}");
}
