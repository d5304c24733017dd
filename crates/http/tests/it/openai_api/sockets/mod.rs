//! Responses over a WebSocket, spoken to by a client that others wrote.

use std::collections::VecDeque;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{RESPONSES, request};
use crate::shapes::assert_shape;
use crate::world::World;

mod handshake;
mod limits;
mod memory;
mod refusals;
mod told;

/// A client on its connection, and texts that it has not looked at.
struct Client(WebSocketStream<TcpStream>, VecDeque<String>);

impl Client {
    async fn at(world: &World, path: &str) -> Self {
        Self::open(world, path, "req-7").await
    }

    /// One that was opened by a request of this id.
    async fn named(world: &World, id: &'static str) -> Self {
        Self::open(world, RESPONSES, id).await
    }

    async fn open(world: &World, path: &str, id: &'static str) -> Self {
        let mut request = format!("ws://localhost{path}")
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", "Bearer ada".parse().unwrap());
        headers.insert("x-request-id", id.parse().unwrap());
        let (socket, answer) = client_async(request, world.connect().await).await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], id);
        Self(socket, VecDeque::new())
    }

    async fn new(world: &World) -> Self {
        Self::at(world, RESPONSES).await
    }

    async fn send(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).await.unwrap();
    }

    /// Asks for a response with these fields.
    async fn ask(&mut self, fields: &Value) {
        let mut body = request(fields);
        body["type"] = json!("response.create");
        self.send(body.to_string()).await;
    }

    /// The next text, as it came.
    async fn text(&mut self) -> String {
        if let Some(text) = self.1.pop_front() {
            return text;
        }
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} instead of a text"),
            }
        }
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Waits until everything that was said has been heard. What is told meanwhile is kept.
    async fn is_heard(&mut self) {
        self.send(Message::Ping(b"here?"[..].into())).await;
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Pong(bytes) => break assert_eq!(bytes, b"here?"[..]),
                Message::Text(text) => self.1.push_back(text.as_str().to_owned()),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Everything up to the end of a response, or a refusal.
    async fn turn(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let event = self.next().await;
            let kind = event["type"].as_str().unwrap().to_owned();
            told.push(event);
            let is_last = ["completed", "failed", "incomplete"]
                .iter()
                .any(|end| kind == format!("response.{end}"));
            if is_last || kind == "error" {
                return told;
            }
        }
    }

    /// The response of a turn, once it has ended.
    async fn response(&mut self) -> Value {
        let last = self.turn().await.pop().unwrap();
        assert_ne!(last["type"], "error", "{last}");
        last["response"].clone()
    }

    /// The code and the field of a refusal, which must have the shape that clients know.
    async fn refusal(&mut self) -> (Value, String, Value) {
        let told = self.turn().await;
        let [only] = told.as_slice() else {
            panic!("{told:?} is no refusal");
        };
        let error = &only["error"];
        assert_shape("OpenAiError", &json!({"error": error}));
        assert!(error["message"].is_string(), "{only}");
        let code = error["code"].as_str().unwrap().to_owned();
        (only["status"].clone(), code, error["param"].clone())
    }

    /// How the server ends the connection, after what else it says.
    async fn close(mut self) -> CloseCode {
        loop {
            if let Message::Close(frame) = self.0.next().await.unwrap().unwrap() {
                assert!(self.0.next().await.is_none(), "it is closed");
                return frame.unwrap().code;
            }
        }
    }
}
