//! Responses and conversations as OpenAI's client libraries speak of them.

use serde_json::{Value, json};

use crate::client::{Call, Reply};
use crate::world::World;

mod background;
mod conversations;
mod create;
mod keys;
mod lists;
mod refusals;
mod shapes;
mod sockets;
mod time;
mod tokens;
mod under_way;

/// Where the dialect is mounted, in its two flavours.
const BASES: [&str; 2] = ["/openai/v1", "/openresponses/v1"];
const RESPONSES: &str = "/openai/v1/responses";

/// A request with these fields beside what must be there.
fn request(fields: &Value) -> Value {
    let mut body = json!({"model": "m", "input": "hi"});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// What a request with these fields is answered.
async fn ask(world: &World, fields: &Value) -> Reply {
    post(world, RESPONSES, &request(fields)).await
}

async fn post(world: &World, path: &str, body: &Value) -> Reply {
    Call::new("POST", path).json(body).send(world).await
}

async fn get(world: &World, path: &str) -> Reply {
    Call::new("GET", path).send(world).await
}

async fn delete(world: &World, path: &str) -> Reply {
    Call::new("DELETE", path).send(world).await
}

/// The path of the response that a reply is about.
fn path(reply: &Reply) -> String {
    format!("{RESPONSES}/{}", reply.header("x-response-id").unwrap())
}

/// The status, the code and the field of a refusal.
fn refusal(reply: &Reply) -> (u16, Value, Value) {
    let error = &reply.json()["error"];
    assert!(error["message"].is_string(), "{}", reply.text());
    (reply.status, error["code"].clone(), error["param"].clone())
}

/// The data of a stream's frames, without the mark of its end, which must be there.
fn data(reply: &Reply) -> Vec<String> {
    let mut frames = reply.frames();
    assert_eq!(frames.pop(), Some("data: [DONE]\n\n"), "{}", reply.text());
    let data = |frame: &str| {
        let (event, data) = frame.split_once("\ndata: ").unwrap();
        let data = data.strip_suffix("\n\n").unwrap();
        let kind = event.strip_prefix("event: ").unwrap();
        let told: Value = serde_json::from_str(data).unwrap();
        assert_eq!(told["type"], kind);
        data.to_owned()
    };
    frames
        .into_iter()
        .filter(|frame| !frame.starts_with(": "))
        .map(data)
        .collect()
}

/// What a response says, in all.
fn said(response: &Value) -> String {
    let parts = response["output"].as_array().unwrap().iter();
    let parts = parts
        .filter_map(|item| item["content"].as_array())
        .flatten();
    let texts = parts.filter_map(|part| part["text"].as_str());
    texts.collect()
}
