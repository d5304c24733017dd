//! Who may write for a response when several want to: a canceller and a stream, a process that comes back and
//! one that took over, a worker whose signs of life are not heard.

use std::time::Duration;

use tokio::time::Instant;

use super::fleet::{Fleet, LONG, ask, cancel, ended, look, pass, until};
use super::invariants::After;
use super::proxy::Proxy;
use crate::process::{Client, Process, Program};

async fn check(fleet: &Fleet, api: &mut Process, workers: Vec<&mut Process>, responses: &[String]) {
    let after = After {
        fleet,
        api,
        workers,
        responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

async fn runs(api: &Client, id: &str) {
    until(
        "the response is in progress",
        Duration::from_secs(5),
        async || look(api, id).await["status"] == "in_progress",
    )
    .await;
}

async fn behind(fleet: &Fleet, program: Program) -> (Process, Proxy) {
    let proxy = Proxy::before(fleet.server()).await;
    let url = fleet.url_through(proxy.address);
    let own = [("DB_POSTGRESQL_WRITE_DSN", &*url)];
    (fleet.start(program, &own).await, proxy)
}

#[tokio::test]
async fn a_response_that_was_taken_up_again_is_in_progress_before_the_model_says_anything() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let worker = fleet.worker().await;
    fleet.world.model.hold();
    let model = fleet.world.model.ledger();
    let id = ask(&api, "say hello").await;
    model.until(|traffic| traffic.started == 1).await;
    runs(&api, &id).await;
    let holder = fleet.holder(&id).await;
    worker.kill().await;
    let mut other = fleet.worker().await;
    fleet.pass_the_silence_of(&holder).await;
    model.until(|traffic| traffic.started == 2).await;
    runs(&api, &id).await;
    fleet.world.model.release();
    check(&fleet, &mut api, vec![&mut other], &[id]).await;
}

#[tokio::test]
async fn many_streams_are_cancelled_many_times_at_once() {
    let fleet = Fleet::with(&[("BACKGROUND_WORKER_COUNT", "32")]).await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let model = fleet.world.model.ledger();
    let mut responses = Vec::new();
    for _ in 0..8 {
        responses.push(ask(&api, "a story [[fail:slow delta-delay:5ms]]").await);
    }
    model.until(|traffic| traffic.started == 8).await;
    let begun = Instant::now();
    let same = responses.iter().cycle().take(100);
    let many = same.map(|id| async { cancel(&api, id).await });
    let told = futures::future::join_all(many).await;
    let took = begun.elapsed();
    for told in told {
        let id = told["id"].as_str().unwrap();
        assert_eq!(told["status"], "cancelled", "{told:#}");
        assert_eq!(told, look(&api, id).await);
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
    model.until(|traffic| traffic.open() == 0).await;
    check(&fleet, &mut api, vec![&mut worker], &responses).await;
}

#[tokio::test]
async fn a_cancellation_wins_against_a_stream_although_the_database_is_slow() {
    let fleet = Fleet::new().await;
    let (mut api, proxy) = behind(&fleet, Program::Api).await;
    let mut worker = fleet.worker().await;
    let id = ask(&api, "a story [[fail:slow delta-delay:5ms]]").await;
    let model = fleet.world.model.ledger();
    model.until(|traffic| traffic.started == 1).await;
    proxy.delay(Duration::from_millis(50));
    let asked = Instant::now();
    let told = cancel(&api, &id).await;
    let took = asked.elapsed();
    assert_eq!(told["status"], "cancelled", "{told:#}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    proxy.delay(Duration::ZERO);
    check(&fleet, &mut api, vec![&mut worker], &[id]).await;
}

#[tokio::test]
async fn a_worker_that_cannot_say_that_it_lives_takes_nothing_more() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let (mut mute, proxy) = behind(&fleet, Program::Worker).await;
    let model = fleet.world.model.ledger();
    let story = ask(&api, "a story [[fail:slow delta-delay:50ms times:1]]").await;
    model.until(|traffic| traffic.started == 1).await;
    let holder = fleet.holder(&story).await;
    proxy.silence("INSERT INTO workers");
    model.until(|traffic| traffic.abandoned == 1).await;
    let id = ask(&api, "say hello").await;
    pass(Duration::from_secs(4)).await;
    let claims = format!("SELECT count(*) FROM witness.lease WHERE worker_id = '{holder}'");
    assert_eq!(
        fleet.value::<i64>(&claims).await,
        1,
        "only the story, and once"
    );
    let mut other = fleet.worker().await;
    for id in [&story, &id] {
        assert_eq!(ended(&api, id, LONG).await["status"], "completed");
    }
    assert_eq!(fleet.value::<i64>(&claims).await, 1);
    proxy.speak();
    check(&fleet, &mut api, vec![&mut mute, &mut other], &[story, id]).await;
}
