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
            let list = self.list(listing);
            if self.knows(&list) {
                continue;
            }
            let label = Arc::clone(&listing.label);
            let place = self.next_place();
            let item = Arc::new(Item {
                id: place.item,
                turn: self.turn.max(1),
                status: ItemStatus::Completed,
                body: ItemBody::ToolList(list),
            });
            let kind = OpenItem::ToolList { label };
            now.tell(Event::ItemOpened { place, kind });
            now.tell(Event::ItemClosed(place, Arc::clone(&item)));
            self.own.push(item);
        }
    }

    /// Whether the transcript has a list of this server with all of these tools.
    fn knows(&self, list: &ToolList) -> bool {
        let Ok(tools) = &list.tools else {
            return false;
        };
        let mut items = self.history.iter().chain(&self.own);
        items.any(|item| match &item.body {
            ItemBody::ToolList(ToolList {
                label,
                tools: Ok(known),
            }) => {
                let is_known = |tool: &ListedTool| known.iter().any(|it| it.name == tool.name);
                *label == list.label && tools.iter().all(is_known)
            }
            _ => false,
        })
    }

    /// The tools of a server that are on offer, or why there are none.
    fn list(&self, listing: &Listing) -> ToolList {
        let is_its = |tool: &&Arc<ToolSpec>| match &tool.home {
            ToolHome::Server { label, .. } => *label == listing.label,
            ToolHome::Caller => false,
        };
        let offered = self.tools.iter().filter(is_its);
        let tools = match &listing.tools {
            Ok(_) => Ok(offered.map(|tool| listed(tool)).collect()),
            Err(failure) => Err(failure.message.as_str().into()),
        };
        let label = Arc::clone(&listing.label);
        ToolList { label, tools }
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
