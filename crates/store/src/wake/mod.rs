//! Nudges: in this process at once, and on PostgreSQL to all others that share the database. They only save
//! time: everybody also looks by itself, so a lost one costs a moment.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use response_domain::ports::bus::{Nudge, NudgeBus, Nudges};
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::Store;
use crate::backend::Backend;
use crate::queue::LowWater;

mod listener;
mod local;
mod notifier;
mod outbox;
mod payload;

use listener::Listener;
use local::Local;
use notifier::Notifier;
use outbox::Outbox;

/// Where notifications go.
const CHANNEL: &str = "response_nudges";

/// How long a connection may take to answer before it is taken for dead.
const ANSWER: Duration = Duration::from_secs(5);

/// How long the end of a connection is waited for.
const PARTING: Duration = Duration::from_secs(1);

/// The nudges of one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus(Arc<Wires>);

#[derive(Debug)]
struct Wires {
    local: Arc<Local>,
    /// To the other processes, where there can be any.
    outbox: Option<Arc<Outbox>>,
}

impl NudgeBus for Bus {
    fn send(&self, nudge: Nudge) {
        self.0.local.tell(nudge);
        if let Some(outbox) = &self.0.outbox {
            outbox.put(nudge);
        }
    }

    fn listen(&self) -> Nudges {
        self.0.local.listen()
    }
}

/// The bus of a store, once it was asked for, and the tasks that carry it.
pub(crate) struct Wake {
    bus: OnceLock<Bus>,
    tasks: TaskTracker,
    closed: CancellationToken,
    /// A store that is dropped without being closed ends its tasks as well.
    _guard: DropGuard,
}

impl Default for Wake {
    fn default() -> Self {
        let closed = CancellationToken::new();
        Self {
            bus: OnceLock::new(),
            tasks: TaskTracker::new(),
            _guard: closed.clone().drop_guard(),
            closed,
        }
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake")
            .field("bus", &self.bus)
            .finish_non_exhaustive()
    }
}

impl Wake {
    /// The next claim of each process looks at everything.
    pub(crate) fn say_that_old_ones_wait(&self, low_water: &LowWater) {
        low_water.look_everywhere();
        let outbox = self.bus.get().and_then(|bus| bus.0.outbox.as_ref());
        if let Some(outbox) = outbox {
            outbox.put_queued_again();
        }
    }

    /// Ends the tasks, after what was sent is told.
    pub(crate) async fn close(&self) {
        self.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Store {
    /// The nudges of this store; always the same ones. On PostgreSQL two connections carry them to and from
    /// all other processes, on tasks of `runtime` that end when the store is closed. A server that does not
    /// carry them, or is away, only costs time: it is tried again and again, and when it works listeners are
    /// told [`Nudge::Anything`].
    pub fn bus(&self, runtime: &Handle) -> Bus {
        let wake = self.wake();
        let wired = || {
            let local = Arc::new(Local::default());
            let Backend::Postgres(database) = self.backend() else {
                return Bus(Arc::new(Wires {
                    local,
                    outbox: None,
                }));
            };
            let outbox = Arc::new(Outbox::default());
            let tag: Arc<str> = random_tag().into();
            let notifier = Notifier::new(&database.wire, Arc::clone(&outbox), Arc::clone(&tag));
            let listener = Listener {
                server: database.wire.clone(),
                local: Arc::clone(&local),
                low_water: Arc::clone(&database.low_water),
                tag,
            };
            let tasks = &wake.tasks;
            tasks.spawn_on(notifier.run(wake.closed.clone()), runtime);
            tasks.spawn_on(listener.run(wake.closed.clone()), runtime);
            Bus(Arc::new(Wires {
                local,
                outbox: Some(outbox),
            }))
        };
        wake.bus.get_or_init(wired).clone()
    }
}

/// By this a process knows its own notifications again.
fn random_tag() -> String {
    format!("{:016x}", random())
}

/// Each `RandomState` has keys of its own, so the hash of nothing is a random number.
fn random() -> u64 {
    use std::hash::BuildHasher;
    std::collections::hash_map::RandomState::new().hash_one(())
}

/// How long to wait after this many failures in a row: some time up to a limit that grows, so that processes
/// that lost the server together do not come back together.
fn backoff(failures: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(30);
    let growth = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    let most = FIRST.saturating_mul(growth).min(LONGEST);
    // A tenth at least, because a server that refuses at once is not to be asked without pause.
    let tenths = u32::try_from(random() % 10).unwrap_or(0) + 1;
    most * tenths / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit() {
        for (failures, most) in [
            (1, 500),
            (2, 1_000),
            (6, 16_000),
            (7, 30_000),
            (400, 30_000),
        ] {
            let most = Duration::from_millis(most);
            for _ in 0..100 {
                let wait = backoff(failures);
                assert!(wait >= most / 10 && wait <= most, "{failures}: {wait:?}");
            }
        }
    }

    #[test]
    fn tags_differ() {
        assert_ne!(random_tag(), random_tag());
    }
}
