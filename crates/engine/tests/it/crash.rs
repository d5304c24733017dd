//! The process dies before and after every commit; whatever was under way, the next process finds one
//! honest ending, every call that left is on record, and nothing is called again.

use std::sync::Arc;

use response_domain::failure::FailureCode;
use response_domain::response::Response;
use response_domain::status::{Status, StatusName};
use response_testkit::faulty::{Fate, FaultyStore};
use response_testkit::memory::MemoryStore;
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};

use crate::world::{Plan, World, end_of, says, status};

/// When a process dies, relative to its commits, which are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Never,
    Before(usize),
    After(usize),
}

impl Death {
    fn fate(self, commit: usize) -> Fate {
        match self {
            Self::Before(number) if number == commit => Fate::DiesBefore,
            Self::After(number) if number == commit => Fate::DiesAfter,
            Self::Never | Self::Before(_) | Self::After(_) => Fate::Written,
        }
    }
}

/// What is left of a process that died, seen by the next.
struct Remains {
    response: Option<Arc<Response>>,
    called: usize,
    commits: usize,
}

fn plan(store: &Arc<MemoryStore>, death: Death) -> (Plan, Arc<FaultyStore<MemoryStore>>) {
    let tools = ScriptedTools::new([
        ("search", ToolScript::Answers("two hits")),
        ("pay", ToolScript::Answers("paid")),
    ]);
    let turns = [
        calls(&[("search", "{}"), ("pay", "{}")]),
        calls(&[("search", "{}")]),
        text("Paid."),
    ];
    let mut plan = Plan::new(turns).tools(tools);
    let front = Arc::new(FaultyStore::new(Arc::clone(store), move |commit| {
        death.fate(commit)
    }));
    plan.store = Arc::clone(store);
    plan.front = Some(front.clone());
    (plan, front)
}

/// Lets a process run until it ends its response or dies, and looks at what it left.
fn live_and_die(death: Death) -> Remains {
    let store: Arc<MemoryStore> = Arc::default();
    let process = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (called, commits) = process.block_on(async {
        let (plan, front) = plan(&store, death);
        let world = plan.build().await;
        let waiting = world.wait(says("search and pay")).await;
        tokio::select! {
            response = end_of(waiting) => { assert_eq!(status(&response), StatusName::Completed); }
            () = front.died.notified() => {}
        }
        (world.tools.called().len(), front.commits())
    });
    drop(process);

    store.forget_worker(response_domain::id::WorkerId::new(
        response_domain::id::RawId::new(1),
    ));
    let next = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    next.block_on(async {
        let mut plan = Plan::new([text("unused")]);
        plan.store = Arc::clone(&store);
        plan.process = 2;
        let world: World = plan.build().await;
        assert!(
            world.model.asked().is_empty(),
            "a lost foreground run is not driven again"
        );
    });
    Remains {
        response: store.all().pop(),
        called,
        commits,
    }
}

#[test]
fn a_crash_at_any_commit_leaves_one_honest_ending() {
    let whole = live_and_die(Death::Never);
    let commits = whole.commits;
    assert!(commits >= 5, "the script writes at every step: {commits}");
    for number in 1..=commits {
        for death in [Death::Before(number), Death::After(number)] {
            let Remains {
                response, called, ..
            } = live_and_die(death);
            let Some(response) = response else {
                assert_eq!(
                    (death, called),
                    (Death::Before(1), 0),
                    "no row only when nothing was done"
                );
                continue;
            };
            assert!(
                called <= response.progress.executions.len(),
                "{death:?}: every call that left is on record"
            );
            match response.status() {
                Status::Completed => assert_eq!(death, Death::After(commits)),
                Status::Failed(failure) => {
                    assert_eq!(failure.code, FailureCode::Interrupted, "{death:?}");
                }
                other => panic!("{death:?} left the response {other:?}"),
            }
            let open = response
                .progress
                .executions
                .iter()
                .filter(|execution| execution.duration.is_none());
            assert_eq!(open.count(), 0, "{death:?}: no execution stays open");
        }
    }
}
