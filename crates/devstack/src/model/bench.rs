//! The models of the benchmark. Their answers are rendered once, at the start, and a request is
//! only looked at as far as its model, its roles and its flags, so that a measurement through
//! the service measures the service.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::write::{CREATED, frame, put};
use crate::play::Step;

/// How many deltas `bench-slow` sends, one each second.
const SLOW_DELTAS: usize = 600;

/// How many rounds of calls `bench-tools-3` asks for.
const TOOL_ROUNDS: usize = 3;

/// The answers of all benchmark models.
#[derive(Debug)]
pub(super) struct Bench {
    plain: Answer,
    stream: Answer,
    slow: Answer,
    /// One call for each round.
    rounds: Vec<Answer>,
}

/// One answer in both forms.
#[derive(Clone, Debug)]
struct Answer {
    whole: Bytes,
    frames: Vec<Bytes>,
    /// The frame before the closing mark, sent only when usage is asked for.
    usage: Bytes,
    /// The pause before each frame but the first.
    pause: Option<Duration>,
}

/// What the benchmark models look at.
#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    stream: Option<bool>,
    stream_options: Option<GlanceOptions>,
    #[serde(borrow)]
    messages: Vec<GlanceMessage<'a>>,
}

#[derive(Deserialize)]
struct GlanceOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct GlanceMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
}

/// What to send.
pub(super) enum Benched {
    Whole(Bytes),
    /// A whole answer after a pause.
    Late(Duration, Bytes),
    Stream(Box<dyn Iterator<Item = Step>>),
}

impl Bench {
    pub(super) fn new() -> Self {
        let text = "A short answer.";
        let words: Vec<&str> = std::iter::repeat_n("word ", 64).collect();
        let slow: Vec<&str> = std::iter::repeat_n("word ", SLOW_DELTAS).collect();
        let mut slow = Answer::text("bench-slow", &slow);
        slow.pause = Some(Duration::from_secs(1));
        Self {
            plain: Answer::text("bench-plain", &[text]),
            stream: Answer::text("bench-stream-64", &words),
            slow,
            rounds: (1..=TOOL_ROUNDS).map(Answer::call).collect(),
        }
    }

    /// The answer to a request, if it is for a benchmark model.
    pub(super) fn answer(&self, body: &[u8]) -> Option<Benched> {
        memmem::find(body, b"\"bench-")?;
        let glance: Glance<'_> = serde_json::from_slice(body).ok()?;
        let answer = match glance.model.as_ref() {
            "bench-plain" => &self.plain,
            "bench-stream-64" => &self.stream,
            "bench-slow" => &self.slow,
            "bench-tools-3" => {
                let since = glance
                    .messages
                    .iter()
                    .rev()
                    .take_while(|m| m.role != "user");
                let done = since.filter(|message| message.role == "tool").count();
                self.rounds.get(done).unwrap_or(&self.plain)
            }
            _ => return None,
        };
        let include_usage = glance
            .stream_options
            .and_then(|options| options.include_usage)
            == Some(true);
        Some(match (glance.stream, answer.pause) {
            (Some(true), _) => Benched::Stream(answer.play(include_usage)),
            (_, Some(pause)) => {
                let deltas = u32::try_from(answer.frames.len()).unwrap_or(u32::MAX);
                Benched::Late(pause * deltas, answer.whole.clone())
            }
            _ => Benched::Whole(answer.whole.clone()),
        })
    }
}

impl Answer {
    fn text(model: &str, pieces: &[&str]) -> Self {
        let message = json!({"role": "assistant", "content": pieces.concat()});
        let mut deltas = vec![json!({"role": "assistant", "content": ""})];
        deltas.extend(pieces.iter().map(|piece| json!({"content": piece})));
        Self::new(model, &message, &deltas, "stop")
    }

    fn call(round: usize) -> Self {
        let function = |arguments: &str| json!({"name": "calculator", "arguments": arguments});
        let arguments = json!({"expression": format!("{round}+{round}")}).to_string();
        let id = format!("call_bench_{round}");
        let whole = json!({"id": id, "type": "function", "function": function(&arguments)});
        let message = json!({"role": "assistant", "content": null, "tool_calls": [whole]});
        let head = json!({"index": 0, "id": id, "type": "function", "function": function("")});
        let rest = json!({"index": 0, "function": {"arguments": arguments}});
        let deltas = [
            json!({"role": "assistant", "content": null}),
            json!({"tool_calls": [head]}),
            json!({"tool_calls": [rest]}),
        ];
        Self::new("bench-tools-3", &message, &deltas, "tool_calls")
    }

    fn new(model: &str, message: &Value, deltas: &[Value], finish: &str) -> Self {
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
        let whole = json!({
            "id": "chatcmpl-bench", "object": "chat.completion", "created": CREATED,
            "model": model, "usage": usage,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        });
        let chunk = |choices: Value| {
            json!({
                "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": CREATED,
                "model": model, "choices": choices,
            })
        };
        let choice = |delta: &Value, finish: Value| {
            frame(&chunk(
                json!([{"index": 0, "delta": delta, "finish_reason": finish}]),
            ))
        };
        let mut frames: Vec<_> = deltas
            .iter()
            .map(|delta| choice(delta, Value::Null))
            .collect();
        frames.push(choice(&json!({}), json!(finish)));
        let mut last = chunk(json!([]));
        put(&mut last, "usage", usage);
        Self {
            whole: Bytes::from(whole.to_string()),
            frames,
            usage: frame(&last),
            pause: None,
        }
    }

    fn play(&self, include_usage: bool) -> Box<dyn Iterator<Item = Step>> {
        // Cloning counts references; no frame is copied.
        let ending = include_usage.then(|| self.usage.clone()).into_iter();
        let ending = ending
            .chain([Bytes::from_static(b"data: [DONE]\n\n")])
            .map(Step::Send);
        let frames = self.frames.clone().into_iter();
        match self.pause {
            None => Box::new(frames.map(Step::Send).chain(ending)),
            Some(pause) => Box::new(
                frames
                    .flat_map(move |frame| [Step::Send(frame), Step::Wait(pause)])
                    .chain(ending),
            ),
        }
    }
}
