//! The queue against a reference: whatever processes do one after the other, both must agree after every
//! step; and whatever they do at the same time, nothing is lost, done twice, or left behind.

mod actions;
mod reference;
mod storm;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use response_domain::lease::Lease;
use response_domain::ports::queue::JobQueue;
use response_domain::ports::store::{ResponseStore, WorkerRegistry};
use response_store::Store;
use response_testkit::postgres::TestDatabase;
use response_testkit::queue_suite::sample::{entry, job_of, queued};
use response_testkit::store_suite::sample::{ada, id, worker};
use sqlx::{Executor, PgConnection};
use tokio::sync::Mutex;

use self::actions::{cancel, checked_log, finish, is_done, save, standing, tell};
use self::reference::{ATTEMPTS, Held, Reference};
use crate::jobs::{claim, silence, small};

/// How many courses of events are tried.
const CASES: u32 = 24;

/// How many steps one has at most.
const STEPS: usize = 40;

/// Which lease somebody writes with: one of those that are the latest, or any that ever was.
#[derive(Debug, Clone)]
enum Pick {
    Latest(Index),
    Any(Index),
}

#[derive(Debug, Clone)]
enum Step {
    Enqueue,
    Claim { process: u32, at_most: u16 },
    Use(Pick, Use),
    Cancel(Index),
    Delete(Index),
    Beat(u32),
    FallSilent(u32),
    Rescue(u32),
}

/// What is done with a lease.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// Events that go `ahead` of where the log ends.
    Tell {
        events: u64,
        ahead: u64,
    },
    Save,
    Finish {
        completes: bool,
    },
    HandBack,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = || 1..4_u32;
    let lease = || {
        prop_oneof![
            4 => any::<Index>().prop_map(Pick::Latest),
            1 => any::<Index>().prop_map(Pick::Any),
        ]
    };
    let tell = (1..4_u64, prop_oneof![5 => Just(0), 1 => 1..3_u64])
        .prop_map(|(events, ahead)| Use::Tell { events, ahead });
    let finish = any::<bool>().prop_map(|completes| Use::Finish { completes });
    let uses = prop_oneof![4 => tell, 4 => Just(Use::Save), 3 => finish, 2 => Just(Use::HandBack)];
    let step = prop_oneof![
        4 => Just(Step::Enqueue),
        6 => (process(), 1..4_u16).prop_map(|(process, at_most)| Step::Claim { process, at_most }),
        13 => (lease(), uses).prop_map(|(lease, what)| Step::Use(lease, what)),
        1 => any::<Index>().prop_map(Step::Cancel),
        1 => any::<Index>().prop_map(Step::Delete),
        1 => process().prop_map(Step::Beat),
        4 => process().prop_map(Step::FallSilent),
        3 => process().prop_map(Step::Rescue),
    ];
    prop::collection::vec(step, 1..=STEPS)
}

/// The real queue beside the reference.
struct World<'w> {
    store: &'w Store,
    /// For what only a look past the store can do or see.
    beside: &'w mut PgConnection,
    reference: Reference,
}

fn lease(held: Held) -> Lease {
    Lease {
        response: id(held.response),
        worker: worker(held.process),
        token: u64::try_from(held.token).unwrap_or(0),
    }
}

fn leases(held: impl IntoIterator<Item = Held>) -> Vec<Lease> {
    held.into_iter().map(lease).collect()
}

fn sorted(mut leases: Vec<Lease>) -> Vec<Lease> {
    leases.sort_unstable_by_key(|lease| lease.response);
    leases
}

impl World<'_> {
    /// The lease meant, if there is any.
    fn held(&self, pick: &Pick) -> Option<Held> {
        let (among, index) = match pick {
            Pick::Latest(index) => (self.reference.current(), index),
            Pick::Any(index) => (self.reference.leases.clone(), index),
        };
        (!among.is_empty()).then(|| *index.get(&among))
    }

    fn number(&self, index: Index) -> Option<u32> {
        let count = self.reference.entries.len();
        (count > 0).then(|| u32::try_from(index.index(count)).unwrap_or(0) + 1)
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Enqueue => {
                let number = self.reference.enqueue();
                let work = entry(&queued(number), job_of(number));
                self.store.commit(work).await.unwrap();
            }
            Step::Claim { process, at_most } => self.claim(*process, *at_most).await,
            Step::Beat(process) => self.beat(*process).await,
            Step::FallSilent(process) => self.fall_silent(*process).await,
            Step::Rescue(process) => {
                self.rescue(*process).await;
            }
            Step::Use(lease, what) => {
                if let Some(held) = self.held(lease) {
                    self.use_lease(held, *what).await;
                }
            }
            Step::Cancel(index) => {
                if let Some(number) = self.number(*index) {
                    let cancelled = cancel(self.store, id(number)).await;
                    assert_eq!(cancelled, self.reference.cancel(number));
                }
            }
            Step::Delete(index) => {
                if let Some(number) = self.number(*index) {
                    let deleted = self.store.delete(&ada(), id(number)).await.unwrap();
                    assert_eq!(deleted, self.reference.delete(number));
                }
            }
        }
    }

    async fn claim(&mut self, process: u32, at_most: u16) {
        self.beat(process).await;
        let claimed = self.store.claim(&claim(process, at_most)).await.unwrap();
        let expected = self.reference.claim(process, usize::from(at_most));
        let claimed = claimed.iter().map(|it| (it.lease, i32::from(it.attempt)));
        let claimed: Vec<_> = claimed.collect();
        let expected = expected.iter();
        let expected = expected.map(|(held, attempt)| (lease(*held), *attempt));
        assert_eq!(claimed, expected.collect::<Vec<_>>());
    }

    async fn beat(&mut self, process: u32) {
        let held = self.store.beat(worker(process)).await.unwrap();
        assert_eq!(sorted(held), leases(self.reference.beat(process)));
    }

    async fn fall_silent(&mut self, process: u32) {
        self.beat(process).await;
        silence(&mut *self.beside, process, 60).await;
        self.reference.fall_silent(process);
    }

    async fn rescue(&mut self, process: u32) {
        self.beat(process).await;
        let attempts = u16::try_from(ATTEMPTS).unwrap();
        let mut rescue = self
            .store
            .rescue(worker(process), attempts, 100)
            .await
            .unwrap();
        rescue.again.sort_unstable();
        let (again, spent) = self.reference.rescue(process);
        let again: Vec<_> = again.into_iter().map(id).collect();
        assert_eq!((rescue.again, sorted(rescue.spent)), (again, leases(spent)));
    }

    async fn use_lease(&mut self, held: Held, what: Use) {
        let lease = lease(held);
        let store = self.store;
        let is_current = self.reference.is_current(held);
        assert_eq!(store.take_up(&lease).await.unwrap().is_some(), is_current);
        if let Use::HandBack = what {
            store.hand_back(&lease).await.unwrap();
            return self.reference.hand_back(held);
        }
        // What was deleted nobody writes for, and nobody can see.
        let Some(standing) = standing(store, lease.response).await else {
            return assert!(!is_current);
        };
        let (written, expected) = match what {
            Use::Tell { events, ahead } => {
                let place = (standing.next + ahead, events);
                let written = tell(store, &lease, &standing, place).await;
                let events = i64::try_from(events).unwrap();
                (
                    written,
                    ahead == 0 && self.reference.write(held, events, None),
                )
            }
            Use::Finish { completes } => {
                let written = finish(store, lease, &standing, completes).await;
                let status = if completes { "completed" } else { "failed" };
                (written, self.reference.write(held, 2, Some(status)))
            }
            Use::Save | Use::HandBack => {
                let written = save(store, lease, &standing).await;
                (written, self.reference.write(held, 1, Some("in_progress")))
            }
        };
        assert_eq!(is_done(written), expected);
    }

    /// Both must be the same to the last column.
    async fn compare(&mut self) {
        let rows: Vec<Row> = sqlx::query_as(ROWS)
            .fetch_all(&mut *self.beside)
            .await
            .unwrap();
        let expected: Vec<Row> = (1..)
            .zip(&self.reference.entries)
            .map(|(number, entry)| {
                let job = entry.job.map(|job| (job.token, job.attempt, job.losses));
                let holder = entry.job.and_then(|job| job.holder);
                (
                    id(number).to_string(),
                    entry.status.to_owned(),
                    entry.deleted,
                    holder.map(|process| worker(process).to_string()),
                    job.map(|(token, ..)| token),
                    job.map(|(_, attempt, _)| attempt),
                    job.map(|(.., losses)| losses),
                    entry.job.is_some(),
                    entry.log,
                )
            })
            .collect();
        assert_eq!(rows, expected);
    }

    /// Whatever is under way is brought to its end by somebody who lives.
    async fn end_all(&mut self) {
        for process in 1..4 {
            self.fall_silent(process).await;
        }
        self.rescue(9).await;
        let waiting = u16::try_from(self.reference.waiting()).unwrap();
        self.claim(9, waiting + 1).await;
        for held in self.reference.current() {
            self.use_lease(held, Use::Finish { completes: true }).await;
        }
        self.compare().await;
        for number in 1..=u32::try_from(self.reference.entries.len()).unwrap() {
            let expected = self.reference.entry(number).unwrap().clone();
            assert!(expected.job.is_none(), "{number} was lost");
            if !expected.deleted {
                let length = checked_log(self.store, id(number), true).await;
                assert_eq!(i64::try_from(length).unwrap(), expected.log);
            }
        }
    }
}

/// Id, status, whether it was deleted; holder, token, attempts and losses of its job; whether there is a
/// credential; and how long the log is.
type Row = (
    String,
    String,
    bool,
    Option<String>,
    Option<i64>,
    Option<i32>,
    Option<i32>,
    bool,
    i64,
);

const ROWS: &str = "SELECT r.id, r.status, r.deleted_at IS NOT NULL,
        j.worker_id, j.lease, j.attempt, j.losses, s.response_id IS NOT NULL,
        (SELECT COALESCE(sum(e.length), 0) FROM response_events e WHERE e.response_id = r.id)
    FROM responses r
    LEFT JOIN response_jobs j ON j.response_id = r.id
    LEFT JOIN response_secrets s ON s.response_id = r.id
    ORDER BY r.id";

const EMPTY: &str = "TRUNCATE responses, conversation_items, tool_executions, workers,
    response_jobs, response_events, response_secrets";

#[test]
fn the_queue_does_what_its_reference_does() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (_database, store, beside) = runtime.block_on(async {
        let database = TestDatabase::migrated().await;
        let store = small(&database).await;
        let beside = Mutex::new(database.connect().await);
        (database, store, beside)
    });
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            let mut beside = beside.lock().await;
            beside.execute(EMPTY).await.unwrap();
            let mut world = World {
                store: &store,
                beside: &mut beside,
                reference: Reference::default(),
            };
            for step in &steps {
                world.take(step).await;
                world.compare().await;
            }
            world.end_all().await;
        });
        Ok(())
    });
    runtime.block_on(store.close());
    if let Err(error) = outcome {
        unreachable!("{error}");
    }
}
