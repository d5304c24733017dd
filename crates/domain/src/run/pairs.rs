//! Which items of a transcript count: a call only with its output, an output only with its call, and
//! a turn of the model only when it led to something.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::approve::request;
use crate::item::{CallId, Item, ItemBody, ItemStatus, Runner};
use crate::spec::Unanswered;

/// A call or an output that stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpaired {
    /// Its place among the run's own items; 0 for a call of the history.
    pub place: usize,
    /// The name of the call.
    pub call_id: CallId,
    /// What it lacks.
    pub lacks: Lacks,
}

/// The half that a call id lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacks {
    /// An output without a call before it.
    Call,
    /// A call without an output behind it.
    Output,
    /// An answer to a request for approval that is not there.
    Request,
}

/// The first of `own` that stands alone, behind `history`. Calls of the history may: their run was stopped,
/// or their caller went on without them, unless that is `refused`.
pub fn unpaired(
    history: &[Arc<Item>],
    own: &[Arc<Item>],
    unanswered: Unanswered,
) -> Option<Unpaired> {
    let mut open: HashMap<&CallId, Option<usize>> = HashMap::new();
    let lone = |place, call_id: &CallId, lacks| Unpaired {
        place,
        call_id: call_id.clone(),
        lacks,
    };
    let places = history.iter().map(|item| (None, item)).chain(
        own.iter()
            .enumerate()
            .map(|(place, item)| (Some(place), item)),
    );
    for (place, item) in places {
        match &item.body {
            // What waits for its caller has no output: what comes of it is a call of its own.
            ItemBody::FunctionCall(call) if matches!(call.runner, Runner::Asks(_)) => {}
            ItemBody::FunctionCall(call) => {
                if let Some(Some(earlier)) = open.insert(&call.call_id, place) {
                    return Some(lone(earlier, &call.call_id, Lacks::Output));
                }
            }
            ItemBody::ApprovalResponse(response) => {
                let items = history.iter().chain(own);
                if let (Some(place), None) = (place, request(items, &response.request)) {
                    let id = CallId(Arc::clone(&response.request));
                    return Some(lone(place, &id, Lacks::Request));
                }
            }
            ItemBody::FunctionCallOutput(output) => {
                let call = open.remove(&output.call_id);
                if let (None, Some(place)) = (call, place) {
                    return Some(lone(place, &output.call_id, Lacks::Call));
                }
            }
            _ => {}
        }
    }
    if unanswered == Unanswered::Refused {
        let is_left = |item: &&Arc<Item>| {
            item.status == ItemStatus::Completed
                && item.as_call().is_some_and(|call| {
                    call.runner == Runner::Caller && open.get(&call.call_id) == Some(&None)
                })
        };
        if let Some(call) = history.iter().find(is_left).and_then(|item| item.as_call()) {
            return Some(lone(0, &call.call_id, Lacks::Output));
        }
    }
    open.into_iter()
        .filter_map(|(call_id, place)| Some((place?, call_id)))
        .min_by_key(|(place, _)| *place)
        .map(|(place, call_id)| lone(place, call_id, Lacks::Output))
}

/// The items that a model is to read now, in their order; those from `own` on are of the run that asks.
/// Left out are calls without output, outputs without call, and those turns of a model that came to
/// nothing: they were, or are now, asked for again, or hold neither text nor a call that counts.
pub fn counted<'a>(items: &[&'a Arc<Item>], own: usize) -> Vec<&'a Arc<Item>> {
    let mut keep: Vec<bool> = items
        .iter()
        .map(|item| !is_half(item) && item.body.is_for_the_model())
        .collect();
    for (call, output) in pairs(items) {
        for place in [call, output] {
            if let Some(slot) = keep.get_mut(place) {
                *slot = true;
            }
        }
    }
    for turn in turns(items) {
        if came_to_nothing(items, own, &keep, turn.clone()) {
            keep.get_mut(turn).unwrap_or_default().fill(false);
        }
    }
    items
        .iter()
        .zip(keep)
        .filter(|(_, keep)| *keep)
        .map(|(item, _)| *item)
        .collect()
}

/// Where each call and its output stand. An output belongs to the last open call of its name before it.
pub(super) fn pairs(items: &[&Arc<Item>]) -> Vec<(usize, usize)> {
    let mut open: HashMap<&CallId, usize> = HashMap::new();
    let mut pairs = Vec::new();
    for (place, item) in items.iter().enumerate() {
        match &item.body {
            ItemBody::FunctionCall(call) => {
                open.insert(&call.call_id, place);
            }
            ItemBody::FunctionCallOutput(output) => {
                pairs.extend(open.remove(&output.call_id).map(|call| (call, place)));
            }
            _ => {}
        }
    }
    pairs
}

/// Whether two items come from one turn of a model, its tool outputs included.
pub(super) fn same_turn(one: &Item, other: &Item) -> bool {
    one.turn > 0 && one.turn == other.turn && one.id.parent == other.id.parent
}

/// The stretches that one turn of a model made.
fn turns(items: &[&Arc<Item>]) -> Vec<Range<usize>> {
    let mut turns: Vec<Range<usize>> = Vec::new();
    let mut before: Option<&Arc<Item>> = None;
    for (place, item) in items.iter().enumerate() {
        match turns.last_mut() {
            Some(turn) if before.is_some_and(|before| same_turn(before, item)) => {
                turn.end = place + 1;
            }
            _ if item.turn > 0 => turns.push(place..place + 1),
            _ => {}
        }
        before = Some(item);
    }
    turns
}

fn came_to_nothing(items: &[&Arc<Item>], own: usize, keep: &[bool], turn: Range<usize>) -> bool {
    let stretch = items.get(turn.clone()).unwrap_or_default();
    let kept = keep.get(turn.clone()).unwrap_or_default();
    let has_calls = stretch
        .iter()
        .zip(kept)
        .any(|(item, keep)| *keep && is_half(item));
    let asked_again = match (stretch.last(), items.get(turn.end)) {
        (Some(last), Some(next)) => last.id.parent == next.id.parent && next.turn > last.turn,
        (_, None) => turn.start >= own,
        (None, Some(_)) => false,
    };
    !has_calls && (asked_again || !stretch.iter().any(|item| item.says_something()))
}

fn is_half(item: &Item) -> bool {
    matches!(
        item.body,
        ItemBody::FunctionCall(_) | ItemBody::FunctionCallOutput(_)
    )
}
