//! Which items of a transcript become which message, before a byte is written.

use std::ops::Range;
use std::sync::Arc;

use response_domain::item::{
    FunctionCall, FunctionCallOutput, Item, ItemBody, Message, Part, Role,
};
use response_domain::ports::llm::ModelTurn;
use response_domain::tool::ToolSpec;

use super::file;
use super::links::{Link, links};
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
    /// An instruction in the middle, at the place.
    Instruction(usize),
    /// What a user says.
    User(UserTurn),
    /// What a turn wrote: reasoning, text and calls in the range, and which of all calls those are.
    Written(Range<usize>, Range<usize>),
    /// The output of the call of this number.
    Output(usize, usize),
}

/// What a user message is made of.
#[derive(Debug, Clone)]
pub(super) struct UserTurn {
    /// Whether the instructions of the whole transcript come first.
    pub(super) under: bool,
    /// The calls whose outputs were more than text, of which the rest is told here.
    pub(super) returned: Range<usize>,
    /// The items of which the user's are said.
    pub(super) said: Range<usize>,
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

/// What one item says in a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Speech<'a> {
    /// A message.
    Message(&'a [Part]),
    /// What went before comes down to this.
    Summary(&'a str),
    /// What the call of this number returned, of which the text is told elsewhere.
    Returned(usize, &'a FunctionCall, &'a [Part]),
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

    /// Whether there are files, and all of them seem to be text.
    pub(super) fn has_plain_files(&self) -> bool {
        let parts = self.items.iter().flat_map(|item| match &item.body {
            ItemBody::Message(message) => message.content.as_slice(),
            ItemBody::FunctionCallOutput(output) => output.parts.as_slice(),
            _ => &[],
        });
        let mut files = parts.filter_map(|part| match part {
            Part::File(file) if file::is_sent_whole(file) => Some(file),
            _ => None,
        });
        let mut has_any = false;
        files.all(|file| {
            has_any = true;
            file::seems_text(file)
        }) && has_any
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

    /// The reasoning in the range; of reasoning whose text nobody has, its summary.
    pub(super) fn reasoning(&self, range: &Range<usize>) -> impl Iterator<Item = &'a str> {
        let thoughts = self
            .within(range)
            .iter()
            .filter_map(|item| match &item.body {
                ItemBody::Reasoning(reasoning) => Some(reasoning),
                _ => None,
            });
        let texts = thoughts.flat_map(|thought| {
            let is_told = !thought.text.is_empty();
            let summary = thought.summary.iter().filter(move |_| !is_told);
            std::iter::once(&thought.text).chain(summary)
        });
        texts.map(|text| &**text).filter(|text| !text.is_empty())
    }

    /// What one side says in the range, item by item.
    pub(super) fn said(
        &self,
        side: Side,
        range: &Range<usize>,
    ) -> impl Iterator<Item = Speech<'a>> + Clone + use<'a> {
        self.within(range)
            .iter()
            .filter_map(move |item| match &item.body {
                ItemBody::Message(message) if Side::of(message.role) == side => {
                    Some(Speech::Message(message.content.as_slice()))
                }
                ItemBody::Compaction(compaction) if side == Side::User => {
                    Some(Speech::Summary(&compaction.text)).filter(|_| !is_silent(item))
                }
                _ => None,
            })
    }

    /// What the calls of these numbers (from 0) returned besides text.
    pub(super) fn returned(
        &self,
        range: &Range<usize>,
    ) -> impl Iterator<Item = Speech<'a>> + Clone + use<'a, '_> {
        let links = self.links.get(range.clone()).unwrap_or_default();
        (range.start + 1..).zip(links).filter_map(|(number, link)| {
            let call = self.items.get(link.call)?.as_call()?;
            let parts = self.output(link.output)?.parts.as_slice();
            let is_more = !parts.iter().all(|part| matches!(part, Part::Text(_)));
            is_more.then_some(Speech::Returned(number, call, parts))
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

    /// The output at this place.
    pub(super) fn output(&self, place: usize) -> Option<&'a FunctionCallOutput> {
        match &self.items.get(place)?.body {
            ItemBody::FunctionCallOutput(output) => Some(output),
            _ => None,
        }
    }

    fn within(&self, range: &Range<usize>) -> &'a [Arc<Item>] {
        self.items.get(range.clone()).unwrap_or_default()
    }

    fn strict(&self) -> bool {
        self.conceded.has(Concession::StrictTurns) || self.conceded.has(Concession::NoSystemRole)
    }

    fn lay_out(&mut self) {
        let leads = |item: &&Arc<Item>| is_instruction(item) || is_silent(item);
        let lead = self.items.iter().take_while(leads).count();
        let gathered = if self.strict() {
            self.items.len()
        } else {
            lead
        };
        let mut first = self.items.iter().take(gathered);
        let instructed = self.prompt.is_some() || first.any(|item| is_instruction(item));
        let mut under = instructed && self.conceded.has(Concession::NoSystemRole);
        if instructed && !under {
            self.entries.push(Entry::Instructions(gathered));
        }
        let mut at = 0;
        while let Some(item) = self.items.get(at) {
            let mut end = at + 1;
            match self.part(at, item) {
                Some(Voice::Instruction) if at >= gathered => self.push_instruction(at),
                Some(Voice::User) => self.push_user(0..0, at..end, &mut under),
                Some(Voice::Model(_)) => {
                    end = self.end_of_written(at);
                    self.push_written(at..end, &mut under);
                }
                Some(Voice::Instruction | Voice::Tool) | None => {}
            }
            at = end;
        }
        if under {
            // No user ever spoke: the instructions are all there is to say.
            let said = UserTurn {
                under,
                returned: 0..0,
                said: 0..0,
            };
            self.entries.insert(0, Entry::User(said));
        }
    }

    fn push_instruction(&mut self, at: usize) {
        match self.entries.last_mut() {
            // What stood between said nothing: it is all the beginning still.
            Some(Entry::Instructions(before)) => *before = at + 1,
            None => self.entries.push(Entry::Instructions(at + 1)),
            Some(_) => self.entries.push(Entry::Instruction(at)),
        }
    }

    fn push_user(&mut self, returned: Range<usize>, said: Range<usize>, under: &mut bool) {
        let strict = self.strict();
        match self.entries.last_mut() {
            Some(Entry::User(before)) if strict && returned.is_empty() => {
                if before.said.is_empty() {
                    before.said = said;
                } else {
                    before.said.end = said.end;
                }
            }
            _ => self.entries.push(Entry::User(UserTurn {
                under: std::mem::take(under),
                returned,
                said,
            })),
        }
    }

    fn push_written(&mut self, range: Range<usize>, under: &mut bool) {
        let first = self.links.partition_point(|link| link.call < range.start);
        let last = self.links.partition_point(|link| link.call < range.end);
        let says = |item: &Arc<Item>| {
            is_models(item) && item.as_message().is_some_and(Message::says_something)
        };
        if !self.within(&range).iter().any(says) && first == last {
            return;
        }
        let strict = self.strict();
        match self.entries.last_mut() {
            Some(Entry::Written(before, calls)) if strict && calls.start == calls.end => {
                before.end = range.end;
                *calls = first..last;
            }
            _ => self.entries.push(Entry::Written(range, first..last)),
        }
        let numbers = (first + 1..).zip(self.links.get(first..last).unwrap_or_default());
        let outputs = numbers.map(|(number, link)| Entry::Output(number, link.output));
        self.entries.extend(outputs);
        if self.returned(&(first..last)).next().is_some() {
            self.push_user(first..last, 0..0, under);
        }
    }

    /// Where one assistant message ends. What a model wrote in one turn belongs together; of what a
    /// caller sent, reasoning begins a message, text follows it, and calls follow that.
    fn end_of_written(&self, start: usize) -> usize {
        let Some((first, Some(Voice::Model(mut stage)))) = self
            .items
            .get(start)
            .map(|item| (item, self.part(start, item)))
        else {
            return start + 1;
        };
        let mut end = start + 1;
        for (place, item) in self.items.iter().enumerate().skip(end) {
            let next = match self.part(place, item) {
                Some(Voice::Model(next)) => next,
                None => continue,
                Some(_) => break,
            };
            let same_turn =
                item.turn > 0 && item.turn == first.turn && item.id.parent == first.id.parent;
            let follows =
                item.turn == 0 && first.turn == 0 && (next > stage || next == Stage::Call);
            if !(same_turn || follows) {
                break;
            }
            stage = if same_turn { stage.max(next) } else { next };
            end = place + 1;
        }
        end
    }

    /// Who speaks with the item at this place; none when there is nothing to hear.
    fn part(&self, place: usize, item: &Item) -> Option<Voice> {
        match &item.body {
            _ if is_silent(item) => None,
            ItemBody::Message(message) => Some(match Side::of(message.role) {
                Side::Instructions => Voice::Instruction,
                Side::User => Voice::User,
                Side::Assistant => Voice::Model(Stage::Text),
            }),
            ItemBody::Compaction(_) => Some(Voice::User),
            ItemBody::Reasoning(_) => Some(Voice::Model(Stage::Reasoning)),
            ItemBody::FunctionCall(_) => {
                let link = self.links.binary_search_by_key(&place, |link| link.call);
                link.is_ok().then_some(Voice::Model(Stage::Call))
            }
            ItemBody::FunctionCallOutput(_) => Some(Voice::Tool),
            ItemBody::ApprovalResponse(_) | ItemBody::ToolList(_) | ItemBody::Foreign(_) => None,
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Instruction,
    User,
    Model(Stage),
    Tool,
}

/// The parts of an assistant message, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Reasoning,
    Text,
    Call,
}

fn is_instruction(item: &Item) -> bool {
    let is = |message: &Message| Side::of(message.role) == Side::Instructions;
    item.as_message().is_some_and(is)
}

fn is_models(item: &Item) -> bool {
    let is = |message: &Message| message.role == Role::Assistant;
    item.as_message().is_some_and(is)
}

/// Whether an item is not for the model, or says nothing to it.
fn is_silent(item: &Item) -> bool {
    match &item.body {
        ItemBody::Compaction(compaction) => compaction.text.trim().is_empty(),
        body => !body.is_for_the_model(),
    }
}

fn size(item: &Item) -> usize {
    match &item.body {
        ItemBody::Message(message) => message.content.iter().map(size_of_part).sum(),
        ItemBody::Reasoning(reasoning) => reasoning.text.len(),
        ItemBody::FunctionCall(call) => call.name.len() + call.arguments.len(),
        ItemBody::FunctionCallOutput(output) => {
            output.output.len() + output.parts.iter().map(size_of_part).sum::<usize>()
        }
        ItemBody::Compaction(compaction) => compaction.text.len(),
        ItemBody::ApprovalResponse(_) | ItemBody::ToolList(_) | ItemBody::Foreign(_) => 0,
    }
}

fn size_of_part(part: &Part) -> usize {
    match part {
        Part::Text(text) | Part::Refusal(text) => text.len(),
        Part::Image { url, .. } => url.len(),
        Part::File(file) => file.data.as_deref().map_or(64, str::len),
        Part::Other(json) => json.as_str().len(),
    }
}
