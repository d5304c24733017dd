//! Clients that send drop by drop: S4 and A4 of the faults.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::world::{Attacked, Customer};
use crate::background_postgres::fleet::until;
use crate::wire::{Reply, Wire, address, request};

/// What the processes here wait for a head or a body.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Within that they have given up, also on a machine that does other things besides.
const GIVEN_UP: Duration = Duration::from_secs(12);

async fn attacked() -> Attacked {
    Attacked::with(&[
        ("RESPONSE_HEADER_TIMEOUT", "2s"),
        ("RESPONSE_BODY_TIMEOUT", "2s"),
    ])
    .await
}

/// Sends a beginning, then a drop again and again for as long as somebody listens; the answer, if there was
/// one, and how long that took.
async fn drip(mut wire: Wire, head: &[u8], drop: &[u8]) -> (Option<Reply>, Duration) {
    wire.send(head).await;
    let begun = Instant::now();
    while begun.elapsed() < GIVEN_UP {
        if wire.try_send(drop).await.is_err() {
            break;
        }
        let reply = tokio::time::timeout(Duration::from_millis(250), wire.try_reply()).await;
        match reply {
            Ok(Ok(reply)) => return (Some(reply), begun.elapsed()),
            Ok(Err(_gone)) => break,
            Err(_nothing) => {}
        }
    }
    (None, begun.elapsed())
}

async fn all_are_given_up(address: SocketAddr, begin: &[u8], drop: &[u8]) -> Vec<Reply> {
    let drips = (0..300).map(async |_| drip(Wire::open(address).await, begin, drop).await);
    let mut replies = Vec::new();
    for (reply, took) in join_all(drips).await {
        assert!(took < GIVEN_UP, "it was listened to for {took:?}");
        assert!(took + TIMEOUT / 4 > TIMEOUT, "given up after {took:?}");
        replies.extend(reply);
    }
    replies
}

#[tokio::test]
async fn heads_that_drip_are_given_up() {
    let mut attacked = attacked().await;
    let files = attacked.files();
    let customer = Customer::of(&attacked);
    for (begin, drop) in [
        ("GET /healthz HTTP/1.1\r\nhost: x\r\n", "x: y\r\n"),
        ("GET /healthz", "x"),
        ("\r\n", "\r\n"),
    ] {
        let replies = all_are_given_up(address(&attacked), begin.as_bytes(), drop.as_bytes()).await;
        for reply in replies {
            assert_eq!(reply.status, 408, "{begin:?}");
        }
    }
    attacked.lets_go(files + 20, GIVEN_UP).await;
    customer.was_served().await;
    attacked.is_healthy().await;
}

/// Who was answered once has no more time for the next head than for the first.
#[tokio::test]
async fn a_second_head_that_drips_is_given_up_as_the_first() {
    let mut attacked = attacked().await;
    let files = attacked.files();
    let drips = (0..100).map(async |_| {
        let mut wire = Wire::open(address(&attacked)).await;
        wire.send(&request("GET", "/healthz", &[], "")).await;
        assert_eq!(wire.reply().await.status, 200);
        let begin = b"GET /healthz HTTP/1.1\r\nhost: x\r\n";
        drip(wire, begin, b"x: y\r\n").await
    });
    for (reply, took) in join_all(drips).await {
        assert!(took < GIVEN_UP, "it was listened to for {took:?}");
        assert!(reply.is_none_or(|reply| reply.status == 408));
    }
    attacked.lets_go(files + 20, GIVEN_UP).await;
    attacked.is_healthy().await;
}

#[tokio::test]
async fn bodies_that_drip_are_given_up() {
    let mut attacked = attacked().await;
    let files = attacked.files();
    let customer = Customer::of(&attacked);
    let head = "HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for path in ["/v1/responses", "/openai/v1/responses", "/v1/webhooks"] {
        let sized = format!("POST {path} {head}content-length: 100000\r\n\r\n{{");
        let pieces = format!("POST {path} {head}transfer-encoding: chunked\r\n\r\n");
        for (begin, drop) in [(sized, " "), (pieces, "1\r\n \r\n")] {
            let replies =
                all_are_given_up(address(&attacked), begin.as_bytes(), drop.as_bytes()).await;
            assert!(!replies.is_empty());
            for reply in replies {
                assert_eq!((reply.status, &*reply.code()), (408, "request_timeout"));
            }
        }
    }
    attacked.lets_go(files + 20, GIVEN_UP).await;
    customer.was_served().await;
    attacked.is_healthy().await;
}

/// A connection that never says anything is no better than one that drips.
#[tokio::test]
async fn who_says_nothing_at_all_is_hung_up_on() {
    let mut attacked = attacked().await;
    let files = attacked.files();
    let address = address(&attacked);
    let silent = join_all((0..500).map(async |_| Wire::open(address).await)).await;
    until("they are in", GIVEN_UP, async || {
        attacked.files() >= files + 450
    })
    .await;
    let customer = Customer::of(&attacked);
    attacked.lets_go(files + 20, GIVEN_UP).await;
    customer.was_served().await;
    attacked.is_healthy().await;
    drop(silent);
}
