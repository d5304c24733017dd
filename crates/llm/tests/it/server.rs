//! A model server that sends exactly the bytes a test gives it, one reply for each request, and keeps what it
//! was sent.

use std::sync::{Arc, Mutex};

use response_egress::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) struct Reply {
    pieces: Vec<Vec<u8>>,
    then: Then,
}

/// What happens to the connection after a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The next request may come on it.
    Keep,
    Close,
    /// It stays open and silent until the client leaves.
    Hang,
    /// The last piece is sent again and again until the client leaves.
    Repeat,
}

impl Reply {
    fn new(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        Self {
            pieces: vec![bytes.into()],
            then,
        }
    }

    /// A document with its length; the connection stays open.
    pub(crate) fn document(status: u16, media_type: &str, body: &str) -> Self {
        Self::with(status, &format!("content-type: {media_type}\r\n"), body)
    }

    /// A document with these header lines.
    pub(crate) fn with(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        let text =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
        Self::new(text, Then::Keep)
    }

    /// These bytes; then the connection is closed.
    pub(crate) fn raw(bytes: &str) -> Self {
        Self::new(bytes, Then::Close)
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::document(status, "application/json", body)
    }

    /// A stream of events with a proper end.
    pub(crate) fn events(events: &[&str]) -> Self {
        let mut reply = Self::open_events(events);
        reply.pieces.push(b"0\r\n\r\n".to_vec());
        reply.then = Then::Keep;
        reply
    }

    /// A stream of events that stays open behind the last.
    pub(crate) fn open_events(events: &[&str]) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut reply = Self::new(head, Then::Hang);
        for event in events {
            let data = format!("data: {event}\n\n");
            let chunk = format!("{:x}\r\n{data}\r\n", data.len());
            reply.pieces.push(chunk.into_bytes());
        }
        reply
    }

    /// The same, but the connection is closed without the end of the body.
    pub(crate) fn then_close(mut self) -> Self {
        self.then = Then::Close;
        self
    }

    /// The same, but the connection stays open.
    pub(crate) fn then_hang(mut self) -> Self {
        self.then = Then::Hang;
        self
    }

    /// The same, but the last piece comes again and again until the client leaves.
    pub(crate) fn then_repeat(mut self) -> Self {
        self.then = Then::Repeat;
        self
    }

    /// The same and then another piece.
    pub(crate) fn and(mut self, piece: impl Into<Vec<u8>>) -> Self {
        self.pieces.push(piece.into());
        self
    }

    /// Nothing at all: the connection is closed, or held.
    pub(crate) fn nothing(hang: bool) -> Self {
        Self::new("", if hang { Then::Hang } else { Then::Close })
    }
}

/// A chunk that says `text`.
pub(crate) fn says(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#)
}

/// A chunk that says why the model stops.
pub(crate) fn stops(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The request line and the headers, names in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }
}

#[derive(Default)]
struct Seen {
    received: Vec<Received>,
    connections: usize,
    /// The bytes that were written, whether or not they were read.
    sent: usize,
}

/// A server on a free port; it ends when it is dropped.
pub(crate) struct ModelServer {
    pub(crate) url: Url,
    seen: Arc<Mutex<Seen>>,
    left: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl ModelServer {
    /// Gives the replies in turn; the last one again and again.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (leave, left) = watch::channel(0);
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        let replies = Arc::new(replies);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (seen, replies) = (Arc::clone(&shared), Arc::clone(&replies));
                let leave = leave.clone();
                connections.spawn(async move {
                    serve(stream, &seen, &replies).await;
                    leave.send_modify(|count| *count += 1);
                });
            }
        });
        Self {
            url: Url::parse(&url).unwrap(),
            seen,
            left,
            _tasks: tasks,
        }
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.seen.lock().unwrap().received.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// The bytes that connections took.
    pub(crate) fn sent(&self) -> usize {
        self.seen.lock().unwrap().sent
    }

    /// Waits until a connection has ended, by either side.
    pub(crate) async fn someone_left(&mut self) {
        self.left.wait_for(|count| *count > 0).await.unwrap();
    }
}

async fn serve(mut stream: TcpStream, seen: &Mutex<Seen>, replies: &[Reply]) {
    stream.set_nodelay(true).unwrap();
    while let Some(received) = read_request(&mut stream).await {
        let reply = {
            let mut seen = seen.lock().unwrap();
            let place = seen.received.len().min(replies.len() - 1);
            seen.received.push(received);
            replies[place].clone()
        };
        for piece in &reply.pieces {
            if stream.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        match reply.then {
            Then::Keep => {}
            Then::Close => return,
            Then::Repeat => {
                let piece = reply.pieces.last().unwrap();
                while stream.write_all(piece).await.is_ok() {
                    seen.lock().unwrap().sent += piece.len();
                }
                return;
            }
            Then::Hang => {
                let mut rest = [0; 64];
                while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8_192];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if let Some(body) = bytes.get(end + 4..end + 4 + length) {
                let body = String::from_utf8(body.to_vec()).unwrap();
                return Some(Received { head, body });
            }
        }
        let read = stream
            .read(&mut buffer)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
    }
}
