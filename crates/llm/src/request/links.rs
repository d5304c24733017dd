//! Which output answers which call.

use std::sync::Arc;

use response_domain::item::{CallId, Item, ItemBody};

/// A call and its output, by their places in the transcript.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) call: usize,
    pub(super) output: usize,
}

/// Pairs each output with the last open call of its name before it; in the order of the calls. What has
/// no partner is left out: no server takes a call without its output or an output without its call.
pub(super) fn links(items: &[Arc<Item>]) -> Vec<Link> {
    let mut open: Vec<(usize, &CallId)> = Vec::new();
    let mut links = Vec::new();
    for (place, item) in items.iter().enumerate() {
        match &item.body {
            ItemBody::FunctionCall(call) => open.push((place, &call.call_id)),
            ItemBody::FunctionCallOutput(output) => {
                let call = open.iter().rposition(|(_, id)| **id == output.call_id);
                if let Some(call) = call {
                    let (call, _) = open.remove(call);
                    links.push(Link {
                        call,
                        output: place,
                    });
                }
            }
            _ => {}
        }
    }
    links.sort_unstable_by_key(|link| link.call);
    links
}
