//! A tool server in raw bytes: it keeps every request and answers as the test says.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use response_egress::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) verb: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    /// The JSON body; null when there is none.
    pub(crate) body: Value,
}

impl Seen {
    /// The JSON-RPC method, or the verb of a request that has none.
    pub(crate) fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or(&self.verb)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn arguments(&self) -> &Value {
        &self.body["params"]["arguments"]
    }

    /// The answer with this result, as JSON.
    pub(crate) fn result(&self, result: &Value) -> Answer {
        let body = json!({"jsonrpc": "2.0", "id": self.body["id"], "result": result});
        Answer::json(200, &body)
    }

    /// The answer with this text as a tool's.
    pub(crate) fn says(&self, text: &str) -> Answer {
        self.result(&json!({"content": [{"type": "text", "text": text}]}))
    }

    /// The answer with this error, as JSON.
    pub(crate) fn error(&self, status: u16, code: i64, message: &str) -> Answer {
        let error = json!({"code": code, "message": message});
        Answer::json(
            status,
            &json!({"jsonrpc": "2.0", "id": self.body["id"], "error": error}),
        )
    }

    /// The list of these tools.
    pub(crate) fn tools(&self, tools: &Value) -> Answer {
        self.result(&json!({ "tools": tools }))
    }

    /// The answer to a handshake.
    pub(crate) fn welcome(&self, version: &str) -> Answer {
        self.result(&json!({
            "protocolVersion": version,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "fake", "version": "1"},
        }))
    }
}

/// What the server does with a request.
pub(crate) enum Answer {
    /// Sends this and serves on.
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Sends this as a stream of events without a length, in two chunks, and serves on.
    Chunked(String),
    /// Sends a stream of events, piece by piece as they come, and closes after the last.
    Stream(mpsc::Receiver<Vec<u8>>),
    /// Sends these bytes, each piece by itself, and closes.
    Raw(Vec<Vec<u8>>),
    /// Never answers.
    Hang,
}

impl Answer {
    pub(crate) fn new(status: u16, media: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Http {
            status,
            headers: vec![("content-type".into(), media.into())],
            body: body.into(),
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Nothing, as a notification is answered.
    pub(crate) fn accepted() -> Self {
        Self::new(202, "text/plain", "")
    }

    /// These events, whole.
    pub(crate) fn events(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/event-stream", body)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Http { headers, .. } = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }
}

type Deciding = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A server on a free port; it ends when it is dropped.
pub(crate) struct Fake {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    connections: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Fake {
    /// A server that decides at once.
    pub(crate) async fn start(decide: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::deciding(move |seen| {
            let answer = decide(&seen);
            Box::pin(async move { answer })
        })
        .await
    }

    /// A server that may take its time to decide.
    pub(crate) async fn deciding(
        decide: impl Fn(Seen) -> Deciding + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (tell, count) = watch::channel(0);
        let keep = Arc::new(Kept {
            seen: Arc::clone(&seen),
            tell,
            decide: Box::new(decide),
        });
        let connections = Arc::new(AtomicUsize::new(0));
        let accepted = Arc::clone(&connections);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                open.spawn(serve(stream, Arc::clone(&keep)));
                while open.try_join_next().is_some() {}
            }
        });
        Self {
            url: Url::parse(&format!("http://127.0.0.1:{port}/mcp")).unwrap(),
            seen,
            count,
            connections,
            _task: task,
        }
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What came so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests of this method came.
    pub(crate) fn count(&self, method: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.method() == method).count()
    }

    /// The methods that came, in order.
    pub(crate) fn methods(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|seen| seen.method().to_owned()).collect()
    }

    /// The last request of this method.
    pub(crate) fn last(&self, method: &str) -> Seen {
        let seen = self.seen();
        let found = seen.into_iter().rev().find(|seen| seen.method() == method);
        found.unwrap_or_else(|| panic!("no {method} came: {:?}", self.methods()))
    }

    /// Waits until so many requests of this method came.
    pub(crate) async fn until(&self, method: &str, times: usize) {
        let mut count = self.count.clone();
        while self.count(method) < times {
            count.changed().await.unwrap();
        }
    }
}

struct Kept {
    seen: Arc<Mutex<Vec<Seen>>>,
    tell: watch::Sender<usize>,
    decide: Box<dyn Fn(Seen) -> Deciding + Send + Sync>,
}

async fn serve(mut stream: TcpStream, keep: Arc<Kept>) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        keep.seen.lock().unwrap().push(request.clone());
        keep.tell.send_modify(|count| *count += 1);
        let goes_on = match (keep.decide)(request).await {
            Answer::Http {
                status,
                headers,
                body,
            } => answer(&mut stream, status, &headers, &body).await,
            Answer::Chunked(body) => chunked(&mut stream, &body).await,
            Answer::Stream(pieces) => stream_out(&mut stream, pieces).await,
            Answer::Raw(pieces) => raw_out(&mut stream, pieces).await,
            Answer::Hang => std::future::pending().await,
        };
        if goes_on.is_none() {
            return;
        }
    }
}

async fn answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Option<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body).await.ok()
}

async fn chunked(stream: &mut TcpStream, body: &str) -> Option<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let whole = format!("{head}{:x}\r\n{body}\r\n", body.len());
    stream.write_all(whole.as_bytes()).await.ok()?;
    // The end comes by itself, later than the answer.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

async fn stream_out(stream: &mut TcpStream, mut pieces: mpsc::Receiver<Vec<u8>>) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    while let Some(piece) = pieces.recv().await {
        stream.write_all(&piece).await.ok()?;
    }
    None
}

async fn raw_out(stream: &mut TcpStream, pieces: Vec<Vec<u8>>) -> Option<()> {
    for piece in pieces {
        stream.write_all(&piece).await.ok()?;
        stream.flush().await.ok()?;
        tokio::task::yield_now().await;
    }
    None
}

/// The next request on the connection; what follows it stays in the buffer.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let mut chunk = [0; 8192];
    loop {
        if let Some((seen, length)) = parse(buffer) {
            buffer.drain(..length);
            return Some(seen);
        }
        let read = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        buffer.extend_from_slice(chunk.get(..read)?);
    }
}

fn parse(buffer: &[u8]) -> Option<(Seen, usize)> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(buffer.get(..end)?).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (verb, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length");
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let body = buffer.get(end..end + length)?;
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    let seen = Seen {
        verb,
        path,
        headers,
        body,
    };
    Some((seen, end + length))
}
