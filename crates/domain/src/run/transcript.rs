//! What the model gets to read: history and own items, trimmed to fit the model's context without
//! ever parting a call from its output.

use std::ops::Range;
use std::sync::Arc;

use super::pairs::{counted, pairs, same_turn};
use crate::item::{Item, ItemBody, Part, Role};
use crate::ports::llm::ModelTurn;
use crate::spec::ResponseSpec;
use crate::tool::ToolSpec;

/// Tokens kept free for the answer when the caller sets no limit.
const ANSWER_TOKENS: u32 = 4_096;
/// What a message costs besides its text.
const ITEM_TOKENS: usize = 8;
/// What a picture costs, whatever its address looks like.
const IMAGE_TOKENS: usize = 1_024;

/// The tokens that the transcript may fill.
pub(super) fn budget(spec: &ResponseSpec, tools: &[Arc<ToolSpec>], context_tokens: u32) -> usize {
    let answer = spec
        .controls
        .max_tokens
        .unwrap_or(ANSWER_TOKENS)
        .min(context_tokens / 2);
    let offered: usize = tools.iter().map(|tool| tool_tokens(tool)).sum();
    let prompt = spec.system_prompt.as_deref().map_or(0, text_tokens);
    usize::try_from(context_tokens.saturating_sub(answer))
        .unwrap_or(usize::MAX)
        .saturating_sub(offered + prompt)
}

/// About how many tokens `text` is: a quarter of its ASCII bytes and half of the others.
fn text_tokens(text: &str) -> usize {
    if text.is_ascii() {
        return text.len() / 4 + 1;
    }
    let ascii = text.bytes().filter(u8::is_ascii).count();
    ascii / 4 + (text.len() - ascii) / 2 + 1
}

/// About how many tokens a model reads for a question.
pub fn estimate(turn: &ModelTurn) -> u64 {
    let offered = turn.tools.iter().map(|tool| tool_tokens(tool));
    let prompt = turn.spec.system_prompt.as_deref().map_or(0, text_tokens);
    let said = turn.transcript.iter().map(|item| item_tokens(item));
    let all = said.chain(offered).sum::<usize>() + prompt;
    u64::try_from(all).unwrap_or(u64::MAX)
}

fn tool_tokens(tool: &ToolSpec) -> usize {
    text_tokens(tool.parameters.as_str()) + tool.description.as_deref().map_or(0, text_tokens)
}

fn item_tokens(item: &Item) -> usize {
    let content = match &item.body {
        ItemBody::Message(message) => message.content.iter().map(part_tokens).sum(),
        ItemBody::Reasoning(reasoning) => text_tokens(&reasoning.text),
        ItemBody::FunctionCall(call) => text_tokens(&call.name) + text_tokens(&call.arguments),
        ItemBody::FunctionCallOutput(output) => {
            let others = output
                .parts
                .iter()
                .filter(|part| !matches!(part, Part::Text(_)));
            text_tokens(&output.output) + others.map(part_tokens).sum::<usize>()
        }
        ItemBody::Compaction(compaction) => text_tokens(&compaction.text),
        ItemBody::ApprovalResponse(_) | ItemBody::ToolList(_) | ItemBody::Foreign(_) => 0,
    };
    content + ITEM_TOKENS
}

fn part_tokens(part: &Part) -> usize {
    match part {
        Part::Text(text) | Part::Refusal(text) => text_tokens(text),
        Part::Image { .. } => IMAGE_TOKENS,
        Part::File(file) => file.data.as_deref().map_or(IMAGE_TOKENS, text_tokens),
        Part::Other(json) => text_tokens(json.as_str()).min(IMAGE_TOKENS),
    }
}

/// History and own items as the model is to read them, about `budget` tokens long. What does not count
/// is left out: calls without output, outputs without call, turns that came to nothing. When it is too
/// long, whole exchanges go, the oldest first, then the rounds of calls since the caller's last message,
/// oldest first; instructions, the caller's last message and the last round stay. What must stay may
/// still be longer than the budget: the model server has the last word on that.
pub fn fit(history: &[Arc<Item>], own: &[Arc<Item>], budget: usize) -> Vec<Arc<Item>> {
    let mut items: Vec<&Arc<Item>> = history.iter().chain(own).collect();
    if items
        .iter()
        .any(|item| item.turn > 0 || item.as_message().is_none())
    {
        items = counted(&items, history.len());
    }
    let total: usize = items.iter().map(|item| item_tokens(item)).sum();
    match total.checked_sub(budget) {
        None | Some(0) => items.into_iter().cloned().collect(),
        Some(over) => trimmed(&items, over),
    }
}

fn trimmed(items: &[&Arc<Item>], mut over: usize) -> Vec<Arc<Item>> {
    let asked = items.iter().rposition(|item| speaks(item, &[Role::User]));
    let units = units(items, asked);
    let older = units
        .iter()
        .filter(|unit| asked.is_some_and(|asked| unit.end <= asked));
    let since: Vec<_> = units
        .iter()
        .filter(|unit| asked.is_none_or(|asked| unit.start > asked))
        .collect();
    let rounds = since.iter().take(since.len().saturating_sub(1)).copied();
    let mut keep = vec![true; items.len()];
    for unit in older.chain(rounds) {
        if over == 0 {
            break;
        }
        let slots = keep.get_mut(unit.clone()).unwrap_or_default();
        let stretch = items.get(unit.clone()).unwrap_or_default();
        for (item, slot) in stretch.iter().zip(slots) {
            if !speaks(item, &[Role::System, Role::Developer]) {
                *slot = false;
                over = over.saturating_sub(item_tokens(item));
            }
        }
    }
    items
        .iter()
        .zip(keep)
        .filter(|(_, keep)| *keep)
        .map(|(item, _)| Arc::clone(item))
        .collect()
}

/// The items as stretches that go or stay together: whatever lies between a call and its output, all
/// that one turn made, and, before the item `asked`, a message of the caller with all that answers it.
fn units(items: &[&Arc<Item>], asked: Option<usize>) -> Vec<Range<usize>> {
    let mut reach = vec![0; items.len()];
    for (call, output) in pairs(items) {
        if let Some(end) = reach.get_mut(call) {
            *end = output + 1;
        }
    }
    let mut units: Vec<Range<usize>> = Vec::new();
    let mut covered = 0;
    let mut before: Option<&Arc<Item>> = None;
    for (place, (item, end)) in items.iter().zip(reach).enumerate() {
        let is_answer = !speaks(item, &[Role::User])
            && asked.is_some_and(|asked| place < asked && end <= asked);
        let belongs =
            place < covered || is_answer || before.is_some_and(|before| same_turn(before, item));
        match units.last_mut() {
            Some(unit) if belongs => unit.end = place + 1,
            _ => units.push(place..place + 1),
        }
        covered = covered.max(end);
        before = Some(item);
    }
    units
}

fn speaks(item: &Item, roles: &[Role]) -> bool {
    item.as_message()
        .is_some_and(|message| roles.contains(&message.role))
}

#[cfg(test)]
mod trimming;
