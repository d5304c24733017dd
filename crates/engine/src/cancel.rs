//! Stopping a response, and forgetting it; only one's own.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::ports::bus::Nudge;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::run::Stop;
use response_domain::spec::Delivery;
use response_domain::work::{Guard, UnitOfWork};

use crate::Engine;
use crate::error::ReadError;
use crate::journal::tell;
use crate::stop::Reason;
use crate::watch;

/// How often a cancellation is tried that a run was faster than, before the run is stopped from writing.
const TRIES: u32 = 3;
/// How often it is tried in all; others who cancel the same response may come in between.
const MOST_TRIES: u32 = 100;

/// What a cancellation comes upon.
enum Ending {
    /// The response can be ended, by writing this.
    Possible(Box<UnitOfWork>),
    /// It has ended, like this.
    Past(Arc<Response>),
}

impl Engine {
    /// Stops a response. One that has ended stays as it is.
    pub async fn cancel(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Arc<Response>, ReadError> {
        if let Some(live) = self.0.launch.live().find(owner, id) {
            live.stop.stop(Reason::End(Stop::ByCaller));
            return Ok(live.ended().await);
        }
        for attempt in 1..=MOST_TRIES {
            let found = self.0.ports.store.find(owner, id).await?;
            let found = found.ok_or(ReadError::NotFound)?;
            let work = match self.ending(owner, found).await? {
                Ending::Possible(work) => work,
                Ending::Past(ended) => return Ok(ended),
            };
            let response = Arc::clone(&work.response);
            match self.0.ports.store.commit(*work).await {
                Ok(committed) => {
                    tell(&self.0.ports, committed);
                    if response.spec.delivery == Delivery::Background {
                        watch::ended(response.status().name());
                    }
                    // Whoever runs it has its next write refused; this spares it the way there.
                    self.0.ports.bus.send(Nudge::Ended(id));
                    return Ok(response);
                }
                Err(StoreError::Stale) => {
                    if attempt >= TRIES && response.spec.delivery == Delivery::Background {
                        // It says more each time before it can be ended: from now on it writes nothing.
                        let ports = &self.0.ports;
                        ports.queue.seize(ports.worker, id).await?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ReadError::Store(StoreError::Unavailable(
            "the response changes faster than it can be cancelled".into(),
        )))
    }

    /// How `found` can be ended as cancelled. It may end by itself while this is found out.
    async fn ending(&self, owner: &OwnerId, found: Arc<Response>) -> Result<Ending, ReadError> {
        let at = self.0.ports.clock.now();
        if found.status().is_ended() {
            return Ok(Ending::Past(found));
        }
        if found.spec.delivery == Delivery::Background {
            let standing = self.0.ports.log.standing(owner, found.id).await?;
            let standing = standing.ok_or(ReadError::NotFound)?;
            let Some(ended) = standing.response.cancelled(at) else {
                return Ok(Ending::Past(standing.response));
            };
            let own = if ended.progress.turns.is_empty() {
                Vec::new()
            } else {
                self.0.ports.store.items(owner, found.id).await?
            };
            let work = standing.end(ended, &own, Guard::Open);
            return Ok(Ending::Possible(Box::new(work)));
        }
        let Some(ended) = found.cancelled(at) else {
            return Ok(Ending::Past(found));
        };
        let executions = ended.progress.executions.clone();
        Ok(Ending::Possible(Box::new(UnitOfWork {
            executions,
            ..UnitOfWork::of(Guard::Open, Arc::new(ended))
        })))
    }

    /// Forgets a response; one that is under way is stopped first.
    pub async fn delete(&self, owner: &OwnerId, id: ResponseId) -> Result<(), ReadError> {
        self.cancel(owner, id).await?;
        if self.0.ports.store.delete(owner, id).await? {
            self.0.ports.bus.send(Nudge::Logged(id));
            Ok(())
        } else {
            Err(ReadError::NotFound)
        }
    }
}
