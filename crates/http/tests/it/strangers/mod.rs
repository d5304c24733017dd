//! What belongs to somebody else is as if it did not exist: on every path, in every place of a body and of a
//! query, over every connection. What is asked is taken from the `OpenAPI` document, so that nothing of it is
//! forgotten.

use response_http::openapi_json;
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::{Value, json};

use crate::background::{follow, worker};
use crate::client::{Call, Reply};
use crate::world::{Plan, World};

mod cursors;
mod door;
mod paths;
mod references;
mod sockets;

/// Every operation of the document: its method, its path, and what is said of it.
fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

/// The ids of things that somebody has.
#[derive(Debug, Clone)]
struct Things {
    response: String,
    conversation: String,
    item: String,
    endpoint: String,
    event: String,
}

impl Things {
    /// Things of `who`: a response that ran in the background, of whose end an endpoint was told, in a
    /// conversation with an item.
    async fn of(world: &World, who: &str) -> Self {
        let ada = |method: &str, path: &str| {
            Call::new(method, path).header("authorization", &format!("Bearer {who}"))
        };
        let id = |reply: &Reply| reply.json()["id"].as_str().unwrap().to_owned();
        let hook = json!({"url": "https://example.com/hooks", "events": ["*"]});
        let endpoint = ada("POST", "/v1/webhooks").json(&hook).send(world).await;
        let room = json!({"items": [{"role": "user", "content": "What is new?"}]});
        let room = ada("POST", "/openai/v1/conversations").json(&room);
        let conversation = id(&room.send(world).await);
        let items = format!("/openai/v1/conversations/{conversation}/items");
        let items = ada("GET", &items).send(world).await.json();
        let ask = json!({"model": "m", "input": "hi", "background": true});
        let response = ada("POST", "/v1/responses").json(&ask).send(world).await;
        let response = id(&response);
        let path = format!("/v1/responses/{response}");
        let whole = ada("GET", &format!("{path}?stream=true")).send(world).await;
        assert!(
            whole.text().contains("response.completed"),
            "{}",
            whole.text()
        );
        loop {
            let told = ada("GET", &format!("{path}/deliveries"))
                .send(world)
                .await
                .json();
            if told["data"][0]["status"] == "delivered" {
                break;
            }
        }
        Self {
            event: response.replacen("resp_", "evt_", 1),
            response,
            item: items["data"][0]["id"].as_str().unwrap().to_owned(),
            conversation,
            endpoint: id(&endpoint),
        }
    }

    /// Ids that name nothing, each as near as can be to one of these.
    fn missing(&self) -> Self {
        Self {
            response: beside(&self.response),
            conversation: beside(&self.conversation),
            item: beside(&self.item),
            endpoint: beside(&self.endpoint),
            event: beside(&self.event),
        }
    }

    /// A path or a body with these ids in it.
    fn fill(&self, template: &str) -> String {
        let its_own = match template {
            path if path.contains("/conversations/{id}") => &self.conversation,
            path if path.contains("/responses/{id}") => &self.response,
            _ => &self.endpoint,
        };
        template
            .replace("{id}", its_own)
            .replace("{response}", &self.response)
            .replace("{conversation}", &self.conversation)
            .replace("{item}", &self.item)
            .replace("{item_id}", &self.item)
            .replace("{native_item}", &self.item.replacen("msg_", "item_", 1))
            .replace("{endpoint}", &self.endpoint)
            .replace("{event_id}", &self.event)
            .replace("{event}", &self.event)
    }
}

/// The id next to this one, so near that nothing stands between them, and nothing of its kind has it.
fn beside(id: &str) -> String {
    const DIGITS: &str = "0123456789abcdefghjkmnpqrstvwxyz";
    let (head, last) = id.split_at(id.len() - 1);
    let place = DIGITS.find(last).unwrap();
    let next = place.checked_sub(1).unwrap_or(place + 1);
    format!("{head}{}", &DIGITS[next..=next])
}

/// A world in which Ada has things, with a process that works on its queue.
async fn world() -> (World, World, Things) {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let world = Plan::new([text("hi")]).tools(tools).build().await;
    let worker = worker(&world, [text("Hello.")]).build().await;
    let things = Things::of(&world, "ada").await;
    (world, worker, things)
}

/// A request of somebody, whose id is always the same.
fn as_who(who: &str, method: &str, path: &str) -> Call {
    let call = Call::new(method, path).header("authorization", &format!("Bearer {who}"));
    call.header("x-request-id", "same")
}

/// What a caller learns from an answer: all of it but the time, and ids that were asked for or made up.
fn learnt(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let tells =
        |(name, _): &&(String, String)| !matches!(name.as_str(), "date" | "openai-processing-ms");
    let header = |(name, value): &(String, String)| (name.clone(), without_ids(value));
    let headers = reply.headers.iter().filter(tells).map(header).collect();
    (reply.status, headers, without_ids(reply.text()))
}

/// A text with every id taken out, but not its kind.
fn without_ids(text: &str) -> String {
    const SHORTEST: usize = 20;
    let is_of_id = |character: char| character.is_ascii_alphanumeric();
    let mut pieces = text.split('_');
    let mut out = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(is_of_id);
        let id = piece.len() - rest.len();
        out.push('_');
        out.push_str(if id >= SHORTEST { rest } else { piece });
    }
    out
}

/// Everything that Ada can read of her things, to the letter.
async fn everything(world: &World, things: &Things) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (method, template, operation) in operations() {
        let needs_caller = operation.get("security") != Some(&json!([]));
        let is_socket = operation["responses"].get("101").is_some();
        if method == "GET" && needs_caller && !is_socket {
            let path = things.fill(&template);
            let reply = as_who("ada", &method, &path).send(world).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text());
            all.push((path, reply.text().to_owned()));
        }
    }
    let path = format!("/v1/responses/{}", things.response);
    all.push((path.clone(), follow(world, &path).await.text().to_owned()));
    all
}

#[test]
fn ids_are_taken_out_and_nothing_else() {
    let text = r#"{"id":"resp_01hm69n2j0e008008000000001","a":"too_many_requests","b":"item_x"}"#;
    let rest = r#"{"id":"resp_","a":"too_many_requests","b":"item_x"}"#;
    assert_eq!(without_ids(text), rest);
}

/// A run that asks for leave to call a tool, and waits for it.
fn asks_for_leave() -> Plan {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    Plan::new([calls(&[("clock", "{}")]), text("Noon.")]).tools(tools)
}
