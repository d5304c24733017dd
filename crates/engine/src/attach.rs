//! Which conversations have a response under way that wants to be the only one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use response_domain::caller::OwnerId;
use response_domain::id::ConversationId;

use crate::Engine;
use crate::error::CreateError;

/// The conversations that are taken in this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attachments(Arc<Mutex<HashSet<Key>>>);

/// A conversation that is taken. Dropping it frees the conversation.
#[derive(Debug)]
pub(crate) struct Attached {
    taken: Attachments,
    key: Key,
}

type Key = (OwnerId, ConversationId);

impl Attachments {
    fn take(&self, key: Key) -> Option<Attached> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(key.clone()).then(|| Attached {
            taken: self.clone(),
            key,
        })
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let mut taken = self.taken.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.key);
    }
}

impl Engine {
    /// Takes a conversation for one response, if no other one of it is under way. A foreground response of
    /// another process that has no row yet is not seen.
    pub(crate) async fn attach(
        &self,
        owner: &OwnerId,
        conversation: ConversationId,
    ) -> Result<Attached, CreateError> {
        let busy = || CreateError::ConversationBusy(conversation);
        let attached = self.0.attachments.take((owner.clone(), conversation));
        let attached = attached.ok_or_else(busy)?;
        let conversations = &self.0.ports.conversations;
        if conversations.is_busy(owner, conversation).await? {
            return Err(busy());
        }
        Ok(attached)
    }
}
