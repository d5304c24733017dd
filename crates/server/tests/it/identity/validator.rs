//! Another service that knows keys, of the shape of `/auth/validate-api-key`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::wire::find;

/// A key that nobody knows is answered 401.
pub(crate) struct Validator {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    known: Mutex<HashMap<String, (u16, Value)>>,
    asked: Mutex<Vec<String>>,
    faults: Mutex<Vec<String>>,
}

impl Validator {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let runtime = tokio::runtime::Handle::current();
        let own = Arc::clone(&shared);
        let serving = runtime.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                runtime.spawn(serve(stream, Arc::clone(&own)));
            }
        });
        Self {
            address,
            shared,
            serving,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/auth/validate-api-key", self.address)
    }

    /// This is what it answers about a key from now on.
    pub(crate) fn knows(&self, key: &str, status: u16, answer: Value) {
        let mut known = self.shared.known.lock().unwrap();
        known.insert(key.to_owned(), (status, answer));
    }

    /// The keys that it was asked about, each as often as that happened.
    pub(crate) fn asked(&self) -> Vec<String> {
        let faults = self.shared.faults.lock().unwrap();
        assert!(faults.is_empty(), "{faults:#?}");
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut read = Vec::new();
    loop {
        let Some((head, body, length)) = request(&read) else {
            match stream.read_buf(&mut read).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        read.drain(..length);
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_right = head.starts_with("POST /auth/validate-api-key HTTP/1.1\r\n")
            && head
                .to_ascii_lowercase()
                .contains("content-type: application/json")
            && asked.as_object().is_some_and(|asked| asked.len() == 1);
        if !is_right {
            shared.faults.lock().unwrap().push(format!("{head}{asked}"));
        }
        let key = asked["api_key"].as_str().unwrap_or_default().to_owned();
        let known = shared.known.lock().unwrap().get(&key).cloned();
        shared.asked.lock().unwrap().push(key);
        let (status, answer) = known.unwrap_or((401, json!({"error": "no such key"})));
        let body = answer.to_string();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The head of a request, its body, and how long both are, once they have come.
fn request(bytes: &[u8]) -> Option<(String, Vec<u8>, usize)> {
    let end = find(bytes, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<usize>().unwrap())
    });
    let whole = end + length.unwrap_or(0);
    Some((head, bytes.get(end..whole)?.to_vec(), whole))
}
