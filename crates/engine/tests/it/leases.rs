//! What a process holds, when it does not know any more whether it holds it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use response_domain::id::WorkerId;
use response_domain::lease::Lease;
use response_domain::ports::llm::Delta;
use response_domain::ports::store::{StoreError, WorkerRegistry};
use response_domain::response::Response;
use response_domain::status::StatusName;
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::memory::MemoryStore;
use response_testkit::script::{TurnScript, text};
use tokio::time::Instant;

use crate::world::{Plan, World, ada, output, says, settle, status};

const SECOND: Duration = Duration::from_secs(1);
/// That the response waits, and that its run begins.
const WRITES_BEFORE_THE_FIRST_WORD: usize = 2;

/// A registry that can fall silent.
struct Registry {
    store: Arc<MemoryStore>,
    silent: AtomicBool,
}

#[async_trait]
impl WorkerRegistry for Registry {
    async fn beat(&self, worker: WorkerId) -> Result<Vec<Lease>, StoreError> {
        if self.silent.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("nobody answers".into()));
        }
        self.store.beat(worker).await
    }

    async fn leave(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.store.leave(worker).await
    }

    async fn orphans(&self, at_most: u16) -> Result<Vec<Arc<Response>>, StoreError> {
        self.store.orphans(at_most).await
    }
}

async fn hanging() -> (World, Arc<Registry>) {
    let mut plan = Plan::new([TurnScript::Hangs(vec![]), text("Hello.")]).workers(1);
    let registry = Arc::new(Registry {
        store: Arc::clone(&plan.store),
        silent: AtomicBool::new(false),
    });
    plan.registry = Some(registry.clone());
    (plan.build().await, registry)
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_signs_of_life_are_not_answered_lets_go_before_others_may_take_over() {
    let (world, registry) = hanging().await;
    let queued = world.enqueue(says("hi")).await;
    world.model.hanging.notified().await;
    registry.silent.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    world.model.dropped.notified().await;
    let took = begun.elapsed();
    assert!(took > 8 * SECOND, "one missed sign is nothing: {took:?}");
    assert!(took < 15 * SECOND, "others take over after 15 s: {took:?}");
    registry.silent.store(false, Ordering::SeqCst);
    let (ended, _) = world.followed(queued.id).await;
    assert_eq!(output(&ended), "Hello.");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_not_answered_does_not_keep_a_process_from_letting_go() {
    let turns = [TurnScript::Hangs(vec![vec![Delta::Text("It".into())]])];
    let mut plan = Plan::new(turns).workers(1);
    let registry = Arc::new(Registry {
        store: Arc::clone(&plan.store),
        silent: AtomicBool::new(false),
    });
    plan.registry = Some(registry.clone());
    let silent = Arc::new(FaultyStore::new(Arc::clone(&plan.store), |write| {
        if write <= WRITES_BEFORE_THE_FIRST_WORD {
            Fate::Written
        } else {
            Fate::DiesBefore
        }
    }));
    plan.front = Some(Arc::clone(&silent));
    let world = plan.build().await;
    world.enqueue(says("hi")).await;
    silent.died.notified().await;
    assert_eq!(world.model.asked().len(), 1, "the model is writing");
    registry.silent.store(true, Ordering::SeqCst);
    // Handing it back is a write as well, and the next one that is tried.
    let handed_back = tokio::time::timeout(15 * SECOND, silent.died.notified());
    assert!(handed_back.await.is_ok(), "others take over after 15 s");
}

#[tokio::test(start_paused = true)]
async fn a_few_missed_signs_of_life_change_nothing() {
    let (world, registry) = hanging().await;
    let queued = world.enqueue(says("hi")).await;
    world.model.hanging.notified().await;
    for _ in 0..5 {
        registry.silent.store(true, Ordering::SeqCst);
        tokio::time::advance(6 * SECOND).await;
        settle().await;
        registry.silent.store(false, Ordering::SeqCst);
        tokio::time::advance(4 * SECOND).await;
        settle().await;
    }
    let running = world.engine.get(&ada().owner, queued.id).await.unwrap();
    assert_eq!(status(&running), StatusName::InProgress);
    assert_eq!(world.model.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_a_limit_for_each_owner_others_pass() {
    let world = Plan::new([TurnScript::Hangs(vec![])]).build().await;
    for _ in 0..3 {
        world.enqueue(says("ada's")).await;
    }
    let mut bert = ada();
    bert.owner = response_domain::caller::OwnerId::new("bert");
    let draft = crate::world::but(|draft| draft.background = Some(true));
    let request = response_engine::create::Request {
        caller: bert.clone(),
        request_id: Arc::from("req-2"),
        ..crate::world::asks(draft)
    };
    let berts = match world.engine.create(request).await.unwrap() {
        response_engine::create::Created::Queued(response) => response.id,
        other => panic!("{other:?}"),
    };
    let there = Plan::new([TurnScript::Hangs(vec![])])
        .beside(&world)
        .workers(3)
        .policy(|policy| policy.background.owner_limit = NonZeroU32::new(1))
        .build()
        .await;
    settle().await;
    let begun = there.model.contexts();
    assert_eq!(begun.len(), 2, "one of each");
    assert!(begun.iter().any(|context| context.response == berts));
}
