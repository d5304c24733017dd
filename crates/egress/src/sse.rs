//! Bytes into server-sent events, whatever the chunking (WHATWG HTML, section 9.2.6).
//!
//! A frame that lies in one chunk is a slice of that chunk; only what spans chunks, and data of
//! several lines, is copied, and each byte is looked at once.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::EgressError;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One event. Fields the stream did not send for it are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The value of `event:`.
    pub event: Option<Bytes>,
    /// The values of its `data:` lines, joined by line feeds.
    pub data: Bytes,
    /// The value of `id:`, of this event only.
    pub id: Option<Bytes>,
}

impl Frame {
    /// The event's name; `message` when it has none, as the standard says.
    pub fn event_name(&self) -> &str {
        self.event
            .as_deref()
            .map_or("message", |name| std::str::from_utf8(name).unwrap_or(""))
    }
}

/// A line, or an event in all, is larger than the reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {limit} bytes")]
pub struct EventTooLarge {
    /// The cap, in bytes.
    pub limit: usize,
}

impl From<EventTooLarge> for EgressError {
    fn from(error: EventTooLarge) -> Self {
        Self::BodyTooLarge { limit: error.limit }
    }
}

/// Takes chunks and gives frames: push a chunk, then ask for frames until there is none.
#[derive(Debug)]
pub struct SseReader {
    limit: usize,
    /// What came and has not been read yet.
    chunk: Bytes,
    /// The beginning of a line whose end has not come.
    carry: BytesMut,
    /// The last line ended in CR: a LF that follows belongs to it.
    after_cr: bool,
    /// No line has been read: a byte order mark may stand before the first.
    at_start: bool,
    building: Building,
}

/// The event that the lines so far make up.
#[derive(Debug, Default)]
struct Building {
    event: Option<Bytes>,
    id: Option<Bytes>,
    data: Text,
}

#[derive(Debug, Default)]
enum Text {
    #[default]
    Absent,
    Line(Bytes),
    Lines(BytesMut),
}

impl SseReader {
    /// A reader that refuses a line, or the data of an event, of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            chunk: Bytes::new(),
            carry: BytesMut::new(),
            after_cr: false,
            at_start: true,
            building: Building::default(),
        }
    }

    /// Takes the next chunk. Frames of the chunk before it should have been asked for; if they
    /// were not, nothing is lost, but the two chunks are copied into one.
    pub fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            let mut joined = BytesMut::with_capacity(self.chunk.len() + chunk.len());
            joined.extend_from_slice(&self.chunk);
            joined.extend_from_slice(&chunk);
            self.chunk = joined.freeze();
        }
    }

    /// The next whole frame of what was pushed, or `None` when more is needed. After an error
    /// the reader has no further use.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, EventTooLarge> {
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                if let Some(frame) = self.building.finish() {
                    return Ok(Some(frame));
                }
            } else {
                self.building.take(&line, self.limit)?;
            }
        }
        Ok(None)
    }

    /// What the end of the stream left without a blank line, if that has any data. The standard
    /// drops it; some servers end so, and the caller can tell whether it is whole. Frames that
    /// were not asked for come first: call it until there is none.
    pub fn finish(&mut self) -> Result<Option<Frame>, EventTooLarge> {
        if let Some(frame) = self.next_frame()? {
            return Ok(Some(frame));
        }
        let rest = self.carry.split().freeze();
        let rest = self.without_bom(rest);
        if !rest.is_empty() {
            self.building.take(&rest, self.limit)?;
        }
        Ok(self.building.finish())
    }

    /// The next line without its end. A line ends in LF, CR or CRLF; one that ends in CR is
    /// given at once and not held back for a LF that may never come.
    fn next_line(&mut self) -> Result<Option<Bytes>, EventTooLarge> {
        if self.after_cr && !self.chunk.is_empty() {
            self.after_cr = false;
            if self.chunk.first() == Some(&b'\n') {
                self.chunk.advance(1);
            }
        }
        let end = memchr::memchr2(b'\n', b'\r', &self.chunk);
        let length = self.carry.len() + end.unwrap_or(self.chunk.len());
        if length > self.limit {
            return Err(EventTooLarge { limit: self.limit });
        }
        let Some(end) = end else {
            self.carry
                .extend_from_slice(&std::mem::take(&mut self.chunk));
            return Ok(None);
        };
        let mut line = self.chunk.split_to(end);
        self.after_cr = self.chunk.first() == Some(&b'\r');
        self.chunk.advance(1);
        if !self.carry.is_empty() {
            self.carry.extend_from_slice(&line);
            line = self.carry.split().freeze();
        }
        Ok(Some(self.without_bom(line)))
    }

    fn without_bom(&mut self, mut line: Bytes) -> Bytes {
        if std::mem::take(&mut self.at_start) && line.starts_with(BOM) {
            line.advance(BOM.len());
        }
        line
    }
}

impl Building {
    /// Takes one line that is not empty. Comments and unknown fields change nothing.
    fn take(&mut self, line: &Bytes, limit: usize) -> Result<(), EventTooLarge> {
        let colon = memchr::memchr(b':', line);
        let name = line.get(..colon.unwrap_or(line.len())).unwrap_or_default();
        let mut value = line.slice(colon.map_or(line.len(), |at| at + 1)..);
        if value.first() == Some(&b' ') {
            value.advance(1);
        }
        match name {
            b"data" => self.data.add(value, limit)?,
            b"event" => self.event = Some(value),
            b"id" if memchr::memchr(0, &value).is_none() => self.id = Some(value),
            _ => {}
        }
        Ok(())
    }

    /// The event, if it has data; in either case the next one begins.
    fn finish(&mut self) -> Option<Frame> {
        let Self { event, id, data } = std::mem::take(self);
        let data = match data {
            Text::Absent => return None,
            Text::Line(line) => line,
            Text::Lines(lines) => lines.freeze(),
        };
        Some(Frame { event, data, id })
    }
}

impl Text {
    fn add(&mut self, value: Bytes, limit: usize) -> Result<(), EventTooLarge> {
        let before = match self {
            Self::Absent => {
                *self = Self::Line(value);
                return Ok(());
            }
            Self::Line(line) => line.len(),
            Self::Lines(lines) => lines.len(),
        };
        if before + 1 + value.len() > limit {
            return Err(EventTooLarge { limit });
        }
        let mut lines = match std::mem::take(self) {
            Self::Lines(lines) => lines,
            Self::Line(line) => BytesMut::from(line),
            Self::Absent => BytesMut::new(),
        };
        lines.extend_from_slice(b"\n");
        lines.extend_from_slice(&value);
        *self = Self::Lines(lines);
        Ok(())
    }
}
