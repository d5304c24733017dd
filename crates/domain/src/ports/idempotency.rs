//! Keys by which a caller marks a request, so that the same request again is not a second one. An
//! implementation keeps what `testkit::idempotency_suite` shows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::caller::OwnerId;
use crate::id::ResponseId;
use crate::ports::store::StoreError;
use crate::work::{Committed, UnitOfWork};

/// How long a key stands for its request; later it may mark another one.
pub const KEY_LIFE: Duration = Duration::from_hours(24);

/// A mark of one request of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's own text.
    pub text: Arc<str>,
    /// What was asked under it.
    pub fingerprint: Fingerprint,
}

/// A digest of a request: equal for equal requests only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// What came of it.
    pub response: ResponseId,
}

/// What became of a write under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyed {
    /// It is written, and the key stands for its response.
    Written(Committed),
    /// The key stands for another response already; nothing is written.
    Taken,
}

/// Keeps keys. A key is as good as unknown when it is older than [`KEY_LIFE`], by the store's own time.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// What a key of this owner stands for.
    async fn key_use(&self, owner: &OwnerId, key: &str) -> Result<Option<KeyUse>, StoreError>;

    /// Writes all of `work`, the first write of a response, and that the key stands for it; or nothing. The
    /// same again, after an answer that was lost, is taken for what it is.
    async fn commit_keyed(
        &self,
        work: UnitOfWork,
        key: &IdempotencyKey,
    ) -> Result<Keyed, StoreError>;

    /// Forgets keys past their life, at most this many, and answers how many it were.
    async fn forget_keys(&self, at_most: u16) -> Result<u32, StoreError>;
}
