//! Where the calls of tool servers stand in the output, and which of them came to nothing.

use std::sync::Arc;

use super::limits::narrow;
use super::{Moment, Run, has_index};
use crate::event::{Event, Place};
use crate::execution::Site;
use crate::item::{FunctionCall, Item, Runner};

impl Run {
    /// Where a call of a tool server stands in the output.
    pub(super) fn site(&self, call: &FunctionCall) -> Option<Site> {
        let Runner::Server(tool) = &call.runner else {
            return None;
        };
        let is_it = |item: &Arc<Item>| item.as_call().is_some_and(|it| it.call_id == call.call_id);
        let place = self.own.iter().rposition(is_it)?;
        let before = self.own.iter().take(place);
        Some(Site {
            item: narrow(place),
            index: narrow(before.filter(|item| has_index(item)).count()),
            tool: Arc::clone(tool),
            approval: call.approval.clone(),
        })
    }

    /// Tells of the calls of tool servers that were asked for and will not be made.
    pub(super) fn drop_calls(&mut self, now: &mut Moment) {
        let mut index = 0_u32;
        for (place, item) in self.own.iter().enumerate() {
            let is_servers = item
                .as_call()
                .is_some_and(|call| matches!(call.runner, Runner::Server(_)));
            if is_servers && place >= self.settled && !self.is_on_record(item) {
                let place = Place {
                    item: item.id,
                    index,
                };
                now.tell(Event::CallDropped(place, Arc::clone(item)));
            }
            index = index.saturating_add(u32::from(has_index(item)));
        }
        self.settled = self.own.len();
    }

    fn is_on_record(&self, item: &Item) -> bool {
        let sites = self
            .progress
            .executions
            .iter()
            .filter_map(|it| it.site.as_ref());
        sites.into_iter().any(|site| site.item == item.id.ordinal)
    }
}
