//! What a commit costs: time, the processor time of this process and of the server. Run in release, with
//! `TEST_DATABASE_URL` naming a server on this machine:
//! `cargo run --release -p response-store --example commit_cost -- 20000 16`
//! (commits, and how many at a time). With `queue` as a third word a commit puts a response into the queue,
//! with `log` it is an addition to the log of a response that runs, with `turn` the three that a response in
//! the background takes after its claim; without, it is a short answer. With `sqlite` it is SQLite that is
//! measured.

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
use response_domain::event::Event;
use response_domain::id::ResponseId;
use response_domain::item::Role;
use response_domain::lease::Lease;
use response_domain::ports::queue::{Claim, EventLog, JobQueue};
use response_domain::ports::store::ResponseStore;
use response_domain::response::{Finish, Response, Turn};
use response_domain::status::Change;
use response_domain::usage::Usage;
use response_domain::work::UnitOfWork;
use response_store::Store;
use response_store::options::{Database, Options};
use response_testkit::postgres::TestDatabase;
use response_testkit::queue_suite::sample::{
    claim, deltas, end, entry, job_of, more, queued, start, words,
};
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

/// What is done, and counted as one commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Short,
    Queue,
    Log,
    Turn,
}

impl Kind {
    fn first(self, number: u32) -> UnitOfWork {
        match self {
            Self::Short => short_answer(number),
            Self::Queue | Self::Log | Self::Turn => entry(&queued(number), job_of(number)),
        }
    }
}

async fn claimed(store: &Store) -> Lease {
    let one = Claim {
        at_most: 1,
        ..claim(1)
    };
    store.claim(&one).await.unwrap().first().unwrap().lease
}

/// One response from its claim to its end.
async fn turn(store: &Store, lease: Lease) {
    let response = store.find(&sample::ada(), lease.response).await;
    let response = Response::clone(&response.unwrap().unwrap());
    let response = sample::changed(response, Change::Start);
    store.commit(start(lease, &response)).await.unwrap();
    let told = more(2, words(&response, &["Here are the latest developments."]));
    store.append(&lease, &told).await.unwrap();
    let ended = sample::changed(response, Change::Complete);
    store.commit(end(lease, &ended, 5)).await.unwrap();
}

async fn work(store: &Store, kind: Kind, next: &AtomicU32, last: u32) {
    let mut log = None;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number > last {
            return;
        }
        match kind {
            Kind::Short | Kind::Queue => {
                store.commit(kind.first(number)).await.unwrap();
            }
            Kind::Turn => turn(store, claimed(store).await).await,
            Kind::Log => {
                let (lease, from) = match log {
                    Some(known) => known,
                    None => (claimed(store).await, 1),
                };
                let told = deltas(&queued(1), from..from + 1).swap_remove(0);
                let told = in_response(lease.response, told);
                store.append(&lease, &more(from, vec![told])).await.unwrap();
                log = Some((lease, from + 1));
            }
        }
    }
}

/// The same delta, of another response.
fn in_response(response: ResponseId, event: Event) -> Event {
    match event {
        Event::TextDelta(mut place, kind, text) => {
            place.item.parent = response.raw();
            Event::TextDelta(place, kind, text)
        }
        other => other,
    }
}

async fn spread(store: &Store, kind: Kind, at_a_time: usize, from: u32, to: u32) {
    let next = AtomicU32::new(from);
    join_all((0..at_a_time).map(|_| work(store, kind, &next, to))).await;
}

/// What making the unit of work costs by itself; taken off what is told.
fn making(kind: Kind, commits: u32) -> u64 {
    let before = processor_time("self");
    for number in 0..commits {
        std::hint::black_box(kind.first(number));
    }
    processor_time("self") - before
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Measure {
    kind: Kind,
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
        self.warm_up(&store).await;
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
        self.warm_up(&store).await;
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

    /// The first commits, and what must be there for the measured ones.
    async fn warm_up(self, store: &Store) {
        let waiting = match self.kind {
            Kind::Short | Kind::Queue => 0,
            Kind::Log => 2 * u32::try_from(self.at_a_time).unwrap(),
            Kind::Turn => self.commits + WARM_UP,
        };
        // They are numbered past those that are measured.
        let first = WARM_UP + self.commits + 1;
        spread(store, Kind::Queue, self.at_a_time, first, first + waiting).await;
        spread(store, self.kind, self.at_a_time, 1, WARM_UP).await;
    }

    /// Microseconds a commit by the clock, and nanoseconds of this process's time in all.
    async fn run(self, store: &Store) -> (f64, u64) {
        let (time, own) = (Instant::now(), processor_time("self"));
        let (from, to) = (WARM_UP + 1, WARM_UP + self.commits);
        spread(store, self.kind, self.at_a_time, from, to).await;
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
    let words: Vec<String> = words.collect();
    let said = |word: &str| words.iter().any(|said| said == word);
    let kind = match () {
        () if said("queue") => Kind::Queue,
        () if said("log") => Kind::Log,
        () if said("turn") => Kind::Turn,
        () => Kind::Short,
    };
    let measure = Measure {
        kind,
        commits,
        at_a_time,
        made: match kind {
            Kind::Short | Kind::Queue => making(kind, commits),
            Kind::Log | Kind::Turn => 0,
        },
    };
    println!("{commits} commits, {at_a_time} at a time; microseconds a commit:");
    if said("sqlite") {
        measure.sqlite().await;
    } else {
        measure.postgres().await;
    }
}
