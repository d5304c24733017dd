//! Forgetting what is past its time.

use std::collections::BTreeSet;

use async_trait::async_trait;
use response_domain::id::{ConversationId, ResponseId};
use response_domain::ports::retention::RetentionStore;
use response_domain::ports::store::StoreError;
use response_domain::retention::Expiry;

use super::MemoryStore;
use super::row::Row;
use super::state::State;

impl Row {
    /// Whether it is past its time; when all but that it was is gone, that of its conversation will do.
    fn is_past(&self, expiry: &Expiry) -> bool {
        let of_status = expiry.of(self.response.status().name());
        let before = if self.deleted {
            of_status.max(expiry.conversations)
        } else {
            of_status
        };
        let ended = self.response.times.ended;
        ended
            .zip(before)
            .is_some_and(|(ended, before)| ended < before)
    }
}

impl State {
    fn forget_responses(&mut self, expiry: &Expiry, at_most: usize) -> usize {
        let past = |row: &&Row| !row.deleted && row.is_past(expiry);
        let past = self.rows.values().filter(past).take(at_most);
        let past: Vec<ResponseId> = past.map(|row| row.response.id).collect();
        for id in &past {
            if let Some(row) = self.rows.get_mut(id) {
                row.delete();
            }
            self.webhooks.forget(*id);
        }
        past.len()
    }

    /// The conversations that responses or owners speak of, and in which nothing stands any more.
    fn hollow(&self, expiry: &Expiry) -> BTreeSet<ConversationId> {
        let rows = self.rows.values();
        let of_rows = rows.filter_map(|row| Some((row.response.conversation?, row)));
        let stands = |row: &Row| !row.deleted || !row.is_past(expiry);
        let standing: BTreeSet<ConversationId> = of_rows
            .clone()
            .filter(|(_, row)| stands(row))
            .map(|(id, _)| id)
            .chain(self.conversations.standing(expiry.conversations))
            .collect();
        let all = of_rows
            .map(|(id, _)| id)
            .chain(self.conversations.spoken_of());
        all.filter(|id| !standing.contains(id)).collect()
    }

    fn remove(&mut self, conversation: ConversationId) {
        self.conversations.remove(conversation, &self.rows);
        self.rows
            .retain(|_, row| row.response.conversation != Some(conversation));
    }

    /// Forgets conversations that hold nothing. What nobody said anything of does not count.
    fn forget_conversations(&mut self, expiry: &Expiry, at_most: usize) -> usize {
        let mut forgotten = 0;
        for id in self.hollow(expiry) {
            match self.conversations.created(id) {
                None => self.remove(id),
                Some(created) => {
                    let is_past = expiry.conversations.is_some_and(|before| created < before);
                    if is_past && forgotten < at_most {
                        self.remove(id);
                        forgotten += 1;
                    }
                }
            }
        }
        forgotten
    }
}

#[async_trait]
impl RetentionStore for MemoryStore {
    async fn expire(&self, expiry: &Expiry, at_most: u16) -> Result<u32, StoreError> {
        let mut state = self.state();
        let most = usize::from(at_most);
        let mut done = state.forget_responses(expiry, most);
        if let Some(before) = expiry.conversations {
            done += state.conversations.forget_put(before, most - done);
        }
        done += state.forget_conversations(expiry, most - done);
        Ok(u32::try_from(done).unwrap_or(u32::MAX))
    }
}
