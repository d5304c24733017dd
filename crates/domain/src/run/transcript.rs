//! What the model gets to read: history and own items, each output behind its call, trimmed to fit
//! the model's context without ever parting a call from its output.

use std::collections::HashMap;
use std::sync::Arc;

use crate::item::{CallId, Item, ItemBody, Message, Part, Role};
use crate::spec::ResponseSpec;
use crate::tool::ToolSpec;

impl Item {
    /// Whether it is an item of the output: whatever a model writes, but not what tools answer.
    pub fn is_output(&self) -> bool {
        !matches!(self.body, ItemBody::FunctionCallOutput(_))
    }

    /// The call it is, if it is one.
    pub fn as_call(&self) -> Option<&crate::item::FunctionCall> {
        match &self.body {
            ItemBody::FunctionCall(call) => Some(call),
            ItemBody::Message(_) | ItemBody::Reasoning(_) | ItemBody::FunctionCallOutput(_) => None,
        }
    }

    /// Whether it is a message with anything in it.
    pub(super) fn says_something(&self) -> bool {
        match &self.body {
            ItemBody::Message(message) => message.content.iter().any(|part| match part {
                Part::Text(text) => !text.trim().is_empty(),
                Part::Image { .. } | Part::Other(_) => true,
            }),
            ItemBody::Reasoning(_)
            | ItemBody::FunctionCall(_)
            | ItemBody::FunctionCallOutput(_) => false,
        }
    }

    fn is_instruction(&self) -> bool {
        matches!(
            &self.body,
            ItemBody::Message(Message {
                role: Role::System | Role::Developer,
                ..
            })
        )
    }
}

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
    let offered: usize = tools
        .iter()
        .map(|tool| {
            text_tokens(tool.parameters.as_str())
                + tool.description.as_deref().map_or(0, text_tokens)
        })
        .sum();
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

fn item_tokens(item: &Item) -> usize {
    let content = match &item.body {
        ItemBody::Message(message) => message.content.iter().map(part_tokens).sum(),
        ItemBody::Reasoning(reasoning) => text_tokens(&reasoning.text),
        ItemBody::FunctionCall(call) => text_tokens(&call.name) + text_tokens(&call.arguments),
        ItemBody::FunctionCallOutput(output) => text_tokens(&output.output),
    };
    content + ITEM_TOKENS
}

fn part_tokens(part: &Part) -> usize {
    match part {
        Part::Text(text) => text_tokens(text),
        Part::Image { .. } => IMAGE_TOKENS,
        Part::Other(json) => text_tokens(json.as_str()).min(IMAGE_TOKENS),
    }
}

/// History and own items as the model is to read them, about `budget` tokens long. Calls without
/// output and outputs without call are left out. When it is too long the oldest goes first, a call always
/// together with its output; instructions, the caller's last message and what came after it stay. What
/// must stay may still be longer than the budget: the model server has the last word on that.
pub fn fit(history: &[Arc<Item>], own: &[Arc<Item>], budget: usize) -> Vec<Arc<Item>> {
    let mut items: Vec<&Arc<Item>> = history.iter().chain(own).collect();
    if items
        .iter()
        .any(|item| !matches!(item.body, ItemBody::Message(_)))
    {
        items = paired(&items);
    }
    let total: usize = items.iter().map(|item| item_tokens(item)).sum();
    if total <= budget {
        return items.into_iter().cloned().collect();
    }
    let blocks = blocks(&items);
    let kept_from = last_user_message(&items);
    let mut over = total - budget;
    let mut dropped = vec![false; items.len()];
    // First what is older than the caller's last message, then the tool rounds since, but for the last.
    let older = blocks.iter().filter(|(_, end)| *end <= kept_from);
    let rounds: Vec<_> = blocks
        .iter()
        .filter(|(start, _)| *start > kept_from)
        .collect();
    let older_rounds = rounds.iter().take(rounds.len().saturating_sub(1)).copied();
    for &(start, end) in older.chain(older_rounds) {
        if over == 0 {
            break;
        }
        for (item, slot) in items.iter().zip(dropped.iter_mut()).take(end).skip(start) {
            if !item.is_instruction() {
                *slot = true;
                over = over.saturating_sub(item_tokens(item));
            }
        }
    }
    items
        .into_iter()
        .zip(dropped)
        .filter(|(_, dropped)| !dropped)
        .map(|(item, _)| Arc::clone(item))
        .collect()
}

/// The items without calls that have no output and outputs that have no call, and each output moved
/// nowhere: order stays.
fn paired<'a>(items: &[&'a Arc<Item>]) -> Vec<&'a Arc<Item>> {
    let pairs = pairs(items);
    let mut keep = vec![true; items.len()];
    for (slot, item) in keep.iter_mut().zip(items) {
        *slot = matches!(item.body, ItemBody::Message(_) | ItemBody::Reasoning(_));
    }
    for (call, output) in pairs {
        for place in [call, output] {
            if let Some(slot) = keep.get_mut(place) {
                *slot = true;
            }
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
fn pairs(items: &[&Arc<Item>]) -> Vec<(usize, usize)> {
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
            ItemBody::Message(_) | ItemBody::Reasoning(_) => {}
        }
    }
    pairs
}

/// The items as stretches `start..end` that go or stay together: whatever lies between a call and its
/// output, and all that one turn made.
fn blocks(items: &[&Arc<Item>]) -> Vec<(usize, usize)> {
    let mut reach: Vec<usize> = (1..=items.len()).collect();
    for (call, output) in pairs(items) {
        if let Some(end) = reach.get_mut(call) {
            *end = (*end).max(output + 1);
        }
    }
    let mut blocks: Vec<(usize, usize)> = Vec::new();
    for (place, (item, &end)) in items.iter().zip(&reach).enumerate() {
        let same_turn = item.turn > 0
            && place
                .checked_sub(1)
                .and_then(|before| items.get(before))
                .is_some_and(|before| {
                    before.turn == item.turn && before.id.parent == item.id.parent
                });
        match blocks.last_mut() {
            Some(last) if place < last.1 || same_turn => last.1 = last.1.max(end),
            _ => blocks.push((place, end)),
        }
    }
    blocks
}

fn last_user_message(items: &[&Arc<Item>]) -> usize {
    let is_user = |item: &&Arc<Item>| matches!(&item.body, ItemBody::Message(message) if message.role == Role::User);
    items.iter().rposition(is_user).unwrap_or(0)
}
