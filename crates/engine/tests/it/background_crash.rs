//! The process that works on a background response dies before and after every write; the next one goes
//! on, the response ends in the same way, and a tool that must not be called twice is not.

use std::sync::Arc;
use std::time::Duration;

use response_domain::event::Event;
use response_domain::failure::FailureCode;
use response_domain::id::{RawId, ResponseId, WorkerId};
use response_domain::response::Response;
use response_domain::status::{Status, StatusName};
use response_domain::tool::Repeat;
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::grammar;
use response_testkit::memory::MemoryStore;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use tokio::runtime::{Builder, Runtime};

use crate::world::{Plan, World, output, says, settle, status};

/// When a process dies, relative to its writes, which are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Before(usize),
    After(usize),
    Never,
}

impl Death {
    fn fate(self, write: usize) -> Fate {
        match self {
            Self::Before(number) if number == write => Fate::DiesBefore,
            Self::After(number) if number == write => Fate::DiesAfter,
            Self::Never | Self::Before(_) | Self::After(_) => Fate::Written,
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

fn tools() -> ScriptedTools {
    let mut tools = ScriptedTools::new([]);
    tools.add("read", ToolScript::Answers("two hits"), Repeat::Safe);
    tools.add("pay", ToolScript::Answers("paid"), Repeat::Unsafe);
    tools
}

/// What the model says to this transcript, whichever process asks.
fn turns(from: usize) -> impl Iterator<Item = TurnScript> {
    let turns = [
        calls(&[("read", "{}"), ("pay", "{}")]),
        calls(&[("read", "{}")]),
        text("Read and paid."),
    ];
    turns.into_iter().skip(from)
}

fn queue_one(store: &Arc<MemoryStore>) -> ResponseId {
    runtime().block_on(async {
        let mut plan = Plan::new([text("unused")]);
        plan.store = Arc::clone(store);
        let queued = plan.build().await.enqueue(says("read and pay")).await;
        store.forget_worker(WorkerId::new(RawId::new(1)));
        queued.id
    })
}

/// What one process did before it ended the response or died.
struct Life {
    paid: usize,
    reads: usize,
    writes: usize,
    ended: bool,
}

fn live(store: &Arc<MemoryStore>, id: ResponseId, process: u16, death: Death) -> Life {
    let rounds = usize::from(
        store
            .all()
            .first()
            .map_or(0, |response| response.progress.rounds),
    );
    let front = Arc::new(FaultyStore::new(Arc::clone(store), move |write| {
        death.fate(write)
    }));
    let runtime = runtime();
    let life = runtime.block_on(async {
        let mut plan = Plan::new(turns(rounds)).tools(tools()).workers(1);
        plan.store = Arc::clone(store);
        plan.front = Some(Arc::clone(&front));
        plan.process = process;
        let world: World = plan.build().await;
        let ended = tokio::select! {
            _ = world.followed(id) => true,
            () = front.died.notified() => false,
        };
        let called = world.tools.called();
        let count = |name: &str| {
            called
                .iter()
                .filter(|call| &*call.tool.name == name)
                .count()
        };
        Life {
            paid: count("pay"),
            reads: count("read"),
            writes: front.commits(),
            ended,
        }
    });
    drop(runtime);
    store.forget_worker(WorkerId::new(RawId::new(u128::from(process))));
    life
}

fn end_of(store: &MemoryStore, id: ResponseId) -> (Arc<Response>, Vec<Event>) {
    let response = store.all().into_iter().find(|it| it.id == id).unwrap();
    let told = store.told(id);
    grammar::check(&told).unwrap();
    let endings = told
        .iter()
        .filter(|it| matches!(it, Event::Ended(_)))
        .count();
    assert_eq!(endings, 1, "one ending");
    assert!(!store.has_job(id), "nothing waits any more");
    (response, told)
}

#[test]
fn a_crash_at_any_write_ends_the_same_way() {
    let store: Arc<MemoryStore> = Arc::default();
    let id = queue_one(&store);
    let whole = live(&store, id, 2, Death::Never);
    assert!(whole.writes >= 5, "the script writes at every step");
    for number in 1..=whole.writes {
        for death in [Death::Before(number), Death::After(number)] {
            let store: Arc<MemoryStore> = Arc::default();
            let id = queue_one(&store);
            let first = live(&store, id, 2, death);
            let second = live(&store, id, 3, Death::Never);
            assert!(first.ended || second.ended, "{death:?}");
            let (response, _) = end_of(&store, id);
            assert_eq!(status(&response), StatusName::Completed, "{death:?}");
            assert_eq!(output(&response), "Read and paid.", "{death:?}");
            assert_eq!(response.progress.rounds, 2, "{death:?}");
            assert!(first.paid + second.paid <= 1, "{death:?}: paid twice");
            let pay = response
                .progress
                .executions
                .iter()
                .find(|execution| &*execution.tool == "pay")
                .unwrap();
            match (first.paid + second.paid, pay.state.name()) {
                (1, "completed" | "unknown") | (0, "unknown") => {}
                other => panic!("{death:?}: {other:?}"),
            }
            assert!(first.reads + second.reads >= 2, "{death:?}");
        }
    }
}

#[test]
fn two_crashes_at_any_two_writes_end_the_same_way() {
    for one in 1..=6 {
        for other in 1..=6 {
            let store: Arc<MemoryStore> = Arc::default();
            let id = queue_one(&store);
            let lives = [
                live(&store, id, 2, Death::After(one)),
                live(&store, id, 3, Death::Before(other)),
                live(&store, id, 4, Death::Never),
            ];
            let (response, _) = end_of(&store, id);
            assert_eq!(status(&response), StatusName::Completed, "{one} {other}");
            let paid: usize = lives.iter().map(|life| life.paid).sum();
            assert!(paid <= 1, "{one} {other}: paid twice");
        }
    }
}

#[test]
fn a_turn_that_broke_off_in_mid_sentence_is_closed_and_asked_again() {
    let store: Arc<MemoryStore> = Arc::default();
    let id = queue_one(&store);
    runtime().block_on(async {
        let half = vec![vec![response_domain::ports::llm::Delta::Text(
            "Half a".into(),
        )]];
        let mut plan = Plan::new([TurnScript::Hangs(half)]).workers(1);
        plan.store = Arc::clone(&store);
        plan.process = 2;
        let world = plan.build().await;
        world.model.hanging.notified().await;
        // What was said is written within a window.
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    });
    store.forget_worker(WorkerId::new(RawId::new(2)));
    assert!(live(&store, id, 3, Death::Never).ended);
    let (response, told) = end_of(&store, id);
    assert_eq!(status(&response), StatusName::Completed);
    let texts: Vec<&str> = told
        .iter()
        .filter_map(|event| match event {
            Event::TextDone(_, _, text) => Some(&**text),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["Half a", "Read and paid."]);
}

#[test]
fn a_response_that_kills_its_workers_is_given_up() {
    let store: Arc<MemoryStore> = Arc::default();
    let id = queue_one(&store);
    for process in 2..=4 {
        assert!(!live(&store, id, process, Death::After(1)).ended);
    }
    let last = runtime();
    last.block_on(async {
        let mut plan = Plan::new([text("unused")]).workers(1);
        plan.store = Arc::clone(&store);
        plan.process = 5;
        let world = plan.build().await;
        world.followed(id).await;
        assert!(world.model.asked().is_empty(), "it is not tried once more");
    });
    let (response, _) = end_of(&store, id);
    assert!(
        matches!(response.status(), Status::Failed(failure) if failure.code == FailureCode::WorkerLost),
        "{:?}",
        response.status()
    );
}

#[test]
fn a_claim_whose_answer_is_lost_is_handed_back() {
    let store: Arc<MemoryStore> = Arc::default();
    let id = queue_one(&store);
    let front = FaultyStore::new(Arc::clone(&store), |_| Fate::Written);
    let front = Arc::new(front.claiming(|claim| match claim {
        1 => Fate::AnswerLost,
        _ => Fate::Written,
    }));
    runtime().block_on(async {
        let mut plan = Plan::new(turns(0)).tools(tools()).workers(1);
        plan.store = Arc::clone(&store);
        plan.front = Some(front);
        let world = plan.build().await;
        let (ended, _) = world.followed(id).await;
        assert_eq!(status(&ended), StatusName::Completed);
    });
}

#[test]
fn a_database_that_is_away_for_a_while_costs_nothing_but_time() {
    for number in 1..=6 {
        for fate in [Fate::Away, Fate::AnswerLost] {
            let store: Arc<MemoryStore> = Arc::default();
            let id = queue_one(&store);
            let front = FaultyStore::new(Arc::clone(&store), move |write| {
                if write == number { fate } else { Fate::Written }
            });
            runtime().block_on(async {
                let mut plan = Plan::new(turns(0)).tools(tools()).workers(1);
                plan.store = Arc::clone(&store);
                plan.front = Some(Arc::new(front));
                let world = plan.build().await;
                let (ended, told) = world.followed(id).await;
                grammar::check(&told).unwrap();
                assert_eq!(status(&ended), StatusName::Completed, "{number} {fate:?}");
                let called = world.tools.called();
                assert_eq!(called.len(), 3, "{number} {fate:?}: each call once");
            });
        }
    }
}
