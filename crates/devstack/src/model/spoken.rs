//! A turn as it is put into words on the wire: with ids, a finish reason and token counts, cut
//! by the limits of the request, and bent by those quirks that change what is said.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::directive::Orders;
use super::plan::{Turn, Wanted};
use super::quirk::Quirk;
use super::request::{ChatRequest, Stop};
use super::write::put;

/// A turn ready to be written, streamed or whole.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    pub(super) reasoning: Option<String>,
    pub(super) text: String,
    pub(super) refusal: Option<String>,
    pub(super) calls: Vec<SpokenCall>,
    pub(super) finish: Value,
    pub(super) usage: Usage,
}

#[derive(Clone, Debug)]
pub(super) struct SpokenCall {
    /// Absent under a quirk only.
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// Token counts; a token is four bytes, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) prompt: usize,
    /// Of these, those that were cached.
    pub(super) cached: usize,
    pub(super) completion: usize,
    pub(super) reasoning: usize,
}

impl Usage {
    pub(super) fn json(self) -> Value {
        let mut usage = json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        });
        if self.cached > 0 {
            let details = json!({"cached_tokens": self.cached});
            put(&mut usage, "prompt_tokens_details", details);
        }
        usage
    }
}

pub(super) fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

/// The tokens of the whole prompt: messages, calls in them, and tool schemas.
pub(super) fn prompt_tokens(request: &ChatRequest) -> usize {
    let messages: usize = request
        .messages
        .iter()
        .map(|message| {
            let calls = message.calls().iter();
            let calls =
                calls.map(|call| tokens(&call.function.name) + tokens(&call.function.arguments));
            4 + tokens(&message.text()) + calls.sum::<usize>()
        })
        .sum();
    let tools = request.tools().iter();
    let tools = tools.map(|tool| 8 + tokens(&tool.function.parameters.to_string()));
    messages + tools.sum::<usize>()
}

/// Puts a turn into words.
pub(super) fn speak(turn: Turn, request: &ChatRequest, orders: &Orders) -> Spoken {
    let mut text = turn.text;
    if let Some(count) = orders.deltas.filter(|_| turn.calls.is_empty()) {
        stretch(&mut text, count);
    }
    stop_at(&mut text, request.stop.as_ref());
    let calls = turn.calls.into_iter().enumerate();
    let calls = calls.map(|(at, call)| named(call, at, request)).collect();
    let mut spoken = Spoken {
        reasoning: turn.reasoning,
        text,
        refusal: turn.refusal,
        calls,
        finish: Value::Null,
        usage: Usage::default(),
    };
    let limit = match request.max_tokens {
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        None if orders.has(Quirk::LengthText) && spoken.calls.is_empty() => {
            spoken.reasoning.as_deref().map_or(0, tokens) + tokens(&spoken.text) / 2
        }
        None => usize::MAX,
    };
    let finish = match (cut(&mut spoken, limit), spoken.calls.is_empty()) {
        (Cut::Short, _) => "length",
        (Cut::Not, true) => "stop",
        (Cut::Not, false) => "tool_calls",
    };
    spoken.finish = json!(finish);
    spoken.usage = usage(&spoken, request);
    spoken.usage.cached = orders.cached.min(spoken.usage.prompt);
    for quirk in &orders.quirks {
        bend(&mut spoken, *quirk);
    }
    if let Some(finish) = &orders.finish {
        spoken.finish = json!(finish);
    }
    spoken
}

/// Whether a limit of tokens was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Not,
    Short,
}

/// Cuts a turn to so many tokens, in the order in which it is said.
fn cut(spoken: &mut Spoken, limit: usize) -> Cut {
    let mut left = limit;
    let mut is_cut = false;
    let texts = spoken.reasoning.iter_mut().chain([&mut spoken.text]);
    for text in texts.chain(&mut spoken.refusal) {
        is_cut |= cut_text(text, &mut left);
    }
    let mut calls = Vec::new();
    for mut call in std::mem::take(&mut spoken.calls) {
        let name = 8 + tokens(&call.name);
        is_cut |= left < name;
        if is_cut {
            break;
        }
        left -= name;
        is_cut |= cut_text(&mut call.arguments, &mut left);
        calls.push(call);
    }
    spoken.calls = calls;
    if is_cut { Cut::Short } else { Cut::Not }
}

/// Cuts a text to what is left of a limit, and takes it off; whether anything was lost.
fn cut_text(text: &mut String, left: &mut usize) -> bool {
    let wanted = tokens(text);
    if wanted <= *left {
        *left -= wanted;
        return false;
    }
    text.truncate(text.floor_char_boundary(left.saturating_mul(4)));
    *left = 0;
    true
}

fn usage(spoken: &Spoken, request: &ChatRequest) -> Usage {
    let reasoning = spoken.reasoning.as_deref().map_or(0, tokens);
    let calls = spoken.calls.iter();
    let calls: usize = calls
        .map(|call| 8 + tokens(&call.name) + tokens(&call.arguments))
        .sum();
    let refusal = spoken.refusal.as_deref().map_or(0, tokens);
    let completion = reasoning + tokens(&spoken.text) + refusal + calls;
    Usage {
        prompt: prompt_tokens(request),
        cached: 0,
        completion,
        reasoning,
    }
}

/// Repeats a text until it can be cut into that many pieces.
fn stretch(text: &mut String, pieces: usize) {
    let unit = if text.is_empty() {
        "word ".to_owned()
    } else {
        format!("{text} ")
    };
    while text.chars().count() < pieces {
        text.push_str(&unit);
    }
}

fn stop_at(text: &mut String, stop: Option<&Stop>) {
    let stops = match stop {
        None => return,
        Some(Stop::One(one)) => std::slice::from_ref(one),
        Some(Stop::Several(several)) => several.as_slice(),
    };
    let found = stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop));
    if let Some(end) = found.min() {
        text.truncate(end);
    }
}

/// Gives a call an id: the same request always gets the same one, and as a conversation grows
/// with each round, no two rounds share one.
fn named(call: Wanted, at: usize, request: &ChatRequest) -> SpokenCall {
    let mut hash = Fnv::new();
    for message in &request.messages {
        hash.add(message.role.as_bytes());
        hash.add(message.text().as_bytes());
        for earlier in message.calls() {
            hash.add(earlier.id.as_bytes());
        }
    }
    hash.add(&at.to_le_bytes());
    let id = Some(format!("call_{:016x}", hash.0));
    SpokenCall {
        id,
        name: call.name,
        arguments: call.arguments,
    }
}

/// FNV-1a over 64 bits: the same on every machine and in every build.
#[derive(Debug)]
pub(super) struct Fnv(pub(super) u64);

impl Fnv {
    pub(super) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Changes what is said as a quirk wants it. Quirks of form are the writers' affair.
fn bend(spoken: &mut Spoken, quirk: Quirk) {
    match quirk {
        Quirk::EmptyTurn => {
            spoken.text.clear();
            spoken.calls.clear();
            spoken.finish = json!("stop");
            spoken.usage.completion = spoken.usage.completion.max(12);
        }
        Quirk::LengthCall => {
            if let Some(call) = spoken.calls.last_mut() {
                call.arguments
                    .truncate(call.arguments.floor_char_boundary(call.arguments.len() / 2));
                spoken.finish = json!("length");
            }
        }
        Quirk::ReasoningInline => think_aloud(spoken, "<think>", "</think>"),
        Quirk::ReasoningMm => think_aloud(spoken, "<mm:think>", "</mm:think>"),
        Quirk::ReasoningCloseOnly => think_aloud(spoken, "", "</think>"),
        Quirk::LeakTagged | Quirk::LeakFunction | Quirk::LeakBare => leak(spoken, quirk),
        _ => {
            if !spoken.calls.is_empty() {
                bend_finish(spoken, quirk);
            }
            for call in &mut spoken.calls {
                bend_call(call, quirk);
            }
        }
    }
}

fn bend_finish(spoken: &mut Spoken, quirk: Quirk) {
    spoken.finish = match quirk {
        Quirk::FinishStop => json!("stop"),
        Quirk::FinishNull => Value::Null,
        Quirk::FinishEmpty => json!(""),
        Quirk::FinishEndTurn => json!("end_turn"),
        Quirk::FinishFunctionCall => json!("function_call"),
        _ => return,
    };
}

fn bend_call(call: &mut SpokenCall, quirk: Quirk) {
    match quirk {
        Quirk::ArgumentsCut => "{\"value\": ".clone_into(&mut call.arguments),
        Quirk::ArgumentsSpliced => call.arguments = call.arguments.repeat(2),
        Quirk::ArgumentsTrailer => call.arguments.push_str("<|call|>"),
        Quirk::ArgumentsQuotes => call.arguments = call.arguments.replace('"', "'"),
        Quirk::MissingIds => call.id = None,
        Quirk::DuplicateIds => call.id = Some("call_0".to_owned()),
        Quirk::PrefixedNames => call.name = format!("functions.{}", call.name),
        Quirk::CapitalNames => call.name = call.name.to_uppercase(),
        Quirk::NamespacedNames => call.name = format!("tools__{}", call.name),
        _ => {}
    }
}

fn think_aloud(spoken: &mut Spoken, open: &str, close: &str) {
    if let Some(reasoning) = spoken.reasoning.take() {
        spoken.text = format!("{open}{reasoning}{close}\n\n{}", spoken.text);
    }
}

/// Writes the calls into the text, in the form of a model whose parser missed them.
fn leak(spoken: &mut Spoken, quirk: Quirk) {
    for call in spoken.calls.drain(..) {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let object = json!({"name": call.name, "arguments": arguments});
        match quirk {
            Quirk::LeakTagged => {
                spoken.text.push_str("<tool_call>\n");
                spoken.text.push_str(&object.to_string());
                spoken.text.push_str("\n</tool_call>");
            }
            Quirk::LeakFunction => spoken.text.push_str(&function_tags(&call.name, &arguments)),
            _ => spoken.text.push_str(&object.to_string()),
        }
    }
    spoken.finish = json!("stop");
}

fn function_tags(name: &str, arguments: &Value) -> String {
    let mut text = format!("<function={name}>\n");
    for (name, value) in arguments.as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(text, "<parameter={name}>\n{value}\n</parameter>\n");
    }
    text + "</function>\n</tool_call>"
}
