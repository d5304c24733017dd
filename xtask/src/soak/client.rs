//! One exchange with the API at a time, each on a connection of its own: the process at the other end may be
//! another the next time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::wire::{Lines, Wire};

/// The credential of every request: it must not be seen anywhere.
pub(super) const MARKER: &str = "soak-credential-7f3a";
/// The longest that an answer may take.
const LONGEST: Duration = Duration::from_secs(40);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The request never left.
    NotSent,
    /// It left, and nobody knows what became of it.
    Lost,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// A text field of the body.
    pub(super) fn text(&self, name: &str) -> &str {
        self.body
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Asks one thing.
pub(super) async fn call(
    api: SocketAddr,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer, Trouble> {
    let asked = async {
        let mut wire = Wire::connect(api)
            .await
            .map_err(|_refused| Trouble::NotSent)?;
        answer(&mut wire, &request(method, path, body, None))
            .await
            .map_err(|_cut| Trouble::Lost)
    };
    timeout(LONGEST, asked).await.unwrap_or(Err(Trouble::Lost))
}

async fn answer(wire: &mut Wire, request: &[u8]) -> io::Result<Answer> {
    wire.send(request).await?;
    let head = wire.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut body = Vec::new();
    wire.body(&head, |piece| body.extend_from_slice(piece))
        .await?;
    Ok(Answer {
        status: head.status(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

fn request(method: &str, path: &str, body: Option<&Value>, seen: Option<u64>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let seen = seen.map(|number| format!("Last-Event-ID: {number}\r\n"));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {MARKER}\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{}\
         Content-Length: {}\r\n\r\n{body}",
        seen.unwrap_or_default(),
        body.len()
    )
    .into_bytes()
}

/// One frame of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Frame {
    pub(super) event: String,
    pub(super) number: u64,
    pub(super) data: String,
}

/// Where a reader goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Nothing,
    /// Said in the query.
    Parameter(u64),
    /// Said in the header, as a browser does.
    Header(u64),
}

/// Reads a stream for a time and answers the status and the frames; those that came before the connection
/// was lost count.
pub(super) async fn read(
    api: SocketAddr,
    id: &str,
    after: After,
    span: Duration,
) -> Result<(u16, Vec<Frame>), Trouble> {
    let (query, header) = match after {
        After::Nothing => (String::new(), None),
        After::Parameter(number) => (format!("&starting_after={number}"), None),
        After::Header(number) => (String::new(), Some(number)),
    };
    let path = format!("/v1/responses/{id}?stream=true{query}");
    let mut status = 0;
    let mut frames = Frames::default();
    let reading = async {
        let mut wire = Wire::connect(api).await?;
        wire.send(&request("GET", &path, None, header)).await?;
        let head = wire.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        status = head.status();
        wire.body(&head, |piece| frames.take(piece)).await
    };
    // Whoever has no time left leaves, and whoever was cut off has what came before.
    let _ended: Result<io::Result<()>, _> = timeout(span, reading).await;
    match status {
        0 => Err(Trouble::Lost),
        status => Ok((status, frames.whole)),
    }
}

/// Puts the lines of a stream together.
#[derive(Debug, Default)]
struct Frames {
    lines: Lines,
    begun: Frame,
    whole: Vec<Frame>,
}

impl Frames {
    fn take(&mut self, piece: &[u8]) {
        let (begun, whole) = (&mut self.begun, &mut self.whole);
        self.lines.take(piece, |line| {
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches('\r');
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut begun.event);
            } else if let Some(number) = line.strip_prefix("id: ") {
                begun.number = number.parse().unwrap_or(u64::MAX);
            } else if let Some(data) = line.strip_prefix("data: ") {
                data.clone_into(&mut begun.data);
            } else if line.is_empty() && !begun.event.is_empty() {
                whole.push(std::mem::take(begun));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_wherever_they_are_cut() {
        let text = b"event: a\nid: 0\ndata: {}\n\n: still here\n\nevent: b\nid: 1\ndata: {\"x\":1}\n\nevent: c\n";
        for size in 1..text.len() {
            let mut frames = Frames::default();
            for piece in text.chunks(size) {
                frames.take(piece);
            }
            let seen: Vec<(&str, u64)> = frames
                .whole
                .iter()
                .map(|frame| (frame.event.as_str(), frame.number))
                .collect();
            assert_eq!(seen, [("a", 0), ("b", 1)]);
        }
    }
}
