//! Putting a response into the queue: whether there is room for it, and the one write that makes it wait.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::{Access, Caller, OwnerId};
use response_domain::event::Event;
use response_domain::ports::bus::Nudge;
use response_domain::ports::idempotency::{IdempotencyKey, Keyed};
use response_domain::ports::llm::CallContext;
use response_domain::ports::queue::Depth;
use response_domain::ports::vault::{Sealed, VaultError};
use response_domain::response::Response;
use response_domain::work::{Append, Guard, Job, UnitOfWork};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::Engine;
use crate::create::Accepted;
use crate::error::{self, CreateError, DriveError};
use crate::journal::{commit, tell};

/// How long a look at the queue is good for: counting it costs more the longer it is.
const FRESH: Duration = Duration::from_secs(1);
/// The shortest and the longest time after which a refused caller is told to come back.
const COME_BACK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// How long the queue was when it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Backlog(Mutex<Option<(Instant, Depth)>>);

impl Engine {
    /// Whether the queue has room for one more response of this caller, and whether its credential will
    /// last. Callers that ask several processes at the same moment, or one owner's that ask one, may pass a
    /// limit by as many.
    pub(crate) async fn admit_to_queue(&self, caller: &Caller) -> Result<(), CreateError> {
        if self.0.launch.is_draining() {
            return Err(CreateError::Draining);
        }
        let limits = &self.0.policy.background;
        let depth = self.join_queue(limits.queue_limit).await?;
        if let Some(limit) = limits.owner_queue_limit
            && caller.owner != OwnerId::guest()
        {
            let queue = &self.0.ports.queue;
            if queue.waiting_of(&caller.owner, limit.get()).await? >= limit.get() {
                return Err(full(error::Backlog::Callers, depth));
            }
        }
        // Whoever comes now waits at least as long as the first in the queue did.
        let begins = self
            .0
            .ports
            .clock
            .now()
            .after(depth.oldest.unwrap_or_default());
        if caller.expires.is_some_and(|expires| expires <= begins) {
            return Err(CreateError::CredentialExpires);
        }
        Ok(())
    }

    /// Counts one more that waits, when `limit` allows it; answers how long the queue was.
    async fn join_queue(&self, limit: Option<NonZeroU32>) -> Result<Depth, CreateError> {
        let mut known = self.0.backlog.0.lock().await;
        let (at, depth) = match &*known {
            Some((at, depth)) if at.elapsed() < FRESH => (*at, *depth),
            _ => (Instant::now(), self.0.ports.queue.depth().await?),
        };
        let is_full = |limit: NonZeroU32| depth.waiting >= u64::from(limit.get());
        if limit.is_some_and(is_full) {
            *known = Some((at, depth));
            return Err(full(error::Backlog::Everybodys, depth));
        }
        // Also when it comes to nothing after all: the next look puts that right.
        let waiting = depth.waiting.saturating_add(1);
        *known = Some((at, Depth { waiting, ..depth }));
        Ok(depth)
    }

    /// Writes a response that waits, and tells the workers; `None` when `key` stands for another one.
    pub(crate) async fn enqueue(
        &self,
        accepted: Accepted,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Arc<Response>>, CreateError> {
        let Accepted {
            owner,
            spec,
            context,
            history: _,
            seen,
            input,
            attached: _attached,
        } = accepted;
        let ports = &self.0.ports;
        let credential = self.seal(&context, &owner)?;
        let at = ports.clock.now();
        let mut response = Response::accept(
            context.response,
            owner,
            Arc::new(spec),
            context.conversation,
            at,
        );
        response.seen = seen;
        let response = Arc::new(response);
        let job = Job {
            request_id: context.request_id,
            credential,
        };
        let work = UnitOfWork {
            items: input,
            log: Append::whole(0, vec![Event::Created(Arc::clone(&response))]),
            ..UnitOfWork::of(Guard::Queued(job), Arc::clone(&response))
        };
        match key {
            None => commit(ports, work).await.map_err(unwritten)?,
            Some(key) => match ports.keys.commit_keyed(work, key).await? {
                Keyed::Written(committed) => tell(ports, committed),
                Keyed::Taken => return Ok(None),
            },
        }
        ports.bus.send(Nudge::Queued);
        Ok(Some(response))
    }

    fn seal(&self, context: &CallContext, owner: &OwnerId) -> Result<Option<Sealed>, CreateError> {
        let vault = &self.0.ports.vault;
        let access = Access {
            credential: context.credential.clone(),
            tools: context.tool_secrets.clone(),
        };
        match vault.seal_access(&access, owner, context.response) {
            Ok(sealed) => Ok(sealed),
            Err(VaultError::NoKey) => Err(CreateError::BackgroundUnavailable),
            Err(error) => Err(CreateError::Vault(error)),
        }
    }
}

fn full(whose: error::Backlog, depth: Depth) -> CreateError {
    let (least, most) = COME_BACK;
    CreateError::QueueFull {
        whose,
        retry_after: depth.oldest.unwrap_or(least).clamp(least, most),
    }
}

/// Why a response could not be put into the queue.
fn unwritten(error: DriveError) -> CreateError {
    match error {
        DriveError::Store(error) => error.into(),
        // Its id is new, so nobody else can have written it.
        DriveError::Overtaken | DriveError::HandedBack | DriveError::Illegal(_) => {
            response_domain::ports::store::StoreError::Stale.into()
        }
    }
}
