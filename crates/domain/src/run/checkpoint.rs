//! What a run leaves behind at each step, and how another process goes on from there.

use std::sync::Arc;

use super::limits::{Rules, narrow};
use super::repair::Streak;
use super::{Closing, Known, PendingCall, Phase, Run, abandon};
use crate::event::Event;
use crate::item::Item;
use crate::ports::queue::Standing;
use crate::response::Response;
use crate::time::Timestamp;

/// What a later process needs to go on with a run, besides the response and its items. The tools are not in
/// it: whoever goes on lists them anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The model turn that was being asked, or is asked next, from 1.
    pub next_turn: u16,
    /// Whether the model may still ask for tools.
    pub closing: Closing,
    /// The faults of the last turn.
    pub streak: Streak,
    /// The tokens that fit into the model's context; 0 before it was asked for.
    pub context_tokens: u32,
    /// The calls of the round under way; empty when the model is to be asked.
    pub calls: Vec<PendingCall>,
}

/// What a run is taken up with.
#[derive(Debug, Clone)]
pub struct Resumption<'a> {
    /// How its response stands.
    pub standing: &'a Standing,
    /// The limits it keeps to.
    pub rules: Rules,
    /// The items before it.
    pub history: Arc<[Arc<Item>]>,
    /// The items of the response itself.
    pub own: Vec<Arc<Item>>,
    /// Now.
    pub at: Timestamp,
}

impl Run {
    /// What a later process goes on from; none when the run has ended.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let (next_turn, calls) = match &self.phase {
            Phase::New | Phase::Tools => (self.turn.saturating_add(1), Vec::new()),
            Phase::Model => (self.turn, Vec::new()),
            Phase::Calls(calls) => (self.turn.saturating_add(1), calls.clone()),
            Phase::Ended(_) => return None,
        };
        Some(Checkpoint {
            next_turn,
            closing: self.closing,
            streak: self.streak.clone(),
            context_tokens: self.context_tokens,
            calls,
        })
    }

    /// The run of a response that waited in the queue, and the events that close what a lost process left
    /// open. What such a process had told of a turn is kept, and the turn is asked again.
    pub fn resume(resumption: Resumption<'_>) -> (Self, Vec<Event>) {
        let Resumption {
            standing,
            rules,
            history,
            mut own,
            at,
        } = resumption;
        let response: &Response = &standing.response;
        let left = abandon::left_behind(standing);
        for item in left.items {
            // A turn that broke off may have been written before the step that ends with it.
            if own.iter().all(|known| known.id != item.id) {
                own.push(item);
            }
        }
        let asked = standing.checkpoint.as_ref().map_or(1, |it| it.next_turn);
        // Each turn has a number of its own, also one that came to nothing.
        let turn = own
            .iter()
            .map(|item| item.turn)
            .fold(asked.saturating_sub(1), u16::max);
        let settled = own.len();
        let mut run = Self {
            response: response.id,
            spec: Arc::clone(&response.spec),
            rules,
            history,
            own,
            tools: Arc::from([]),
            listing: Known::Due,
            context_tokens: 0,
            progress: response.progress.clone(),
            phase: Phase::New,
            streak: Streak::default(),
            closing: Closing::No,
            settled,
            turn,
            turn_started: at,
        };
        if let Some(checkpoint) = standing.checkpoint.clone() {
            run.closing = checkpoint.closing;
            run.streak = checkpoint.streak;
            run.context_tokens = checkpoint.context_tokens;
            run.phase = if checkpoint.calls.is_empty() {
                Phase::Tools
            } else {
                Phase::Calls(checkpoint.calls)
            };
        }
        (run, left.events)
    }

    /// How many items the response has.
    pub(super) fn length(&self) -> u32 {
        narrow(self.own.len())
    }
}
