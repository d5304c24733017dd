//! What is read of bytes that clients send, however they are cut.

use actix_web::dev::Payload;
use actix_web::test::TestRequest;
use actix_web::{FromRequest, HttpRequest};
use futures::FutureExt;

use super::*;

const LAST: u8 = 0x80;
const MASKED: u8 = 0x80;
/// What stands for a length that does not fit.
const TWO_BYTES: u8 = 0x7e;
const EIGHT_BYTES: u8 = 0x7f;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A frame as clients send it.
fn frame(first: u8, bytes: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let length = match bytes.len() {
        short @ 0..=125 => vec![MASKED | u8::try_from(short).unwrap()],
        middle @ 126..=0xffff => {
            let two = u16::try_from(middle).unwrap().to_be_bytes();
            [&[MASKED | TWO_BYTES][..], &two].concat()
        }
        long => [&[MASKED | EIGHT_BYTES][..], &(long as u64).to_be_bytes()].concat(),
    };
    let masked = bytes.iter().zip(MASK.iter().cycle());
    let masked = masked.map(|(byte, mask)| byte ^ mask);
    [first]
        .into_iter()
        .chain(length)
        .chain(MASK)
        .chain(masked)
        .collect()
}

fn inbox(bytes: &'static [u8], most: usize) -> Inbox {
    let parts: (HttpRequest, Payload) = TestRequest::default().set_payload(bytes).to_http_parts();
    let (request, mut payload) = parts;
    let payload = web::Payload::from_request(&request, &mut payload);
    let payload = payload.now_or_never().unwrap().unwrap();
    Inbox::new(payload, &Room::new(1 << 20), most)
}

/// What is read when `pieces` come one after another.
fn read(pieces: &[&[u8]], most: usize) -> Result<Vec<Message>, Breach> {
    let mut inbox = inbox(b"", most);
    let mut messages = Vec::new();
    for piece in pieces {
        inbox.unread.extend_from_slice(piece);
        while let Some(message) = inbox.cut()? {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn text(text: &str) -> Message {
    Message::Text(Bytes::copy_from_slice(text.as_bytes()).into())
}

#[test]
fn messages_are_read_the_same_however_they_are_cut() {
    let long = "é".repeat(40_000);
    let bytes = [
        frame(LAST | TEXT, b"one"),
        frame(TEXT, b"t\xc3"),
        frame(LAST | PING, b"here?"),
        frame(0, b"\xa9"),
        frame(LAST, b"o"),
        frame(LAST | TEXT, b""),
        frame(LAST | BINARY, b"\xff"),
        frame(BINARY, b"\xff"),
        frame(LAST, b""),
        frame(LAST | PONG, b"x"),
        frame(LAST | TEXT, "m".repeat(300).as_bytes()),
        frame(LAST | TEXT, long.as_bytes()),
        frame(LAST | CLOSE, &1000_u16.to_be_bytes()),
        frame(LAST | CLOSE, b""),
    ]
    .concat();
    let expected = vec![
        text("one"),
        Message::Ping(Bytes::from_static(b"here?")),
        text("téo"),
        text(""),
        Message::Binary,
        Message::Binary,
        Message::Pong,
        text(&"m".repeat(300)),
        text(&long),
        Message::Close(Some(CloseCode::Normal)),
        Message::Close(None),
    ];
    assert_eq!(read(&[&bytes], 100_000).as_ref(), Ok(&expected));
    for cut in (0..bytes.len()).filter(|cut| *cut < 500 || cut % 997 == 0) {
        let (one, two) = bytes.split_at(cut);
        assert_eq!(read(&[one, two], 100_000).as_ref(), Ok(&expected), "{cut}");
    }
    let bytewise: Vec<&[u8]> = bytes.chunks(1).take(700).collect();
    assert_eq!(read(&bytewise, 100_000).unwrap()[..8], expected[..8]);
}

#[test]
fn what_breaks_the_rules_is_found_as_soon_as_it_is_announced() {
    let unmasked = [LAST | TEXT, 2, b'h', b'i'];
    let announced = |length: u64| {
        let length = length.to_be_bytes();
        [&[LAST | TEXT, MASKED | EIGHT_BYTES][..], &length].concat()
    };
    let begun = |rest: Vec<u8>| [frame(TEXT, &[b'a'; 60]), rest].concat();
    let cases = [
        (frame(LAST | TEXT, &[b'a'; 101]), Breach::TooLong),
        (announced(101), Breach::TooLong),
        (announced(u64::MAX), Breach::TooLong),
        (
            vec![LAST | TEXT, MASKED | TWO_BYTES, 0xff, 0xff],
            Breach::TooLong,
        ),
        (begun(frame(0, &[b'a'; 41])), Breach::TooLong),
        (begun(vec![0, MASKED | 0x29]), Breach::TooLong),
        (unmasked.to_vec(), Breach::Protocol),
        (frame(LAST | 0x3, b""), Breach::Protocol),
        (frame(LAST | 0x40 | TEXT, b""), Breach::Protocol),
        (frame(LAST, b"no beginning"), Breach::Protocol),
        (begun(frame(LAST | TEXT, b"another")), Breach::Protocol),
        (frame(PING, b""), Breach::Protocol),
        (
            vec![LAST | PING, MASKED | TWO_BYTES, 0, 126],
            Breach::Protocol,
        ),
        (frame(LAST | CLOSE, b"x"), Breach::Protocol),
        (frame(LAST | CLOSE, &[0, 1]), Breach::Protocol),
        (frame(LAST | TEXT, b"\xff"), Breach::NotText),
        (begun(frame(LAST, b"\xc3")), Breach::NotText),
    ];
    for (bytes, breach) in cases {
        assert_eq!(read(&[&bytes], 100), Err(breach), "{bytes:x?}");
    }
    let full = [frame(TEXT, &[b'a'; 100]), frame(LAST | PING, b"here?")].concat();
    let asked = Message::Ping(Bytes::from_static(b"here?"));
    assert_eq!(read(&[&full], 100), Ok(vec![asked]), "a question has room");
}

#[tokio::test]
async fn a_connection_that_ends_is_gone_after_its_last_message() {
    let bytes: &'static [u8] = frame(LAST | TEXT, b"hi").leak();
    let mut inbox = inbox(bytes, 100);
    assert!(!inbox.has_heard());
    let mut next = async || std::future::poll_fn(|context| inbox.poll_next(context)).await;
    assert_eq!(next().await, Ok(text("hi")));
    assert_eq!(next().await, Err(Breach::Gone));
    assert!(inbox.has_heard());
    assert!(!inbox.has_heard());
}
