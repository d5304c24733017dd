//! A plain client of the model server.

use std::time::Duration;

use response_devstack::model::{Model, ModelOptions};
use response_egress::{ClientOptions, EgressClient, EgressError, Inbound, Outbound, Url};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub(crate) fn client() -> EgressClient {
    EgressClient::new(ClientOptions::default()).unwrap()
}

/// A model server and a client for it.
pub(crate) struct Chat {
    pub(crate) model: Model,
    client: EgressClient,
    url: Url,
}

/// What a stream said.
#[derive(Debug, Default)]
pub(crate) struct Streamed {
    /// Every frame that is JSON.
    pub(crate) chunks: Vec<Value>,
    /// Frames that are neither JSON nor the closing mark.
    pub(crate) broken: usize,
    /// Whether the closing mark came.
    pub(crate) done: bool,
    /// How the body ended, when not in order.
    pub(crate) error: Option<EgressError>,
}

impl Chat {
    pub(crate) fn start() -> Self {
        let model = Model::start(&ModelOptions::default()).unwrap();
        let url = model.url().join("v1/chat/completions").unwrap();
        Self {
            model,
            client: client(),
            url,
        }
    }

    pub(crate) async fn send(&self, body: &Value) -> Result<Inbound, EgressError> {
        self.client
            .send(
                Outbound::post(&self.url)
                    .json(body.to_string())
                    .deadline(deadline()),
            )
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let url = self.model.url().join(path).unwrap();
        let inbound = self.client.send(Outbound::get(&url)).await.unwrap();
        let status = inbound.status().as_u16();
        let text = inbound.text_capped(1 << 20, deadline()).await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Status and body of a whole answer.
    pub(crate) async fn whole(&self, body: &Value) -> (u16, Value) {
        let inbound = self.send(body).await.unwrap();
        let status = inbound.status().as_u16();
        let text = inbound.text_capped(1 << 20, deadline()).await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    /// The message of a whole answer to one prompt with the usual tools.
    pub(crate) async fn message(&self, prompt: &str) -> Value {
        let (status, answer) = self.whole(&asking(prompt)).await;
        assert_eq!(status, 200, "{answer}");
        answer["choices"][0].clone()
    }

    pub(crate) async fn streamed(&self, body: &Value) -> Streamed {
        let mut body = body.clone();
        body["stream"] = json!(true);
        let inbound = self.send(&body).await.unwrap();
        assert_eq!(inbound.media_type(), Some("text/event-stream"));
        let mut events = inbound.events(Some(Duration::from_millis(500)), 1 << 20);
        let mut streamed = Streamed::default();
        loop {
            match events.next().await {
                Ok(None) => return streamed,
                Ok(Some(frame)) if frame.data == "[DONE]" => streamed.done = true,
                Ok(Some(frame)) => match serde_json::from_slice(&frame.data) {
                    Ok(chunk) => streamed.chunks.push(chunk),
                    Err(_) => streamed.broken += 1,
                },
                Err(error) => {
                    streamed.error = Some(error);
                    return streamed;
                }
            }
        }
    }

    /// Plays a whole conversation, answering each call, and gives all calls by round and the
    /// last text.
    pub(crate) async fn play(
        &self,
        mut body: Value,
        mut tool: impl FnMut(&str, &Value) -> String,
    ) -> (Vec<Vec<String>>, String) {
        let mut rounds = Vec::new();
        loop {
            let (status, answer) = self.whole(&body).await;
            assert_eq!(status, 200, "{answer}");
            let message = answer["choices"][0]["message"].clone();
            let Some(calls) = message["tool_calls"].as_array().cloned() else {
                return (rounds, message["content"].as_str().unwrap().to_owned());
            };
            body["messages"].as_array_mut().unwrap().push(message);
            let mut round = Vec::new();
            for call in calls {
                let name = call["function"]["name"].as_str().unwrap();
                let arguments = call["function"]["arguments"].as_str().unwrap();
                round.push(format!("{name} {arguments}"));
                let result = tool(name, &serde_json::from_str(arguments).unwrap());
                body["messages"].as_array_mut().unwrap().push(json!({
                    "role": "tool", "tool_call_id": call["id"], "content": result,
                }));
            }
            rounds.push(round);
            assert!(
                rounds.len() < 20,
                "the model does not come to an end: {rounds:?}"
            );
        }
    }
}

impl Streamed {
    pub(crate) fn deltas(&self) -> impl Iterator<Item = &Value> {
        self.chunks
            .iter()
            .filter_map(|chunk| chunk["choices"].get(0)?.get("delta"))
    }

    pub(crate) fn text(&self) -> String {
        self.deltas()
            .filter_map(|delta| delta["content"].as_str())
            .collect()
    }

    pub(crate) fn calls(&self) -> Vec<&Value> {
        self.deltas()
            .filter_map(|delta| delta["tool_calls"].get(0))
            .collect()
    }

    pub(crate) fn arguments(&self) -> String {
        self.calls()
            .iter()
            .filter_map(|call| call["function"]["arguments"].as_str())
            .collect()
    }

    pub(crate) fn finish(&self) -> Option<&Value> {
        self.chunks
            .iter()
            .filter_map(|chunk| chunk["choices"].get(0)?.get("finish_reason"))
            .next_back()
    }
}

/// A request with one prompt and the four tools of the tools stand-in.
pub(crate) fn asking(prompt: &str) -> Value {
    let tool = |name: &str, required: &[&str]| {
        let properties: Value = required
            .iter()
            .map(|name| ((*name).to_owned(), json!({"type": "string"})))
            .collect();
        json!({"type": "function", "function": {
            "name": name, "description": name,
            "parameters": {"type": "object", "properties": properties, "required": required},
        }})
    };
    json!({
        "model": "jan-v2-30b",
        "messages": [{"role": "user", "content": prompt}],
        "tools": [
            tool("google_search", &["q"]), tool("scrape", &["url"]),
            tool("calculator", &["expression"]), tool("clock", &[]),
        ],
    })
}

/// A request with one prompt and no tools.
pub(crate) fn plainly(prompt: &str) -> Value {
    json!({"model": "jan-v2-30b", "messages": [{"role": "user", "content": prompt}]})
}
