//! An upstream that speaks the Responses API, for the peers that only pass that API on.
//!
//! Its answers are those of the model stand-in's benchmark models in the other shape, rendered
//! once; a request is looked at only for its model, its flags and the calls that came back. Every
//! id is new, because the peers store answers under the ids that they were given.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use memchr::memmem;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::error::{ChoreError, Doing as _};
use crate::wire::Wire;

/// Stands for what is new in each id.
const NEW: &str = "ididididid";
const CREATED: u64 = 1_767_225_600;
const STREAM_DELTAS: usize = 64;
/// How many frames stand before the first delta.
const OPENING: usize = 4;
const SLOW_DELTAS: usize = 600;
const SLOW_PAUSE: Duration = Duration::from_secs(1);
const TOOL_ROUNDS: usize = 3;

/// Starts the upstream on a free port, on a thread of its own that ends with the process.
pub(super) fn start() -> Result<SocketAddr, ChoreError> {
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let served = runtime.and_then(|runtime| runtime.block_on(serve(&tell)));
        if let Err(error) = served {
            drop(tell.send(Err(error)));
        }
    });
    let answer = told
        .recv()
        .unwrap_or_else(|gone| Err(io::Error::other(gone)));
    answer.doing(|| "start the upstream of the peers".to_owned())
}

async fn serve(tell: &mpsc::SyncSender<io::Result<SocketAddr>>) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    drop(tell.send(Ok(listener.local_addr()?)));
    let answers = Arc::new(Answers::new());
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let answers = Arc::clone(&answers);
                open.spawn(async move { converse(stream, &answers).await });
            }
            // A peer that hangs up in the midst of an answer is its own affair.
            Some(_) = open.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, answers: &Answers) -> io::Result<()> {
    let mut wire = Wire::over(stream)?;
    let mut body = Vec::new();
    while let Some(head) = wire.head().await? {
        body.clear();
        wire.body(&head, |piece| body.extend_from_slice(piece))
            .await?;
        let path = head.first.split(' ').nth(1).unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            "/v1/responses" => match answers.to(&body) {
                Told::At(bytes) => wire.send(&bytes).await?,
                Told::Slowly { opening, delta } => slowly(&mut wire, &opening, &delta).await?,
            },
            "/v1/models" => wire.send(&answers.models).await?,
            _ => wire.send(&answers.nothing).await?,
        }
    }
    Ok(())
}

/// A stream that goes on until its reader leaves, or for as long as anybody would look.
async fn slowly(wire: &mut Wire, opening: &[u8], delta: &[u8]) -> io::Result<()> {
    wire.send(opening).await?;
    for _ in 0..SLOW_DELTAS {
        wire.send(delta).await?;
        tokio::select! {
            () = tokio::time::sleep(SLOW_PAUSE) => {}
            gone = wire.stirs() => return gone,
        }
    }
    Ok(())
}

/// What is sent.
enum Told {
    At(Vec<u8>),
    Slowly { opening: Vec<u8>, delta: Vec<u8> },
}

/// Everything that is ever sent, heads included.
struct Answers {
    models: Vec<u8>,
    nothing: Vec<u8>,
    plain: Vec<u8>,
    stream: Vec<u8>,
    slow: (Vec<u8>, Vec<u8>),
    count: AtomicU64,
}

impl Answers {
    fn new() -> Self {
        let names = [
            "bench-plain",
            "bench-stream-64",
            "bench-tools-3",
            "bench-slow",
        ];
        let model = |id: &&str| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "bench"});
        let models: Vec<Value> = names.iter().map(model).collect();
        // What a stream opens with, up to its first delta.
        let opening: String = frames("bench-slow", 0).into_iter().take(OPENING).collect();
        Self {
            models: whole(&json!({"object": "list", "data": models})),
            nothing: whole(&json!({})),
            plain: whole(&response("bench-plain", &[message("A short answer.")])),
            stream: streamed(&frames("bench-stream-64", STREAM_DELTAS)),
            slow: (
                [SSE_HEAD.as_bytes(), &chunk(&opening)].concat(),
                chunk(&text_delta(OPENING)),
            ),
            count: AtomicU64::new(1),
        }
    }

    fn to(&self, body: &[u8]) -> Told {
        let has = |text: &str| memmem::find(body, text.as_bytes()).is_some();
        let streams = has("\"stream\":true");
        let new = self.count.fetch_add(1, Ordering::Relaxed);
        if has("\"bench-slow\"") {
            let (opening, delta) = &self.slow;
            return Told::Slowly {
                opening: renewed(opening, new),
                delta: renewed(delta, new),
            };
        }
        if has("\"bench-tools-3\"") {
            return Told::At(renewed(&call_or_answer(body), new));
        }
        let rendered = if streams { &self.stream } else { &self.plain };
        Told::At(renewed(rendered, new))
    }
}

/// The next call, or the answer when three calls came back.
fn call_or_answer(body: &[u8]) -> Vec<u8> {
    let done = memmem::find_iter(body, b"\"function_call_output\"").count();
    let item = if done < TOOL_ROUNDS {
        let arguments = json!({"expression": format!("{0}+{0}", done + 1)}).to_string();
        json!({
            "type": "function_call", "id": format!("fc_{NEW}"), "call_id": format!("call_{NEW}"),
            "name": calculator(body), "arguments": arguments, "status": "completed",
        })
    } else {
        message("A short answer.")
    };
    whole(&response("bench-tools-3", &[item]))
}

/// The name under which a peer offers the calculator: each puts its own prefix before it.
fn calculator(body: &[u8]) -> String {
    let name = memmem::find(body, b"calculator\"").and_then(|end| {
        let before = body.get(..end)?;
        let begin = memchr::memrchr(b'"', before)? + 1;
        Some(String::from_utf8_lossy(before.get(begin..)?).into_owned())
    });
    format!("{}calculator", name.unwrap_or_default())
}

fn response(model: &str, output: &[Value]) -> Value {
    json!({
        "id": format!("resp_{NEW}"), "object": "response", "created_at": CREATED,
        "status": if output.is_empty() { "in_progress" } else { "completed" },
        "background": false, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": null, "model": model, "output": output, "parallel_tool_calls": true,
        "previous_response_id": null, "reasoning": {"effort": null, "summary": null},
        "store": true, "temperature": 1.0, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "user": null,
        "metadata": {}, "usage": if output.is_empty() { Value::Null } else { usage() },
    })
}

fn usage() -> Value {
    json!({
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
    })
}

fn message(text: &str) -> Value {
    json!({
        "type": "message", "id": format!("msg_{NEW}"), "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    })
}

/// The frames of a stream of so many deltas.
fn frames(model: &str, deltas: usize) -> Vec<String> {
    let text = "word ".repeat(deltas);
    let done = message(&text);
    let mut begun = done.clone();
    if let Some(fields) = begun.as_object_mut() {
        fields.insert("status".to_owned(), json!("in_progress"));
        fields.insert("content".to_owned(), json!([]));
    }
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let mut frames = vec![
        frame(
            0,
            "response.created",
            json!({"response": response(model, &[])}),
        ),
        frame(
            1,
            "response.in_progress",
            json!({"response": response(model, &[])}),
        ),
        frame(
            2,
            "response.output_item.added",
            json!({"output_index": 0, "item": begun}),
        ),
        frame(
            3,
            "response.content_part.added",
            within(json!({"part": part("")})),
        ),
    ];
    frames.extend((0..deltas).map(|at| text_delta(at + OPENING)));
    let at = deltas + OPENING;
    let text_done = within(json!({"text": text, "logprobs": []}));
    frames.push(frame(at, "response.output_text.done", text_done));
    let part_done = within(json!({"part": part(&text)}));
    frames.push(frame(at + 1, "response.content_part.done", part_done));
    let item_done = json!({"output_index": 0, "item": done});
    frames.push(frame(at + 2, "response.output_item.done", item_done));
    let ended = json!({"response": response(model, &[done])});
    frames.push(frame(at + 3, "response.completed", ended));
    frames
}

fn text_delta(at: usize) -> String {
    let fields = within(json!({"delta": "word ", "logprobs": []}));
    frame(at, "response.output_text.delta", fields)
}

/// The fields of an event within the text of the only item.
fn within(mut fields: Value) -> Value {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("item_id".to_owned(), json!(format!("msg_{NEW}")));
        fields.insert("output_index".to_owned(), json!(0));
        fields.insert("content_index".to_owned(), json!(0));
    }
    fields
}

fn frame(at: usize, event: &str, mut fields: Value) -> String {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("type".to_owned(), json!(event));
        fields.insert("sequence_number".to_owned(), json!(at));
    }
    format!("event: {event}\ndata: {fields}\n\n")
}

const SSE_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
     cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

/// A JSON answer with its head.
fn whole(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A stream with its head, a chunk for each frame, all in one piece: a model without a delay.
fn streamed(frames: &[String]) -> Vec<u8> {
    let mut bytes = SSE_HEAD.as_bytes().to_vec();
    for frame in frames {
        bytes.extend(chunk(frame));
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// The same bytes with new ids.
fn renewed(rendered: &[u8], new: u64) -> Vec<u8> {
    let digits = format!("{new:010}");
    let mut bytes = rendered.to_vec();
    for at in memmem::find_iter(rendered, NEW.as_bytes()) {
        if let Some(place) = bytes.get_mut(at..at + digits.len()) {
            place.copy_from_slice(digits.as_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_answers_bear_the_same_id() {
        let answers = Answers::new();
        let mut told = Vec::new();
        for _ in 0..2 {
            let Told::At(bytes) = answers.to(b"{\"model\":\"bench-plain\"}") else {
                panic!("a plain answer is not slow");
            };
            assert!(memmem::find(&bytes, NEW.as_bytes()).is_none());
            told.push(bytes);
        }
        assert_ne!(told[0], told[1]);
        assert_eq!(told[0].len(), told[1].len());
    }

    #[test]
    fn three_calls_come_before_the_answer() {
        let back = "{\"type\":\"function_call_output\"}";
        for (done, expected) in [(0, "1+1"), (2, "3+3"), (3, "A short answer.")] {
            let body = format!("{{\"name\":\"x__calculator\"}}{}", back.repeat(done));
            let told = call_or_answer(body.as_bytes());
            let told = String::from_utf8(told).expect("text");
            assert!(told.contains(expected), "{told}");
            assert_eq!(told.contains("x__calculator"), done < 3);
        }
    }

    #[test]
    fn a_stream_has_its_deltas_in_order() {
        let frames = frames("bench-stream-64", STREAM_DELTAS);
        let deltas = frames.iter().filter(|frame| frame.contains("text.delta"));
        assert_eq!(deltas.count(), 64);
        for (at, frame) in frames.iter().take(72).enumerate() {
            assert!(
                frame.contains(&format!("\"sequence_number\":{at},")),
                "{frame}"
            );
        }
    }
}
