//! Heads of requests that are too long, too many or none at all: A4 of the faults.

use crate::wire::{Wire, address, call, find};

use super::world::{Attacked, MB};

const GET: &str = "GET /v1/responses HTTP/1.1\r\nhost: x\r\n";
const POST: &str = "POST /v1/responses HTTP/1.1\r\nhost: x\r\n";

/// So many headers of so many bytes.
fn headers(count: usize, length: usize) -> String {
    let value = "x".repeat(length);
    let lines: Vec<_> = (0..count).map(|n| format!("h{n}: {value}\r\n")).collect();
    lines.concat()
}

/// What it is, its bytes, and the status of its answer.
type Case = (&'static str, Vec<u8>, u16);

fn no_requests() -> Vec<Case> {
    [odd_heads(), odd_lengths()].concat()
}

fn odd_heads() -> Vec<Case> {
    vec![
        (
            "another protocol",
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".into(),
            400,
        ),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400),
        ("no host", b"GET /v1/responses HTTP/1.1\r\n\r\n".into(), 400),
        (
            "a folded header",
            format!("{GET}a: b\r\n c\r\n\r\n").into(),
            400,
        ),
        (
            "a space in a name",
            format!("{GET}content-length : 2\r\n\r\n{{}}").into(),
            400,
        ),
        (
            "a path that is no text",
            b"GET /v1/\xff HTTP/1.1\r\nhost: x\r\n\r\n".into(),
            400,
        ),
    ]
}

fn odd_lengths() -> Vec<Case> {
    vec![
        (
            "two lengths",
            format!("{POST}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}").into(),
            400,
        ),
        (
            "a signed length",
            format!("{POST}content-length: +2\r\n\r\n{{}}").into(),
            400,
        ),
        (
            "a length without bound",
            format!("{POST}content-length: {}\r\n\r\n", "9".repeat(30)).into(),
            400,
        ),
        (
            "a length and pieces",
            format!("{POST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
                .into(),
            400,
        ),
        (
            "pieces that are compressed",
            format!("{POST}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n").into(),
            400,
        ),
        (
            "two hundred headers",
            format!("{GET}{}\r\n", headers(200, 1)).into(),
            431,
        ),
        (
            "a header without end",
            format!("{GET}h: {}", "x".repeat(200_000)).into(),
            431,
        ),
    ]
}

/// What is no request, or more than one, is refused before anything of it is used. The server below ours says
/// so, with an empty body; whoever sends it gets no second answer on that connection.
#[tokio::test]
async fn what_is_no_request_gets_one_answer_and_no_second_chance() {
    let mut attacked = Attacked::with(&[]).await;
    for (name, mut bytes, status) in no_requests() {
        // What comes behind it would be a request of its own, were it read on.
        bytes.extend_from_slice(format!("{GET}\r\n").as_bytes());
        let mut wire = Wire::open(address(&attacked)).await;
        let _ = wire.try_send(&bytes).await;
        // The connection may be reset before the answer is read, when much is left that nobody took.
        if let Ok(reply) = wire.try_reply().await {
            assert_eq!(reply.status, status, "{name}: {}", reply.text());
            wire.closed(std::time::Duration::from_secs(5)).await;
            assert!(wire.is_empty(), "{name}: a second answer");
        }
    }
    attacked.is_healthy().await;
}

fn long_heads() -> [(&'static str, String, String, u16); 6] {
    let long = "x".repeat(16_000);
    [
        (
            "a long path",
            format!("/v1/responses/{long}"),
            String::new(),
            414,
        ),
        (
            "a long query",
            format!("/v1/responses?after={long}"),
            String::new(),
            414,
        ),
        (
            "a long path",
            format!("/openai/v1/responses/{long}"),
            String::new(),
            414,
        ),
        (
            "one long header",
            "/v1/responses".to_owned(),
            headers(1, 40_000),
            431,
        ),
        (
            "eight long headers",
            "/v1/responses".to_owned(),
            headers(8, 8_000),
            431,
        ),
        (
            "eight long headers",
            "/openai/v1/responses".to_owned(),
            headers(8, 8_000),
            431,
        ),
    ]
}

/// Of what is a request, but longer than any should be, our own words say what is allowed.
#[tokio::test]
async fn long_paths_and_long_headers_are_refused_in_words() {
    let mut attacked = Attacked::with(&[]).await;
    for (name, path, headers, status) in long_heads() {
        let mut wire = Wire::open(address(&attacked)).await;
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        wire.send(head.as_bytes()).await;
        let reply = wire.reply().await;
        let told = &reply.json()["error"];
        assert_eq!(reply.status, status, "{name}");
        assert!(told["message"].is_string(), "{name}: {}", reply.text());
        assert!(
            find(&reply.body, b"xxxx").is_none(),
            "{name}: {}",
            reply.text()
        );
    }
    // What clients send behind gateways is far from that.
    let usual = format!("{GET}connection: close\r\n{}\r\n", headers(60, 200));
    let mut wire = Wire::open(address(&attacked)).await;
    wire.send(usual.as_bytes()).await;
    assert_eq!(wire.reply().await.status, 200);
    attacked.is_healthy().await;
}

#[tokio::test]
async fn floods_of_headers_leave_nothing_behind() {
    let mut attacked = Attacked::with(&[]).await;
    let one = format!("{GET}connection: close\r\n{}\r\n", headers(90, 1_000));
    let flood = async || {
        for _ in 0..20 {
            let calls = (0..50).map(async |_| {
                let mut wire = Wire::open(address(&attacked)).await;
                let _ = wire.try_send(one.as_bytes()).await;
                let _ = wire.try_reply().await;
            });
            futures::future::join_all(calls).await;
        }
    };
    flood().await;
    let before = attacked.memory();
    for _ in 0..3 {
        flood().await;
    }
    let after = attacked.memory();
    assert!(
        after < before + 32 * MB,
        "{} MB, then {} MB",
        before / MB,
        after / MB
    );
    let one = call(address(&attacked), "GET", "/healthz", &[], "").await;
    assert_eq!(one.status, 200);
    attacked.is_healthy().await;
}
