//! The lists of the servers that a request names, as items of the response: each server's once in a
//! transcript.

use std::sync::Arc;

use super::limits::narrow;
use super::{Listing, Moment, Run, Toolbox, has_index};
use crate::event::{Event, OpenItem, Place};
use crate::id::ItemId;
use crate::item::{Item, ItemBody, ItemStatus, ListedTool, ToolList};
use crate::tool::{ToolHome, ToolSpec};

impl Run {
    /// Writes down and tells what the servers listed that the request names.
    pub(super) fn tell_lists(&mut self, toolbox: &Toolbox, now: &mut Moment) {
        for listing in &toolbox.servers {
            if self.knows_list(&listing.label) {
                continue;
            }
            let label = Arc::clone(&listing.label);
            let place = self.next_place();
            let item = Arc::new(Item {
                id: place.item,
                turn: self.turn.max(1),
                status: ItemStatus::Completed,
                body: ItemBody::ToolList(list(listing)),
            });
            let kind = OpenItem::ToolList { label };
            now.tell(Event::ItemOpened { place, kind });
            now.tell(Event::ItemClosed(place, Arc::clone(&item)));
            self.own.push(item);
        }
    }

    fn knows_list(&self, label: &str) -> bool {
        let mut items = self.history.iter().chain(&self.own);
        items.any(|item| {
            matches!(&item.body, ItemBody::ToolList(list) if &*list.label == label && list.tools.is_ok())
        })
    }

    /// Where the next item of the output stands.
    pub(super) fn next_place(&self) -> Place {
        let index = self.own.iter().filter(|item| has_index(item)).count();
        Place {
            item: ItemId::new(self.response.raw(), self.length()),
            index: narrow(index),
        }
    }
}

fn list(listing: &Listing) -> ToolList {
    let tools = match &listing.tools {
        Ok(tools) => Ok(tools.iter().map(|tool| listed(tool)).collect()),
        Err(failure) => Err(failure.message.as_str().into()),
    };
    let label = Arc::clone(&listing.label);
    ToolList { label, tools }
}

fn listed(tool: &ToolSpec) -> ListedTool {
    let name = match &tool.home {
        ToolHome::Server { name, .. } => name,
        ToolHome::Caller => &tool.name,
    };
    ListedTool {
        name: Arc::clone(name),
        description: tool.description.clone(),
        parameters: tool.parameters.clone(),
        annotations: tool.annotations.clone(),
    }
}
