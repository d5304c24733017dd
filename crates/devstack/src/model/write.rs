//! A spoken turn as chat-completions JSON: whole, or as the frames of a stream, in whichever
//! form a quirk gives it.

use bytes::Bytes;
use serde_json::{Value, json};

use super::directive::Orders;
use super::quirk::Quirk;
use super::spoken::{Spoken, SpokenCall};

/// All answers are from the same second: the model is deterministic.
pub(super) const CREATED: u64 = 1_767_225_600;

/// How many bytes of arguments go into one delta.
const FRAGMENT: usize = 12;

/// What a writer needs to know besides the turn.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) id: String,
    pub(super) model: &'a str,
    pub(super) orders: &'a Orders,
    pub(super) include_usage: bool,
}

impl Writer<'_> {
    /// The answer as one JSON object.
    pub(super) fn whole(&self, spoken: &Spoken) -> Value {
        let mut message = json!({"role": "assistant", "content": spoken.text});
        if spoken.text.is_empty() && !spoken.calls.is_empty() {
            put(&mut message, "content", Value::Null);
        }
        if let Some(refusal) = &spoken.refusal {
            put(&mut message, "content", Value::Null);
            put(&mut message, "refusal", json!(refusal));
        }
        if let Some(reasoning) = &spoken.reasoning {
            put(&mut message, self.reasoning_field(), json!(reasoning));
        }
        if !spoken.calls.is_empty() {
            put(
                &mut message,
                "tool_calls",
                spoken
                    .calls
                    .iter()
                    .map(|call| self.whole_call(call, None))
                    .collect(),
            );
        }
        let mut answer = json!({
            "id": self.id, "object": "chat.completion", "created": CREATED, "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": spoken.finish}],
        });
        if !self.orders.has(Quirk::UsageAbsent) {
            put(&mut answer, "usage", spoken.usage.json());
        }
        answer
    }

    /// The answer as frames, the closing mark included.
    pub(super) fn frames(&self, spoken: &Spoken) -> Vec<Bytes> {
        let mut deltas = vec![json!({"role": "assistant", "content": ""})];
        if let Some(reasoning) = &spoken.reasoning {
            let field = self.reasoning_field();
            deltas.extend(words(reasoning).map(|piece| json!({ field: piece })));
        }
        let repeats = if self.orders.has(Quirk::DoubledText) {
            2
        } else {
            1
        };
        for _ in 0..repeats {
            let pieces = pieces(&spoken.text, self.orders.deltas);
            deltas.extend(pieces.into_iter().map(|piece| json!({"content": piece})));
        }
        let refusal = spoken.refusal.as_deref().unwrap_or_default();
        deltas.extend(words(refusal).map(|piece| json!({"refusal": piece})));
        for (at, call) in spoken.calls.iter().enumerate() {
            deltas.extend(self.call_deltas(call, at));
        }
        let count = deltas.len();
        let mut frames: Vec<Bytes> = deltas
            .into_iter()
            .enumerate()
            .map(|(at, delta)| {
                let part = (at + 1) * spoken.usage.completion / count;
                self.chunk(&json!([choice(&delta, &Value::Null)]), spoken, part)
            })
            .collect();
        self.close(spoken, &mut frames);
        frames
    }

    /// The finish reason, the usage and the closing mark, or what a quirk puts there.
    fn close(&self, spoken: &Spoken, frames: &mut Vec<Bytes>) {
        let orders = self.orders;
        if orders.has(Quirk::EndWithoutMark) {
            return;
        }
        if orders.has(Quirk::ErrorInStream) {
            let error = json!({"error": {"message": "the engine died", "code": 500}});
            frames.push(frame(&error));
            return;
        }
        if orders.has(Quirk::LastChunkBroken) {
            frames.push(Bytes::from_static(
                b"data: {\"id\":\"chatcmpl-x\",\"choices\":[{\"del\n\n",
            ));
            return;
        }
        let all = spoken.usage.completion;
        frames.push(self.chunk(&json!([choice(&json!({}), &spoken.finish)]), spoken, all));
        let wanted = self.include_usage && !orders.has(Quirk::UsageAbsent);
        if wanted && !orders.has(Quirk::UsageEverywhere) {
            let mut last = self.envelope(&json!([]));
            put(&mut last, "usage", spoken.usage.json());
            frames.push(frame(&last));
        }
        if !orders.has(Quirk::NoDone) {
            frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
        }
    }

    fn chunk(&self, choices: &Value, spoken: &Spoken, completion: usize) -> Bytes {
        let mut chunk = self.envelope(choices);
        if self.orders.has(Quirk::UsageEverywhere) {
            let mut usage = spoken.usage;
            usage.completion = completion;
            put(&mut chunk, "usage", usage.json());
        }
        frame(&chunk)
    }

    fn envelope(&self, choices: &Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": CREATED,
            "model": self.model, "choices": choices,
        })
    }

    fn reasoning_field(&self) -> &'static str {
        if self.orders.has(Quirk::ReasoningField) {
            "reasoning"
        } else {
            "reasoning_content"
        }
    }

    /// One call as one object.
    fn whole_call(&self, call: &SpokenCall, index: Option<usize>) -> Value {
        let mut function = json!({"name": call.name});
        if let Some(arguments) = self.arguments(call) {
            put(&mut function, "arguments", arguments);
        }
        let mut object = json!({"type": "function", "function": function});
        put_some(&mut object, "index", index);
        put_some(&mut object, "id", call.id.as_deref());
        object
    }

    /// Arguments as they stand in an answer: text, unless a quirk wants otherwise.
    fn arguments(&self, call: &SpokenCall) -> Option<Value> {
        let has = |quirk| self.orders.has(quirk);
        if call.arguments == "{}" {
            if has(Quirk::AbsentArguments) {
                return None;
            }
            if has(Quirk::NullArguments) {
                return Some(Value::Null);
            }
            if has(Quirk::EmptyArguments) {
                return Some(json!(""));
            }
        }
        if has(Quirk::ObjectArguments)
            && let Ok(object) = serde_json::from_str(&call.arguments)
        {
            return Some(object);
        }
        Some(json!(call.arguments))
    }

    /// One call as deltas: its name first, then its arguments in fragments, unless a quirk says
    /// that it comes whole.
    fn call_deltas(&self, call: &SpokenCall, at: usize) -> Vec<Value> {
        let has = |quirk| self.orders.has(quirk);
        let at = if has(Quirk::IndexZero) || has(Quirk::CollidingIndex) {
            0
        } else {
            at
        };
        let index = Some(at).filter(|_| !has(Quirk::NoIndex));
        let comes_whole = has(Quirk::WholeCall)
            || has(Quirk::IndexZero)
            || has(Quirk::ObjectArguments)
            || call.arguments == "{}";
        if comes_whole {
            return vec![json!({"tool_calls": [self.whole_call(call, index)]})];
        }
        let mut head = json!({
            "type": "function", "function": {"name": call.name, "arguments": ""},
        });
        put_some(&mut head, "index", index);
        put_some(&mut head, "id", call.id.as_deref());
        let mut deltas = vec![json!({"tool_calls": [head]})];
        if !has(Quirk::LostArguments) {
            let fragments = fragments(&call.arguments).into_iter();
            deltas.extend(fragments.map(|piece| self.fragment(call, index, piece)));
        }
        deltas
    }

    fn fragment(&self, call: &SpokenCall, index: Option<usize>, piece: &str) -> Value {
        let mut function = json!({"arguments": piece});
        let mut object = json!({});
        if !self.orders.has(Quirk::MixedIndex) {
            put_some(&mut object, "index", index);
        }
        if self.orders.has(Quirk::RepeatedNames) {
            put_some(&mut object, "id", call.id.as_deref());
            put(&mut object, "type", json!("function"));
            put(&mut function, "name", json!(call.name));
        } else if self.orders.has(Quirk::EmptyIds) {
            put(&mut object, "id", json!(""));
            put(&mut function, "name", Value::Null);
        }
        put(&mut object, "function", function);
        json!({"tool_calls": [object]})
    }
}

/// Sets a member of an object.
pub(super) fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

/// Sets a member of an object, if there is something to set.
fn put_some(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(object, name, value.into());
    }
}

fn choice(delta: &Value, finish: &Value) -> Value {
    json!({"index": 0, "delta": delta, "finish_reason": finish})
}

/// One event of the stream.
pub(super) fn frame(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// A text as pieces: word by word, or in exactly that many pieces of about the same length.
fn pieces(text: &str, count: Option<usize>) -> Vec<&str> {
    let Some(count) = count else {
        return words(text).collect();
    };
    let starts: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let characters = starts.len() - 1;
    let start = |piece: usize| starts.get(piece * characters / count).copied().unwrap_or(0);
    (0..count)
        .filter_map(|piece| text.get(start(piece)..start(piece + 1)))
        .collect()
}

fn fragments(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut fragments = Vec::new();
    while !rest.is_empty() {
        let end = rest.ceil_char_boundary(FRAGMENT);
        let (piece, left) = rest.split_at(end);
        fragments.push(piece);
        rest = left;
    }
    fragments
}
