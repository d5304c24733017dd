//! Writing, and writing again for a while when the database is away.

use std::time::Duration;

use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::bus::Nudge;
use response_domain::ports::store::StoreError;
use response_domain::work::{Append, Committed, Guard, UnitOfWork};
use tokio::time::Instant;

use crate::error::DriveError;
use crate::ports::Ports;

/// The first and the longest wait between two tries while the database is away.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// After this long no further try is made. Whoever holds a lease cannot be sure of it for much longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a write is tried that a caller waits for.
const TRIES_FOR_A_CALLER: u32 = 4;

/// What came of a write.
pub(crate) enum Written<T> {
    Yes(T),
    /// Its condition does not hold.
    Refused,
    /// It was refused after one that was not answered: that one may have been written.
    Perhaps,
}

/// Commits, and asks again for a while when the database is away. Whoever sends webhooks is told when there
/// are any.
pub(crate) async fn commit(ports: &Ports, work: UnitOfWork) -> Result<(), DriveError> {
    let store = &ports.store;
    let tries = match work.guard {
        Guard::Leased(_) => u32::MAX,
        Guard::New(_) | Guard::Queued(_) | Guard::Held(_) | Guard::Open => TRIES_FOR_A_CALLER,
    };
    let written = patiently(work.response.id, tries, || store.commit(work.clone()));
    match written.await.map_err(DriveError::Store)? {
        Written::Yes(committed) => tell(ports, committed),
        Written::Refused => return Err(DriveError::Overtaken),
        Written::Perhaps => {
            settle(ports, &work).await?;
            let deliveries = work.notice().map_or(0, |_any| 1);
            tell(ports, Committed { deliveries });
        }
    }
    Ok(())
}

/// Adds to the log, and asks again for a while when the database is away. Adding the same twice is adding
/// it once.
pub(super) async fn append(ports: &Ports, lease: &Lease, log: &Append) -> Result<(), DriveError> {
    let written = patiently(lease.response, u32::MAX, || ports.log.append(lease, log));
    match written.await.map_err(DriveError::Store)? {
        Written::Yes(()) => Ok(()),
        Written::Refused | Written::Perhaps => Err(DriveError::Overtaken),
    }
}

/// Says that there are webhooks to be sent, when there are.
pub(crate) fn tell(ports: &Ports, committed: Committed) {
    if committed.deliveries > 0 {
        ports.bus.send(Nudge::Due);
    }
}

/// Writes, and tries again for a while when the database is away: at most so often.
pub(crate) async fn patiently<F, T>(
    response: ResponseId,
    tries: u32,
    write: impl Fn() -> F,
) -> Result<Written<T>, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let (mut wait, longest) = WAITS;
    let begun = Instant::now();
    let mut attempt = 1;
    loop {
        match write().await {
            Ok(done) => return Ok(Written::Yes(done)),
            Err(StoreError::Stale) if attempt > 1 => return Ok(Written::Perhaps),
            Err(StoreError::Stale) => return Ok(Written::Refused),
            Err(error @ StoreError::Unavailable(_))
                if attempt < tries && begun.elapsed() < PATIENCE =>
            {
                tracing::warn!(
                    response.id = %response,
                    error = &error as &dyn std::error::Error,
                    "the database is away; the write is tried again"
                );
                tokio::time::sleep(wait).await;
                wait = longest.min(wait * 4);
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// A write that was refused after an unanswered one may be that one: it counts when the row is what it
/// was to become.
async fn settle(ports: &Ports, work: &UnitOfWork) -> Result<(), DriveError> {
    let found = ports
        .store
        .find(&work.response.owner, work.response.id)
        .await;
    match found.map_err(DriveError::Store)? {
        Some(row) if row.times == work.response.times && row.status() == work.response.status() => {
            Ok(())
        }
        Some(_) | None => Err(DriveError::Overtaken),
    }
}
