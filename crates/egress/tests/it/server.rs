//! A server that sends exactly the bytes a test gives it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use response_egress::{AddressPolicy, ClientOptions, EgressClient, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// What happens to a connection after the bytes were sent.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    Close,
    Hang,
    /// The next request on the same connection is answered too.
    Again,
}

/// A raw server on a free port; it ends when it is dropped.
pub(crate) struct RawServer {
    pub(crate) url: Url,
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    first_request: Option<oneshot::Receiver<String>>,
    _task: JoinSet<()>,
}

impl RawServer {
    /// Answers every connection with the same pieces, each written by itself.
    pub(crate) async fn start(pieces: Vec<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let (tell, first_request) = oneshot::channel();
        let mut tell = Some(tell);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).unwrap();
                loop {
                    let request = read_request(&mut stream).await;
                    let at_end = request.is_empty();
                    if let Some(tell) = tell.take() {
                        let _ = tell.send(request);
                    }
                    if at_end || write_pieces(&mut stream, &pieces).await.is_err() {
                        break;
                    }
                    match then {
                        Then::Again => {}
                        Then::Close => break,
                        Then::Hang => {
                            held.push(stream);
                            break;
                        }
                    }
                }
            }
        });
        let url = Url::parse(&format!("http://127.0.0.1:{port}/path")).unwrap();
        Self {
            url,
            port,
            connections,
            first_request: Some(first_request),
            _task: task,
        }
    }

    /// Answers with one piece and closes.
    pub(crate) async fn answering(answer: &str) -> Self {
        Self::start(vec![answer.as_bytes().to_vec()], Then::Close).await
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The first request's head and body as they came.
    pub(crate) async fn first_request(&mut self) -> String {
        self.first_request.take().unwrap().await.unwrap()
    }
}

async fn write_pieces(stream: &mut TcpStream, pieces: &[Vec<u8>]) -> io::Result<()> {
    for piece in pieces {
        stream.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        seen.extend_from_slice(buffer.get(..read).unwrap());
        let text = String::from_utf8_lossy(&seen).into_owned();
        // Somebody wants TLS: no request comes before that has an answer.
        if seen.first() == Some(&0x16) {
            return text;
        }
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return text;
            }
            continue;
        };
        let expected = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if read == 0 || body.len() >= expected {
            return text;
        }
    }
}

/// A client under a policy, that gives up a connection after a second.
pub(crate) fn client(policy: AddressPolicy) -> EgressClient {
    let options = ClientOptions {
        connect_timeout: Duration::from_secs(1),
        policy,
        ..ClientOptions::default()
    };
    EgressClient::new(options).unwrap()
}
