//! Lists and histories.

use std::sync::Arc;

use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::item::Item;
use response_domain::page::{More, Page, Paged};
use response_domain::ports::store::{History, HistoryRef};
use response_domain::response::Response;

use super::row::Row;
use super::state::State;

impl State {
    /// The items of a response and of all that come before it.
    fn chain(&self, owner: &OwnerId, id: ResponseId) -> Vec<Arc<Item>> {
        let mut links = Vec::new();
        let mut next = Some(id);
        let own = |id: ResponseId| {
            let row = self.rows.get(&id);
            row.filter(|row| row.response.owner == *owner)
        };
        while let Some(row) = next.and_then(own) {
            links.push(row);
            next = row.response.spec.previous;
        }
        let attached = links.last().and_then(|first| {
            let conversation = first.response.spec.conversation?;
            Some(self.talk(owner, conversation, first.response.seen as usize))
        });
        let own = links
            .iter()
            .rev()
            .filter(|row| !row.deleted)
            .flat_map(|row| row.items());
        attached.into_iter().flatten().chain(own).collect()
    }

    pub(super) fn history(&self, owner: &OwnerId, from: HistoryRef) -> Option<History> {
        match from {
            HistoryRef::Response(id) => self.visible(owner, id).and_then(|row| {
                Some(History {
                    conversation: row.response.conversation?,
                    status: Some(row.response.status().name()),
                    seen: 0,
                    items: self.chain(owner, id),
                })
            }),
            HistoryRef::Conversation(conversation) => {
                self.seen(owner, conversation).map(|seen| History {
                    conversation,
                    status: None,
                    seen: u32::try_from(seen).unwrap_or(u32::MAX),
                    items: self.talk(owner, conversation, seen),
                })
            }
        }
    }

    pub(super) fn page(&self, owner: &OwnerId, page: &Page) -> Paged<Arc<Response>> {
        let rows = self.rows.values();
        let mut all: Vec<&Row> = rows.filter(|row| row.response.owner == *owner).collect();
        all.sort_by_key(|row| std::cmp::Reverse((row.response.times.created, row.response.id)));
        let begin = match page.after {
            None => 0,
            Some(after) => all
                .iter()
                .position(|row| row.response.id == after)
                .map_or(all.len(), |place| place.saturating_add(1)),
        };
        let mut fitting = all.into_iter().skip(begin).filter(|row| row.fits(page));
        let entries = fitting
            .by_ref()
            .take(usize::from(page.limit))
            .map(Row::whole)
            .collect();
        let more = if fitting.next().is_some() {
            More::Follows
        } else {
            More::Nothing
        };
        Paged { entries, more }
    }
}

impl Row {
    fn fits(&self, page: &Page) -> bool {
        let response = &self.response;
        !self.deleted
            && page
                .status
                .is_none_or(|status| response.status().name() == status)
            && page
                .background
                .is_none_or(|wanted| self.is_background() == wanted)
            && page
                .conversation
                .is_none_or(|wanted| response.conversation == Some(wanted))
    }
}
