//! What a request over a WebSocket continues.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{beside, without_ids, world};
use crate::world::World;

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn of(world: &World, who: &str, dialect: &str) -> Self {
        let request = format!("ws://localhost/{dialect}/v1/responses");
        let mut request = request.into_client_request().unwrap();
        let token = format!("Bearer {who}").parse().unwrap();
        request.headers_mut().insert("authorization", token);
        let (socket, _) = client_async(request, world.connect().await).await.unwrap();
        Self(socket)
    }

    /// Everything that is told of a request with these fields, up to its last message.
    async fn ask(&mut self, fields: &Value) -> Vec<String> {
        let mut body = json!({"type": "response.create", "model": "m", "input": "hi"});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.0.send(Message::text(body.to_string())).await.unwrap();
        let mut told = Vec::new();
        loop {
            let Message::Text(text) = self.0.next().await.unwrap().unwrap() else {
                continue;
            };
            told.push(text.as_str().to_owned());
            let event: Value = serde_json::from_str(text.as_str()).unwrap();
            let kind = event["type"].as_str().unwrap();
            if kind == "error" || kind == "response.completed" {
                return told;
            }
        }
    }

    /// The id of the response to a request, which must be answered.
    async fn answered(&mut self, fields: &Value) -> String {
        let told = self.ask(fields).await;
        let last: Value = serde_json::from_str(told.last().unwrap()).unwrap();
        assert_eq!(last["type"], "response.completed", "{last}");
        last["response"]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_connection_continues_nothing_that_is_somebody_elses() {
    for dialect in ["openai", "openresponses"] {
        let (world, _worker, things) = world().await;
        let mut ada = Client::of(&world, "ada", dialect).await;
        let mut bob = Client::of(&world, "bob", dialect).await;
        // Kept nowhere but on the connection that made it.
        let fleeting = ada.answered(&json!({"store": false})).await;
        let warm = ada.answered(&json!({"generate": false})).await;
        for (field, id) in [
            ("previous_response_id", &things.response),
            ("previous_response_id", &fleeting),
            ("previous_response_id", &warm),
            ("conversation", &things.conversation),
        ] {
            let foreign = bob.ask(&json!({field: id})).await;
            let nothing = bob.ask(&json!({field: beside(id)})).await;
            assert_eq!(foreign.len(), 1, "{field} {id}: {foreign:?}");
            assert_eq!(
                without_ids(&foreign[0]),
                without_ids(&nothing[0]),
                "{field}"
            );
        }
        let item = json!([{"type": "item_reference", "id": things.item}]);
        let nothing = json!([{"type": "item_reference", "id": beside(&things.item)}]);
        let foreign = bob.ask(&json!({"input": item})).await;
        let nothing = bob.ask(&json!({"input": nothing})).await;
        assert_eq!(without_ids(&foreign[0]), without_ids(&nothing[0]));
        ada.answered(&json!({"previous_response_id": warm, "store": false}))
            .await;
        ada.answered(&json!({"previous_response_id": things.response}))
            .await;
    }
}
