//! Forgetting what is past its time.

use async_trait::async_trait;
use response_domain::ports::retention::RetentionStore;
use response_domain::ports::store::StoreError;
use response_domain::retention::Expiry;

use super::MemoryStore;

#[async_trait]
impl RetentionStore for MemoryStore {
    async fn expire(&self, _expiry: &Expiry, _at_most: u16) -> Result<u32, StoreError> {
        Ok(0)
    }
}
