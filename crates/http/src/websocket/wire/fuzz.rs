//! What must hold of any bytes on a WebSocket; a target of the fuzzer, and a test.

use actix_web::dev::Payload;
use actix_web::test::TestRequest;
use actix_web::{FromRequest, HttpRequest};
use futures::FutureExt;

use super::{Breach, BytesMut, Inbox, Message, OpCode, Parser, web};
use crate::room::Room;

#[path = "../../../../../xtask/fuzz/src/cuts.rs"]
mod cuts;

/// The bytes of a frame before its content.
const HEAD: usize = 14;
/// All the room that there is for bodies.
const ROOM: usize = 1 << 30;

/// Messages are the same however their bytes are cut, no longer than these and than allowed, and are read
/// again from what is written of them; no more is kept than one message and what has just come.
pub(crate) fn hold_messages(bytes: &[u8]) {
    for most in [100, 1 << 20] {
        let whole = read(&[bytes], most);
        for pieces in cuts::ways(bytes) {
            let (messages, breach) = read(&pieces, most);
            assert_eq!(messages, whole.0, "at most {most} bytes");
            // Of a frame that breaks two rules either may be seen first.
            assert_eq!(breach.is_some(), whole.1.is_some(), "at most {most} bytes");
        }
        let (messages, _) = &whole;
        let lengths = messages.iter().map(length);
        assert!(lengths.sum::<usize>() <= bytes.len());
        let mut again = BytesMut::new();
        for message in messages {
            write(message, &mut again);
        }
        let (read_again, breach) = read(&[&again], most);
        assert_eq!((&read_again, breach), (messages, None));
    }
}

/// The messages, and the breach if one ended them.
fn read(pieces: &[&[u8]], most: usize) -> (Vec<Message>, Option<Breach>) {
    let room = Room::new(ROOM);
    let mut inbox = Inbox::new(nothing(), &room, most);
    let mut messages = Vec::new();
    for piece in pieces {
        assert!(inbox.part.grow(piece.len()).is_ok());
        inbox.unread.extend_from_slice(piece);
        loop {
            match inbox.cut() {
                Ok(Some(message)) => {
                    assert!(length(&message) <= most.max(125));
                    messages.push(message);
                }
                Ok(None) => break,
                Err(breach) => return (messages, Some(breach)),
            }
        }
        let begun = inbox.begun.as_ref().map_or(0, |(pieces, _)| pieces.len());
        assert!(begun <= most);
        // Of a frame whose end has not come there is less than a whole one.
        assert!(inbox.unread.len() < HEAD + most.max(125));
        let texts = messages
            .iter()
            .filter(|message| matches!(message, Message::Text(_)));
        let held = begun + inbox.unread.len() + texts.map(length).sum::<usize>();
        let free = [ROOM - held, ROOM - held + 1].map(|bytes| room.has(bytes).is_ok());
        assert_eq!(free, [true, false], "what is held is counted");
    }
    (messages, None)
}

fn nothing() -> web::Payload {
    let parts: (HttpRequest, Payload) = TestRequest::default().to_http_parts();
    let (request, mut payload) = parts;
    let payload = web::Payload::from_request(&request, &mut payload);
    match payload.now_or_never() {
        Some(Ok(payload)) => payload,
        other => unreachable!("a payload is there at once: {:?}", other.is_some()),
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(bytes) => bytes.len(),
        Message::Ping(bytes) => bytes.len(),
        Message::Binary | Message::Pong | Message::Close(_) => 0,
    }
}

/// A message as a client sends it.
fn write(message: &Message, out: &mut BytesMut) {
    match message {
        Message::Text(bytes) => Parser::write_message(out, &**bytes, OpCode::Text, true, true),
        Message::Ping(bytes) => Parser::write_message(out, bytes, OpCode::Ping, true, true),
        Message::Binary => Parser::write_message(out, b"", OpCode::Binary, true, true),
        Message::Pong => Parser::write_message(out, b"", OpCode::Pong, true, true),
        Message::Close(code) => {
            let code = code.map(|code| u16::from(code).to_be_bytes());
            let bytes = code.as_ref().map_or(&[][..], |code| code);
            Parser::write_message(out, bytes, OpCode::Close, true, true);
        }
    }
}
