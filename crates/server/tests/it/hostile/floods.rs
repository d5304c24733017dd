//! Connections and requests by the thousand: A4 of the faults.

use std::time::Duration;

use futures::future::join_all;

use super::world::{Attacked, Customer, MB, plain};
use crate::background_postgres::fleet::until;
use crate::wire::{Wire, address, request};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let mut attacked = Attacked::with(&[]).await;
    let address = address(&attacked);
    let half = request("POST", "/v1/responses", &[], &plain());
    let flood = async || {
        for round in 0..40_usize {
            let calls = (0..100_usize).map(async |place| {
                let mut wire = Wire::open(address).await;
                // Some say nothing, some half of it, some all of it, and none waits for an answer.
                let said = half.len() * ((round + place) % 3) / 2;
                let _ = wire.try_send(&half[..said]).await;
            });
            join_all(calls).await;
        }
    };
    flood().await;
    let files = attacked.files();
    let before = attacked.memory();
    let customer = Customer::of(&attacked);
    flood().await;
    flood().await;
    attacked.lets_go(files.max(60), SOON).await;
    let after = attacked.memory();
    assert!(
        after < before + 48 * MB,
        "{} MB, then {} MB",
        before / MB,
        after / MB
    );
    customer.was_served().await;
    attacked.is_healthy().await;
}

/// Beyond the most connections that there may be others wait, and come in when the idle ones are hung up on.
#[tokio::test]
async fn when_all_connections_are_taken_the_next_ones_wait_their_turn() {
    let mut attacked = Attacked::with(&[
        ("RESPONSE_MAX_CONNECTIONS", "64"),
        ("RESPONSE_HEADER_TIMEOUT", "2s"),
    ])
    .await;
    let files = attacked.files();
    let address = address(&attacked);
    // Somebody who is in already is served on.
    let mut early = Wire::open(address).await;
    early.send(&request("GET", "/healthz", &[], "")).await;
    assert_eq!(early.reply().await.status, 200);
    let silent = join_all((0..400).map(async |_| Wire::open(address).await)).await;
    until("all places are taken", SOON, async || {
        attacked.files() >= files + 60
    })
    .await;
    for _ in 0..20 {
        assert!(attacked.files() < files + 100);
        early
            .send(&request("POST", "/v1/responses", &[], &plain()))
            .await;
        assert_eq!(early.reply().await.status, 200);
    }
    drop(early);
    // Those in front are hung up on one after the other, each batch after the time that a head may take.
    let mut late = Wire::open(address).await;
    late.send(&request("POST", "/v1/responses", &[], &plain()))
        .await;
    assert_eq!(late.reply().await.status, 200);
    drop(silent);
    attacked.is_healthy().await;
}

/// Where no gateway stands in between, one address may have only so many connections.
#[tokio::test]
async fn one_address_cannot_take_the_connections_of_others() {
    let mut attacked = Attacked::with(&[
        ("RESPONSE_HOST", "0.0.0.0"),
        ("AUTH_GUEST", "anywhere"),
        ("RESPONSE_MAX_CONNECTIONS_PER_ADDRESS", "20"),
    ])
    .await;
    let port = address(&attacked).port();
    let at = |host: [u8; 4]| std::net::SocketAddr::from((host, port));
    let get = request("GET", "/healthz", &[], "");
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..60 {
        let mut wire = Wire::open(at([127, 0, 0, 1])).await;
        let _ = wire.try_send(&get).await;
        match wire.try_reply().await {
            Ok(reply) if reply.status == 200 => open.push(wire),
            Ok(_) | Err(_) => refused += 1,
        }
    }
    assert_eq!((open.len(), refused), (20, 40));
    // Another address is not the one that took so many.
    let mut other = Wire::from([127, 0, 0, 2].into(), at([127, 0, 0, 1])).await;
    other.send(&get).await;
    assert_eq!(other.reply().await.status, 200);
    // Who hangs up has room again.
    drop(open);
    until("there is room again", SOON, async || {
        let mut wire = Wire::open(at([127, 0, 0, 1])).await;
        let _ = wire.try_send(&get).await;
        wire.try_reply()
            .await
            .is_ok_and(|reply| reply.status == 200)
    })
    .await;
    assert!(attacked.service.is_alive());
}

/// Requests that are sent before the answers of others have come are answered in their order, however many.
#[tokio::test]
async fn requests_in_one_breath_are_answered_one_by_one() {
    let mut attacked = Attacked::with(&[]).await;
    let customer = Customer::of(&attacked);
    let before = attacked.memory();
    let calls = (0..20).map(async |_| {
        let mut wire = Wire::open(address(&attacked)).await;
        let all: Vec<u8> = (0..100)
            .flat_map(|n| {
                let id = format!("breath-{n}");
                let headers = [("x-request-id", id.as_str())];
                if n % 10 == 0 {
                    request("POST", "/v1/responses", &headers, &plain())
                } else {
                    request("GET", "/v1/responses/none", &headers, "")
                }
            })
            .collect();
        wire.send(&all).await;
        for n in 0..100 {
            let reply = wire.reply().await;
            let expected = if n % 10 == 0 { 200 } else { 404 };
            assert_eq!(reply.status, expected, "{n}: {}", reply.text());
            assert_eq!(reply.header("x-request-id"), Some(&*format!("breath-{n}")));
        }
        assert!(wire.is_empty());
    });
    join_all(calls).await;
    customer.was_served().await;
    assert!(attacked.memory() < before + 48 * MB);
    attacked.is_healthy().await;
}

/// Who asks on and on and reads nothing is not listened to any more.
#[tokio::test]
async fn requests_whose_answers_nobody_reads_are_taken_no_further() {
    let mut attacked = Attacked::with(&[]).await;
    let before = attacked.memory();
    let get = request("GET", "/openapi.json", &[], "");
    let address = address(&attacked);
    let calls = (0..50).map(async |_| {
        let mut wire = Wire::narrow(address).await.unwrap();
        let breath = get.repeat(1_000);
        let sent = tokio::time::timeout(Duration::from_secs(5), async {
            let mut sent = 0;
            while wire.try_send(&breath).await.is_ok() {
                sent += breath.len();
            }
            sent
        });
        assert!(sent.await.is_err(), "the connection was closed instead");
        wire
    });
    let unread = join_all(calls).await;
    let most = attacked.memory();
    assert!(
        most < before + 50 * MB,
        "{} MB, then {} MB",
        before / MB,
        most / MB
    );
    attacked.is_healthy().await;
    drop(unread);
}
