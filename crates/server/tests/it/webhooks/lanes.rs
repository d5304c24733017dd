//! Receivers that do not answer, beside some that do. Every call of one that does not takes longer than these
//! tests may.

use response_devstack::receiver::{Deaf, Deafness};

use super::stage::{Stage, event_of, received, told_at};
use crate::background_postgres::fleet::{LONG, ask_with, ended, until};
use crate::process::Process;

/// How much is sent at once: of that an address may have a quarter.
const PARALLELISM: &str = "64";
const SHARE: usize = 16;

async fn stage() -> (Stage, [Process; 2]) {
    let settings = [
        ("WEBHOOK_PARALLELISM", PARALLELISM),
        ("BACKGROUND_WORKER_COUNT", "8"),
    ];
    let stage = Stage::with(&settings).await;
    let processes = [stage.fleet.api().await, stage.fleet.worker().await];
    (stage, processes)
}

/// Ends as many responses as that, which are to be told to an address that does not answer.
async fn dead(api: &Process, count: usize) -> Deaf {
    let dead = Deaf::open(Deafness::ToWords).unwrap();
    let mut unheard = Vec::new();
    for _ in 0..count {
        unheard.push(ask_with(api, "say hello", told_at(dead.url().as_str())).await);
    }
    for id in &unheard {
        ended(api, id, LONG).await;
    }
    until("it is called", LONG, async || dead.connections() > 0).await;
    dead
}

#[tokio::test]
async fn a_dead_address_delays_nobody() {
    let (stage, [api, _worker]) = stage().await;
    // More than there are places in all.
    let dead = dead(&api, 5 * SHARE).await;
    let mut heard = Vec::new();
    for _ in 0..SHARE / 2 {
        heard.push(stage.ask(&api, "say hello", "webhook").await);
    }
    let came = received(&stage.receiver, |all| all.len() == heard.len()).await;
    for id in &heard {
        assert!(came.iter().any(|one| one.id() == event_of(id)), "{id}");
    }
    // What hangs has its share of both lanes and no more.
    let hanging = dead.connections();
    assert!(hanging <= SHARE + SHARE / 4, "{hanging}");
    stage.what_came_is_right(&stage.receiver);
}

/// What there was no room for at first comes later, and waits for nobody who does not answer.
#[tokio::test]
async fn a_dead_address_does_not_delay_what_had_to_wait_for_room() {
    let (stage, [api, _worker]) = stage().await;
    let _dead = dead(&api, 2 * SHARE).await;
    stage.receiver.hold("webhook");
    let mut heard = Vec::new();
    for _ in 0..SHARE + 2 {
        heard.push(stage.ask(&api, "say hello", "webhook").await);
    }
    let put_off =
        "SELECT count(*) FROM webhook_deliveries WHERE lane = 1 AND callback_url LIKE '%/webhook'";
    until("some have to wait for room", LONG, async || {
        stage.fleet.value::<i64>(put_off).await > 0
    })
    .await;
    stage.receiver.release("webhook");
    received(&stage.receiver, |all| all.len() == heard.len()).await;
    stage.what_came_is_right(&stage.receiver);
}
