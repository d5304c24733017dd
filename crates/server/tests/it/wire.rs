//! A client that sends what it likes, byte by byte, and reads what it likes of the answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::process::Client;

/// Far more than any answer takes that is to come at once.
const PATIENCE: Duration = Duration::from_secs(40);

/// A connection to a process.
pub(crate) struct Wire {
    stream: TcpStream,
    /// What has come and was not taken as part of an answer.
    read: Vec<u8>,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Where a process listens.
pub(crate) fn address(service: &Client) -> SocketAddr {
    let url = service.url("");
    let host = url.host_str().unwrap().parse().unwrap();
    SocketAddr::new(host, url.port().unwrap())
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            text.push_str("content-type: application/json\r\n");
        }
        text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    text.extend(["\r\n", body]);
    text.into_bytes()
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).await.unwrap())
    }

    /// A connection into which little fits that is not read: a window of some kilobytes, and small segments,
    /// by which the other side chooses how much it holds.
    pub(crate) async fn narrow(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(4 * 1024)?;
        socket.set_tcp_mss(1_400)?;
        socket.set_nonblocking(true)?;
        let socket = TcpSocket::from_std_stream(socket.into());
        Ok(Self::of(socket.connect(address).await?))
    }

    /// A connection that comes from an address of this machine.
    pub(crate) async fn from(own: std::net::IpAddr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(own, 0)).unwrap();
        Self::of(socket.connect(address).await.unwrap())
    }

    fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The same to somebody who may have hung up.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads until this has come.
    pub(crate) async fn until(&mut self, text: &str) {
        while find(&self.read, text.as_bytes()).is_none() {
            self.more().await.unwrap();
        }
    }

    /// The next answer.
    pub(crate) async fn reply(&mut self) -> Reply {
        self.try_reply().await.unwrap()
    }

    /// The next answer, if one comes before the connection ends.
    pub(crate) async fn try_reply(&mut self) -> io::Result<Reply> {
        let within = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some((reply, length)) = Reply::parse(&self.read) {
                    self.read.drain(..length);
                    return Ok(reply);
                }
                self.more().await?;
            }
        });
        within.await.unwrap_or_else(|_late| {
            let read = String::from_utf8_lossy(&self.read).into_owned();
            panic!("no answer came, but {read:?}")
        })
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// How long it takes from now until the other side hangs up; it must within a time.
    pub(crate) async fn closed(&mut self, within: Duration) -> Duration {
        let begun = Instant::now();
        let end = tokio::time::timeout(within, async { while self.more().await.is_ok() {} });
        assert!(end.await.is_ok(), "it is still open after {within:?}");
        begun.elapsed()
    }

    /// Whether nothing more comes on it: no byte is there that was not part of an answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.read.is_empty()
    }
}

/// One request over a connection of its own.
pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut wire = Wire::open(address).await;
    let headers = [headers, &[("connection", "close")]].concat();
    wire.send(&request(method, path, &headers, body)).await;
    wire.reply().await
}

impl Reply {
    /// The answer that these bytes begin with, once it is whole, and how long it is.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = find(bytes, b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let status: u16 = status.parse().unwrap();
        if status == 100 {
            let (reply, length) = Self::parse(&bytes[end..])?;
            return Some((reply, end + length));
        }
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut reply = Self {
            status,
            headers,
            body: Vec::new(),
        };
        let rest = &bytes[end..];
        let length = if reply.header("transfer-encoding") == Some("chunked") {
            let (body, length) = unchunked(rest)?;
            reply.body = body;
            length
        } else {
            let length = reply.header("content-length").unwrap_or("0");
            let length: usize = length.parse().unwrap();
            reply.body = rest.get(..length)?.to_vec();
            length
        };
        Some((reply, end + length))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The code of the problem that it tells.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        let code = body["error"]["code"].as_str();
        code.unwrap_or_default().to_owned()
    }
}

/// Where the first of these stands among those.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

/// The content of a body in pieces, once all of them have come, and how long it was on the wire.
fn unchunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let line = find(bytes.get(at..)?, b"\r\n")?;
        let length = std::str::from_utf8(&bytes[at..at + line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        at += line + 2;
        body.extend_from_slice(bytes.get(at..at + length)?);
        at += length + 2;
        if length == 0 {
            return (at <= bytes.len()).then_some((body, at));
        }
    }
}
