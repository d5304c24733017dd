//! What background responses told, in the windows in which it was written.

use std::collections::BTreeMap;

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::event::Event;
use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::{EventLog, Recorded, Standing};
use response_domain::ports::store::StoreError;
use response_domain::work::Append;

use super::MemoryStore;
use super::row::Row;

/// The windows of one response, each by the number of its first event.
#[derive(Debug, Default)]
pub(super) struct Log(BTreeMap<u64, Vec<Event>>);

fn count(events: &[Event]) -> u64 {
    u64::try_from(events.len()).unwrap_or(u64::MAX)
}

impl Log {
    /// The number of the next event.
    pub(super) fn next(&self) -> u64 {
        let last = self.0.last_key_value();
        last.map_or(0, |(first, events)| first.saturating_add(count(events)))
    }

    pub(super) fn add(&mut self, window: Append) {
        if !window.events.is_empty() {
            self.0.insert(window.from, window.events);
        }
    }

    fn has(&self, window: &Append) -> bool {
        self.0.get(&window.from) == Some(&window.events)
    }

    /// The events from this number on, each with its own.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = (u64, &Event)> {
        self.0
            .iter()
            .flat_map(|(first, events)| (*first..).zip(events))
            .skip_while(move |(known, _)| *known < number)
    }
}

impl Row {
    pub(super) fn standing(&self) -> Standing {
        let tail = self.log.from(self.settled);
        Standing {
            response: self.whole(),
            checkpoint: self.checkpoint.clone(),
            next: self.log.next(),
            tail: tail.map(|(_, event)| self.shown(event)).collect(),
        }
    }
}

#[async_trait]
impl EventLog for MemoryStore {
    async fn events(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        from: u64,
        at_most: u16,
    ) -> Result<Option<Vec<Recorded>>, StoreError> {
        let state = self.state();
        let row = state.visible(owner, id).filter(|row| row.is_background());
        let recorded = |row: &Row, (number, event): (u64, &Event)| Recorded {
            number,
            event: row.shown(event),
        };
        let most = usize::from(at_most.max(1));
        Ok(row.map(|row| {
            let events = row.log.from(from).take(most);
            events.map(|event| recorded(row, event)).collect()
        }))
    }

    async fn append(&self, lease: &Lease, log: &Append) -> Result<(), StoreError> {
        let mut state = self.state();
        if !state.holds(lease) {
            return Err(StoreError::Stale);
        }
        let takes = state.takes(log, lease.response);
        let Some(row) = state.rows.get_mut(&lease.response) else {
            return Err(StoreError::Stale);
        };
        if takes {
            row.log.add(log.clone());
            return Ok(());
        }
        if row.log.has(log) {
            return Ok(());
        }
        Err(StoreError::Stale)
    }

    async fn standing(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Standing>, StoreError> {
        let state = self.state();
        let row = state.visible(owner, id).filter(|row| row.is_background());
        Ok(row.map(Row::standing))
    }
}
