//! Registered endpoints.

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::EndpointId;
use response_domain::page::Paged;
use response_domain::ports::store::StoreError;
use response_domain::ports::webhook::{Added, EndpointStore};
use response_domain::webhook::Endpoint;

use super::super::MemoryStore;
use super::read::paged;

#[async_trait]
impl EndpointStore for MemoryStore {
    async fn add(&self, endpoint: &Endpoint, at_most: u32) -> Result<Added, StoreError> {
        let endpoints = &mut self.state().webhooks.endpoints;
        let own = endpoints.values().filter(|it| it.owner == endpoint.owner);
        if own.count() >= usize::try_from(at_most).unwrap_or(usize::MAX) {
            return Ok(Added::Full);
        }
        endpoints.insert(endpoint.id, endpoint.clone());
        Ok(Added::Kept)
    }

    async fn find(&self, owner: &OwnerId, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        let state = self.state();
        let found = state.webhooks.endpoints.get(&id);
        Ok(found.filter(|it| it.owner == *owner).cloned())
    }

    async fn page(
        &self,
        owner: &OwnerId,
        limit: u16,
        after: Option<EndpointId>,
    ) -> Result<Paged<Endpoint>, StoreError> {
        let state = self.state();
        let newest_first = state.webhooks.endpoints.values().rev();
        let behind = newest_first
            .filter(|it| it.owner == *owner && after.is_none_or(|after| it.id < after))
            .cloned();
        Ok(paged(behind, limit))
    }

    async fn replace(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let endpoints = &mut self.state().webhooks.endpoints;
        let known = endpoints
            .get_mut(&endpoint.id)
            .filter(|it| it.owner == endpoint.owner && it.revision == endpoint.revision)
            .ok_or(StoreError::Stale)?;
        *known = endpoint.clone();
        known.revision = known.revision.saturating_add(1);
        Ok(())
    }

    async fn remove(&self, owner: &OwnerId, id: EndpointId) -> Result<bool, StoreError> {
        let webhooks = &mut self.state().webhooks;
        let known = webhooks.endpoints.get(&id);
        if known.is_none_or(|it| it.owner != *owner) {
            return Ok(false);
        }
        webhooks.endpoints.remove(&id);
        webhooks
            .deliveries
            .retain(|key, _| key.endpoint != Some(id));
        Ok(true)
    }
}
