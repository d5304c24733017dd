//! The frames of the WebSocket protocol: cut out of the bytes that come in and put together to messages, and
//! written. What a frame announces is looked at before its bytes are waited for, so nobody makes this process
//! keep more than one message of the length that is allowed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_http::ws::{CloseCode, CloseReason, OpCode, Parser};
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures::Stream;

use crate::room::{Body, Full, Part, Room};

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A text; it is UTF-8.
    Text(Body),
    /// Bytes that are no text.
    Binary,
    /// It asks whether anybody is there.
    Ping(Bytes),
    /// It answers that question.
    Pong,
    /// It is done.
    Close(Option<CloseCode>),
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    /// A message is longer than allowed.
    TooLong,
    /// There is no room for what comes.
    NoRoom,
    /// What comes is not the protocol.
    Protocol,
    /// A text is not UTF-8.
    NotText,
    /// The connection ended.
    Gone,
}

/// Reads what a client says.
pub(super) struct Inbox {
    payload: web::Payload,
    unread: BytesMut,
    /// The pieces of a message that has begun, and whether it is a text.
    begun: Option<(BytesMut, OpCode)>,
    /// The room of what came and is not told yet.
    part: Part,
    /// The most bytes of a message.
    most: usize,
    /// Whether anything came since this was last asked.
    heard: bool,
}

impl Inbox {
    pub(super) fn new(payload: web::Payload, room: &Room, most: usize) -> Self {
        Self {
            payload,
            unread: BytesMut::new(),
            begun: None,
            part: room.part(),
            most,
            heard: false,
        }
    }

    /// Whether anything came since this was last asked.
    pub(super) fn has_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// What the client says next. After a breach it is not to be asked again.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Breach>> {
        loop {
            if let Some(message) = self.cut()? {
                return Poll::Ready(Ok(message));
            }
            match ready!(Pin::new(&mut self.payload).poll_next(context)) {
                Some(Ok(bytes)) => {
                    self.heard = true;
                    if let Err(Full) = self.part.grow(bytes.len()) {
                        return Poll::Ready(Err(Breach::NoRoom));
                    }
                    self.unread.extend_from_slice(&bytes);
                }
                Some(Err(_)) | None => return Poll::Ready(Err(Breach::Gone)),
            }
        }
    }

    /// Throws away what comes, until nothing more does.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.unread = BytesMut::new();
        self.begun = None;
        self.part.shrink_to(0);
        while let Some(Ok(_)) = ready!(Pin::new(&mut self.payload).poll_next(context)) {}
        Poll::Ready(())
    }

    /// The next message, if all of it has come.
    fn cut(&mut self) -> Result<Option<Message>, Breach> {
        loop {
            let begun = self.begun.as_ref().map_or(0, |(pieces, _)| pieces.len());
            let room = self.most.saturating_sub(begun) as u64;
            match Announced::of(&self.unread) {
                Some(frame) if frame.is_control && frame.length > MOST_OF_CONTROL => {
                    return Err(Breach::Protocol);
                }
                Some(frame) if !frame.is_control && frame.length > room => {
                    return Err(Breach::TooLong);
                }
                Some(_) | None => {}
            }
            // Its own limit would only be looked at once all of a frame has come.
            let frame = Parser::parse(&mut self.unread, true, usize::MAX);
            let Some((is_last, kind, bytes)) = frame.map_err(|_breach| Breach::Protocol)? else {
                return Ok(None);
            };
            let bytes = bytes.unwrap_or_default();
            let message = self.take(is_last, kind, bytes)?;
            let begun = self.begun.as_ref().map_or(0, |(pieces, _)| pieces.len());
            self.part.shrink_to(begun + self.unread.len());
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    fn take(
        &mut self,
        is_last: bool,
        kind: OpCode,
        bytes: BytesMut,
    ) -> Result<Option<Message>, Breach> {
        let control = match kind {
            OpCode::Ping => Message::Ping(bytes.freeze()),
            OpCode::Pong => Message::Pong,
            OpCode::Close => {
                let reason = Parser::try_parse_close_payload(&bytes);
                let reason = reason.map_err(|_breach| Breach::Protocol)?;
                Message::Close(reason.map(|reason| reason.code))
            }
            OpCode::Text | OpCode::Binary | OpCode::Continue => {
                return self.put_together(is_last, kind, bytes);
            }
            OpCode::Bad => return Err(Breach::Protocol),
        };
        // A message about the connection comes in one piece.
        if is_last {
            Ok(Some(control))
        } else {
            Err(Breach::Protocol)
        }
    }

    fn put_together(
        &mut self,
        is_last: bool,
        kind: OpCode,
        bytes: BytesMut,
    ) -> Result<Option<Message>, Breach> {
        let (whole, kind) = match (self.begun.take(), kind) {
            (Some((mut pieces, kind)), OpCode::Continue) => {
                pieces.extend_from_slice(&bytes);
                (pieces, kind)
            }
            (None, OpCode::Text | OpCode::Binary) => (bytes, kind),
            _ => return Err(Breach::Protocol),
        };
        if !is_last {
            self.begun = Some((whole, kind));
            return Ok(None);
        }
        if kind == OpCode::Binary {
            return Ok(Some(Message::Binary));
        }
        let whole = whole.freeze();
        match std::str::from_utf8(&whole) {
            Ok(_) => {
                let part = self.part.split(whole.len());
                Ok(Some(Message::Text(Body::new(whole, part))))
            }
            Err(_) => Err(Breach::NotText),
        }
    }
}

/// The most bytes of a message about the connection.
const MOST_OF_CONTROL: u64 = 125;

/// What the first bytes of a frame say of it.
struct Announced {
    length: u64,
    /// Whether it is about the connection, and may stand between the pieces of another message.
    is_control: bool,
}

impl Announced {
    /// Of the frame at the beginning of `bytes`, when enough of it has come.
    fn of(bytes: &[u8]) -> Option<Self> {
        const LENGTH: u8 = 0x7f;
        const CONTROL: u8 = 0x08;
        let rest = bytes.get(2..)?;
        let length = match bytes.get(1)? & LENGTH {
            126 => rest
                .first_chunk()
                .map(|two| u16::from_be_bytes(*two).into())?,
            127 => rest.first_chunk().map(|eight| u64::from_be_bytes(*eight))?,
            short => short.into(),
        };
        Some(Self {
            length,
            is_control: bytes.first()? & CONTROL != 0,
        })
    }
}

/// Writes a text.
pub(super) fn put_text(out: &mut BytesMut, text: &[u8]) {
    Parser::write_message(out, text, OpCode::Text, true, false);
}

/// Asks whether anybody is there.
pub(super) fn put_ping(out: &mut BytesMut) {
    Parser::write_message(out, b"", OpCode::Ping, true, false);
}

/// Answers that question.
pub(super) fn put_pong(out: &mut BytesMut, bytes: &[u8]) {
    Parser::write_message(out, bytes, OpCode::Pong, true, false);
}

/// Says that nothing more comes.
pub(super) fn put_close(out: &mut BytesMut, code: CloseCode, why: &str) {
    let description = Some(why.to_owned()).filter(|why| !why.is_empty());
    Parser::write_close(out, Some(CloseReason { code, description }), false);
}

#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
#[cfg(test)]
mod tests;
