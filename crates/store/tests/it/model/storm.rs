//! Many processes at the same time, some of which die, stall, or give back what they have, while others
//! cancel. Afterwards every response has ended once, and nothing is left in the queue.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Depth, JobQueue};
use response_domain::ports::store::{ResponseStore, WorkerRegistry};
use response_store::Store;
use response_testkit::postgres::TestDatabase;
use response_testkit::queue_suite::sample::{entry, job_of, queued};
use response_testkit::store_suite::sample::{ada, id, worker};
use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::actions::{cancel, checked_log, finish, is_done, save, standing, tell};
use super::reference::ATTEMPTS;
use crate::jobs::{claim, silence, small};

const RESPONSES: u32 = 120;
const PROCESSES: u64 = 8;

/// The same numbers at every run; what comes of them is up to the database.
struct Dice(u64);

impl Dice {
    /// A number below `below`.
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.roll(many) == 0
    }
}

#[derive(Default)]
struct Storm {
    queued: AtomicU32,
    processes: AtomicU32,
    endings: Mutex<HashMap<ResponseId, u32>>,
}

/// Whether a process goes on.
#[derive(Debug, PartialEq)]
enum Life {
    GoesOn,
    Ends,
}

impl Storm {
    async fn note_ending(&self, id: ResponseId) {
        *self.endings.lock().await.entry(id).or_default() += 1;
    }

    async fn is_over(&self, store: &Store) -> bool {
        let all = self.queued.load(Ordering::Relaxed) == RESPONSES;
        all && store.depth().await.unwrap() == Depth::default()
    }

    async fn queue_all(&self, store: &Store) {
        for number in 1..=RESPONSES {
            let work = entry(&queued(number), job_of(number));
            store.commit(work).await.unwrap();
            self.queued.store(number, Ordering::Relaxed);
        }
    }

    /// One process after another in the same place.
    async fn live(&self, store: &Store, beside: &Mutex<PgConnection>, seed: u64) {
        let mut dice = Dice(seed);
        while !self.is_over(store).await {
            let process = 10 + self.processes.fetch_add(1, Ordering::Relaxed);
            store.beat(worker(process)).await.unwrap();
            let mut life = Life::GoesOn;
            while life == Life::GoesOn && !self.is_over(store).await {
                store.beat(worker(process)).await.unwrap();
                let at_most = u16::try_from(1 + dice.roll(3)).unwrap();
                for claimed in store.claim(&claim(process, at_most)).await.unwrap() {
                    if life == Life::GoesOn {
                        life = self.work(store, claimed.lease, &mut dice).await;
                    }
                }
                if life == Life::Ends {
                    silence(&mut *beside.lock().await, process, 60).await;
                }
            }
        }
    }

    /// Works on a response, to its end or not.
    async fn work(&self, store: &Store, lease: Lease, dice: &mut Dice) -> Life {
        for _ in 0..dice.roll(5) {
            let Some(taken) = store.take_up(&lease).await.unwrap() else {
                return Life::GoesOn;
            };
            let standing = taken.standing;
            let goes_on = if dice.one_in(2) {
                let place = (standing.next, 1 + dice.roll(3));
                is_done(tell(store, &lease, &standing, place).await)
            } else {
                is_done(save(store, lease, &standing).await)
            };
            if dice.one_in(12) {
                return Life::Ends;
            }
            if dice.one_in(12) {
                store.hand_back(&lease).await.unwrap();
            }
            if !goes_on && !dice.one_in(3) {
                return Life::GoesOn;
            }
        }
        if let Some(standing) = standing(store, lease.response).await {
            let completes = dice.one_in(2);
            if is_done(finish(store, lease, &standing, completes).await) {
                self.note_ending(lease.response).await;
            }
        }
        Life::GoesOn
    }

    /// Cancels a response now and then.
    async fn cancel_some(&self, store: &Store, seed: u64) {
        let mut dice = Dice(seed);
        while !self.is_over(store).await {
            let queued = u64::from(self.queued.load(Ordering::Relaxed)).max(1);
            let number = u32::try_from(1 + dice.roll(queued)).unwrap();
            if dice.one_in(6) && cancel(store, id(number)).await {
                self.note_ending(id(number)).await;
            }
        }
    }

    /// Takes from the dead, and ends what was lost too often.
    async fn rescue(&self, store: &Store, process: u32) {
        let attempts = u16::try_from(ATTEMPTS).unwrap();
        while !self.is_over(store).await {
            store.beat(worker(process)).await.unwrap();
            let rescue = store.rescue(worker(process), attempts, 5).await.unwrap();
            for lease in rescue.spent {
                let Some(taken) = store.take_up(&lease).await.unwrap() else {
                    continue;
                };
                if is_done(finish(store, lease, &taken.standing, false).await) {
                    self.note_ending(lease.response).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_storm_leaves_every_response_ended_once_and_nothing_behind() {
    let database = TestDatabase::migrated().await;
    let storm = Storm::default();
    let beside = Mutex::new(database.connect().await);
    let (one, two, three) = (
        small(&database).await,
        small(&database).await,
        small(&database).await,
    );
    let lives = (1..=PROCESSES).zip([&one, &two, &three].into_iter().cycle());
    let lives = lives.map(|(seed, store)| storm.live(store, &beside, seed));
    let all = async {
        tokio::join!(
            storm.queue_all(&one),
            join_all(lives),
            storm.cancel_some(&two, 100),
            storm.cancel_some(&three, 200),
            storm.rescue(&three, 1),
            storm.rescue(&one, 2),
        )
    };
    tokio::time::timeout(Duration::from_secs(100), all)
        .await
        .unwrap();

    let endings = storm.endings.into_inner();
    for number in 1..=RESPONSES {
        let found = one.find(&ada(), id(number)).await.unwrap().unwrap();
        assert!(found.status().is_ended(), "{number}: {:?}", found.status());
        assert_eq!(endings.get(&id(number)), Some(&1), "{number}");
        checked_log(&one, id(number), true).await;
    }
    let left =
        "SELECT (SELECT count(*) FROM response_jobs), (SELECT count(*) FROM response_secrets)";
    let left: (i64, i64) = sqlx::query_as(left)
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(left, (0, 0));
}
