//! A client that sees every byte: one request over one connection.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// A request that is being put together.
pub(crate) struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// The bytes of the request.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self {
            method,
            path,
            headers,
            body,
        } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if let Some(body) = body {
            text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(body.iter().flatten());
        bytes
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self, world: &World) -> Reply {
        self.header("connection", "close")
            .open(world)
            .await
            .end()
            .await
    }

    /// Sends it.
    pub(crate) async fn open(self, world: &World) -> Open {
        Open::with(world, &self.bytes()).await
    }
}

/// A connection on which an answer is coming.
pub(crate) struct Open {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Open {
    /// Sends these bytes over a new connection.
    pub(crate) async fn with(world: &World, bytes: &[u8]) -> Self {
        let mut stream = world.connect().await;
        stream.write_all(bytes).await.unwrap();
        let read = Vec::new();
        Self { stream, read }
    }

    /// Sends more.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads until `text` has come.
    pub(crate) async fn until(&mut self, text: &str) {
        while !self
            .read
            .windows(text.len())
            .any(|part| part == text.as_bytes())
        {
            let read = self.stream.read_buf(&mut self.read).await.unwrap();
            assert!(read > 0, "the connection ended before {text:?} came");
        }
    }

    /// The status of the answer; none when the connection ends without one.
    pub(crate) async fn status(&mut self) -> Option<u16> {
        while !self.read.windows(4).any(|four| four == b"\r\n\r\n") {
            if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
        Some(Reply::parse(&self.read).status)
    }

    /// The head of the answer, and what has come of the body.
    pub(crate) async fn head(&mut self) -> Reply {
        self.until("\r\n\r\n").await;
        Reply::parse(&self.read)
    }

    /// Reads to the end of the connection.
    pub(crate) async fn end(mut self) -> Reply {
        // A server that refuses a body may close before it has read all of it.
        let _ = self.stream.read_to_end(&mut self.read).await;
        Reply::parse(&self.read)
    }
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let head_end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..head_end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Self {
            status: status.parse().unwrap(),
            headers,
            body: bytes[head_end + 4..].to_vec(),
        };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = unchunked(&reply.body);
        }
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The chunks' frames of an event stream, one by one.
    pub(crate) fn frames(&self) -> Vec<&str> {
        self.text().split_inclusive("\n\n").collect()
    }
}

/// The contents of a chunked body; a body that broke off is as long as it got.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&rest[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        let chunk = &rest[end + 2..];
        if length == 0 || chunk.len() < length + 2 {
            break;
        }
        body.extend_from_slice(&chunk[..length]);
        rest = &chunk[length + 2..];
    }
    body
}
