//! Cancelling: what waits, what runs, many at once, and in the moment in which it ends.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fleet::{Fleet, LONG, ask, ask_with, cancel, ended, look, pass};
use super::invariants::After;
use crate::process::Process;

/// From the answer to the cancellation until the model's server sees its client gone, in most cases.
const PROMPTLY: Duration = Duration::from_millis(100);
/// And in every case.
const AT_LAST: Duration = Duration::from_secs(3);

async fn check(fleet: &Fleet, api: &mut Process, worker: &mut Process, responses: &[String]) {
    let after = After {
        fleet,
        api,
        workers: vec![worker],
        responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

#[tokio::test]
async fn what_waits_is_cancelled_at_once_and_never_begins() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let mut responses = Vec::new();
    for number in 0..5 {
        let id = ask(&api, &format!("say never {number}")).await;
        let told = cancel(&api, &id).await;
        assert_eq!(told["status"], "cancelled", "{told:#}");
        assert_eq!(cancel(&api, &id).await, told, "again");
        assert_eq!(look(&api, &id).await, told);
        responses.push(id);
    }
    let mut worker = fleet.worker().await;
    let last = ask(&api, "say now").await;
    ended(&api, &last, LONG).await;
    assert_eq!(fleet.world.model.ledger().traffic().started, 1);
    responses.push(last);
    check(&fleet, &mut api, &mut worker, &responses).await;
}

#[tokio::test]
async fn a_cancelled_response_lets_go_of_the_model_at_once() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let model = fleet.world.model.ledger();
    let mut responses = Vec::new();
    let mut times = Vec::new();
    for number in 1..=20 {
        let prompt = format!("story {number} [[fail:slow delta-delay:10ms]]");
        let id = ask(&api, &prompt).await;
        let mut reading = api.follow(&id, None).await;
        while reading.next().await.unwrap().0 != "response.output_text.delta" {}
        let told = cancel(&api, &id).await;
        let cancelled = Instant::now();
        assert_eq!(told["status"], "cancelled", "{told:#}");
        model.until(|traffic| traffic.abandoned == number).await;
        times.push(cancelled.elapsed());
        let (last, event) = reading.all().await.pop().unwrap();
        assert_eq!((&*last, &event["response"]), ("response.cancelled", &told));
        responses.push(id);
    }
    times.sort();
    assert!(times[10] <= PROMPTLY && times[19] <= AT_LAST, "{times:?}");
    check(&fleet, &mut api, &mut worker, &responses).await;
}

#[tokio::test]
async fn a_hundred_cancellations_at_once_are_one() {
    let fleet = Fleet::with(&[("BACKGROUND_WORKER_COUNT", "32")]).await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let model = fleet.world.model.ledger();
    let mut responses = Vec::new();
    for number in 0..24 {
        // Some wait for a tool, some for the model, some in the middle of its answer.
        let prompt = match number % 3 {
            0 => r#"go [[call:wait {"seconds":60}]]"#,
            1 => "a story [[fail:hang-stream]]",
            _ => "nothing [[fail:hang]]",
        };
        responses.push(ask(&api, prompt).await);
    }
    model.until(|traffic| traffic.started == 24).await;
    let same = responses.iter().cycle().take(100);
    let many = same.map(|id| async { cancel(&api, id).await });
    let told = futures::future::join_all(many).await;
    for told in told {
        let id = told["id"].as_str().unwrap();
        assert_eq!(told["status"], "cancelled", "{told:#}");
        assert_eq!(told, look(&api, id).await);
    }
    model.until(|traffic| traffic.open() == 0).await;
    fleet
        .world
        .tools
        .ledger()
        .until(|traffic| traffic.open() == 0)
        .await;
    check(&fleet, &mut api, &mut worker, &responses).await;
}

/// Finds the moment in which two things happen together: comes later whenever it was too early, and sooner
/// whenever it was too late.
#[derive(Debug)]
pub(super) struct Aim {
    delay: Duration,
    step: Duration,
}

impl Aim {
    pub(super) fn new() -> Self {
        Self {
            delay: Duration::from_millis(10),
            step: Duration::from_millis(4),
        }
    }

    pub(super) async fn wait(&self) {
        pass(self.delay).await;
    }

    pub(super) fn was_too_early(&mut self, is_so: bool) {
        self.delay = if is_so {
            self.delay + self.step
        } else {
            self.delay.saturating_sub(self.step)
        };
        self.step = (self.step * 15 / 16).max(Duration::from_micros(300));
    }
}

/// Lanes and rounds of the race; together a thousand.
const LANES: usize = 8;
const ROUNDS: usize = 125;

#[tokio::test]
async fn of_a_cancellation_and_the_end_exactly_one_wins_a_thousand_times() {
    let fleet = Fleet::with(&[
        ("BACKGROUND_WORKER_COUNT", "16"),
        ("RESPONSE_LOG_LEVEL", "info"),
    ])
    .await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let client = api.another_client();
        lanes.spawn_on(race(client), &tokio::runtime::Handle::current());
    }
    let outcomes: Vec<_> = lanes.join_all().await.into_iter().flatten().collect();
    let won = |status: &str| outcomes.iter().filter(|(_, told)| *told == status).count();
    let (cancelled, completed) = (won("cancelled"), won("completed"));
    assert_eq!(cancelled + completed, LANES * ROUNDS);
    assert!(
        cancelled.min(completed) >= LANES * ROUNDS / 10,
        "{cancelled} {completed}"
    );
    let responses: Vec<_> = outcomes.into_iter().map(|(id, _)| id).collect();
    check(&fleet, &mut api, &mut worker, &responses).await;
}

async fn race(api: crate::process::Client) -> Vec<(String, String)> {
    let mut aim = Aim::new();
    let mut outcomes = Vec::new();
    for round in 0..ROUNDS {
        let more = json!({"tools": [], "metadata": {"round": round}});
        let id = ask_with(&api, "say done", more).await;
        aim.wait().await;
        let answered = cancel(&api, &id).await;
        let stored = look(&api, &id).await;
        assert_eq!(answered, stored, "the caller was told something else");
        let status = answered["status"].as_str().unwrap().to_owned();
        aim.was_too_early(status == "cancelled");
        assert!(
            status == "cancelled" || answered["output"] == json!("done"),
            "{answered:#}"
        );
        assert_ne!(answered["status"], Value::Null);
        outcomes.push((id, status));
    }
    outcomes
}
