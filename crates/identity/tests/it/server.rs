//! A server that answers each path with what a test puts there, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use response_egress::Url;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What comes back.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// Nothing, for ever.
    Silence,
}

/// A server on a free port; it ends when it is dropped.
pub(crate) struct Server {
    url: Url,
    inside: Arc<Inside>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Inside {
    answers: Mutex<HashMap<String, Answer>>,
    requests: Mutex<Vec<String>>,
}

impl Server {
    /// One that answers 404.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inside = Arc::new(Inside::default());
        let mut task = JoinSet::new();
        let answering = Arc::clone(&inside);
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, Arc::clone(&answering)));
            }
        });
        Self {
            url: Url::parse(&format!("http://127.0.0.1:{port}")).unwrap(),
            inside,
            _task: task,
        }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    /// From now on this path is answered with this.
    pub(crate) fn put(&self, path: &str, answer: Answer) {
        let mut answers = self.inside.answers.lock().unwrap();
        answers.insert(path.to_owned(), answer);
    }

    /// From now on this path is answered with this status and body.
    pub(crate) fn say(&self, path: &str, status: u16, headers: &str, body: &str) {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        self.put(path, Answer::Bytes(text.into_bytes()));
    }

    /// From now on this path is answered with this JSON.
    pub(crate) fn json(&self, path: &str, body: &Value) {
        let headers = "content-type: application/json\r\n";
        self.say(path, 200, headers, &body.to_string());
    }

    /// The requests so far, as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.inside.requests.lock().unwrap().clone()
    }

    /// How many they are.
    pub(crate) fn asked(&self) -> usize {
        self.requests().len()
    }
}

async fn answer(mut stream: TcpStream, inside: Arc<Inside>) {
    let request = read_request(&mut stream).await;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    inside.requests.lock().unwrap().push(request);
    let answer = inside.answers.lock().unwrap().get(&path).cloned();
    match answer {
        Some(Answer::Bytes(bytes)) => _ = stream.write_all(&bytes).await,
        Some(Answer::Silence) => std::future::pending().await,
        None => {
            let missing = b"HTTP/1.1 404 .\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            _ = stream.write_all(missing).await;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        seen.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return text;
            }
            continue;
        };
        let mut lines = head.lines().map(str::to_ascii_lowercase);
        let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}
