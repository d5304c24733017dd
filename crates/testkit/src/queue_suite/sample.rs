//! Queued responses, and what a process does with them.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::event::{Event, OpenItem, Place, TextKind};
use response_domain::execution::ExecutionState;
use response_domain::id::{ItemId, ResponseId};
use response_domain::item::{Item, Role};
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, Claimed, Recorded, Standing, TakenUp};
use response_domain::ports::store::StoreError;
use response_domain::ports::vault::Sealed;
use response_domain::response::Response;
use response_domain::run::Closing;
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::repair::Streak;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::Change;
use response_domain::work::{Append, Guard, Job, UnitOfWork};

use crate::store_suite::Subject;
use crate::store_suite::sample::{
    ada, alone, asked, changed, found, item, said, spec, worker, write,
};

/// How long a response may take, when a test does not care.
pub const HOLD: Duration = Duration::from_mins(10);

/// The response of this number to the usual question in the background, just accepted.
pub fn queued(number: u32) -> Response {
    let delivery = Delivery::Background;
    asked(number, ResponseSpec { delivery, ..spec() })
}

/// The same, of somebody else.
pub fn queued_by(number: u32, owner: &OwnerId) -> Response {
    let mut response = queued(number);
    response.owner = owner.clone();
    response
}

/// What waits beside the response of this number.
pub fn job_of(number: u32) -> Job {
    let secret = format!("sealed for {number}");
    Job {
        request_id: format!("req-{number}").into(),
        credential: Some(Sealed {
            key: "key-1".into(),
            bytes: secret.into_bytes().into(),
        }),
    }
}

/// The question of a response.
pub fn question(response: &Response) -> Arc<Item> {
    item(response, 0, said(Role::User, "What is new?"))
}

/// The write that puts a response into the queue.
pub fn entry(response: &Response, job: Job) -> UnitOfWork {
    let accepted = Arc::new(response.clone());
    UnitOfWork {
        items: vec![question(response)],
        log: Append::whole(0, vec![Event::Created(accepted)]),
        ..alone(Guard::Queued(job), response)
    }
}

/// Puts the response of this number into the queue.
pub async fn enqueue(store: &dyn Subject, number: u32) -> Response {
    let response = queued(number);
    write(store, entry(&response, job_of(number))).await;
    response
}

/// A claim of this process for as many as it can get.
pub fn claim(process: u32) -> Claim {
    Claim {
        worker: worker(process),
        at_most: 100,
        hold: HOLD,
        per_owner: None,
    }
}

/// What a claim gets.
pub async fn claims(store: &dyn Subject, claim: Claim) -> Vec<Claimed> {
    let claimed = store.claim(&claim).await;
    assert!(claimed.is_ok(), "{claimed:?}");
    claimed.unwrap_or_default()
}

/// The responses that were claimed.
pub fn ids(claimed: &[Claimed]) -> Vec<ResponseId> {
    claimed.iter().map(|it| it.lease.response).collect()
}

/// Claims the oldest response for this process.
pub async fn claim_one(store: &dyn Subject, process: u32) -> Claimed {
    let wanted = Claim {
        at_most: 1,
        ..claim(process)
    };
    let claimed = claims(store, wanted).await;
    let [claimed] = claimed.as_slice() else {
        panic!("one response waits: {claimed:?}")
    };
    *claimed
}

/// Queues the response of this number and claims it, when nothing else waits.
pub async fn running(store: &dyn Subject, number: u32, process: u32) -> (Response, Lease) {
    let response = enqueue(store, number).await;
    let lease = claim_one(store, process).await.lease;
    assert_eq!(lease.response, response.id);
    (changed(response, Change::Start), lease)
}

/// A checkpoint before this turn.
pub fn checkpoint(next_turn: u16) -> Checkpoint {
    Checkpoint {
        next_turn,
        closing: Closing::No,
        streak: Streak::default(),
        context_tokens: 32_000,
        calls: Vec::new(),
    }
}

/// A write of the holder at the end of a step.
pub fn step(lease: Lease, response: &Response, from: u64, events: Vec<Event>) -> UnitOfWork {
    UnitOfWork {
        checkpoint: Some(checkpoint(1)),
        log: Append::whole(from, events),
        executions: response.progress.executions.clone(),
        ..alone(Guard::Leased(lease), response)
    }
}

/// The write with which a holder starts on a response that was just queued.
pub fn start(lease: Lease, response: &Response) -> UnitOfWork {
    let started = Event::Started(Arc::new(response.clone()));
    step(lease, response, 1, vec![started])
}

/// The write with which a holder ends a response.
pub fn end(lease: Lease, response: &Response, from: u64) -> UnitOfWork {
    let ended = Event::Ended(Arc::new(response.clone()));
    UnitOfWork {
        checkpoint: None,
        ..step(lease, response, from, vec![ended])
    }
}

/// Where the item of this ordinal stands; the question is not part of the output.
pub fn place(response: &Response, ordinal: u32) -> Place {
    Place {
        item: ItemId::new(response.id.raw(), ordinal),
        index: ordinal.saturating_sub(1),
    }
}

/// What a model tells that says these words, but for the end.
pub fn words(response: &Response, words: &[&str]) -> Vec<Event> {
    let place = place(response, 1);
    let opened = Event::ItemOpened {
        place,
        kind: OpenItem::Message,
    };
    let mut events = vec![opened, Event::PartOpened(place, TextKind::Output)];
    let delta = |word: &&str| Event::TextDelta(place, TextKind::Output, (*word).into());
    events.extend(words.iter().map(delta));
    events
}

/// Events without anything to them but their number.
pub fn deltas(response: &Response, numbers: std::ops::Range<u64>) -> Vec<Event> {
    let delta = |number| {
        let text = format!("{number} ").into_boxed_str();
        Event::TextDelta(place(response, 1), TextKind::Output, text)
    };
    numbers.map(delta).collect()
}

/// An addition to the log of events that belong to a turn that is being written.
pub fn more(from: u64, events: Vec<Event>) -> Append {
    let settled = from;
    Append {
        from,
        events,
        settled,
    }
}

/// Adds to a log; it must succeed.
pub async fn tell(store: &dyn Subject, lease: &Lease, log: &Append) {
    let told = store.append(lease, log).await;
    assert!(told.is_ok(), "{told:?}");
}

/// The addition must be refused.
pub async fn untold(store: &dyn Subject, lease: &Lease, log: &Append) {
    let told = store.append(lease, log).await;
    assert!(matches!(told, Err(StoreError::Stale)), "{told:?}");
}

/// How a response of ada's stands, which must be there.
pub async fn standing(store: &dyn Subject, id: ResponseId) -> Standing {
    let standing = store.standing(&ada(), id).await;
    let Ok(Some(standing)) = standing else {
        panic!("{id} is in the background: {standing:?}")
    };
    standing
}

/// What a lease takes up, if it is the latest.
pub async fn taken_up(store: &dyn Subject, lease: &Lease) -> Option<TakenUp> {
    let taken = store.take_up(lease).await;
    assert!(taken.is_ok(), "{taken:?}");
    taken.ok().flatten()
}

/// The whole log of a response of ada's, read in as many steps as it takes. Numbers must follow each other.
pub async fn log(store: &dyn Subject, id: ResponseId) -> Vec<Event> {
    log_from(store, id, 0).await
}

/// The same from this number on.
pub async fn log_from(store: &dyn Subject, id: ResponseId, first: u64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut from = first;
    loop {
        let page = recorded(store, id, from, 50).await;
        if page.is_empty() {
            return events;
        }
        for Recorded { number, event } in page {
            assert_eq!(number, from, "the log has a gap or a double");
            from += 1;
            events.push(event);
        }
    }
}

/// Events of a response of ada's in the background.
pub async fn recorded(
    store: &dyn Subject,
    id: ResponseId,
    from: u64,
    at_most: u16,
) -> Vec<Recorded> {
    let events = store.events(&ada(), id, from, at_most).await;
    assert!(matches!(events, Ok(Some(_))), "{events:?}");
    events.ok().flatten().unwrap_or_default()
}

/// All that can be read of a response.
#[derive(Debug, PartialEq)]
pub struct Whole {
    response: Arc<Response>,
    items: Vec<Arc<Item>>,
    standing: Standing,
    log: Vec<Event>,
}

/// Reads all of a response.
pub async fn whole(store: &dyn Subject, id: ResponseId) -> Whole {
    let items = store.items(&ada(), id).await;
    assert!(items.is_ok(), "{items:?}");
    Whole {
        response: found(store, id).await,
        items: items.unwrap_or_default(),
        standing: standing(store, id).await,
        log: log(store, id).await,
    }
}

/// An event as it may be read: what is not kept in the log is told as it stands when it is read.
pub fn as_read(event: &Event, response: &Response) -> Event {
    let execution = |id| {
        let executions = response.progress.executions.iter();
        executions.clone().find(|execution| execution.id == id)
    };
    match event {
        Event::Created(_) => Event::Created(Arc::new(response.as_accepted())),
        Event::Ended(_) => Event::Ended(Arc::new(response.clone())),
        Event::CallReturned(call) => {
            Event::CallReturned(Arc::clone(execution(call.id).unwrap_or(call)))
        }
        told => told.clone(),
    }
}

/// The log must read as these events, told of this response.
pub fn assert_reads(read: &[Event], told: &[Event], response: &Response) {
    assert_eq!(read.len(), told.len(), "{read:?}");
    for (read, told) in read.iter().zip(told) {
        match (read, told) {
            (Event::Started(read), Event::Started(_)) => {
                let in_progress = changed(response.as_accepted(), Change::Start);
                assert_eq!(read.status(), in_progress.status());
                assert_eq!((read.id, &read.owner), (response.id, &response.owner));
                assert_eq!(read.spec, response.spec);
            }
            (Event::CallStarted(read), Event::CallStarted(told)) => {
                assert_eq!(
                    (&read.state, read.duration),
                    (&ExecutionState::Started, None)
                );
                assert_eq!((read.id, &read.tool), (told.id, &told.tool));
                assert_eq!((&read.server, &read.input), (&told.server, &told.input));
                assert_eq!((read.turn, read.depth), (told.turn, told.depth));
            }
            (read, told) => assert_eq!(*read, as_read(told, response)),
        }
    }
}
