//! The server that is asked.

use std::time::Duration;

use response_egress::header::{AUTHORIZATION, HeaderValue};
use response_egress::{ClientOptions, EgressClient, Method, Outbound, Url};
use response_testkit::wire::{EndMark, Flavour, check_error, check_response, check_stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Finding, Trouble, must};
use crate::error::ChoreError;

/// The longest answer that is read.
const LONGEST: usize = 64 << 20;

/// A server, and how it is spoken to.
pub(super) struct Peer {
    client: EgressClient,
    base: Url,
    key: String,
    model: String,
    pub(super) flavour: Flavour,
    patience: Duration,
    server: Option<String>,
}

/// What it answered.
pub(super) struct Reply {
    pub(super) status: u16,
    media_type: String,
    pub(super) body: Vec<u8>,
}

impl Peer {
    pub(super) fn new(
        base: Url,
        model: &str,
        key: &str,
        flavour: Flavour,
        patience: Duration,
    ) -> Result<Self, ChoreError> {
        let client = EgressClient::new(ClientOptions::default())
            .map_err(|error| ChoreError::Refused(error.to_string()))?;
        Ok(Self {
            client,
            base,
            key: key.to_owned(),
            model: model.to_owned(),
            flavour,
            patience,
            server: None,
        })
    }

    /// The same, with a tool server that it can use: its label, and its address behind a `=` unless the peer
    /// knows it.
    pub(super) fn with_server(self, server: Option<String>) -> Self {
        Self { server, ..self }
    }

    /// The label of that server, and its address.
    pub(super) fn server(&self) -> Option<(&str, Option<&str>)> {
        let server = self.server.as_deref()?;
        Some(match server.split_once('=') {
            Some((label, url)) => (label, Some(url)),
            None => (server, None),
        })
    }

    /// A request for a response, with the model and these fields.
    pub(super) fn wish(&self, fields: &Value) -> Value {
        let mut wish = json!({"model": self.model});
        if let (Some(wish), Some(fields)) = (wish.as_object_mut(), fields.as_object()) {
            wish.extend(fields.clone());
        }
        wish
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply, Trouble> {
        self.send(Method::GET, path, None, &self.key).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Reply, Trouble> {
        self.send(Method::DELETE, path, None, &self.key).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply, Trouble> {
        let body = body.to_string().into_bytes();
        self.send(Method::POST, path, Some(body), &self.key).await
    }

    /// Posts bytes that need not be JSON, with a key that need not be right.
    pub(super) async fn post_raw(
        &self,
        path: &str,
        body: &[u8],
        key: Option<&str>,
    ) -> Result<Reply, Trouble> {
        let key = key.unwrap_or(&self.key);
        self.send(Method::POST, path, Some(body.to_vec()), key)
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        key: &str,
    ) -> Result<Reply, Trouble> {
        let lost = |error: &dyn std::error::Error| {
            let mut text = format!("no answer to {path}: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                text = format!("{text}: {inner}");
                cause = inner.source();
            }
            Trouble::Fault(text)
        };
        let url = Url::parse(&format!("{}{path}", self.base)).map_err(|error| lost(&error))?;
        let deadline = Instant::now() + self.patience;
        let mut outbound = Outbound::new(method, &url).deadline(deadline);
        let key = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|error| lost(&error))?;
        outbound.headers_mut().insert(AUTHORIZATION, key);
        if let Some(body) = body {
            outbound = outbound.json(body);
        }
        let inbound = self
            .client
            .send(outbound)
            .await
            .map_err(|error| lost(&error))?;
        let status = inbound.status().as_u16();
        let media_type = inbound.media_type().unwrap_or_default().to_owned();
        let body = inbound.bytes_capped(LONGEST, deadline).await;
        Ok(Reply {
            status,
            media_type,
            body: body.map_err(|error| lost(&error))?.to_vec(),
        })
    }

    /// Asks for a response and waits for it; it must be a good one.
    pub(super) async fn response(&self, fields: &Value) -> Result<Value, Trouble> {
        let reply = self.post("/responses", &self.wish(fields)).await?;
        reply.response(self.flavour)
    }

    /// Asks for a response as a stream; its events, which must be right.
    pub(super) async fn stream(&self, fields: &Value) -> Result<Vec<Value>, Trouble> {
        let mut wish = self.wish(fields);
        if let Some(wish) = wish.as_object_mut() {
            wish.insert("stream".to_owned(), json!(true));
        }
        self.post("/responses", &wish).await?.stream(self.flavour)
    }
}

impl Reply {
    fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.chars().take(200).collect()
    }

    /// What it holds, when it has this status.
    pub(super) fn json(&self, status: u16) -> Result<Value, Trouble> {
        must(self.status == status, || {
            format!(
                "the status is {}, not {status}: {}",
                self.status,
                self.excerpt()
            )
        })?;
        serde_json::from_slice(&self.body)
            .map_err(|error| Trouble::Fault(format!("the answer is no JSON: {error}")))
    }

    /// The response that it holds.
    pub(super) fn response(&self, flavour: Flavour) -> Result<Value, Trouble> {
        let response = self.json(200)?;
        check_response(&response, flavour)?;
        Ok(response)
    }

    /// The events that it holds. OpenAI itself puts no mark behind the last.
    pub(super) fn stream(&self, flavour: Flavour) -> Result<Vec<Value>, Trouble> {
        must(self.status == 200, || {
            format!("the status is {}, not 200: {}", self.status, self.excerpt())
        })?;
        must(self.media_type == "text/event-stream", || {
            format!(
                "the media type is {}, not text/event-stream",
                self.media_type
            )
        })?;
        Ok(check_stream(&self.body, flavour, end_mark(flavour))?)
    }

    /// A refusal of this status, about this field if one is to be named.
    pub(super) fn refusal(&self, status: u16, param: Option<&str>) -> Result<Value, Trouble> {
        let answer = self.json(status)?;
        check_error(&answer)?;
        let told = answer.pointer("/error/param").and_then(Value::as_str);
        must(param.is_none() || told == param, || {
            format!("the error is about {told:?}, not about {param:?}")
        })?;
        Ok(answer)
    }
}

/// Whether a stream of this flavour must have a mark at its end.
pub(super) const fn end_mark(flavour: Flavour) -> EndMark {
    match flavour {
        Flavour::OpenAi => EndMark::Optional,
        Flavour::OpenResponses => EndMark::Required,
    }
}

/// A text of an answer.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The items that a response wrote.
pub(super) fn output(response: &Value) -> &[Value] {
    let output = response.get("output").and_then(Value::as_array);
    output.map_or(&[], Vec::as_slice)
}

/// Asserts that a response ended so, with an item of this type.
pub(super) fn ended(response: &Value, status: &str, kind: &str) -> Finding {
    let told = text(response, "/status");
    must(told == status, || {
        let why = response.get("error").unwrap_or(&Value::Null);
        format!("the response is {told}, not {status}: {why}")
    })?;
    let has = output(response)
        .iter()
        .any(|item| text(item, "/type") == kind);
    must(has, || format!("the output holds no {kind}"))
}
