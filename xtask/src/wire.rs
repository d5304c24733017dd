//! HTTP/1.1 over one connection, as little of it as a load generator and its stand-ins need.
//!
//! What is sent is rendered beforehand; what comes is read piece by piece and kept nowhere. Both
//! ends of a connection speak through [`Wire`]: requests and answers differ in their first line.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const BUFFER: usize = 32 * 1024;

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    io: BufReader<TcpStream>,
    line: Vec<u8>,
}

/// What stands before a body.
#[derive(Debug)]
pub(crate) struct Head {
    /// The request line or the status line, without its line end.
    pub(crate) first: String,
    framing: Framing,
    /// Whether the sender closes the connection after the body.
    pub(crate) closes: bool,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    /// The end of the connection is the end of the body.
    Close,
}

impl Head {
    /// The status of an answer; 0 when this is none.
    pub(crate) fn status(&self) -> u16 {
        let mut words = self.first.split(' ');
        let is_answer = words.next().is_some_and(|word| word.starts_with("HTTP/"));
        let status = words.next().and_then(|word| word.parse().ok());
        status.filter(|_| is_answer).unwrap_or(0)
    }
}

impl Wire {
    /// Connects, with small writes leaving at once.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    /// Speaks over a connection that stands.
    pub(crate) fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            io: BufReader::with_capacity(BUFFER, stream),
            line: Vec::new(),
        })
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.get_mut().write_all(bytes).await
    }

    /// Reads up to the empty line; `None` when the other end closed instead of speaking.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        if !self.next_line().await? {
            return Ok(None);
        }
        let first = String::from_utf8_lossy(&self.line).into_owned();
        let is_request = !first.starts_with("HTTP/");
        let mut head = Head {
            first,
            framing: if is_request {
                Framing::Length(0)
            } else {
                Framing::Close
            },
            closes: false,
        };
        loop {
            if !self.next_line().await? {
                return Err(cut());
            }
            if self.line.is_empty() {
                return Ok(Some(head));
            }
            head.take(&self.line)?;
        }
    }

    /// Reads the body that a head announced and shows its pieces as they come.
    pub(crate) async fn body(
        &mut self,
        head: &Head,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        match head.framing {
            Framing::Length(length) => self.pieces(length, &mut each).await,
            Framing::Chunked => loop {
                let length = self.chunk_length().await?;
                self.pieces(length, &mut each).await?;
                // A line end closes each chunk; after the last one it closes the (empty) trailer.
                if !self.next_line().await? || !self.line.is_empty() {
                    return Err(not_http("a chunk is longer than it said"));
                }
                if length == 0 {
                    return Ok(());
                }
            },
            Framing::Close => {
                while self.piece(usize::MAX, &mut each).await? > 0 {}
                Ok(())
            }
        }
    }

    /// Waits until the other end says something or closes; what it says is not read.
    pub(crate) async fn stirs(&mut self) -> io::Result<()> {
        self.io.fill_buf().await.map(drop)
    }

    async fn chunk_length(&mut self) -> io::Result<usize> {
        if !self.next_line().await? {
            return Err(cut());
        }
        let text = String::from_utf8_lossy(&self.line);
        let digits = text.split(';').next().unwrap_or_default().trim();
        usize::from_str_radix(digits, 16).map_err(|_| not_http("a chunk has no length"))
    }

    async fn pieces(&mut self, length: usize, each: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            match self.piece(left, each).await? {
                0 => return Err(cut()),
                read => left -= read,
            }
        }
        Ok(())
    }

    /// Shows what has come, at most so much, and answers how much that was; 0 is the end.
    async fn piece(&mut self, most: usize, each: &mut impl FnMut(&[u8])) -> io::Result<usize> {
        let come = self.io.fill_buf().await?;
        let read = come.len().min(most);
        if let Some(piece) = come.get(..read).filter(|piece| !piece.is_empty()) {
            each(piece);
        }
        self.io.consume(read);
        Ok(read)
    }

    /// Reads a line without its end; `false` when there is none any more.
    async fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        // No head that we meet is this long; what has no line end is not to fill the memory.
        let mut bounded = (&mut self.io).take(BUFFER as u64);
        let read = bounded.read_until(b'\n', &mut self.line).await?;
        if read == 0 {
            return Ok(false);
        }
        if self.line.pop() != Some(b'\n') {
            return Err(cut());
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(true)
    }
}

impl Head {
    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(line);
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().map_err(|_| not_http("no length"))?;
            self.framing = Framing::Length(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            self.closes = value.eq_ignore_ascii_case("close");
        }
        Ok(())
    }
}

/// Cuts pieces of a body into lines, wherever the pieces begin and end.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes a piece and shows the lines that it completes, without their ends.
    pub(crate) fn take(&mut self, piece: &[u8], mut each: impl FnMut(&[u8])) {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        for line in lines {
            if self.begun.is_empty() {
                each(line);
            } else {
                self.begun.extend_from_slice(line);
                each(&self.begun);
                self.begun.clear();
            }
        }
        self.begun.extend_from_slice(last);
    }
}

/// A request with a JSON body, as bytes.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bench\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A request without a body, as bytes.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")
        .into_bytes()
}

/// Asks a server one thing on a connection of its own and answers the status.
pub(crate) async fn status_of(address: SocketAddr, path: &str) -> io::Result<u16> {
    let mut wire = Wire::connect(address).await?;
    wire.send(&get(path)).await?;
    let head = wire.head().await?.ok_or_else(cut)?;
    wire.body(&head, |_| ()).await?;
    Ok(head.status())
}

fn cut() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the connection ended in the midst of a message",
    )
}

fn not_http(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What is read off a connection over which these bytes came in pieces of this size.
    fn exchange(bytes: &'static [u8], size: usize) -> io::Result<Vec<(u16, String)>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let speaking = async {
                let (mut stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                for piece in bytes.chunks(size) {
                    stream.write_all(piece).await?;
                    tokio::task::yield_now().await;
                }
                Ok(())
            };
            let reading = async {
                let mut wire = Wire::connect(address).await?;
                let mut answers = Vec::new();
                while let Some(head) = wire.head().await? {
                    let mut body = Vec::new();
                    wire.body(&head, |piece| body.extend_from_slice(piece))
                        .await?;
                    answers.push((head.status(), String::from_utf8_lossy(&body).into_owned()));
                }
                Ok(answers)
            };
            let spoken: (io::Result<()>, _) = tokio::join!(speaking, reading);
            spoken.1
        })
    }

    #[test]
    fn answers_are_read_wherever_they_are_cut() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello\
            HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n\
            HTTP/1.1 503 No\r\nConnection: close\r\n\r\nto the end";
        for size in [1, 7, 4096] {
            let answers = exchange(bytes, size).expect("three answers");
            let expected = [(200, "hello"), (201, "abc0123456789"), (503, "to the end")]
                .map(|(s, b)| (s, b.to_owned()));
            assert_eq!(answers, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_short_is_an_error() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-",
        ] {
            assert!(exchange(bytes, 4096).is_err());
        }
    }

    #[test]
    fn lines_are_whole_wherever_they_are_cut() {
        let text = b"event: a\ndata: 1\n\nevent: b\n";
        for size in 1..text.len() {
            let (mut lines, mut seen) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.take(piece, |line| seen.push(line.to_vec()));
            }
            assert_eq!(seen, [&b"event: a"[..], b"data: 1", b"", b"event: b"]);
        }
    }
}
