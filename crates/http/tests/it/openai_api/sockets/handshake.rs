//! How a connection begins, and what is not the protocol.

use super::RESPONSES;
use crate::client::Open;
use crate::world::World;

/// The head of an upgrade, with these lines besides.
fn upgrade(lines: &str) -> String {
    format!("GET {RESPONSES} HTTP/1.1\r\nhost: x\r\n{lines}\r\n")
}

const GOOD: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What comes on a connection after its upgrade, when these bytes were sent.
async fn raw(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut open = Open::with(world, upgrade(GOOD).as_bytes()).await;
    let head = open.head().await;
    assert_eq!(head.status, 101);
    assert_eq!(
        head.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    open.send(bytes).await;
    open.end().await.body
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_connection() {
    let world = World::new([]).await;
    let close = |code: u16, why: &str| {
        let length = u8::try_from(2 + why.len()).unwrap();
        [&[0x88, length], &code.to_be_bytes()[..], why.as_bytes()].concat()
    };
    let unmasked = b"\x81\x02hi";
    let protocol = close(1002, "this is not the WebSocket protocol");
    assert_eq!(raw(&world, unmasked).await, protocol);
    let not_text = b"\x81\x81\x00\x00\x00\x00\xff";
    assert_eq!(
        raw(&world, not_text).await,
        close(1007, "the text is not UTF-8")
    );
    let goodbye = b"\x88\x80\x00\x00\x00\x00";
    assert_eq!(raw(&world, goodbye).await, close(1000, ""));
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_what_one_is() {
    let world = World::new([]).await;
    let without = |name: &str| {
        let lines = GOOD.split_inclusive("\r\n");
        let kept: String = lines.filter(|line| !line.starts_with(name)).collect();
        upgrade(&kept)
    };
    for (head, status) in [
        (upgrade("connection: close\r\n"), 426),
        (without("upgrade"), 426),
        (without("sec-websocket-version"), 426),
        (upgrade(&GOOD.replace("13", "12")), 426),
        (without("sec-websocket-key"), 400),
        (upgrade(&GOOD.replace("dGhl", "****")), 400),
    ] {
        let mut open = Open::with(&world, head.as_bytes()).await;
        open.until("\"}}").await;
        let reply = open.head().await;
        assert_eq!(reply.status, status, "{head}");
        assert_eq!(reply.json()["error"]["code"], "websocket_required");
        let version = (status == 426).then_some("13");
        assert_eq!(reply.header("sec-websocket-version"), version);
    }
}
