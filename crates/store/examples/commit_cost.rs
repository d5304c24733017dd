//! What the commit of a short answer costs: time, the processor time of this process and of the server,
//! and transactions. Run in release, with `TEST_DATABASE_URL` naming a server on this machine:
//! `cargo run --release -p response-store --example commit_cost -- 20000 16`
//! (commits, and how many at a time). With `sqlite` as a third word it is SQLite that is measured.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be made should stop"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures are shown with three digits"
)]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use response_domain::item::Role;
use response_domain::ports::store::ResponseStore;
use response_domain::response::{Finish, Turn};
use response_domain::status::Change;
use response_domain::usage::Usage;
use response_domain::work::UnitOfWork;
use response_store::Store;
use response_store::options::{Database, Options};
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;

/// A short answer as the engine commits it: everything at once.
fn short_answer(number: u32) -> UnitOfWork {
    let mut response = sample::accepted(number);
    let (start, end) = (
        response.times.created,
        sample::at(i64::from(number) * 1_000 + 900),
    );
    let usage = Usage {
        prompt: 150,
        cached: 0,
        completion: 120,
        reasoning: 0,
    };
    let answer: Arc<str> = "Here are the latest developments in the field. "
        .repeat(10)
        .into();
    response.progress.turns.push(Arc::new(Turn {
        number: 1,
        started_at: start,
        ended_at: end,
        finish: Finish::Stop,
        usage: Some(usage),
        notes: Vec::new(),
    }));
    response.progress.usage = Some(usage);
    response.progress.output = Some(Arc::clone(&answer));
    let response = sample::changed(response, Change::Complete);
    let items = vec![
        sample::item(&response, 0, sample::said(Role::User, "What is new?")),
        sample::item(&response, 1, sample::said(Role::Assistant, &answer)),
    ];
    sample::first(&response, items)
}

/// Nanoseconds of processor time that the threads of a process have had.
fn processor_time(process: &str) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return 0;
    };
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// The processes that serve the database of this connection, but for the one that serves it itself.
async fn servers(connection: &mut PgConnection) -> Vec<String> {
    let processes: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    processes.iter().map(ToString::to_string).collect()
}

async fn rows(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM responses")
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn work(store: &Store, next: &AtomicU32, last: u32) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number > last {
            return;
        }
        store.commit(short_answer(number)).await.unwrap();
    }
}

async fn spread(store: &Store, at_a_time: usize, from: u32, to: u32) {
    let next = AtomicU32::new(from);
    join_all((0..at_a_time).map(|_| work(store, &next, to))).await;
}

/// What making the unit of work costs by itself; taken off what is told.
fn making(commits: u32) -> u64 {
    let before = processor_time("self");
    for number in 0..commits {
        std::hint::black_box(short_answer(number));
    }
    processor_time("self") - before
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Measure {
    commits: u32,
    at_a_time: usize,
    /// Nanoseconds that making the units of work costs.
    made: u64,
}

impl Measure {
    fn per_commit(self, nanos: u64) -> f64 {
        nanos as f64 / f64::from(self.commits) / 1_000.0
    }

    async fn sqlite(self) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(Database::Sqlite(folder.path().join("cost.db")));
        let store = Store::open(options).await.unwrap();
        let (time, own) = self.run(&store).await;
        println!("  time                                 {time:8.1}");
        println!(
            "  processor, all of it in this process {:8.1}",
            self.per_commit(own)
        );
    }

    async fn postgres(self) {
        let database = TestDatabase::migrated().await;
        let mut watch = database.connect().await;
        let store = Store::open(Options::new(database.url().parse().unwrap()))
            .await
            .unwrap();
        spread(&store, self.at_a_time, 1, WARM_UP).await;
        let sessions = servers(&mut watch).await;
        let serving = || {
            sessions
                .iter()
                .map(|process| processor_time(process))
                .sum::<u64>()
        };
        let served = serving();
        let (time, own) = self.run(&store).await;
        let served = serving() - served;
        println!("  time              {time:8.1}");
        println!("  processor, here   {:8.1}", self.per_commit(own));
        println!("  processor, server {:8.1}", self.per_commit(served));
        println!(
            "  sessions {}, rows {}",
            sessions.len(),
            rows(&mut watch).await
        );
        store.close().await;
    }

    /// Microseconds a commit by the clock, and nanoseconds of this process's time in all.
    async fn run(self, store: &Store) -> (f64, u64) {
        let (time, own) = (Instant::now(), processor_time("self"));
        spread(store, self.at_a_time, WARM_UP + 1, WARM_UP + self.commits).await;
        let own = (processor_time("self") - own).saturating_sub(self.made);
        let time = time.elapsed().as_secs_f64() * 1e6 / f64::from(self.commits);
        (time, own)
    }
}

/// Commits before the measured ones.
const WARM_UP: u32 = 2_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let commits: u32 = words
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(20_000);
    let at_a_time: usize = words
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(16);
    let measure = Measure {
        commits,
        at_a_time,
        made: making(commits),
    };
    println!("{commits} commits, {at_a_time} at a time; microseconds a commit:");
    if words.next().is_some_and(|word| word == "sqlite") {
        measure.sqlite().await;
    } else {
        measure.postgres().await;
    }
}
