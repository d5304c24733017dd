//! Which items of a transcript become which message, before a byte is written.

use std::ops::Range;
use std::sync::Arc;

use response_domain::item::{CallId, FunctionCall, Item, ItemBody, Message, Part, Role};
use response_domain::ports::llm::ModelTurn;
use response_domain::tool::ToolSpec;

use crate::concession::{Concession, Concessions};

/// The messages of a request, as places in the transcript.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) prompt: Option<&'a str>,
    pub(super) items: &'a [Arc<Item>],
    /// The tools on offer.
    pub(super) tools: &'a [Arc<ToolSpec>],
    pub(super) conceded: Concessions,
    pub(super) entries: Vec<Entry>,
    /// Calls that have an output, in order. The number of a call is its place here, from 1.
    links: Vec<Link>,
}

/// One message.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// The system prompt and the instructions among the items before the place.
    Instructions(usize),
    /// What a user, or an instruction in the middle, says; the items of that side in the range.
    Said(Side, Range<usize>),
    /// The same, with the instructions of the whole transcript before it.
    SaidUnderInstructions(Range<usize>),
    /// What a turn wrote: reasoning, text and calls in the range, and which of all calls those are.
    Written(Range<usize>, Range<usize>),
    /// The output of the call of this number.
    Output(usize, usize),
}

/// Whose words a message is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Instructions,
    User,
    Assistant,
}

impl Side {
    const fn of(role: Role) -> Self {
        match role {
            Role::System | Role::Developer => Self::Instructions,
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
        }
    }
}

#[derive(Debug)]
struct Link {
    call: usize,
    output: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn new(turn: &'a ModelTurn, conceded: Concessions) -> Self {
        let items = turn.transcript.as_slice();
        let mut plan = Self {
            prompt: turn.spec.system_prompt.as_deref(),
            items,
            tools: &turn.tools,
            conceded,
            entries: Vec::with_capacity(items.len() + 1),
            links: links(items),
        };
        plan.lay_out();
        plan
    }

    /// About how many bytes the messages take.
    pub(super) fn size(&self) -> usize {
        let items: usize = self.items.iter().map(|item| size(item) + 96).sum();
        items + self.prompt.map_or(0, str::len)
    }

    pub(super) fn has_calls(&self) -> bool {
        !self.links.is_empty()
    }

    /// Whether the model has said anything in it.
    pub(super) fn has_answers(&self) -> bool {
        let is_answer = |entry: &Entry| matches!(entry, Entry::Written(..));
        self.entries.iter().any(is_answer)
    }

    pub(super) fn sends_reasoning(&self) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Written(items, calls) => {
                self.carries_reasoning(calls) && self.reasoning(items).next().is_some()
            }
            _ => false,
        })
    }

    /// Whether a message with these calls takes its reasoning along.
    pub(super) fn carries_reasoning(&self, calls: &Range<usize>) -> bool {
        if self.conceded.has(Concession::EveryReasoning) {
            return true;
        }
        !calls.is_empty() && !self.conceded.has(Concession::NoReasoning)
    }

    pub(super) fn reasoning(&self, range: &Range<usize>) -> impl Iterator<Item = &'a str> {
        self.within(range)
            .iter()
            .filter_map(|item| match &item.body {
                ItemBody::Reasoning(reasoning) if !reasoning.text.is_empty() => {
                    Some(&*reasoning.text)
                }
                _ => None,
            })
    }

    /// What one side says in the range, message by message.
    pub(super) fn said(
        &self,
        side: Side,
        range: &Range<usize>,
    ) -> impl Iterator<Item = &'a [Part]> + Clone + use<'a> {
        self.within(range)
            .iter()
            .filter_map(move |item| match &item.body {
                ItemBody::Message(message) if Side::of(message.role) == side => {
                    Some(message.content.as_slice())
                }
                _ => None,
            })
    }

    /// The calls of these numbers (from 0), in order.
    pub(super) fn calls(
        &self,
        range: &Range<usize>,
    ) -> impl Iterator<Item = (usize, &'a FunctionCall)> {
        let links = self.links.get(range.clone()).unwrap_or_default();
        let calls = links
            .iter()
            .filter_map(|link| self.items.get(link.call)?.as_call());
        (range.start + 1..).zip(calls)
    }

    fn within(&self, range: &Range<usize>) -> &'a [Arc<Item>] {
        self.items.get(range.clone()).unwrap_or_default()
    }

    fn strict(&self) -> bool {
        self.conceded.has(Concession::StrictTurns) || self.conceded.has(Concession::NoSystemRole)
    }

    fn lay_out(&mut self) {
        let lead = self
            .items
            .iter()
            .take_while(|item| is_instruction(item))
            .count();
        let gathered = if self.strict() {
            self.items.len()
        } else {
            lead
        };
        let instructed = self.prompt.is_some()
            || self
                .items
                .iter()
                .take(gathered)
                .any(|item| is_instruction(item));
        let mut under = instructed && self.conceded.has(Concession::NoSystemRole);
        if instructed && !under {
            self.entries.push(Entry::Instructions(gathered));
        }
        let mut at = 0;
        while let Some(item) = self.items.get(at) {
            let mut end = at + 1;
            match &item.body {
                ItemBody::Message(Message { role, .. }) if *role != Role::Assistant => {
                    let side = Side::of(*role);
                    if side == Side::User {
                        end = self.end_of_user(at);
                        under = self.push_user(at..end, under);
                    } else if at >= gathered {
                        self.entries.push(Entry::Said(side, at..end));
                    }
                }
                ItemBody::FunctionCallOutput(_)
                | ItemBody::Compaction(_)
                | ItemBody::ApprovalResponse(_)
                | ItemBody::ToolList(_)
                | ItemBody::Foreign(_) => {}
                _ => {
                    end = self.end_of_written(at);
                    self.push_written(at..end);
                }
            }
            at = end;
        }
        if under {
            // No user ever spoke: the instructions are all there is to say.
            self.entries.insert(0, Entry::SaidUnderInstructions(0..0));
        }
    }

    fn push_user(&mut self, range: Range<usize>, under: bool) -> bool {
        self.entries.push(if under {
            Entry::SaidUnderInstructions(range)
        } else {
            Entry::Said(Side::User, range)
        });
        false
    }

    fn push_written(&mut self, range: Range<usize>) {
        let first = self.links.partition_point(|link| link.call < range.start);
        let last = self.links.partition_point(|link| link.call < range.end);
        let mut said = self.said(Side::Assistant, &range).flatten();
        let says_anything =
            said.any(|part| !matches!(part, Part::Text(text) if text.trim().is_empty()));
        if !says_anything && first == last {
            return;
        }
        self.entries.push(Entry::Written(range, first..last));
        for number in first..last {
            if let Some(link) = self.links.get(number) {
                self.entries.push(Entry::Output(number + 1, link.output));
            }
        }
    }

    /// Where a user stops speaking: after one message, or, for a server that wants turns, before
    /// anybody else speaks.
    fn end_of_user(&self, start: usize) -> usize {
        let mut end = start + 1;
        if !self.strict() {
            return end;
        }
        for (place, item) in self.items.iter().enumerate().skip(end) {
            match &item.body {
                ItemBody::Message(message) if message.role == Role::User => end = place + 1,
                ItemBody::Message(message) if message.role != Role::Assistant => {}
                _ => break,
            }
        }
        end
    }

    /// Where one assistant message ends. What a model wrote in one turn belongs together; of what a
    /// caller sent, reasoning begins a message, text follows it, and calls follow that.
    fn end_of_written(&self, start: usize) -> usize {
        let Some(first) = self.items.get(start) else {
            return start;
        };
        let mut stage = stage(first);
        let mut end = start + 1;
        for item in self.items.iter().skip(end) {
            let Some(next) = stage_of_written(item) else {
                break;
            };
            let same_turn =
                item.turn > 0 && item.turn == first.turn && item.id.parent == first.id.parent;
            let follows =
                item.turn == 0 && first.turn == 0 && (next > stage || next == Stage::Call);
            let merges = self.strict() && stage != Stage::Call;
            if !(same_turn || follows || merges) {
                break;
            }
            stage = if same_turn { stage.max(next) } else { next };
            end += 1;
        }
        end
    }
}

/// The parts of an assistant message, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Reasoning,
    Text,
    Call,
}

fn stage(item: &Item) -> Stage {
    stage_of_written(item).unwrap_or(Stage::Text)
}

fn stage_of_written(item: &Item) -> Option<Stage> {
    match &item.body {
        ItemBody::Reasoning(_) => Some(Stage::Reasoning),
        ItemBody::Message(message) if message.role == Role::Assistant => Some(Stage::Text),
        ItemBody::FunctionCall(_) => Some(Stage::Call),
        ItemBody::Message(_)
        | ItemBody::FunctionCallOutput(_)
        | ItemBody::Compaction(_)
        | ItemBody::ApprovalResponse(_)
        | ItemBody::ToolList(_)
        | ItemBody::Foreign(_) => None,
    }
}

fn is_instruction(item: &Item) -> bool {
    matches!(&item.body, ItemBody::Message(message) if Side::of(message.role) == Side::Instructions)
}

/// Pairs each output with the last open call of its name before it. What has no partner is left out:
/// no server takes a call without its output or an output without its call.
fn links(items: &[Arc<Item>]) -> Vec<Link> {
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

fn size(item: &Item) -> usize {
    match &item.body {
        ItemBody::Message(message) => message
            .content
            .iter()
            .map(|part| match part {
                Part::Text(text) | Part::Refusal(text) => text.len(),
                Part::File(file) => file.data.as_deref().map_or(0, str::len),
                Part::Image { url, .. } => url.len(),
                Part::Other(json) => json.as_str().len(),
            })
            .sum(),
        ItemBody::Reasoning(reasoning) => reasoning.text.len(),
        ItemBody::FunctionCall(call) => call.name.len() + call.arguments.len(),
        ItemBody::FunctionCallOutput(output) => output.output.len(),
        ItemBody::Compaction(compaction) => compaction.text.len(),
        ItemBody::ApprovalResponse(_) | ItemBody::ToolList(_) | ItemBody::Foreign(_) => 0,
    }
}
