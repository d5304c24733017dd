//! The use cases, and the one loop that awaits the ports.
//!
//! [`Engine`] is what the world outside may ask for. A request becomes a run ([`create`]), a driver
//! feeds it (`drive`), a journal records what it did before it tells (`journal`); waiting and
//! streaming differ only in who listens.

pub mod allowances;
mod attach;
mod calls;
mod cancel;
mod contact;
mod content;
pub mod conversations;
pub mod create;
mod deliveries;
mod drive;
pub mod endpoints;
mod enqueue;
pub mod error;
pub mod follow;
mod input;
mod journal;
mod keys;
mod launch;
mod leases;
mod listing;
mod live;
mod nudges;
pub mod policy;
mod pool;
pub mod ports;
mod prepare;
pub mod presence;
pub mod read;
mod relay;
mod retention;
mod shutdown;
mod stop;
mod sweep;
pub mod tokens;
mod turn;
mod waiting;
mod warm;
pub mod watch;

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

use crate::allowances::Allowances;
use crate::contact::Contact;
use crate::follow::Followers;
use crate::launch::Launch;
use crate::leases::Leases;
use crate::policy::Policy;
use crate::ports::Ports;
pub use crate::read::Readiness;

/// Everything that can be asked of the service. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Rooms>);

struct Rooms {
    ports: Ports,
    policy: Policy,
    launch: Launch,
    leases: Leases,
    allowances: Allowances,
    contact: Contact,
    followers: Followers,
    backlog: enqueue::Backlog,
    attachments: attach::Attachments,
    passing_keys: keys::PassingKeys,
    /// Told when a response may wait in the queue.
    queued: Notify,
    relay: relay::Relay,
    /// Places for tests of webhook endpoints.
    tests: Semaphore,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine whose runs live on `runtime`. It must be the main runtime of the process: a task that a
    /// handler spawns on its own dies with that handler's thread.
    pub fn new(ports: Ports, policy: Policy, runtime: tokio::runtime::Handle) -> Self {
        let launch = Launch::new(runtime, policy.runs);
        let allowances = Allowances::new(policy.owners, policy.streams);
        Self(Arc::new(Rooms {
            ports,
            policy,
            launch,
            leases: Leases::default(),
            allowances,
            contact: Contact::default(),
            followers: Followers::default(),
            backlog: enqueue::Backlog::default(),
            attachments: attach::Attachments::default(),
            passing_keys: keys::PassingKeys::default(),
            queued: Notify::new(),
            relay: relay::Relay::default(),
            tests: Semaphore::new(endpoints::TESTS),
        }))
    }
}
