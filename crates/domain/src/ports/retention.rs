//! Forgetting what is past its time, of any owner. An implementation keeps what `testkit::retention_suite`
//! shows.

use async_trait::async_trait;

use crate::ports::store::StoreError;
use crate::retention::Expiry;

/// Forgets what is past its time.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Forgets responses that ended before the moment of their status, as
    /// [`delete`](crate::ports::store::ResponseStore::delete) does; then what owners put into conversations
    /// before its moment, and conversations that hold nothing and are as old. At most this many, the oldest of
    /// each kind first; answers how many it were. Fewer than `at_most` says that nothing more is to be done.
    /// What only led to what is forgotten goes along, uncounted, once nothing comes by it to anything that is
    /// kept. What another process forgets at the same moment is left to it.
    async fn expire(&self, expiry: &Expiry, at_most: u16) -> Result<u32, StoreError>;
}
