//! Answers about keys, kept for a while, and got by few at a time: whoever tries keys at random holds up
//! neither whom we ask nor those whose keys are known.

use std::time::Duration;

use moka::sync::Cache;
use response_domain::ports::auth::AuthError;
use response_domain::ports::store::Cause;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// Of so many keys an answer is kept.
const KEPT: u64 = 10_000;
/// So many are asked about at once.
const AT_ONCE: usize = 16;
/// How long a key waits for its turn to be asked about.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to tell a caller to come again whose key could not be asked about.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Answers by the digest of the key; the key itself is not kept.
pub(crate) struct Answers<T> {
    kept: Cache<Digest, Kept<T>>,
    places: Semaphore,
}

type Digest = [u8; 32];

#[derive(Clone)]
struct Kept<T> {
    answer: T,
    until: Instant,
}

impl<T: Clone + Send + Sync + 'static> Answers<T> {
    /// None yet; none will be kept longer than this.
    pub(crate) fn new(longest: Duration) -> Self {
        let kept = Cache::builder().max_capacity(KEPT).time_to_live(longest);
        Self {
            kept: kept.build(),
            places: Semaphore::new(AT_ONCE),
        }
    }

    /// The answer about the key of this digest: one that is kept, or what is got by asking, which says how
    /// long it may be kept.
    pub(crate) async fn get(
        &self,
        digest: Digest,
        ask: impl Future<Output = Result<(T, Duration), AuthError>>,
    ) -> Result<T, AuthError> {
        if let Some(answer) = self.kept(&digest) {
            return Ok(answer);
        }
        let place = timeout(PATIENCE, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            return Err(unavailable("too many keys are being asked about"));
        };
        // Whoever was before it in the queue may have asked about the same key.
        if let Some(answer) = self.kept(&digest) {
            return Ok(answer);
        }
        let (answer, good_for) = ask.await?;
        if !good_for.is_zero() {
            let until = Instant::now() + good_for;
            let answer = answer.clone();
            self.kept.insert(digest, Kept { answer, until });
        }
        Ok(answer)
    }

    fn kept(&self, digest: &Digest) -> Option<T> {
        let kept = self.kept.get(digest)?;
        (Instant::now() < kept.until).then_some(kept.answer)
    }
}

/// Nobody can tell whose a key is, because of this.
pub(crate) fn unavailable(cause: impl Into<Cause>) -> AuthError {
    AuthError::Unavailable {
        retry_after: RETRY_AFTER,
        cause: cause.into(),
    }
}
