//! Bodies that are too long, too deep, endless or compressed, one by one and many at once: A4 of the faults.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::world::{Attacked, MB, answers};
use crate::background_postgres::fleet::pass;
use crate::wire::{Reply, Wire, address};

const MEDIA: &str = "content-type: application/json\r\n";

fn head(path: &str, headers: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{MEDIA}{headers}\r\n").into_bytes()
}

/// A body and its length.
fn whole(path: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(path, &format!("content-length: {}\r\n", body.len()));
    bytes.extend_from_slice(body);
    bytes
}

async fn refused(attacked: &Attacked, bytes: &[u8]) -> Reply {
    let mut wire = Wire::open(address(attacked)).await;
    // Somebody who is refused early may not be listened to for long.
    let _ = wire.try_send(bytes).await;
    wire.reply().await
}

/// What it is, the bytes of the request, and the status of its answer.
fn wrong_bodies(path: &str) -> Vec<(&'static str, Vec<u8>, u16)> {
    let most = 10 << 20;
    let text = |length: usize| format!(r#"{{"model":"m","input":"{}"}}"#, "x".repeat(length));
    vec![
        ("a byte too many", whole(path, &vec![b' '; most + 1]), 413),
        ("a text too many", whole(path, text(most).as_bytes()), 413),
        (
            "a tebibyte",
            head(path, "content-length: 1099511627776\r\n"),
            413,
        ),
        (
            "more than was asked for",
            head(
                path,
                "expect: 100-continue\r\ncontent-length: 1099511627776\r\n",
            ),
            413,
        ),
        ("arrays in arrays", whole(path, &vec![b'['; 1 << 20]), 400),
        (
            "objects in objects",
            whole(path, r#"{"a":"#.repeat(200_000).as_bytes()),
            400,
        ),
        ("no text", whole(path, b"{\"model\":\"\xff\xfe\"}"), 400),
        ("nothing but a word", whole(path, b"word"), 400),
        (
            "a number without end",
            whole(path, "9".repeat(1 << 20).as_bytes()),
            400,
        ),
        (
            "a million commas",
            whole(path, format!("[{}", ",".repeat(1 << 20)).as_bytes()),
            400,
        ),
        ("half a pair", whole(path, br#"{"model":"\ud800"}"#), 400),
    ]
}

#[tokio::test]
async fn every_kind_of_wrong_body_is_refused_in_words_and_costs_nothing() {
    let mut attacked = Attacked::with(&[]).await;
    answers(&attacked).await;
    let before = attacked.memory();
    for path in [
        "/v1/responses",
        "/openai/v1/responses",
        "/openai/v1/conversations",
    ] {
        for (name, bytes, status) in wrong_bodies(path) {
            let reply = refused(&attacked, &bytes).await;
            assert_eq!(reply.status, status, "{path}: {name}: {}", reply.text());
            let told = reply.json()["error"]["message"].is_string();
            assert!(told, "{path}: {name}: {}", reply.text());
            assert!(reply.body.len() < 2_000, "{path}: {name}");
        }
        for encoding in ["gzip", "br", "deflate", "zstd", "gzip, identity"] {
            let headers = format!("content-encoding: {encoding}\r\ncontent-length: 2\r\n");
            let reply = refused(&attacked, &[head(path, &headers), b"{}".to_vec()].concat()).await;
            assert_eq!(reply.status, 415, "{encoding}");
        }
    }
    let after = attacked.memory();
    assert!(
        after < before + 96 * MB,
        "{} MB, then {} MB",
        before / MB,
        after / MB
    );
    attacked.is_healthy().await;
}

/// Pieces without end are read as far as a body may go, and no further.
#[tokio::test]
async fn pieces_without_end_are_refused_at_the_limit() {
    let mut attacked = Attacked::with(&[]).await;
    let piece = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let mut wire = Wire::open(address(&attacked)).await;
    wire.send(&head("/v1/responses", "transfer-encoding: chunked\r\n"))
        .await;
    // Whoever goes on is listened to for a moment, so that it may find the answer, and then hung up on.
    let endless = async { while wire.try_send(&piece).await.is_ok() {} };
    let ended = tokio::time::timeout(Duration::from_secs(10), endless).await;
    assert!(ended.is_ok(), "it is still listened to");
    // The answer may be lost in the noise; then another one who stops in time gets it.
    let mut wire = Wire::open(address(&attacked)).await;
    wire.send(&head("/v1/responses", "transfer-encoding: chunked\r\n"))
        .await;
    for _ in 0..161 {
        if wire.try_send(&piece).await.is_err() {
            break;
        }
    }
    let reply = wire.reply().await;
    assert_eq!((reply.status, &*reply.code()), (413, "body_too_large"));
    wire.closed(Duration::from_secs(5)).await;
    attacked.is_healthy().await;
}

/// Sends all but the end of a request: whoever is listened to is held until the time is up. The status of the
/// answer, if there is one.
async fn held_back(address: SocketAddr, bytes: &[u8]) -> u16 {
    let mut wire = Wire::open(address).await;
    let _ = wire.try_send(bytes).await;
    let Ok(reply) = wire.try_reply().await else {
        return 0;
    };
    if reply.status == 503 {
        assert_eq!(reply.code(), "overloaded");
        assert!(reply.header("retry-after").is_some());
    }
    reply.status
}

/// What of bodies may be held at once has a bound: beyond it requests are refused, and told to come again.
#[tokio::test]
async fn bodies_of_many_at_once_stay_within_their_memory() {
    const HELD: u64 = 32 * MB;
    let mut attacked = Attacked::with(&[
        ("RESPONSE_BODY_MEMORY", "32MiB"),
        ("RESPONSE_BODY_TIMEOUT", "4s"),
    ])
    .await;
    answers(&attacked).await;
    let before = attacked.memory();
    let length = 10 << 20;
    let bytes = [
        head("/v1/responses", &format!("content-length: {length}\r\n")),
        vec![b' '; length - 1],
    ]
    .concat();
    let address = address(&attacked);
    let senders = (0..40).map(async |_| held_back(address, &bytes).await);
    let mut most = before;
    let mut senders = std::pin::pin!(join_all(senders));
    let statuses = loop {
        most = most.max(attacked.memory());
        tokio::select! {
            statuses = &mut senders => break statuses,
            () = pass(Duration::from_millis(20)) => {}
        }
    };
    let with = |status| statuses.iter().filter(|one| **one == status).count();
    assert!(with(503) > 20, "{statuses:?}");
    assert!((1..=3).contains(&with(408)), "{statuses:?}");
    assert!(
        most < before + 6 * HELD,
        "{} MB, then {} MB",
        before / MB,
        most / MB
    );
    // It is given back.
    let body = json!({
        "model": "bench-plain", "tools": [], "store": false, "input": "x".repeat(9 << 20),
    });
    for _ in 0..3 {
        let reply = refused(
            &attacked,
            &whole("/v1/responses", body.to_string().as_bytes()),
        )
        .await;
        assert_ne!(reply.status, 503, "{}", reply.text());
    }
    attacked.is_healthy().await;
}
