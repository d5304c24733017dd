//! The process that ends a response and tells of it dies before and after every write and every claim; the
//! next one tells of it, under the same id, and never of an end that was not written.

use std::sync::Arc;

use response_domain::id::{EventId, RawId, ResponseId, WorkerId};
use response_domain::ports::webhook::{Letter, WebhookOutbox};
use response_domain::webhook::DeliveryState;
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::memory::MemoryStore;
use response_testkit::script::text;
use response_testkit::sender::ScriptedSender;
use tokio::runtime::{Builder, Runtime};

use crate::webhooks::telling;
use crate::world::{Plan, ada, pass};

const URL: &str = "https://receiver.example/hook";

fn at(number: usize, fate: Fate) -> impl Fn(usize) -> Fate + Send + Sync {
    move |count| if count == number { fate } else { Fate::Written }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

fn queue_one(store: &Arc<MemoryStore>) -> ResponseId {
    runtime().block_on(async {
        let mut plan = Plan::new([text("unused")]);
        plan.store = Arc::clone(store);
        let queued = plan.build().await.enqueue(telling(URL)).await;
        store.forget_worker(WorkerId::new(RawId::new(1)));
        queued.id
    })
}

/// Lets one process live until it dies or has nothing to do; what it sent, and whether it died.
fn live(
    front: FaultyStore<MemoryStore>,
    store: &Arc<MemoryStore>,
    process: u16,
) -> (Vec<Letter>, bool) {
    let front = Arc::new(front);
    let sender = Arc::new(ScriptedSender::default());
    let runtime = runtime();
    let died = runtime.block_on(async {
        let mut plan = Plan::new([text("Done.")]).workers(1);
        plan.store = Arc::clone(store);
        plan.front = Some(Arc::clone(&front));
        plan.sender = Arc::clone(&sender);
        plan.process = process;
        let died = async {
            let _world = plan.build().await;
            pass(10).await;
        };
        tokio::select! {
            () = front.died.notified() => true,
            () = died => false,
        }
    });
    drop(runtime);
    store.forget_worker(WorkerId::new(RawId::new(u128::from(process))));
    (sender.letters(), died)
}

fn told(store: &Arc<MemoryStore>, id: ResponseId) -> Vec<DeliveryState> {
    let all = runtime().block_on(store.of_response(&ada().owner, id));
    all.unwrap().into_iter().map(|it| it.state).collect()
}

/// Dies once at each place; how many places there were.
fn die_everywhere(
    fate: Fate,
    front: impl Fn(Arc<MemoryStore>, usize, Fate) -> FaultyStore<MemoryStore>,
) -> usize {
    for number in 1.. {
        let store: Arc<MemoryStore> = Arc::default();
        let id = queue_one(&store);
        let (first, died) = live(front(Arc::clone(&store), number, fate), &store, 2);
        let ended = store.all().iter().all(|it| it.status().is_ended());
        assert!(
            first.is_empty() || ended,
            "{fate:?} {number}: told before it was written"
        );
        let (second, again) = live(
            FaultyStore::new(Arc::clone(&store), |_| Fate::Written),
            &store,
            3,
        );
        assert!(!again);
        let all = [first, second].concat();
        assert!(
            (1..=2).contains(&all.len()),
            "{fate:?} {number}: sent {} times",
            all.len()
        );
        assert!(all.iter().all(|letter| letter.id == EventId::of(id)));
        let states = told(&store, id);
        assert!(
            matches!(states[..], [DeliveryState::Delivered { .. }]),
            "{fate:?} {number}: {states:?}"
        );
        if !died {
            return number - 1;
        }
    }
    0
}

#[test]
fn an_end_is_told_whatever_dies_when() {
    for fate in [Fate::DiesBefore, Fate::DiesAfter] {
        let writes = die_everywhere(fate, |store, number, fate| {
            FaultyStore::new(store, at(number, fate))
        });
        assert!(writes >= 2, "the end, and the record: {writes}");
        let claims = die_everywhere(fate, |store, number, fate| {
            FaultyStore::new(store, |_| Fate::Written).claiming(at(number, fate))
        });
        assert!(
            claims >= 3,
            "the claims of the response and of the delivery: {claims}"
        );
    }
}

#[test]
fn an_attempt_whose_record_is_not_answered_is_written_once() {
    for fate in [Fate::Away, Fate::AnswerLost] {
        for number in 1..6 {
            let store: Arc<MemoryStore> = Arc::default();
            let id = queue_one(&store);
            let front = FaultyStore::new(Arc::clone(&store), at(number, fate));
            let (letters, died) = live(front, &store, 2);
            assert!(!died);
            assert_eq!(letters.len(), 1, "{fate:?} {number}");
            let all = runtime()
                .block_on(store.of_response(&ada().owner, id))
                .unwrap();
            assert_eq!(all[0].attempts.len(), 1, "{fate:?} {number}");
        }
    }
}
